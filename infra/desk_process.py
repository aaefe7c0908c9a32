"""Desks in processes of their own, each started as `make run` starts it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HOST = "127.0.0.1"
STEP_SECONDS = 20.0
_STOP_SECONDS = 5.0


class StepFailed(Exception):
    """A step failed. The message says which, and why."""


@dataclass(frozen=True)
class DeskProcess:
    """A running desk, and the folder of its output."""

    name: str
    process: "subprocess.Popen[bytes]"
    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @cached_property
    def demo(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "demo.json").read_text(encoding="utf-8"))
        return found

    def request(self, method: str, path: str, body: Any = None, *, who: str | None = None) -> Any:
        """Send a request with the API key of `who`, and return the JSON of the response.

        Raises:
            StepFailed: The response is not 2xx.
        """
        headers = {"Content-Type": "application/json"}
        if who is not None:
            headers["Authorization"] = f"Bearer {self.demo['api_keys'][who]}"
        with closing(http.client.HTTPConnection(HOST, self.port, timeout=STEP_SECONDS)) as connection:
            try:
                connection.request(method, path, None if body is None else json.dumps(body), headers)
                response = connection.getresponse()
                status, text = response.status, response.read().decode()
            except OSError as error:
                raise StepFailed(f"{self.name} does not answer {method} {path}: {error}") from error
        if not 200 <= status <= 299:  # noqa: PLR2004 - of success
            raise StepFailed(f"{self.name} answers {method} {path} with {status}: {text}")
        return json.loads(text)

    def run_admin(self, *command: str) -> str:
        """Run an admin command on the desk, and return its output.

        Raises:
            StepFailed: The command fails.
        """
        done = subprocess.run(
            [sys.executable, "-m", "infra.admin", *command],
            cwd=ROOT,
            env=_clean_environment() | self.demo["admin_env"] | {"ALLOW_LOOPBACK": "1"},
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        if done.returncode:
            raise StepFailed(f"{self.name}: infra.admin {' '.join(command)} fails: {done.stderr.strip()}")
        return done.stdout.strip()

    def stop(self) -> None:
        """Stop the desk. Its data is lost with it."""
        _stop_process(self.process)

    def is_up(self) -> bool:
        try:
            self.request("GET", "/api/v1/health")
        except StepFailed:
            return False
        return (self.folder / "demo.json").exists()


@contextmanager
def start_desk(name: str, folder: Path, *, port: int | None = None) -> Iterator[DeskProcess]:
    """Start a desk, at `port` if one is given, and stop it at the end."""
    folder.mkdir()
    free, ws_port = free_ports()
    port = port or free
    own = {"PORT": str(port), "WS_PORT": str(ws_port), "DEMO_FILE": str(folder / "demo.json"), "ALLOW_LOOPBACK": "1"}
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [
                Path(sys.executable).with_name("chalice"),
                *("local", "--stage", "local", "--no-autoreload", "--port", str(port)),
            ],
            cwd=ROOT,
            env=_clean_environment() | own,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield DeskProcess(name, process, port, folder)
    finally:
        _stop_process(process)


def _stop_process(process: "subprocess.Popen[bytes]") -> None:
    for sent in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, sent)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def check_alive(desk: DeskProcess) -> DeskProcess:
    if (code := desk.process.poll()) is not None:
        output = (desk.folder / "output").read_text(encoding="utf-8").strip()
        raise StepFailed(f"{desk.name} has ended with {code}: {output[-2000:]}")
    return desk


def wait_until(what: str, look: Callable[[], Any], seconds: float = STEP_SECONDS) -> Any:
    """Call `look` until it returns something, and return that.

    Raises:
        StepFailed: It returned nothing within `seconds`.
    """
    ends = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > ends:
            raise StepFailed(f"Timed out after {seconds:.0f} seconds: {what}.")
        time.sleep(0.1)
    return found


def _clean_environment() -> dict[str, str]:
    """Return the environment without settings for AWS, Fluxden, the engine or proxies."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "FLUXDEN_", "ENGINE", "DATA_DIR")) and not name.lower().endswith("_proxy")
    }


def free_ports() -> tuple[int, int]:
    with ExitStack() as held:
        one, two = (held.enter_context(closing(socket.create_server((HOST, 0)))) for _ in range(2))
        return one.getsockname()[1], two.getsockname()[1]
