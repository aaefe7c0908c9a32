"""API Gateway's HTTP behaviour as an ASGI application. The event loop waits for clients, and threads run functions."""

import asyncio
import base64
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from chalice.app import Chalice
from chalice.config import Config

from chalicelib import ids
from chalicelib.chat.domain.streams import Pause
from chalicelib.core.domain.errors import Invalid, Refusal, TooLarge, Unavailable
from chalicelib.edge.streaming import PIECES
from infra.container.server import head_too_large
from infra.local import gateway
from infra.local.log_watch import watch
from infra.local.streaming import OpenReply, StreamSlots
from infra.local.threads import Threads

T = TypeVar("T")
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

log = logging.getLogger("fluxden")

# Bytes of all bodies together that are being received or answered.
BODY_ROOM = 256 * 1024 * 1024
# A body may take a while, and then has to come at this rate at least.
_BODY_SECONDS = 20
_BODY_BYTES_A_SECOND = 16 * 1024
# A client that is refused may send for so long what it has begun to send. It would not see the reply otherwise.
_LINGER_SECONDS = 2
# Clients of a host that ends come back within these milliseconds, not all at once.
_RETRY_MILLISECONDS = (1000, 5000)


class ClientLeft(Exception):
    """The client closed the connection before its request was complete."""


class _Gateway(gateway.Gateway):
    """As on a developer's machine, but for what only a real gateway has: decoded paths, and an id of its own."""

    def _generate_lambda_event(self, method: str, path: str, headers: Any, body: bytes | None) -> Any:
        event: dict[str, Any] = super()._generate_lambda_event(method, path, headers, body)
        event["pathParameters"] = {name: unquote(value) for name, value in (event["pathParameters"] or {}).items()}
        event["requestContext"]["requestId"] = ids.new_request_id()
        return event


