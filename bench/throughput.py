"""Events a second, published one by one and fanned out: `python -m bench.throughput [events]`.

On the local system over HTTP, with its embedded engine, and with DynamoDB Local where there is Java. Client, desk and
engine share the machine's cores, so the figures say what a laptop carries, not what AWS does.
"""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import told
from bench.results import keep
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
    print(told())
    figures = {}
    for engine in engines:
        with tempfile.TemporaryDirectory() as folder:
            more = {"ENGINE": engine, "DATA_DIR": f"{folder}/data"} | _SETTINGS
            with start_desk(Path(folder) / "system", **more) as system:
                figures[engine] = {"published": _published(system, events), "fannedOut": _fanned_out(system)}
        found = figures[engine]
        print(f"{engine:<16}{found['published']:>7.0f} published, {found['fannedOut']:>7.0f} fanned out a second")
    keep("throughput", figures)


def _published(system: StartedDesk, events: int) -> float:
    """Events a second, by several clients at a time."""

    def send(_: int) -> None:
        with system.connection() as http:
            for _ in range(events // _CLIENTS):
                assert send_request(http, "POST", "/api/v1/events", inputs.new_event(), system.alice).status == 202  # noqa: PLR2004

    start = time.perf_counter()
    run_concurrently(_CLIENTS, send)
    return events / (time.perf_counter() - start)


def _fanned_out(system: StartedDesk) -> float:
    """Deliveries a second, from the first bulk call until the last delivery is counted."""
    made = system.run("bench.people", str(_PEOPLE))
    assert made.returncode == 0, made.stderr
    recipients, token = json.loads(made.stdout), system.demo["tools_tokens"]["fd1"]
    _send(system, recipients, token, "fd1.bench.first")  # makes everybody's token
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
