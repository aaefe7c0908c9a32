"""The local WebSocket gateway: it holds client connections and calls functions as API Gateway does.

All connections share one event loop, which has its own thread or is the one of its host. Functions run in other
threads. They reach connections through the management API, as on AWS, and never wait for a client.
"""

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias

from chalice.local import LambdaContext
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidMessage
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Subprotocol

from chalicelib.edge.rendering import with_charset
from infra.local.management_api import LARGEST_FRAME, LARGEST_MESSAGE, ConnectionGone
from infra.local.socket_events import Connection, is_success, status_of, subprotocol_of
from infra.local.socket_link import Limits, Link
from infra.local.threads import Threads

Handler: TypeAlias = Callable[[dict[str, Any], Any], Any]

log = logging.getLogger("fluxden")
# The library logs misbehaving clients as warnings. Only its errors concern us.
_websockets_log = log.getChild("websockets")
_websockets_log.setLevel(logging.ERROR)

# Functions that run at the same time.
THREADS = 32
NOT_A_HANDSHAKE = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    b"This port only accepts WebSocket connections.\n"
)


class _Client(ServerConnection):
    link: Link
    _has_answered = False

    def __init__(self, *args: Any, most: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self._most = most

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if len(self.server.handler_tasks) > self._most:
            self.transport.abort()

    def send_data(self) -> None:
        # The library does not answer malformed requests or requests with a body.
        if not self._has_answered and isinstance(self.protocol.handshake_exc, InvalidMessage):
            self._has_answered = True
            self.transport.write(NOT_A_HANDSHAKE)
        super().send_data()


class Gateway:
    """A running gateway with its open connections by id."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        listener: socket.socket,
        limits: Limits,
        ended: Callable[["Gateway"], None] = lambda _: None,
        heartbeat: Callable[[str], None] | None = None,
        *,
        threads: Threads | None = None,
    ) -> None:
        """Start to listen. `ended` is called before the connections are closed.

        `heartbeat` is called regularly with the id of each connection. With `threads`, functions run in these, and the
        gateway runs in the running event loop.
        """
        self.port: int = listener.getsockname()[1]
        self._handlers, self._listener, self._limits, self._ended = dict(handlers), listener, limits, ended
        self._heartbeat = heartbeat
        self._links: dict[str, Link] = {}
        self._stopped = asyncio.Event()
        self._thread: threading.Thread | None = None
        if threads is not None:
            self._threads, self._loop = threads, asyncio.get_running_loop()
            self.task = self._loop.create_task(self._listen(), name="sockets")
            return
        self._threads, self._loop = Threads(THREADS), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True, name="sockets")
        self._thread.start()

    @property
    def count(self) -> int:
        """Return how many connections are open."""
        return len(self._links)

    def post(self, connection_id: str, data: bytes) -> None:
        self._link(connection_id).post(data)

    def about(self, connection_id: str) -> dict[str, Any]:
        return self._link(connection_id).describe()

    def end(self, connection_id: str) -> None:
        self._link(connection_id).end(CloseCode.NORMAL_CLOSURE, "")

    def stop(self, seconds: float = 10) -> None:
        """Close every connection and stop listening. Waits up to `seconds` for `$disconnect` calls."""
        self._ended(self)
        if self._thread and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join(seconds)
        self._threads.stop()

    async def close(self) -> None:
        """Close every connection with 1001 and stop listening, in the event loop of its host.

        Returns after the `$disconnect` calls.
        """
        self._ended(self)
        self._stopped.set()
        await self.task

    def _link(self, connection_id: str) -> Link:
        if (link := self._links.get(connection_id)) is None:
            raise ConnectionGone
        return link

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._listen())
            except Exception:
                log.exception("the WebSocket gateway failed")

    async def _listen(self) -> None:
        server = await serve(
            self._serve,
            sock=self._listener,
            process_response=self._admit,
            # `$connect` selects the subprotocol. API Gateway does not compress.
            select_subprotocol=lambda *_: None,
            compression=None,
            server_header=None,
            open_timeout=self._limits.handshake_seconds + 10,
            ping_interval=self._limits.ping_seconds,
            ping_timeout=self._limits.ping_seconds,
            close_timeout=self._limits.close_seconds,
            max_size=(LARGEST_MESSAGE, LARGEST_FRAME),
            logger=_websockets_log,
            create_connection=partial(_Client, most=self._limits.connections),  # type: ignore[arg-type]
        )
        await self._stopped.wait()
        server.close()
        await server.wait_closed()

    async def _admit(self, client: ServerConnection, request: Request, response: Response) -> Response | None:
        """Call `$connect` for a valid handshake. Return None to complete the handshake."""
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            return None
        assert isinstance(client, _Client)
        about = _to_connection(client, request)
        event = about.connect_event()
        try:
            async with asyncio.timeout(self._limits.handshake_seconds):
                answer = await self._call("$connect", event)
        except TimeoutError:
            answer = {"statusCode": HTTPStatus.GATEWAY_TIMEOUT}
        if not is_success(answer):
            return _refuse(client, about, event, status_of(answer))
        if client.state is not State.CONNECTING:
            # The client left during `$connect`, which has stored it, so `$disconnect` is called.
            await self._call("$disconnect", about.disconnect_event(CloseCode.ABNORMAL_CLOSURE, ""))
            return None
        if selected := subprotocol_of(answer):
            response.headers["Sec-WebSocket-Protocol"] = selected
            client.protocol.subprotocol = Subprotocol(selected)
        # Registered before the handshake is complete, because others may already know the connection id.
        client.link = self._links[about.connection_id] = Link(about, client, self._limits)
        return None

    async def _serve(self, client: ServerConnection) -> None:
        """Pass on the messages of one connection in order, until it ends."""
        assert isinstance(client, _Client)
        link = client.link
        tasks = [asyncio.create_task(link.write())]
        if self._heartbeat:
            tasks.append(asyncio.create_task(self._beat(link, self._heartbeat)))
        try:
            async for message in client:
                link.note_activity()
                await self._pass_on(link, message)
        except ConnectionClosed:
            pass
        finally:
            for each in tasks:
                each.cancel()
            del self._links[link.about.connection_id]
        await self._call("$disconnect", link.end_event)

    async def _beat(self, link: Link, heartbeat: Callable[[str], None]) -> None:
        while True:
            await asyncio.sleep(self._limits.heartbeat_seconds)
            try:
                await self._threads.run(lambda: heartbeat(link.about.connection_id))
            except Exception:
                log.exception("connection %s got no heartbeat", link.about.connection_id)

    async def _pass_on(self, link: Link, message: str | bytes) -> None:
        event = link.about.message_event(message)
        if is_success(await self._call("$default", event)):
            return
        known = "$default" in self._handlers
        failure = link.about.error_message(event, "Internal server error" if known else "Forbidden")
        try:
            link.post(json.dumps(failure).encode())
        except ConnectionGone:
            return

    async def _call(self, route_key: str, event: dict[str, Any]) -> Any:
        """Return the function's answer, or an error answer if there is no function or it fails."""
        if (handler := self._handlers.get(route_key)) is None:
            return {"statusCode": HTTPStatus.FORBIDDEN}
        try:
            return await self._threads.run(lambda: handler(event, LambdaContext(route_key, 256)))
        except Exception:
            log.exception("%s failed", route_key)
            return {"statusCode": HTTPStatus.INTERNAL_SERVER_ERROR}


def _to_connection(client: ServerConnection, request: Request) -> Connection:
    source_ip = str((client.remote_address or ("",))[0])
    return Connection.new(request.headers.raw_items(), query=request.path.partition("?")[2], source_ip=source_ip)


def _refuse(client: ServerConnection, about: Connection, event: dict[str, Any], status: int) -> Response:
    known = {each for each in HTTPStatus if each >= HTTPStatus.MULTIPLE_CHOICES}
    kind = HTTPStatus(status) if status in known else HTTPStatus.INTERNAL_SERVER_ERROR
    response = client.respond(kind, json.dumps(about.error_message(event, kind.phrase)))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = with_charset("application/json")
    return response


def start(
    handlers: Mapping[str, Handler],
    listener: socket.socket,
    limits: Limits | None = None,
    heartbeat: Callable[[str], None] | None = None,
) -> Gateway:
    """Serve WebSocket clients on `listener` in the background.

    `handlers` are functions by route key: `$connect` (required to connect), `$default` and `$disconnect`.
    """
    # A process with another engine does not need this import.
    from infra.local import engine

    gateway = Gateway(handlers, listener, limits or Limits(), engine.unroute_sockets, heartbeat)
    engine.route_sockets(gateway)
    return gateway
