"""Cold starts and warm CPU of all functions, and the console's first page: `python -m bench.functions [turns]`.

Each function is loaded from the zip, in processes of its own. Those of operations answer their sample request too, with
the replies that its stores gave when it was recorded, replayed over TLS. Requests that reach other desks can't be
replayed, and workers and schedules have no sample request: of them, only the import is measured.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import app
from bench.demo_file import new_demo_file
from bench.machine import describe_machine
from bench.peers import LAMBDA, trust_stores
from bench.replayed_stores import AT_STORES, Recorded, Stores, cloud_environment, replay
from bench.results import save_results
from chalicelib import aws
from chalicelib.vault import new_key
from infra.local import engine
from infra.package import CODE, unpack
from infra.template.entry_points import list_entry_points
from tests.conftest import Desk
from tests.support import engine_state
from tests.support.api import Api, gateway_event
from tests.support.sample_data import SampleData
from tests.support.sample_requests import SAMPLE_REQUESTS, sample_request
from tests.support.sockets import Sockets

# A turn of all functions takes some five minutes. Those of the console's first page get more, as their sum is a figure.
_TURNS, _TURNS_OF_PAGE, _CALLS = 1, 3, 10
# What the console asks for when it is opened: who it is, and then the others at the same time.
_FIRST, _THEN = "get_me", ("list_inbox", "summarize_inbox", "list_queue", "create_socket_ticket", "list_inbox_views")
_SETTINGS = {"FLUXDEN_BASE_URL": "http://desk.test", "FLUXDEN_STREAM_HOLD_SECONDS": "1"}
# Prints CPU and modules of the import; then the status, the CPU since the start, the time, and the CPU of warm calls.
_FUNCTION = f"""{AT_STORES}
import importlib, json, sys, time
replies, sys.stdout = sys.stdout, open(os.devnull, "w")
module, _, name = sys.argv[1].rpartition(".")
started = time.process_time()
handler = getattr(importlib.import_module(module), name)
said = [time.process_time() - started, len(sys.modules)]
if sys.argv[2]:
    event = json.load(open(sys.argv[2]))
    said += [handler(event, None)["statusCode"], time.process_time(), time.time()]
    started = time.process_time()
    for _ in range(int(sys.argv[3])):
        handler(event, None)
    said.append((time.process_time() - started) / int(sys.argv[3]))
