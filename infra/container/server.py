"""HTTP connections of the container host: uvicorn, with the time and room that one client can take bounded.

uvicorn parses requests and streams replies. It waits for slow clients without end, so here each phase of a connection
has its deadline, and connections that wait for nothing but their client give way to new ones.
"""

import asyncio
import contextlib
import json
import logging
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from chalicelib.core.domain.errors import Invalid, Refusal, TooLarge
from infra.container import listeners
from infra.local import gateway

_HEAD_TOO_LARGE = 431
# It logs misbehaving clients as warnings. Only its errors concern us.
logging.getLogger("uvicorn").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Limits:
    """Limits of HTTP connections, in seconds and connections.

    `head_seconds` is the time for a request's line and headers, `idle_seconds` how long a connection stays open without
    a request. A client that has not read what was sent has to read `read_bytes` in each `stall_seconds`. While the host
    drains, `last_request_seconds` is how long an idle connection can still bring a request. Above `connections`, the
    one that has waited longest for its client is closed.
    """

    head_seconds: float = 10
    idle_seconds: int = 75
    stall_seconds: float = 20
    read_bytes: int = 80 * 1024
    last_request_seconds: float = 5
    connections: int = 4096


class _State(ServerState):
    """What the connections of a server share. `waiting` are those without a request, longest first."""

    connections: set[Any]

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits
        self.waiting: dict[_Connection, None] = {}
        self.is_draining = False


class _Connection(H11Protocol):
    """One HTTP connection with the deadline of its present phase."""

    server_state: _State
    _deadline: asyncio.TimerHandle | None = None
    _stall: asyncio.TimerHandle | None = None
    _unread = 0
    _has_begun_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        state = self.server_state
        if len(state.connections) > state.limits.connections:
            # Without anybody to close, this connection has to go.
            next(iter(state.waiting), self).transport.abort()
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.server_state.waiting.pop(self, None)
        for timer in (self._deadline, self._stall):
            if timer:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._note_phase()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._note_phase()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        # A connection that is closing waits until all is read.
        if self._stall and not self.transport.is_closing():
            self._stall.cancel()
            self._stall = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - of uvicorn
        """Answer a malformed request in our own shape. uvicorn calls this while it handles the error."""
        self.server_state.waiting.pop(self, None)
        if self.cycle is not None:
            # What waits for the rest of this request gets nothing more, and sends nothing more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        error = sys.exception()
        is_large = getattr(error, "error_status_hint", 0) == _HEAD_TOO_LARGE
        refusal = head_too_large() if is_large else Invalid("The request is malformed.")
        try:
            self.transport.write(self._error_bytes(refusal))
        except h11.LocalProtocolError:
            self.transport.abort()
            return
        self.transport.close()
        self._note_phase()

    def finish(self) -> None:
        """Close the connection if it waits for a request."""
        if self in self.server_state.waiting:
            self.transport.close()
            self._note_phase()

    def _error_bytes(self, refusal: Refusal) -> bytes:
        answer = gateway.error_response(refusal, "/", {"Connection": "close"})
        body = json.dumps(json.loads(answer["body"])).encode()
        headers = [*answer["headers"].items(), ("Content-Length", str(len(body)))]
        head = self.conn.send(h11.Response(status_code=answer["statusCode"], headers=headers))
        return (
            (head or b"") + (self.conn.send(h11.Data(data=body)) or b"") + (self.conn.send(h11.EndOfMessage()) or b"")
        )

    def _note_phase(self) -> None:
        if self.transport.is_closing():
            self._set_deadline(None)
            if not self._stall:
                self._watch_reader()
        elif self.cycle is not None and not self.cycle.response_complete:
            self._has_begun_head = False
            self.server_state.waiting.pop(self, None)
            self._set_deadline(None)
        else:
            self.server_state.waiting.setdefault(self, None)
            if self.conn.trailing_data[0] and not self._has_begun_head:
                self._begin_head()

    def _watch_reader(self) -> None:
        """Close the connection if its client reads too slowly."""
        self._unread = self.transport.get_write_buffer_size()
        self._stall = self.loop.call_later(self.server_state.limits.stall_seconds, self._judge_reader)

    def _judge_reader(self) -> None:
        has_read = self._unread - self.transport.get_write_buffer_size()
        if has_read < self.server_state.limits.read_bytes:
            self.transport.abort()
        else:
            self._watch_reader()

    def _begin_head(self) -> None:
        self._has_begun_head = True
        self.server_state.waiting.setdefault(self, None)
        self._set_deadline(self.server_state.limits.head_seconds)

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)


class HttpServer(uvicorn.Server):
    """Serves an ASGI application on a listener until it is drained."""

    def __init__(self, app: Any, listener: socket.socket, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        super().__init__(
            uvicorn.Config(
                app,
                http=_Connection,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                backlog=listeners.BACKLOG,
                timeout_keep_alive=limits.idle_seconds,
                h11_max_incomplete_event_size=gateway.LARGEST_HEAD,
            )
        )
        self.server_state: _State = _State(limits)
        self._listener, self._drained = listener, asyncio.Event()

    @property
    def connections(self) -> int:
        return len(self.server_state.connections)

    async def run_in_loop(self) -> None:
        """Serve until `drain` is called, and return when the last connection is closed."""
        await self.serve(sockets=[self._listener])

    def drain(self) -> None:
        """Stop listening. Requests that have come are answered, and idle connections closed a little later."""
        self.server_state.is_draining = True
        self._drained.set()

    def abort(self) -> None:
        """Close what is still open."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the host."""
        yield

    async def main_loop(self) -> None:
        """Wait to be drained, instead of looking ten times a second."""
        await self._drained.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - of uvicorn
        """Answer what was accepted. A client that has read a reply on an open connection can send one more request."""
        await listeners.close_when_accepted(self._listener, self.servers)
        state = self.server_state
        last_idle = asyncio.get_running_loop().time() + state.limits.last_request_seconds
        while state.connections:
            await asyncio.sleep(0.05)
            if asyncio.get_running_loop().time() > last_idle:
                for connection in list(state.waiting):
                    connection.finish()
        while state.tasks:
            await asyncio.wait(list(state.tasks))


def head_too_large() -> TooLarge:
    """Return the refusal of a request whose line and headers are too large."""
    return TooLarge(f"The request line and headers may have at most {gateway.LARGEST_HEAD} bytes.")
