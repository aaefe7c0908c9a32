"""Telling a connection what it has missed: after it was opened, and when its client asks to resume."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.core.domain.errors import NotFound, Unavailable
from chalicelib.live.domain.connections import CatchUpJob, Connection, Posted
from chalicelib.live.domain.frames import Entry, Frame, FrameType, next_position, signal
from chalicelib.live.services.ports import Frames, SocketGateway, Sockets

_PAGE = 100
# The gateway takes frames for a connection only after it has passed on our answer to its opening.
_OPENING_SECONDS = 3
_PAUSE_SECONDS = 0.02
# Before the worker's time is over it stops, and the message comes again.
_LONGEST_RUN = timedelta(seconds=45)


class _EndedError(Exception):
    """The connection is no more."""


@dataclass(frozen=True)
class CatchUp:
    """Sends a connection what it has missed, in order; a message that comes again goes on where it was noted last."""

    frames: Frames
    connections: Sockets
    sockets: SocketGateway
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]

    def run(self, job: CatchUpJob) -> None:
        """Greet a new connection; tell it, or an open one that resumes, what it has missed; let it live from there.

        While it catches up nothing else is pushed to it, so it gets everything in order. Store calls in sequence:
        4, and 2 more a hundred missed frames.

        Raises:
            Unavailable: there is more to tell than the worker has time for; it is told up to a point.
        """
        start = self.clock()
        connection = self._find(job, start)
        if connection is None:
            return
        try:
            if not connection.welcomed:
                greeting = signal(FrameType.CONNECTED, job.after, start, connectionId=connection.connection_id)
                self._greet(connection, greeting, until=connection.opened_at + _OPENING_SECONDS)
            connection = self._noted(replace(connection, welcomed=True, live=False))
            connection = self._catch_up(connection, job.after, started=start)
            self._go_live(replace(connection, live=True))
        except (_EndedError, NotFound):
            self.connections.remove(connection)

    def _find(self, job: CatchUpJob, start: datetime) -> Connection | None:
        while True:
            connection = self.connections.find_progress(job.user_id, job.connection_id, now=start)
            # A hasty client asks to resume before it has been greeted.
            if (
                not job.resumes
                or connection is None
                or connection.live
                or self.clock().timestamp() > start.timestamp() + _OPENING_SECONDS
            ):
                return connection
            self.sleep(_PAUSE_SECONDS)

    def _greet(self, connection: Connection, greeting: Frame, *, until: float) -> None:
        while (posted := self.sockets.post(connection.connection_id, greeting.text())) is not Posted.TAKEN:
            if posted is Posted.FAILED:
                self.sockets.close(connection.connection_id)
            if posted is Posted.FAILED or self.clock().timestamp() > until:
                raise _EndedError
            self.sleep(_PAUSE_SECONDS)

    def _catch_up(self, connection: Connection, after: int, *, started: datetime) -> Connection:
        # What lies beyond the log's end is the id of a log that was swept since, or of none of ours.
        last = self.frames.find_log_state(connection.user_id, now=started).last.position
        position = min(after, last)
        connection = replace(connection, told_to=min(connection.told_to, last))
        while entries := self.frames.list_after(connection.user_id, position, limit=_PAGE, now=self.clock()):
            self._send(connection, [each for each in entries if not connection.was_told(each.position)])
            position = entries[-1].position
            if position >= connection.told_from:
                told_to = max(position, connection.told_to)
                connection = self._noted(
                    replace(connection, told_from=min(connection.told_from, after), told_to=told_to)
                )
            if self.clock() > started + _LONGEST_RUN:
                raise Unavailable("There is more to catch up with than fits one run.")
        return connection

    def _go_live(self, connection: Connection) -> None:
        position = next_position(connection.told_to, now=self.clock())
        while (met := self.frames.open(connection, position, now=self.clock())) is not None:
            self._send(connection, [met])
            position = met.position + 1

    def _send(self, connection: Connection, entries: Sequence[Entry]) -> None:
        for entry in entries:
            frame = entry.frame
            told = connection.connection_id in entry.names
            if frame is None or told or not frame.event.is_visible_to(connection.areas):
                continue
            posted = self.sockets.post(connection.connection_id, frame.text())
            if posted is Posted.FAILED:
                self.sockets.close(connection.connection_id)
            if posted is not Posted.TAKEN:
                raise _EndedError

    def _noted(self, connection: Connection) -> Connection:
        if not self.connections.save_progress(connection):
            raise _EndedError
        return connection
