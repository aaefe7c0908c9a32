"""The gateway's end of a WebSocket connection: frames that wait to be sent, and the reason to close."""

import asyncio
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.protocol import State

from chalicelib.core.domain.fields import timestamp
from chalicelib.live.domain.sockets import HEARTBEAT_SECONDS
from infra.local.management_api import ConnectionGone
from infra.local.socket_events import Connection


@dataclass(frozen=True)
class Limits:
    """Limits of a connection. Where API Gateway documents a limit, it is the same.

    `waiting_frames` and `waiting_bytes` bound what waits to be sent; a slower client is disconnected. `stall_seconds`
    is how long one frame may take to send. `ping_seconds` and `close_seconds` are the time to answer a ping or a close.
    Above `connections`, whether open or in their handshake, new ones are closed.
    """

    idle_seconds: float = 10 * 60
    lifetime_seconds: float = 2 * 60 * 60
    handshake_seconds: float = 29
    waiting_frames: int = 4096
    waiting_bytes: int = 4 * 1024 * 1024
    stall_seconds: float = 20
    ping_seconds: float = 20
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    close_seconds: float = 5
    connections: int = 8192


class Link:
    """The gateway's end of a connection: frames that wait to be sent, and the reason to close."""

    def __init__(self, about: Connection, client: ServerConnection, limits: Limits) -> None:
        self.about = about
        self._client, self._limits = client, limits
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._ending: tuple[int, str] | None = None
        self._opened = self._used = time.monotonic()
        self._woken = asyncio.Event()

    def post(self, data: bytes) -> None:
        """Queue a text message, from any thread.

        Raises:
            ConnectionGone: The connection is not open, or its client is too slow and is now disconnected.
            ValueError: The message is not UTF-8.
        """
        data.decode()
        with self._lock:
            if self._ending is not None or self._client.state is not State.OPEN:
                raise ConnectionGone
            # If frames wait already, the writer does not need to be woken.
            is_idle = not self._frames
            self._frames.append(data)
            self._bytes += len(data)
            self._used = time.monotonic()
            behind = len(self._frames) > self._limits.waiting_frames or self._bytes > self._limits.waiting_bytes
            if behind:
                self._frames.clear()
                self._ending = (CloseCode.TRY_AGAIN_LATER, "Too slow")
        if is_idle or behind:
            self._wake()
        if behind:
            raise ConnectionGone

    def end(self, code: int, reason: str) -> None:
        """Close the connection after the waiting frames are sent. Later posts raise ConnectionGone.

        Raises:
            ConnectionGone: The connection is not open.
        """
        with self._lock:
            if self._ending is not None or self._client.state is not State.OPEN:
                raise ConnectionGone
            self._ending = (code, reason)
        self._wake()

    def note_activity(self) -> None:
        """Restart the idle timeout, because the client sent something."""
        self._used = time.monotonic()

    def describe(self) -> dict[str, Any]:
        with self._lock:
            if self._ending is not None or self._client.state is not State.OPEN:
                raise ConnectionGone
        opened = self.about.connected_at / 1000
        return {
            "connectedAt": timestamp(datetime.fromtimestamp(opened, UTC)),
            "identity": {"sourceIp": self.about.source_ip, "userAgent": self.about.user_agent or ""},
            "lastActiveAt": timestamp(datetime.fromtimestamp(opened + self._used - self._opened, UTC)),
        }

    @property
    def end_event(self) -> dict[str, Any]:
        """Return the event for `$disconnect`, with our reason to close or else the client's."""
        code, reason = self._ending or (self._client.close_code or CloseCode.ABNORMAL_CLOSURE, None)
        return self.about.disconnect_event(int(code), reason if reason is not None else self._client.close_reason or "")

    async def write(self) -> None:
        """Send queued frames until the connection ends or is due to end."""
        try:
            while True:
                self._woken.clear()
                self._end_when_due()
                if (frame := self._next()) is not None:
                    async with asyncio.timeout(self._limits.stall_seconds):
                        await self._client.send(frame, text=True)
                elif self._ending is not None:
                    await self._client.close(*self._ending)
                    return
                else:
                    await self._rest()
        except ConnectionClosed:
            return
        except TimeoutError:
            self._client.transport.abort()

    def _next(self) -> bytes | None:
        with self._lock:
            if not self._frames:
                return None
            frame = self._frames.popleft()
            self._bytes -= len(frame)
            return frame

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(max(0.0, self._due - time.monotonic())):
                await self._woken.wait()
        except TimeoutError:
            return

    def _end_when_due(self) -> None:
        with self._lock:
            if self._ending is None and time.monotonic() >= self._due:
                self._ending = (CloseCode.GOING_AWAY, "Going away")

    @property
    def _due(self) -> float:
        return min(self._opened + self._limits.lifetime_seconds, self._used + self._limits.idle_seconds)

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._woken.set)
        except RuntimeError:  # the gateway has stopped
            raise ConnectionGone from None
