"""Publishing by our own function from the zip, by bare boto3 and by FastAPI, in processes of their own over TLS.

All make the same store calls, of stores that replay recorded replies (`bench.replayed_stores`). Ours has the
certificates of the package; the others have the whole bundle, as boto3 by itself.
"""

import compileall
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import botocore
from botocore import xform_name
from chalice.local import LambdaContext

from bench.replayed_stores import AT_STORES, Recorded, cloud_environment, replay, trust
from chalicelib import aws
from chalicelib.parallel import branch
from infra.package import CODE, unpack
from infra.template.settings import FASTER_START
from tests.support import inputs
from tests.support.api import SERVED, gateway_event
from tests.support.started_desk import start_desk

_ROOT = Path(__file__).parents[1]
OURS, BARE, FASTAPI = "fluxden, from the zip", "boto3 alone", "FastAPI + Mangum"
_HANDLERS = {
    OURS: "chalicelib.api.v1.events:publish_event",
    BARE: "bench.bare_handler:handler",
    FASTAPI: "bench.fastapi_handler:handler",
}
# As on Lambda.
LAMBDA = FASTER_START | {"AWS_LAMBDA_FUNCTION_NAME": "fluxden-publish_event"}
_BUDGETS = {"FLUXDEN_PERSONAL_BUDGET": "1000000", "FLUXDEN_DEMO_DAILY_LIMIT": "1000000"}
# Answers a line with the reply and the CPU of a call, in seconds; that of the first call counts from the process's
# start. `repeat` is how many calls a line asks for.
_FUNCTION = f"""{AT_STORES}
import importlib, json, sys, time
replies, sys.stdout = sys.stdout, open(os.devnull, "w")  # where a function's log lines go
event = json.load(open(sys.argv[2]))
module, _, name = sys.argv[1].partition(":")
handler = getattr(importlib.import_module(module), name)
reply, started = handler(event, None), 0.0
print(json.dumps([reply, time.process_time() - started]), file=replies, flush=True)
for line in sys.stdin:
    repeat, started = int(line), time.process_time()
    for _ in range(repeat):
        reply = handler(event, None)
    print(json.dumps([reply, (time.process_time() - started) / repeat]), file=replies, flush=True)
"""


@dataclass(frozen=True)
class Peer:
    """A way to publish: what starts its process."""

    handler: str
    sent: Path
    environment: dict[str, str]

    @contextmanager
    def start(self) -> Iterator[subprocess.Popen[str]]:
        """Start a process that publishes at once, and then as often as each line of its input says."""
        command = [sys.executable, "-S", "-c", _FUNCTION, self.handler, str(self.sent)]
        with subprocess.Popen(
            command, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            yield process
            assert process.stdin is not None
            process.stdin.close()


def read_cpu(process: "subprocess.Popen[str]") -> float:
    """Return the seconds of CPU that the process states in its next line."""
    assert process.stdout is not None
    reply, cpu = json.loads(process.stdout.readline())
    assert reply["statusCode"] == 202, reply  # noqa: PLR2004 - Accepted
    return float(cpu)


@contextmanager
def peers() -> Iterator[dict[str, Peer]]:
    """Record a publish on a desk that is started for it, and give each peer stores that replay it."""
    if not CODE.exists():
        sys.exit("There is no build/function.zip: make package")
    for each in ("bench", "chalicelib"):
        compileall.compile_dir(_ROOT / each, quiet=1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with start_desk(folder, **_BUDGETS) as system:
            recorded, calls = _record(system.demo["admin_env"] | _BUDGETS, system.alice)
            (folder / "event.json").write_text(json.dumps(_event(system.alice)), encoding="utf-8")
            secret = {"FLUXDEN_SECRET_KEY": system.demo["admin_env"]["FLUXDEN_SECRET_KEY"]}
        (folder / "calls.json").write_text(calls, encoding="utf-8")
        code = unpack(folder / "zips")
        with replay(recorded, folder) as stores:
            trust_stores(stores.authority, code)
            whole = trust(stores.authority, Path(botocore.__file__).with_name("cacert.pem"), folder / "whole.pem")
            shared = cloud_environment() | LAMBDA | _BUDGETS | secret | stores.environment
            shared |= {"BENCH_CALLS": str(folder / "calls.json"), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}
            theirs = {"PYTHONPATH": os.pathsep.join([str(_ROOT), _site_packages()]), "AWS_CA_BUNDLE": str(whole)}
            ours = {"PYTHONPATH": os.pathsep.join(map(str, code))}
            yield {
                name: Peer(handler, folder / "event.json", shared | (ours if name == OURS else theirs))
                for name, handler in _HANDLERS.items()
            }


def trust_stores(authority: Path, code: list[Path]) -> None:
    """Add the authority of the stores to the certificates of the unpacked package."""
    roots = code[0] / "chalicelib" / aws.CLOUD_ROOTS.name
    trust(authority, roots, roots)


def _record(environment: dict[str, str], token: str) -> tuple[list[Recorded], str]:
    """Return requests and replies of a publish, and its calls as JSON: groups of them that run at the same time."""
    os.environ.update(environment)
    made: list[tuple[Any, str, Any]] = []
    recorded: list[Recorded] = []

    def note(params: dict[str, Any], model: Any, **_: object) -> None:
        # Calls outside concurrent branches form groups of one.
        made.append((branch()[0][0] if branch() else object(), xform_name(model.name), params))

    def note_request(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["benchRequest"] = json.loads(params["body"])

    def note_reply(http_response: Any, model: Any, context: dict[str, Any], **_: object) -> None:
        recorded.append(Recorded(model.name, context["benchRequest"], json.loads(http_response.content)))

    route = SERVED["POST", "/api/v1/events"]
    route(_event(token), LambdaContext(route.__name__, 256))  # the first call of a minute takes one more
    events: Any = aws.dynamodb().meta.events
    events.register("before-parameter-build", note)
    events.register("before-call.dynamodb", note_request)
    events.register("after-call.dynamodb", note_reply)
    reply = route(_event(token), LambdaContext(route.__name__, 256))
    text = json.dumps([[call[1:] for call in group] for _, group in groupby(made, key=lambda call: call[0])])
    return recorded, text.replace(json.loads(reply["body"])["deliveryId"], "DELIVERY-ID")


def _event(token: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    event = gateway_event("POST", "/api/v1/events", headers, json.dumps(inputs.new_event()))
    event["requestContext"]["stage"] = "desk"
    return event | {"multiValueHeaders": {name: [value] for name, value in headers.items()}}


def _site_packages() -> str:
    return sysconfig.get_paths()["purelib"]
