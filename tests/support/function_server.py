"""Call functions, each in a forked process that has not loaded an operation: `python -m …function_server`.

Each line of standard input has a handler, its environment and its event. Each line of standard output is its response.
Shared modules are loaded once, before the forks.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import chalicelib
from chalicelib import aws

_ENTRY_POINTS = ("api", "queues", "schedules", "sockets")
_NEVER_LOADED = ("app.", "infra.", "moto.", *(f"chalicelib.{each}." for each in _ENTRY_POINTS))


def main() -> None:
    _load_shared_modules()
    assert not [name for name in sys.modules if f"{name}.".startswith(_NEVER_LOADED)]
    for line in sys.stdin:
        call = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _answer(call, writing)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as pipe:
            reply = pipe.read()
        os.waitpid(child, 0)
        print(reply or "null", flush=True)


def _load_shared_modules() -> None:
    root = Path(chalicelib.__path__[0])
    for module in root.rglob("[!_]*.py"):
        parts = module.relative_to(root).with_suffix("").parts
        if len(parts) > 1 and parts[0] not in _ENTRY_POINTS:
            import_module(".".join(("chalicelib", *parts)))
    loader = aws.core_session().get_component("data_loader")
    for service in ("dynamodb", "sqs"):
        loader.load_service_model(service, "service-2")
    loader.load_data("endpoints")
    loader.load_data("partitions")


def _answer(call: dict[str, Any], writing: int) -> None:
    os.environ.update(call["environment"])
    module, _, name = call["handler"].rpartition(".")
    try:
        reply = getattr(import_module(module), name)(call["event"], None)
        os.write(writing, json.dumps(reply).encode())
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
