"""Firefox, driven by WebDriver BiDi, which it speaks itself."""

import base64
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.browser.engines.tab import CALL, NotDone, OpenTab, Tab

PACKAGES = "firefox-esr"
_START_SECONDS = 90
_ANSWER_SECONDS = 60
_LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")


def find_firefox() -> str | None:
    return shutil.which("firefox-esr") or shutil.which("firefox")


@contextmanager
def start_firefox(folder: Path) -> Iterator[OpenTab]:
    """Start Firefox with an empty profile."""
    profile, log = folder / "profile", folder / "firefox.log"
    profile.mkdir(parents=True)
    command = [str(find_firefox()), "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port=0"]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as process,
    ):
        try:
            address = _wait_for_address(process, log)
            with connect(f"{address}/session", max_size=None, proxy=None) as socket:
                browser = _Browser(socket)
                browser.send("session.new", capabilities={})
                browser.send("session.subscribe", events=["log.entryAdded"])
                yield lambda: _open_tab(browser)
        finally:
            process.kill()


def _wait_for_address(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while not (found := _LISTENING.search(text := log.read_text(encoding="utf-8", errors="replace"))):
        assert process.poll() is None, f"Firefox ended: {text}"
        assert time.monotonic() < deadline, f"Firefox does not listen: {text}"
        time.sleep(0.05)
    return found[1]


class _Browser:
    """The connection to the browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._last_id = 0
        self.errors: list[str] = []

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command, and return its result. What the browser tells meanwhile is noted."""
        self._last_id += 1
        self._socket.send(json.dumps({"id": self._last_id, "method": method, "params": params}))
        while True:
            told = json.loads(self._socket.recv(timeout=_ANSWER_SECONDS))
            if told.get("method") == "log.entryAdded" and told["params"]["level"] in ("error", "warn"):
                self.errors.append(str(told["params"]["text"]))
            if told.get("id") != self._last_id:
                continue
            if told["type"] == "error":
                raise NotDone(f"{method}: {told['error']}: {told['message']}")
            result: dict[str, Any] = told["result"]
            return result


@contextmanager
def _open_tab(browser: _Browser) -> Iterator[Tab]:
    browser.errors.clear()
    user = browser.send("browser.createUserContext")["userContext"]
    context = browser.send("browsingContext.create", type="tab", userContext=user)["context"]
    browser.send("browsingContext.activate", context=context)
    yield _FirefoxTab(browser, context)
    browser.send("browser.removeUserContext", userContext=user)


class _FirefoxTab:
    def __init__(self, browser: _Browser, context: str) -> None:
        self._browser = browser
        self._context = context

    def navigate(self, url: str) -> None:
        self._browser.send("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def run(self, function: str, *arguments: Any) -> Any:
        answer = self._browser.send(
            "script.callFunction",
            functionDeclaration=CALL % function,
            arguments=[{"type": "string", "value": json.dumps(arguments)}],
            awaitPromise=True,
            target={"context": self._context},
        )
        if answer["type"] == "exception":
            raise NotDone(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def perform(self, source: dict[str, Any]) -> None:
        self._browser.send("input.performActions", context=self._context, actions=[source])

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height}
        self._browser.send("browsingContext.setViewport", context=self._context, viewport=size)

    def take_screenshot(self, path: Path) -> None:
        answer = self._browser.send("browsingContext.captureScreenshot", context=self._context)
        path.write_bytes(base64.b64decode(answer["data"]))

    def list_errors(self) -> list[str]:
        return list(self._browser.errors)
