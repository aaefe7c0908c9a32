"""Long polls of the embedded engine's queues, which wait for a message without holding the engine's lock."""

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

_TARGET = "AmazonSQS.ReceiveMessage"
# A message may be taken by another poll, which changes when the next is due.
_MARGIN_SECONDS = 0.01

# Status, headers and body of a reply.
Reply = tuple[int, dict[str, str], bytes]


def read(target: str, body: bytes) -> tuple[str, float] | None:
    """Return the queue and the seconds of a long poll; None for any other request."""
    if target != _TARGET:
        return None
    try:
        request = json.loads(body)
        seconds = float(request.get("WaitTimeSeconds", 0))
        name = str(request["QueueUrl"]).rpartition("/")[2]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    # moto refuses other values.
    return (name, seconds) if 0 < seconds <= 20 else None  # noqa: PLR2004


class LongPolls:
    """Polls that wait for queues. `seconds_until_message` says when a queue's next message is visible."""

    def __init__(self, seconds_until_message: Callable[[str], float | None]) -> None:
        self._seconds_until_message = seconds_until_message
        self._waiting: dict[str, set[threading.Event]] = {}
        self._lock = threading.Lock()

    def notify(self, name: str) -> None:
        """Let the polls of a queue look for a message."""
        with self._lock:
            for each in self._waiting.get(name, ()):
                each.set()

    def count(self, name: str) -> int:
        """The number of polls that wait for a queue."""
        with self._lock:
            return len(self._waiting.get(name, ()))

    def answer(
        self, name: str, seconds: float, ask: Callable[[], Reply], is_open: Callable[[], bool] = lambda: True
    ) -> Reply:
        """Ask until there is a message, an error, or the time is over. After its client has left, a poll takes none."""
        deadline, woken = time.monotonic() + seconds, threading.Event()
        with self._lock:
            self._waiting.setdefault(name, set()).add(woken)
        try:
            while True:
                woken.clear()
                reply = ask()
                left = deadline - time.monotonic()
                if left <= 0 or not _is_empty(reply):
                    return reply
                due = self._seconds_until_message(name)
                woken.wait(left if due is None else min(left, due + _MARGIN_SECONDS))
                if not is_open():
                    return reply
        finally:
            with self._lock:
                self._waiting[name].discard(woken)


def _is_empty(reply: Reply) -> bool:
    status, _, body = reply
    return status == 200 and not json.loads(body).get("Messages")  # noqa: PLR2004 - HTTP's


def has_client(environ: dict[str, Any]) -> bool:
    """Whether the client of a request to werkzeug's server still waits for the reply."""
    connection: socket.socket | None = environ.get("werkzeug.socket")
    if connection is None:
        return True
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
