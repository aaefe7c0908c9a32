"""Events per second, published singly and in bulk: `python -m bench.throughput [events]`.

Runs on the local system over HTTP, with the embedded engine, and with DynamoDB Local if Java is installed. Client,
system and engine share the cores of one machine, so the figures say nothing about AWS.
"""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import describe_machine
from bench.results import save_results
from tests.support import inputs
from tests.support.concurrency import run_concurrently
from tests.support.started_desk import StartedDesk, send_request, start_desk

_EVENTS, _CLIENTS, _PEOPLE, _SENDS = 400, 4, 50, 5
_WITHIN_SECONDS = 300
_SETTINGS = {
    **dict.fromkeys(("FLUXDEN_PERSONAL_BUDGET", "FLUXDEN_TOOLS_BUDGET", "FLUXDEN_DEMO_DAILY_LIMIT"), "1000000"),
}


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else _EVENTS
    engines = ["embedded", *(["dynamodb-local"] if shutil.which("java") and shutil.which("mvn") else [])]
    print(describe_machine())
    figures = {}
    for engine in engines:
        with tempfile.TemporaryDirectory() as folder:
            more = {"ENGINE": engine, "DATA_DIR": f"{folder}/data"} | _SETTINGS
            with start_desk(Path(folder) / "system", **more) as system:
                figures[engine] = {"published": _publish_rate(system, events), "fannedOut": _fan_out_rate(system)}
        found = figures[engine]
        print(f"{engine:<16}{found['published']:>7.0f} published, {found['fannedOut']:>7.0f} fanned out a second")
    save_results("throughput", figures)


def _publish_rate(system: StartedDesk, events: int) -> float:
    """Return events per second with several clients."""

    def send(_: int) -> None:
        with system.connection() as http:
            for _ in range(events // _CLIENTS):
                assert send_request(http, "POST", "/api/v1/events", inputs.new_event(), system.alice).status == 202  # noqa: PLR2004

    start = time.perf_counter()
    run_concurrently(_CLIENTS, send)
    return events / (time.perf_counter() - start)


def _fan_out_rate(system: StartedDesk) -> float:
    """Return deliveries per second, from the first bulk send until the last delivery is counted."""
    made = system.run("bench.people", str(_PEOPLE))
    assert made.returncode == 0, made.stderr
    recipients, token = json.loads(made.stdout), system.demo["tools_tokens"]["fd1"]
    _send(system, recipients, token, "fd1.bench.first")  # creates everybody's token
    start = time.perf_counter()
    for _ in range(_SENDS):
        _send(system, recipients, token, "fd1.bench.many")
    deadline = time.monotonic() + _WITHIN_SECONDS
    while _count(system, token, "fd1.bench.many") < _PEOPLE * _SENDS:
        assert time.monotonic() < deadline, "the fan-out does not end"
        time.sleep(0.05)
    return _PEOPLE * _SENDS / (time.perf_counter() - start)


def _send(system: StartedDesk, recipients: list[dict[str, str]], token: str, event_type: str) -> None:
    body = {"recipients": recipients, "event": inputs.new_event(event_type=event_type)}
    answer = system.call("POST", "/api/v1/events/bulk", body, token)
    assert answer.status == 202, answer.body  # noqa: PLR2004 - Accepted


def _count(system: StartedDesk, token: str, event_type: str) -> int:
    answer = system.call("GET", "/api/v1/event-types", token=token)
    rows = answer.json["yourEventTypes"]
    return sum(row["count"] for row in rows if row["eventType"] == event_type)


if __name__ == "__main__":
    main()
