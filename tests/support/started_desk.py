"""Start the whole system as `make run` does."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
HEALTH_PATH = "/api/v1/health"
# The environment without settings for AWS, Fluxden or proxies.
SHELL = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("AWS_", "FLUXDEN_", "ENGINE", "DATA_DIR")) and not name.lower().endswith("_proxy")
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class StartedDesk:
    """A started system with its ports and its folder."""

    process: subprocess.Popen[bytes]
    port: int
    ws_port: int
    folder: Path

    @property
    def demo_file(self) -> Path:
        return self.folder / "demo.json"

    @cached_property
    def demo(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.demo_file.read_text(encoding="utf-8"))
        return found

    @property
    def alice(self) -> str:
        return str(self.demo["personal_tokens"]["alice"])

    @property
    def alice_key(self) -> str:
        return str(self.demo["api_keys"]["alice"])

    @property
    def stdout(self) -> str:
        return (self.folder / "stdout").read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        return (self.folder / "stderr").read_text(encoding="utf-8")

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> Answer:
        """Send one request on a new connection."""
        with self.connection() as connection:
            return send_request(connection, method, path, body, token)

    @contextmanager
    def connection(self) -> Iterator[http.client.HTTPConnection]:
        with closing(http.client.HTTPConnection(HOST, self.port, timeout=60)) as made:
            yield made

    def send_bytes(self, sent: bytes) -> bytes:
        """Send bytes, and return everything until the server closes the connection."""
        with closing(socket.create_connection((HOST, self.port), timeout=60)) as connection:
            connection.sendall(sent)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def is_healthy(self) -> bool:
        try:
            return self.call("GET", HEALTH_PATH).status == 200
        except OSError:
            return False

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a module with the admin environment of the demo file."""
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=SHELL | {"PORT": str(self.port), "WS_PORT": str(self.ws_port)} | self.demo["admin_env"] | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def send_request(
    connection: http.client.HTTPConnection, method: str, path: str, body: Any = None, token: str = ""
) -> Answer:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    response = connection.getresponse()
    return Answer(response.status, response.headers, response.read())


SERVED_ONCE = ("--stage", "local", "--no-autoreload")


def launch_desk(
    folder: Path,
    port: int,
    ws_port: int,
    root: Path = ROOT,
    options: tuple[str, ...] = SERVED_ONCE,
    /,
    **environment: str,
) -> StartedDesk:
    """Start the system from the source in `root`, in its own process group, without waiting for it."""
    folder.mkdir(exist_ok=True)
    wanted = {"PORT": str(port), "WS_PORT": str(ws_port), "DEMO_FILE": str(folder / "demo.json")} | environment
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [
                Path(sys.executable).with_name("chalice"),
                *("local", *options, "--port", str(port)),
            ],
            cwd=root,
            env=SHELL | wanted,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    return StartedDesk(process, port, ws_port, folder)


@contextmanager
def start_desk(
    folder: Path, root: Path = ROOT, options: tuple[str, ...] = SERVED_ONCE, /, **environment: str
) -> Iterator[StartedDesk]:
    """Start a system, wait until it answers, and kill it at the end."""
    port, ws_port = free_ports()
    system = launch_desk(folder, port, ws_port, root, options, **environment)
    try:
        deadline = time.monotonic() + 90
        while not system.is_healthy():
            assert system.process.poll() is None, f"it ended with {system.process.returncode}: {system.stderr}"
            assert time.monotonic() < deadline, f"it does not answer: {system.stderr}"
            time.sleep(0.05)
        yield system
    finally:
        kill_desk(system)


def kill_desk(system: StartedDesk) -> None:
    if system.process.poll() is None:
        os.killpg(system.process.pid, signal.SIGKILL)
    system.process.wait(5)


def free_ports() -> tuple[int, int]:
    with ExitStack() as held:
        one, two = (held.enter_context(closing(socket.create_server((HOST, 0)))) for _ in range(2))
        return one.getsockname()[1], two.getsockname()[1]
