"""Requests to hosts that strangers chose: to public addresses only, once, briefly, and without following anything.

The host is resolved once and the connection goes to an address that was checked, so a name that changes its mind
between check and call reaches nothing. `http_replies` reads what is answered.
"""

import io
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic_core import Url

from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.links import is_global_address, is_loopback, link_error
from chalicelib.core.domain.reply_text import excerpt_of, to_utf8
from chalicelib.core.gateways.http_replies import ENDED_EARLY, ReplyHead, Source, UnreadableReply, read_body, read_head
from chalicelib.settings import VERSION, settings

DEADLINE_SECONDS = 10.0
LARGEST_REPLY = 64 * 1024
# Of the body of an error; people read its beginning.
_EXCERPT_FROM = 8 * 1024
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t\x20-\x7e\x80-\xff]*")
_AGENT = f"Fluxden/{VERSION}"

# Family, and the socket address: what is left of a resolver's answer.
_Address = tuple[int, Any]


class _NotReached(Exception):
    """There is no reply; the message says why, in words that are safe to show to sender and recipient."""


@dataclass(frozen=True)
class _Message:
    """What is sent, and whether what is answered is read."""

    method: str
    body: bytes | None
    headers: Mapping[str, str]
    reads: bool = False


class _Deadline:
    """The moment by which a whole request must be over, however it spends its time."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left.

        Raises:
            TimeoutError: there are none.
        """
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class _Stream(io.RawIOBase):
    """A connection under a deadline: each call waits no longer than the whole request may."""

    def __init__(self, connected: socket.socket, deadline: _Deadline) -> None:
        self._socket, self._deadline = connected, deadline
        self.was_reset = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has come; nothing at the end of the connection, however it ends."""
        self._socket.settimeout(self._deadline.left())
        try:
            return self._socket.recv_into(buffer)
        except ConnectionError:
            self.was_reset = True
            return 0

    def send(self, data: bytes) -> None:
        """Send, as far as the receiver takes it: one that has answered before the end need not read the rest."""
        self._socket.settimeout(self._deadline.left())
        with suppress(ConnectionError):
            self._socket.sendall(data)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> HttpResult:
    """POST `body` as JSON and tell what came of it; a receiver's faults never raise.

    Ten seconds are all there is, from the look-up to the last byte. Redirects are not followed, proxies not used.
    """
    return _request(url, _Message("POST", body, headers))


def post_and_read(url: str, body: bytes, headers: Mapping[str, str]) -> HttpResult:
    """POST as `post` does, with the body of a success; of more than 64 KB there is none."""
    return _request(url, _Message("POST", body, headers, reads=True))


def get(url: str, headers: Mapping[str, str]) -> HttpResult:
    """GET what is there, with the body of a success, and under the same rules; more than 64 KB are none."""
    return _request(url, _Message("GET", None, headers, reads=True))


def send_and_read(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> HttpResult:
    """Send a request that a library composed, under the same rules, with the body of a success up to 64 KB."""
    return _request(url, _Message(method, body, headers, reads=True))


def _request(url: str, message: _Message) -> HttpResult:
    deadline = _Deadline(DEADLINE_SECONDS)
    try:
        return _send(url, message, deadline)
    except (_NotReached, UnreadableReply) as failure:
        return HttpResult(None, str(failure))
    except TimeoutError:
        return HttpResult(None, f"no reply within {DEADLINE_SECONDS:.0f} seconds")
    except ssl.SSLCertVerificationError:
        return HttpResult(None, "the certificate is not valid for the host")
    except ssl.SSLError:
        return HttpResult(None, "the TLS connection failed")
    except OSError:
        return HttpResult(None, "the connection failed")
    except ValueError:
        return HttpResult(None, "the URL cannot be called")


def _send(text: str, message: _Message, deadline: _Deadline) -> HttpResult:
    allow_loopback = settings().allow_loopback
    if reason := link_error(text, allow_loopback=allow_loopback):
        raise _NotReached(f"the URL {reason}")
    url = Url(text)
    assert url.host is not None and url.port is not None
    encrypted, host = url.scheme == "https", url.host.strip("[]").rstrip(".")
    addresses = _resolve(host, url.port, deadline)
    for _, address in addresses:
        if not (is_global_address(address[0]) or (allow_loopback and is_loopback(address[0]))):
            raise _NotReached("the host leads to an address that is not public")
        if not (encrypted or is_loopback(address[0])):
            raise _NotReached("the URL must start with https://")
    connected = _connect(addresses, deadline)
    try:
        if encrypted:
            connected.settimeout(deadline.left())
            connected = _trust().wrap_socket(connected, server_hostname=host)
        return _exchange(url, message, _Stream(connected, deadline))
    finally:
        connected.close()


def _resolve(host: str, port: int, deadline: _Deadline) -> list[_Address]:
    """The host's addresses, looked up once. The system's resolver knows no deadline, so it is left behind at ours."""
    answers: queue.SimpleQueue[list[_Address] | None] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            answers.put(None)
        else:
            answers.put([(family, address) for family, _, _, _, address in found])

    threading.Thread(target=look_up, daemon=True, name="look-up").start()
    try:
        addresses = answers.get(timeout=deadline.left())
    except queue.Empty as error:
        raise TimeoutError from error
    if not addresses:
        raise _NotReached("the host's name is not known")
    return addresses


def _connect(addresses: list[_Address], deadline: _Deadline) -> socket.socket:
    for number, (family, address) in enumerate(addresses):
        connecting = socket.socket(family, socket.SOCK_STREAM)
        # A dead first address leaves time for the next.
        connecting.settimeout(deadline.left() / (len(addresses) - number))
        try:
            connecting.connect(address)
        except OSError:
            connecting.close()
            continue
        return connecting
    deadline.left()
    raise _NotReached("the connection was refused or timed out")


def _exchange(url: Url, message: _Message, stream: _Stream) -> HttpResult:
    stream.send(_request_bytes(url, message))
    source = io.BufferedReader(stream)
    head = read_head(source)
    excerpt, found = "", b""
    content_type = head.first("content-type") or ""
    if not 200 <= head.status <= 399:  # noqa: PLR2004 - HTTP's
        excerpt = excerpt_of(read_body(source, head, _EXCERPT_FROM).content, content_type)
    elif message.reads:
        found = to_utf8(_read_whole(source, stream, message, head), content_type)
    location = head.first("location") if 300 <= head.status <= 399 else None  # noqa: PLR2004 - HTTP's
    return HttpResult(
        head.status, excerpt=excerpt, retry_after=head.first("retry-after"), body=found, location=location
    )


def _request_bytes(url: Url, message: _Message) -> bytes:
    default = url.port == (443 if url.scheme == "https" else 80)
    headers = {
        "Host": url.host if default else f"{url.host}:{url.port}",
        "User-Agent": _AGENT,
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    if message.body is not None:
        headers |= {"Content-Length": str(len(message.body)), "Content-Type": "application/json"}
    lines = [f"{name}: {value}" for name, value in (headers | dict(message.headers)).items()]
    if not all(map(_HEADER.fullmatch, lines)):
        raise ValueError
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    return "\r\n".join([f"{message.method} {target} HTTP/1.1", *lines, "", ""]).encode("latin-1") + (
        message.body or b""
    )


def _read_whole(source: Source, stream: _Stream, message: _Message, head: ReplyHead) -> bytes:
    """Read the body of a success. One that was asked for must be whole; what was posted is taken in any case."""
    body = read_body(source, head, LARGEST_REPLY)
    is_long = len(body.content) > LARGEST_REPLY
    if message.method == "GET":
        if is_long:
            raise _NotReached("the reply is too long")
        if problem := body.problem or (ENDED_EARLY if stream.was_reset else None):
            raise _NotReached(problem)
    return b"" if is_long else body.content


@cache
def _trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
