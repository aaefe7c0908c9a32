"""WebKitGTK, driven by WebDriver."""

import base64
import http.client
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from tests.browser.engines.tab import CALL, NotDone, OpenTab, Tab
from tests.support.started_desk import HOST, free_ports

PACKAGES = "webkit2gtk-driver xvfb"
_START_SECONDS = 90
_ANSWER_SECONDS = 30
_TRIES = 3
_BROWSERS = ("usr/lib/*/webkit2gtk-4.1/MiniBrowser", "usr/lib/*/webkit2gtk-4.0/MiniBrowser")
# A window is as narrow as its title bar, unless that needs no room.
_WINDOW_STYLE = """
* { min-width: 0; min-height: 0; padding: 0; margin: 0; border: none; font-size: 1px; -gtk-icon-transform: scale(0.01) }
"""
_RUN = f"const done = arguments[1]; ({CALL})(arguments[0]).then(done, (error) => done(`!${{error}}`))"
# The protocol tells nothing of a page's errors.
_COLLECT_ERRORS = """() => {
  window.errorsSeen = [];
  const see = (text) => errorsSeen.push(String(text));
  addEventListener("error", (event) => see(event.message));
  addEventListener("unhandledrejection", (event) => see(event.reason));
  for (const level of ["error", "warn"]) console[level] = (...texts) => see(texts.join(" "));
}"""


def find_webkit() -> str | None:
    """Return the browser that the driver starts, if that, the driver and a display can be started."""
    found = [str(each) for pattern in _BROWSERS for each in Path("/").glob(pattern)]
    return found[0] if found and shutil.which("WebKitWebDriver") and shutil.which("Xvfb") else None


@contextmanager
def start_webkit(folder: Path) -> Iterator[OpenTab]:
    """Start a display. Each tab has a driver and a browser of its own."""
    (folder / "gtk-3.0").mkdir(parents=True)
    (folder / "gtk-3.0" / "gtk.css").write_text(_WINDOW_STYLE, encoding="utf-8")
    folders = {f"XDG_{name}_HOME": str(folder) for name in ("CONFIG", "DATA", "CACHE")}
    with _start_display() as display:
        settings = folders | {"DISPLAY": display, "NO_AT_BRIDGE": "1", "LC_ALL": "C.UTF-8"}
        yield lambda: _open_tab(os.environ | settings, folder / "webkit.log")


@contextmanager
def _start_display() -> Iterator[str]:
    """Start a display in memory, which chooses a free number."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1200x24", "-nolisten", "tcp"]
    with (
        os.fdopen(reading) as told,
        subprocess.Popen(command, pass_fds=(writing,), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process,
    ):
        os.close(writing)
        try:
            number = told.readline().strip()
            assert number, "Xvfb ended"
            yield f":{number}"
        finally:
            process.terminate()


@contextmanager
def _start_driver(environment: dict[str, str], log: Path) -> Iterator[int]:
    """Start a driver, and yield its port. At the end its browser ends, too."""
    port, _ = free_ports()
    command = ["WebKitWebDriver", f"--host={HOST}", f"--port={port}"]
    with (
        log.open("ab") as output,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        ) as process,
    ):
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not _answers(port):
                assert process.poll() is None, f"WebKitWebDriver ended with {process.returncode}"
                assert time.monotonic() < deadline, "WebKitWebDriver does not answer"
                time.sleep(0.05)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _answers(port: int) -> bool:
    try:
        _send(port, "GET", "/status")
    except OSError:
        return False
    return True


def _send(port: int, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send a command, and return its value."""
    with closing(http.client.HTTPConnection(HOST, port, timeout=_ANSWER_SECONDS)) as connection:
        sent = json.dumps(body or {}) if method == "POST" else None
        connection.request(method, path, sent, {"Content-Type": "application/json"})
        response = connection.getresponse()
        value = json.loads(response.read())["value"]
    if response.status != http.HTTPStatus.OK:
        raise NotDone(f"{path}: {value['error']}: {value['message']}")
    return value


@contextmanager
def _open_tab(environment: dict[str, str], log: Path) -> Iterator[Tab]:
    options = {"binary": find_webkit(), "args": ["--automation"]}
    wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
    with ExitStack() as stack:
        for tries_left in reversed(range(_TRIES)):
            port = stack.enter_context(_start_driver(environment, log))
            try:
                session = _send(port, "POST", "/session", {"capabilities": wanted})["sessionId"]
            except TimeoutError:
                # Now and then the driver misses that its browser has started.
                if not tries_left:
                    raise
                stack.pop_all().close()
            else:
                break
        yield _WebKitTab(port, f"/session/{session}")


class _WebKitTab:
    def __init__(self, port: int, path: str) -> None:
        self._port = port
        self._path = path

    def _post(self, command: str, **body: Any) -> Any:
        return _send(self._port, "POST", f"{self._path}/{command}", body)

    def navigate(self, url: str) -> None:
        self._post("url", url=url)
        self.run(_COLLECT_ERRORS)

    def run(self, function: str, *arguments: Any) -> Any:
        answer = str(self._post("execute/async", script=_RUN % function, args=[json.dumps(arguments)]))
        if answer.startswith("!"):
            raise NotDone(answer[1:])
        return json.loads(answer)

    def perform(self, source: dict[str, Any]) -> None:
        self._post("actions", actions=[source])

    def resize(self, width: int, height: int) -> None:
        self._post("window/rect", width=width, height=height)

    def take_screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(_send(self._port, "GET", f"{self._path}/screenshot")))

    def list_errors(self) -> list[str]:
        found: list[str] = self.run("() => window.errorsSeen")
        return found
