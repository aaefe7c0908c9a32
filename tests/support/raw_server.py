"""A server that answers each request with the bytes it was given, whatever they are, and counts requests."""

import contextlib
import socket
import threading
import time
from collections.abc import Sequence
from typing import Self

_READ_AT_ONCE = 64 * 1024


class RawServer:
    """Answers with `pieces`, one after the other; a piece that is a number is a pause in seconds.

    `closes` says how a connection ends: in order, by a reset, or not before the client's end (`"open"`).
    """

    def __init__(self, pieces: Sequence[bytes | float], *, closes: str = "in order") -> None:
        self._pieces, self._closes = pieces, closes
        self.requests: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/hook"

    def _serve(self) -> None:
        while True:
            try:
                connected, _ = self._listening.accept()
            except OSError:
                return
            with connected, contextlib.suppress(OSError):
                self._answer(connected)

    def _answer(self, connected: socket.socket) -> None:
        connected.settimeout(20)
        self.requests.append(_read_request(connected))
        for piece in self._pieces:
            if isinstance(piece, bytes):
                connected.sendall(piece)
            else:
                time.sleep(piece)
        if self._closes == "reset":
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        elif self._closes == "open":
            while connected.recv(_READ_AT_ONCE):
                pass

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Waking up `accept`, which a close alone does not.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


def _read_request(connected: socket.socket) -> bytes:
    """Read a request wholly, so that closing the connection does not reset it."""
    request = b""
    while b"\r\n\r\n" not in request:
        piece = connected.recv(_READ_AT_ONCE)
        if not piece:
            return request
        request += piece
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line.lower().partition(b":") for line in head.split(b"\r\n")]
    length = next((int(value) for name, _, value in lines if name == b"content-length"), 0)
    while len(body) < length:
        body += connected.recv(_READ_AT_ONCE)
    return head + b"\r\n\r\n" + body
