"""Start the container host as a process, on the engine of this test."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from infra.local import engine
from tests.support import engine_state
from tests.support.started_desk import HEALTH_PATH, HOST, ROOT, SHELL, Answer, free_ports, send_request

_STARTED_WITHIN_SECONDS = 60


@dataclass(frozen=True)
class StartedContainer:
    """A started process with its ports."""

    process: subprocess.Popen[bytes]
    port: int
    ws_port: int
    management_port: int
    log: Path

    def call(self, method: str, path: str, body: object = None, token: str = "") -> Answer:
        """Send one request on a new connection."""
        with closing(HTTPConnection(HOST, self.port, timeout=20)) as connection:
            return send_request(connection, method, path, body, token)

    def find_health(self) -> Answer:
        """Ask the management port how the process is."""
        with closing(HTTPConnection(HOST, self.management_port, timeout=20)) as connection:
            return send_request(connection, "GET", "/healthz")

    def stop(self, seconds: float = 60) -> int:
        """Send SIGTERM, and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")


def launch_container(folder: Path, *options: str, **environment: str) -> StartedContainer:
    """Start a process without waiting for it."""
    (port, ws_port), (management, _) = free_ports(), free_ports()
    settings = SHELL | engine.environment()
    settings |= {"FLUXDEN_SECRET_KEY": os.environ["FLUXDEN_SECRET_KEY"], "ALLOW_LOOPBACK": "1"}
    # The container has its own connections.
    del settings["FLUXDEN_SOCKETS_URL"]
    ports = ["--port", str(port), "--ws-port", str(ws_port), "--management-port", str(management)]
    log = folder / f"log-{port}"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra.container", *ports, *options],
            cwd=ROOT,
            env=settings | environment,
            stdout=written,
            stderr=written,
        )
    return StartedContainer(process, port, ws_port, management, log)


@contextmanager
def start_container(folder: Path, *options: str, **environment: str) -> Iterator[StartedContainer]:
    """Start a process, wait until it answers, and kill it at the end."""
    started = launch_container(folder, *options, **environment)
    try:
        wait_until_ready(started)
        yield started
    finally:
        started.process.kill()
        started.process.wait(10)
        engine_state.engine().refresh()


def wait_until_ready(started: StartedContainer) -> None:
    deadline = time.monotonic() + _STARTED_WITHIN_SECONDS
    while not _is_ready(started):
        assert started.process.poll() is None, started.output
        assert time.monotonic() < deadline, started.output
        time.sleep(0.1)


def _is_ready(started: StartedContainer) -> bool:
    try:
        health: Any = started.find_health()
    except OSError:
        return False
    # Without HTTP, the management port is all that answers.
    return health.status == 200 and ("http" not in health.json or started.call("GET", HEALTH_PATH).status == 200)
