"""Cold start: milliseconds from the start of a process to its first response: `python -m bench.cold_start [times]`.

Publishes one event with the function of `POST /api/v1/events` from the zips in `build` (make package), and with two
others that make the same store calls: a bare handler on boto3, and FastAPI + Mangum with the same models and use case.
They take turns. Each call runs in a new process that can only import what it ships. The stores run in another process.
"""

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from botocore import xform_name
from chalice.local import LambdaContext

from bench.results import save_results
from chalicelib import aws
from chalicelib.parallel import branch
from infra.package import CODE, unpack
from infra.template.settings import FASTER_START
from tests.support import inputs
from tests.support.api import SERVED, gateway_event
from tests.support.started_desk import start_desk

_TIMES = 15
_ROOT = Path(__file__).parents[1]
# Targets, relative to the medians of the others.
_MOST_OF_BARE, _MOST_OF_FASTAPI = 1.5, 0.7

OURS, BARE, FASTAPI = "fluxden, from the zip", "boto3 alone", "FastAPI + Mangum"
_HANDLERS = {
    OURS: "chalicelib.api.v1.events:publish_event",
    BARE: "bench.bare_handler:handler",
    FASTAPI: "bench.fastapi_handler:handler",
}
# As on Lambda.
_LAMBDA = FASTER_START | {"AWS_LAMBDA_FUNCTION_NAME": "fluxden-publish_event"}
# Prints the response; the rest of the process is not measured.
_FUNCTION = """
import importlib, json, os, sys
event = json.load(open(sys.argv[2]))
response, sys.stdout = sys.stdout, open(os.devnull, "w")  # where a function's log lines go
module, _, name = sys.argv[1].partition(":")
reply = getattr(importlib.import_module(module), name)(event, None)
print(json.dumps(reply), file=response, flush=True)
"""


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else _TIMES
    if not CODE.exists():
        sys.exit("There is no build/function.zip: make package")
    settings = {"FLUXDEN_PERSONAL_BUDGET": "1000000", "FLUXDEN_DEMO_DAILY_LIMIT": "1000000"}
    measured: dict[str, list[float]] = {name: [] for name in _HANDLERS}
    with (
        tempfile.TemporaryDirectory() as folder,
        start_desk(Path(folder), **settings) as system,
        _unpack_zips() as code,
    ):
        paths = {OURS: code, BARE: [str(_ROOT), _site_packages()], FASTAPI: [str(_ROOT), _site_packages()]}
        environment = {**system.demo["admin_env"], "FLUXDEN_QUEUES_URL": "http://queues.invalid"} | settings
        sent, calls = Path(folder) / "event.json", Path(folder) / "calls.json"
        calls.write_text(_record_calls(environment, system.alice), encoding="utf-8")
        environment |= {"BENCH_CALLS": str(calls), **_LAMBDA}
        for number in range(times + 1):
            for name, handler in _HANDLERS.items():
                sent.write_text(json.dumps(_event(system.alice)), encoding="utf-8")
                taken = _measure_cold_start(handler, sent, paths[name], environment)
                if number:  # the first round warms the caches of the machine
                    measured[name].append(taken * 1000)
    _report(measured)


def _measure_cold_start(handler: str, sent: Path, path: list[str], environment: dict[str, str]) -> float:
    command = [sys.executable, "-S", "-c", _FUNCTION, handler, str(sent)]
    start = time.perf_counter()
    with subprocess.Popen(
        command,
        env={**environment, "PYTHONPATH": os.pathsep.join(path), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        taken = time.perf_counter() - start
    reply = json.loads(line)
    assert reply["statusCode"] == 202, reply  # noqa: PLR2004 - Accepted
    return taken


def _record_calls(environment: dict[str, str], token: str) -> str:
    """Return the store calls of a publish as JSON: groups of (method, parameters) that run at the same time."""
    os.environ.update(environment)
    made: list[tuple[Any, str, Any]] = []

    def note(params: dict[str, Any], model: Any, **_: object) -> None:
        # Calls outside concurrent branches form groups of one.
        made.append((branch()[0][0] if branch() else object(), xform_name(model.name), params))

    route = SERVED["POST", "/api/v1/events"]
    route(_event(token), LambdaContext(route.__name__, 256))  # the first call of a minute takes one more
    aws.dynamodb().meta.events.register("before-parameter-build", note)
    reply = route(_event(token), LambdaContext(route.__name__, 256))
    text = json.dumps([[call[1:] for call in group] for _, group in groupby(made, key=lambda call: call[0])])
    return text.replace(json.loads(reply["body"])["deliveryId"], "DELIVERY-ID")


def _event(token: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    event = gateway_event("POST", "/api/v1/events", headers, json.dumps(inputs.new_event()))
    event["requestContext"]["stage"] = "desk"
    return event | {"multiValueHeaders": {name: [value] for name, value in headers.items()}}


@contextmanager
def _unpack_zips() -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        yield [str(each) for each in unpack(Path(folder))]


def _site_packages() -> str:
    return sysconfig.get_paths()["purelib"]


def _report(measured: dict[str, list[float]]) -> None:
    save_results("cold-start", {name: median(found) for name, found in measured.items()})
    ours = median(measured[OURS])
    print(f"{'':<24}{'median':>8}{'p90':>8}   of ours")
    for name, found in measured.items():
        print(f"{name:<24}{median(found):>8.0f}{quantiles(found, n=10)[-1]:>8.0f}{ours / median(found):>9.2f}")
    print(f"target: at most {_MOST_OF_BARE} of {BARE}, and {_MOST_OF_FASTAPI} of {FASTAPI}")


if __name__ == "__main__":
    main()
