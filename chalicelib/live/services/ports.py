"""Ports of live: services depend on them, stores and gateways provide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from chalicelib.live.domain.frames import LiveEvent, LogEntry, LogState, PushOutcome
    from chalicelib.live.domain.sockets import HeartbeatJob, PostOutcome, Socket


class Notifier(Protocol):
    """Tells a person's sockets of events; never fails the caller."""

    def find_log_state(self, user_id: str, *, now: datetime) -> LogState | None: ...
    def notify(self, user_id: str, *events: LiveEvent, log_state: LogState | None, now: datetime) -> PushOutcome: ...


class SocketGateway(Protocol):
    """Sends text to open sockets and closes them."""

    def post(self, connection_id: str, text: str, host: str = "") -> PostOutcome: ...
    def close(self, connection_id: str, host: str = "") -> None: ...


class Sockets(Protocol):
    """Keeps the open sockets of each person, and how far each has been sent the log."""

    def find_progress(self, user_id: str, connection_id: str, *, now: datetime) -> Socket | None: ...
    def save_progress(self, socket: Socket) -> bool: ...
    def remove(self, socket: Socket) -> None: ...
    def add(self, socket: Socket) -> None: ...
    def find(self, connection_id: str, *, now: datetime) -> Socket | None: ...
    def list_of(self, user_id: str) -> Sequence[Socket]: ...


class Listeners(Protocol):
    """Finds everybody who has open sockets."""

    def list_listeners(self) -> Iterator[str]: ...


class HeartbeatJobs(Protocol):
    """Sends a job that becomes visible in `delay` seconds; never fails the caller."""

    def announce(self, job: HeartbeatJob, *, delay: int = 0) -> None: ...


class Frames(Protocol):
    """Keeps each person's log of frames."""

    def find_log_state(self, user_id: str, *, now: datetime) -> LogState: ...
    def list_after(self, user_id: str, position: int, *, limit: int, now: datetime) -> Sequence[LogEntry]: ...
    def begin(self, user_id: str, *, after: int, now: datetime) -> None: ...
    def list_last(self, user_id: str, *, limit: int, now: datetime) -> Sequence[LogEntry]: ...
    def open(self, socket: Socket, position: int, *, now: datetime) -> LogEntry | None: ...
    def append(
        self, user_id: str, events: Sequence[LiveEvent], log_state: LogState, *, now: datetime
    ) -> Sequence[LogEntry]: ...
