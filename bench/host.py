"""What one process of the container host holds, against its own idle: `python -m bench.host [streams]`.

Starts the host on DynamoDB Local and ElasticMQ, or without Java on the embedded engine. Measures the time of
`/api/v1/health` and of a publish, alone and while 110 half-open requests and 500 event streams are held, in turns.
Exits with 1 if health takes 100 ms, or a publish twice as long as when idle. Clients, host and engines share one
machine.
"""

import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles

from bench.machine import describe_machine
from bench.results import save_results
from chalicelib.vault import new_key
from infra import demo
from infra.container import listeners
from infra.local import engine, engines
from infra.queues import create_queues
from infra.tables import create_tables
from tests.support import inputs
from tests.support.api_keys import new_listener
from tests.support.started_container import StartedContainer, launch_container, wait_until_ready
from tests.support.started_desk import HEALTH_PATH, HOST, send_request

_STREAMS, _OF_A_PERSON, _HALF_OPEN = 500, 3, 110
_TIMES, _TURNS = 100, 3
_MOST_HEALTH_MILLISECONDS, _MOST_PUBLISH_RATIO = 100, 2
# With a heartbeat of every stream.
_CPU_SECONDS = 31
_STREAM = "/api/v2/shared-chat/stream"
_BUDGETS = {"FLUXDEN_PERSONAL_BUDGET": "1000000", "FLUXDEN_KEY_BUDGET": "1000000"}


@dataclass(frozen=True)
class Times:
    """Milliseconds of many requests."""

    health: list[float]
    publish: list[float]

    def __str__(self) -> str:
        parts = (f"{name} {_describe(of)}" for name, of in (("health", self.health), ("publish", self.publish)))
        return ", ".join(parts)


def main() -> None:
    streams = int(sys.argv[1]) if len(sys.argv) > 1 else _STREAMS
    listeners.raise_file_limit()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder, started_engine(Path(folder)) as name, ExitStack() as running:
        token = create_organisation()
        host = launch_container(Path(folder), **_BUDGETS)
        running.callback(stop_host, host)
        wait_until_ready(host)
        _measure(host, token, _TIMES)  # warms it up
        turns = [_take_turn(host, token, streams) for _ in range(_TURNS)]
    idle, held = (_join(turn[0] for turn in turns), _join(turn[1] for turn in turns))
    cores, threads = median(turn[2] for turn in turns), turns[-1][3]
    ratio = median(held.publish) / median(idle.publish)
    print(f"engine: {name}\nidle: {idle}\nheld: {held}")
    print(f"publish while held, of idle: {ratio:.2f} (at most {_MOST_PUBLISH_RATIO})")
    print(f"health while held, 95 of 100: {_p95(held.health):.0f} ms (at most {_MOST_HEALTH_MILLISECONDS})")
    print(f"CPU of the host while it only holds: {cores:.1%} of a core; {threads} threads")
    save_results("host", {"streams": streams, "publishRatio": ratio, "healthMs": _p95(held.health), "heldCores": cores})
    if ratio > _MOST_PUBLISH_RATIO or _p95(held.health) > _MOST_HEALTH_MILLISECONDS:
        sys.exit("The host does not hold what it should.")


def _join(turns: Iterable[Times]) -> Times:
    taken = list(turns)
    return Times([each for turn in taken for each in turn.health], [each for turn in taken for each in turn.publish])


@contextmanager
def started_engine(folder: Path) -> Iterator[str]:
    os.environ |= {"FLUXDEN_SECRET_KEY": new_key(), "DEMO_FILE": str(folder / "demo.json")}
    try:
        engines.fetch_engines()
    except engines.EnginesUnavailable:
        engine.embed()
        yield "embedded"
        return
    with engines.start_engines(folder / "engines") as started:
        engine.attach(started)
        yield "DynamoDB Local and ElasticMQ"


def create_organisation() -> str:
    create_tables()
    create_queues()
    addresses = demo.Addresses(base_url="http://desk.test", ws_url="ws://desk.test", admin_env={})
    return str(demo.create(addresses)["personal_tokens"]["alice"])


def stop_host(host: StartedContainer) -> None:
    host.process.terminate()
    host.process.wait(60)


def _take_turn(host: StartedContainer, token: str, streams: int) -> tuple[Times, Times, float, int]:
    """Measure idle, and then while streams and half-open requests are held."""
    idle = _measure(host, token, _TIMES)
    with _held(host, streams), _half_open(host):
        held = _measure(host, token, _TIMES)
        about = host.find_health().json
        assert about["http"]["streams"]["open"] >= streams, about
        cores = _cpu_cores(host.process.pid)
    _wait_until(lambda: host.find_health().json["http"]["streams"]["open"] == 0)
    return idle, held, cores, about["threads"]["count"]


def _measure(host: StartedContainer, token: str, times: int) -> Times:
    health, publish = list[float](), list[float]()
    with closing(HTTPConnection(HOST, host.port, timeout=60)) as connection:
        for _ in range(times):
            for path, into in ((HEALTH_PATH, health), ("/api/v1/events", publish)):
                method, body = ("GET", None) if path == HEALTH_PATH else ("POST", inputs.new_event())
                begun = time.perf_counter()
                answer = send_request(connection, method, path, body, token if body else "")
                into.append((time.perf_counter() - begun) * 1000)
                assert answer.status in (200, 202), answer.body
    return Times(health, publish)


@contextmanager
def _held(host: StartedContainer, count: int) -> Iterator[None]:
    keys = [new_listener() for _ in range(-(-count // _OF_A_PERSON))]
    with ExitStack() as opened:
        clients = [opened.enter_context(closing(_ask(host, keys[number // _OF_A_PERSON]))) for number in range(count)]
        for each in clients:
            received = b""
            while b"event: connected" not in received:
                received += each.recv(65536)
        yield


def _ask(host: StartedContainer, key: str) -> socket.socket:
    client = socket.create_connection((HOST, host.port), timeout=120)
    client.sendall(f"GET {_STREAM} HTTP/1.1\r\nHost: desk\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
    return client


@contextmanager
def _half_open(host: StartedContainer) -> Iterator[None]:
    """Keep requests half-open. The host closes each after a while, and another takes its place."""
    stopped = threading.Event()

    def open_again() -> None:
        while not stopped.is_set():
            with ExitStack() as opened:
                for _ in range(_HALF_OPEN):
                    client = opened.enter_context(closing(socket.create_connection((HOST, host.port), timeout=60)))
                    client.sendall(f"GET {HEALTH_PATH} HTTP/1.1\r\nHost:".encode())
                stopped.wait(5)

    thread = threading.Thread(target=open_again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(60)


def _cpu_cores(process: int) -> float:
    """Return how much of a core the process uses while nothing is asked of it."""

    def used() -> float:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before, begun = used(), time.monotonic()
    time.sleep(_CPU_SECONDS)
    return (used() - before) / (time.monotonic() - begun)


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _p95(of: list[float]) -> float:
    return quantiles(of, n=20)[-1]


def _describe(of: list[float]) -> str:
    return f"median {median(of):.1f} ms, 95 of 100 {_p95(of):.1f} ms"


if __name__ == "__main__":
    main()
