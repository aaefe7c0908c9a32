"""Send a socket the frames it has missed: after it was opened, and when its client resumes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.core.domain.errors import NotFound, Unavailable
from chalicelib.live.domain.frames import Frame, FrameType, LogEntry, next_position, signal_frame
from chalicelib.live.domain.sockets import CatchUpJob, PostOutcome, Socket
from chalicelib.live.services.ports import Frames, SocketGateway, Sockets

_PAGE = 100
# The gateway takes frames for a socket only after it has passed on the reply to $connect.
_OPENING_SECONDS = 3
_PAUSE_SECONDS = 0.02
# The worker stops before it times out, and the message is delivered again.
_LONGEST_RUN = timedelta(seconds=45)


class _EndedError(Exception):
    """The socket has been closed."""


@dataclass(frozen=True)
class CatchUp:
    """Sends a socket what it has missed, in order. A repeated message continues from the last saved progress."""

    frames: Frames
    sockets: Sockets
    gateway: SocketGateway
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]

    def run(self, job: CatchUpJob) -> None:
        """Greet a socket if it is new, send it the frames it has missed, and make it live.

        Nothing else is pushed to a socket that catches up, so it receives everything in order. Store calls in
        sequence: 4, and 2 more per hundred missed frames.

        Raises:
            Unavailable: there are more frames than one run can send; the progress is saved.
        """
        start = self.clock()
        socket = self._find(job, start)
        if socket is None:
            return
        try:
            if not socket.greeted:
                self._greet(socket, _greeting(socket, job.after, start), until=socket.opened_at + _OPENING_SECONDS)
            socket = self._save_progress(replace(socket, greeted=True, live=False))
            socket = self._catch_up(socket, job.after, started=start)
            self._go_live(replace(socket, live=True))
        except (_EndedError, NotFound):
            self.sockets.remove(socket)

    def _find(self, job: CatchUpJob, start: datetime) -> Socket | None:
        while True:
            socket = self.sockets.find_progress(job.user_id, job.connection_id, now=start)
            # A client may ask to resume before it has been greeted.
            if (
                not job.resumes
                or socket is None
                or socket.live
                or self.clock().timestamp() > start.timestamp() + _OPENING_SECONDS
            ):
                return socket
            self.sleep(_PAUSE_SECONDS)

    def _greet(self, socket: Socket, greeting: Frame, *, until: float) -> None:
        while (
            posted := self.gateway.post(socket.connection_id, greeting.text(), socket.host)
        ) is not PostOutcome.TAKEN:
            if posted is PostOutcome.FAILED:
                self.gateway.close(socket.connection_id, socket.host)
            if posted is PostOutcome.FAILED or self.clock().timestamp() > until:
                raise _EndedError
            self.sleep(_PAUSE_SECONDS)

    def _catch_up(self, socket: Socket, after: int, *, started: datetime) -> Socket:
        # An id beyond the log's end belongs to a log that was swept since, or is made up.
        last = self.frames.find_log_state(socket.user_id, now=started).last.position
        position = min(after, last)
        socket = replace(socket, sent_to=min(socket.sent_to, last))
        while entries := self.frames.list_after(socket.user_id, position, limit=_PAGE, now=self.clock()):
            self._send(socket, [each for each in entries if not socket.has_received(each.position)])
            position = entries[-1].position
            if position >= socket.sent_after:
                sent_to = max(position, socket.sent_to)
                socket = self._save_progress(replace(socket, sent_after=min(socket.sent_after, after), sent_to=sent_to))
            if self.clock() > started + _LONGEST_RUN:
                raise Unavailable("There is more to catch up with than fits one run.")
        return socket

    def _go_live(self, socket: Socket) -> None:
        position = next_position(socket.sent_to, now=self.clock())
        while (met := self.frames.open(socket, position, now=self.clock())) is not None:
            self._send(socket, [met])
            position = met.position + 1

    def _send(self, socket: Socket, entries: Sequence[LogEntry]) -> None:
        for entry in entries:
            frame = entry.frame
            is_sent = socket.connection_id in entry.pushed_to
            if frame is None or is_sent or not frame.event.is_visible_to(socket.areas):
                continue
            posted = self.gateway.post(socket.connection_id, frame.text(), socket.host)
            if posted is PostOutcome.FAILED:
                self.gateway.close(socket.connection_id, socket.host)
            if posted is not PostOutcome.TAKEN:
                raise _EndedError

    def _save_progress(self, socket: Socket) -> Socket:
        if not self.sockets.save_progress(socket):
            raise _EndedError
        return socket


def _greeting(socket: Socket, after: int, now: datetime) -> Frame:
    about = {"clientId": socket.connection_id, "agentName": socket.agent_name, "connectionId": socket.connection_id}
    return signal_frame(FrameType.CONNECTED, after, now, **about)