class Application:
    """Serves every route of an app with the events of API Gateway.

    It keeps at most `streams` replies open, which hold no thread while they wait. Their reads take at most half of the
    threads, so that they never keep requests waiting.
    """

    def __init__(self, app: Chalice, threads: Threads, streams: int) -> None:
        self.slots, self.is_draining = StreamSlots(streams), False
        self._gateway = _Gateway(app, Config(config_from_disk={"app_name": app.app_name}))
        self._gateway.slots = self.slots
        self._threads, self._reads = threads, asyncio.Semaphore(max(1, threads.count // 2))
        self._body_room = BODY_ROOM
        self._held: set[asyncio.Event] = set()

    def drain(self) -> None:
        """End open replies, and ask clients to close their connections after the reply."""
        self.is_draining = True
        for woken in self._held:
            woken.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path, body, is_refused = _raw_path(scope), _Body(self, scope, receive), False
        try:
            _check_head(scope)
            sent = await body.read()
            peer = (scope["client"] or (None,))[0]
            call = partial(self._gateway.handle_request, scope["method"], path, _headers(scope), sent or None, peer)
            response = await self._threads.run(call)
        except ClientLeft:
            return
        except Refusal as refusal:
            is_refused, response = True, gateway.error_response(refusal, path, _retry_header(refusal))
        except Exception:
            log.exception("a request failed outside of its operation")
            response = gateway.error_response(None, path)
        finally:
            body.release()
        if PIECES in response:
            await self._start(send, response)
            await self._stream(response[PIECES], receive, send)
            return
        content = _bytes(response)
        await self._start(send, response, content, is_last=is_refused)
        await send({"type": "http.response.body", "body": content, "more_body": is_refused})
        if is_refused:
            await body.discard()
            await send({"type": "http.response.body", "body": b""})

    def reserve(self, size: int) -> None:
        """Take room for so many bytes of a body.

        Raises:
            Unavailable: the bodies of other requests take all of it.
        """
        if size > self._body_room:
            raise Unavailable("The desk receives too much at once. Try again.")
        self._body_room -= size

    def give_back(self, size: int) -> None:
        self._body_room += size

    async def _start(
        self, send: Send, response: dict[str, Any], content: bytes | None = None, *, is_last: bool = False
    ) -> None:
        status = int(response["statusCode"])
        listed = _to_header_list({**response["headers"], **response["multiValueHeaders"]})
        if content is not None and status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            listed.append((b"content-length", b"%d" % len(content)))
        if is_last or self.is_draining:
            listed.append((b"connection", b"close"))
        listed.append((b"date", formatdate(usegmt=True).encode()))
        await send({"type": "http.response.start", "status": status, "headers": listed})

    async def _stream(self, reply: OpenReply, receive: Receive, send: Send) -> None:
        """Send an open reply piece by piece, until it ends, its client leaves or the host drains."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        left = asyncio.create_task(_wait_until_left(receive))
        left.add_done_callback(lambda _: woken.set())
        self._held.add(woken)
        try:
            with watch.listen(lambda: _call_soon(loop, woken.set)) as listener:
                piece: bytes | Pause | None = b""
                while not left.done():
                    woken.clear()
                    piece = await self._run_read(partial(reply.read, self._retry_after(piece)))
                    if piece is None:
                        break
                    if isinstance(piece, bytes):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                        continue
                    watch.pause(listener, piece)
                    if not (self.is_draining or left.done()):
                        await _wait(woken, piece.seconds)
        finally:
            self._held.discard(woken)
            left.cancel()
            await self._run_read(reply.close)
        await send({"type": "http.response.body", "body": b""})

    def _retry_after(self, last: bytes | Pause | None) -> int | None:
        is_ending = self.is_draining and isinstance(last, Pause)
        return random.randint(*_RETRY_MILLISECONDS) if is_ending else None  # noqa: S311 - spreads clients

    async def _run_read(self, call: Callable[[], T]) -> T:
        async with self._reads:
            return await self._threads.run(call)


class _Body:
    """The body of a request, which takes its room before it is received."""

    def __init__(self, application: Application, scope: Scope, receive: Receive) -> None:
        self._application, self._receive = application, receive
        digits = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        self._announced, self._taken, self._is_complete = int(digits), 0, False

    async def read(self) -> bytes:
        """Receive the body.

        Raises:
            TooLarge: it is larger than API Gateway allows.
            Invalid: it comes too slowly.
            ClientLeft: it does not come any more.
            Unavailable: there is no room for it.
        """
        self._take(self._announced)
        loop, received = asyncio.get_running_loop(), bytearray()
        begun = loop.time()
        while not self._is_complete:
            allowed = _BODY_SECONDS + len(received) / _BODY_BYTES_A_SECOND
            try:
                async with asyncio.timeout_at(begun + allowed):
                    received += await self._next()
            except TimeoutError:
                raise Invalid("The body did not come in time.") from None
            self._take(len(received))
        return bytes(received)

    async def discard(self) -> None:
        """Receive what is left of the body for a moment, and forget it."""
        try:
            async with asyncio.timeout(_LINGER_SECONDS):
                while not self._is_complete:
                    await self._next()
        except (TimeoutError, ClientLeft):
            return

    def release(self) -> None:
        """Give the room back."""
        self._application.give_back(self._taken)
        self._taken = 0

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        self._is_complete = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    def _take(self, size: int) -> None:
        if size > gateway.LARGEST_REQUEST:
            raise TooLarge(f"A request may have at most {gateway.LARGEST_REQUEST} bytes.")
        if (more := size - self._taken) > 0:
            self._application.reserve(more)
            self._taken = size


async def _wait_until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _wait(woken: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await woken.wait()
    except TimeoutError:
        return


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)


def _check_head(scope: Scope) -> None:
    # h11 stops a head that is not complete at this size, but takes one that comes whole.
    size = sum(len(name) + len(value) + len(": \r\n") for name, value in scope["headers"])
    if size + len(scope["raw_path"]) + len(scope["query_string"]) > gateway.LARGEST_HEAD:
        raise head_too_large()


def _raw_path(scope: Scope) -> str:
    # The path as it was sent: a quoted slash is not a separator.
    path: str = scope["raw_path"].decode("latin-1")
    if not path.startswith("/"):
        path = urlsplit(path).path or "/"
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _headers(scope: Scope) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        separator = "; " if name == "cookie" else ", "
        joined[name] = f"{joined[name]}{separator}{value}" if name in joined else value
    return joined


def _retry_header(refusal: Refusal) -> dict[str, str]:
    return {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}


def _bytes(response: dict[str, Any]) -> bytes:
    body = response["body"]
    if response.get("isBase64Encoded"):
        return base64.b64decode(body)
    return body if isinstance(body, bytes) else body.encode()


def _to_header_list(headers: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    return list(_encoded(headers.items()))


def _encoded(headers: Iterable[tuple[str, Any]]) -> Iterable[tuple[bytes, bytes]]:
    for name, value in headers:
        if name.lower() != "content-length":
            for each in value if isinstance(value, list) else [value]:
                yield name.lower().encode("latin-1"), str(each).encode("latin-1")