print(json.dumps(said), file=replies, flush=True)
os._exit(0)
"""


@dataclass(frozen=True)
class Sample:
    """A request of an operation, the status of its reply, and what its stores were asked and answered."""

    event: dict[str, Any]
    status: int
    recorded: list[Recorded]


def main() -> None:
    if not CODE.exists():
        sys.exit("There is no build/function.zip: make package")
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else _TURNS
    print(describe_machine())
    samples = _record_samples()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        code = unpack(folder / "zips")
        with replay([], folder) as stores:
            trust_stores(stores.authority, code)
            environment = cloud_environment() | LAMBDA | _SETTINGS | stores.environment
            environment |= {
                "FLUXDEN_SECRET_KEY": os.environ["FLUXDEN_SECRET_KEY"],
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONPATH": os.pathsep.join(map(str, code)),
                "PYTHONSAFEPATH": "1",
            }
            measured = {}
            for each in sorted(list_entry_points(app), key=lambda each: each.name):
                tries = max(turns, _TURNS_OF_PAGE) if each.name in (_FIRST, *_THEN) else turns
                measured[each.name] = _measure(each.handler, samples.get(each.name), stores, environment, tries)
    save_results("functions", dict(sorted(measured.items(), key=lambda item: _weight(item[1]))))
    _report(measured)


def _record_samples() -> dict[str, Sample]:
    """Send the sample request of each operation to the embedded engine, and return it with what its stores answered."""
    os.environ |= _SETTINGS | {"DEMO_FILE": new_demo_file(), "FLUXDEN_SECRET_KEY": new_key()}
    engine.embed()
    engine.route_sockets(Sockets())
    return {name: _record_sample(name) for name in sorted(SAMPLE_REQUESTS)}


def _record_sample(name: str) -> Sample:
    api = Api()
    route, request = sample_request(name, SampleData(api, Desk(engine_state.restore_demo_organisation())))
    snapshot = engine_state.take_snapshot()
    # The first call of a credential in a minute takes one more.
    request.send(api, route)
    snapshot.restore()
    with record_replies() as recorded:
        reply = request.send(api, route)
    headers = {"Content-Type": "application/json"} | request.headers_with(request.credential)
    body = None if request.body is None else json.dumps(request.body)
    event = gateway_event(route.method, request.path_for(route), headers, body)
    event["requestContext"]["stage"] = "desk"
    event["multiValueHeaders"] = {name: [value] for name, value in event["headers"].items()}
    return Sample(event, reply.status, recorded)


@contextmanager
def record_replies() -> Iterator[list[Recorded]]:
    """Record what the stores and queues are asked and answer during the block."""
    recorded: list[Recorded] = []

    def note_request(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["benchRequest"] = json.loads(params["body"])

    def note_reply(http_response: Any, model: Any, context: dict[str, Any], **_: object) -> None:
        asked, answered = context["benchRequest"], json.loads(http_response.content or b"{}")
        recorded.append(Recorded(model.name, asked, answered, http_response.status_code))

    clients: list[Any] = [aws.dynamodb(), aws.sqs()]
    for client in clients:
        client.meta.events.register("before-call", note_request)
        client.meta.events.register("after-call", note_reply)
    try:
        yield recorded
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", note_request)
            client.meta.events.unregister("after-call", note_reply)


def _measure(
    handler: str, sample: Sample | None, stores: Stores, environment: dict[str, str], turns: int
) -> dict[str, float]:
    """Return milliseconds of CPU: of the import, from the start to the first reply, and of a warm call."""
    sent = ""
    if sample:
        stores.answer(sample.recorded)
        sent = str(stores.replies.with_name("event.json"))
        Path(sent).write_text(json.dumps(sample.event), encoding="utf-8")
    tried = [_run(handler, sent, environment) for _ in range(turns)]
    if sample and any(each is None or each[2] != sample.status for each in tried):
        tried = [_run(handler, "", environment) for _ in range(turns)]
    done = [each for each in tried if each]
    if not done:
        sys.exit(f"{handler} can't be loaded from the zip: make package")
    found = {"import": min(each[0] for each in done) * 1000, "modules": done[0][1]}
    if len(done[0]) > 2:  # noqa: PLR2004 - it answered
        found |= {
            "cold": min(each[3] for each in done) * 1000,
            "time": min(each[4] for each in done) * 1000,
            "warm": min(each[5] for each in done) * 1000,
        }
    return {name: round(value, 2) for name, value in found.items()}


def _run(handler: str, sent: str, environment: dict[str, str]) -> list[float] | None:
    command = [sys.executable, "-S", "-c", _FUNCTION, handler, sent, str(_CALLS)]
    import time

    started = time.time()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if not done.stdout:
        return None
    said: list[float] = json.loads(done.stdout)
    if len(said) > 4:  # noqa: PLR2004 - it answered
        said[4] -= started
    return said


def _weight(found: dict[str, float]) -> tuple[float, float]:
    """Return what to sort by, negative for the slowest first; those that did not answer are last."""
    return -found.get("cold", 0), -found["import"]


def _report(measured: dict[str, dict[str, float]]) -> None:
    print(f"{'milliseconds of CPU':<44}{'import':>8}{'modules':>9}{'cold':>8}{'warm':>8}")
    for name, found in sorted(measured.items(), key=lambda item: _weight(item[1])):
        cold, warm = (f"{found[each]:>8.1f}" if each in found else f"{'':>8}" for each in ("cold", "warm"))
        print(f"{name:<44}{found['import']:>8.0f}{found['modules']:>9.0f}{cold}{warm}")
    first, then = measured[_FIRST], [measured[each] for each in _THEN]
    page = {
        "cpu": sum(each["cold"] for each in (first, *then)),
        "waited": first["time"] + max(each["time"] for each in then),
    }
    save_results("first-page", page)
    print(f"the console's first page, all cold: {page['waited']:.0f} ms, {page['cpu']:.0f} ms of CPU in six functions")


if __name__ == "__main__":
    main()
