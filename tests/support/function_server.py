"""Calls functions, each in a process of its own that has loaded no operation before: `python -m …function_server`.

A line of standard input names a handler, its environment and its event; a line of standard output is its reply.
What operations share is loaded once, and forked.
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
_NEVER_LOADED = ("app", "infra", "moto", *(f"chalicelib.{each}" for each in _ENTRY_POINTS))


def main() -> None:
    _warm()
    assert not [name for name in sys.modules if name.startswith(_NEVER_LOADED)]
    for line in sys.stdin:
        told = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            _answer(told, writing)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as pipe:
            reply = pipe.read()
        os.waitpid(child, 0)
        print(reply or "null", flush=True)


def _warm() -> None:
    root = Path(chalicelib.__path__[0])
    for module in root.rglob("[!_]*.py"):
        parts = module.relative_to(root).with_suffix("").parts
        if len(parts) > 1 and parts[0] not in _ENTRY_POINTS:
            import_module(".".join(("chalicelib", *parts)))
    loader = aws.session().get_component("data_loader")
    for service in ("dynamodb", "sqs"):
        loader.load_service_model(service, "service-2")
    loader.load_data("endpoints")
    loader.load_data("partitions")


def _answer(told: dict[str, Any], writing: int) -> None:
    os.environ.update(told["environment"])
    module, _, name = told["handler"].rpartition(".")
    try:
        reply = getattr(import_module(module), name)(told["event"], None)
        os.write(writing, json.dumps(reply).encode())
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
