"""Telling a person's open sockets what happened: into their log first, then onto every socket."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from chalicelib.core.ports import JobSender
from chalicelib.live.domain.frames import Frame, LiveEvent, LogEntry, LogState
from chalicelib.live.domain.push import PushJob
from chalicelib.live.domain.sockets import PostOutcome, Socket
from chalicelib.live.services.ports import Frames, SocketGateway, Sockets

log = logging.getLogger("fluxden")


@dataclass(frozen=True)
class Notifier:
    """Tells people's open sockets what happened. It never fails its caller.

    What a socket does not take is in the log, and one that can't be told is closed: its client comes back and
    resumes.
    """

    frames: Frames
    sockets: Sockets
    gateway: SocketGateway
    together: Callable[..., list[Any]]
    push_jobs: JobSender[PushJob] | None = None

    def find_log_state(self, user_id: str, *, now: datetime) -> LogState | None:
        """Where the person's log stands, for `notify`; to be asked for while something else is done. One store call."""
        try:
            return self.frames.find_log_state(user_id, now=now)
        except Exception:
            log.exception("the log of frames of %s was not read", user_id)
            return None

    def notify(self, user_id: str, *events: LiveEvent, log_state: LogState | None, now: datetime) -> bool:
        """Send the events to the person's sockets; True if a socket took one, or gets it from its catch-up in a moment.

        Where nobody has listened for a day, events of the inbox are not written down, since the inbox shows them.
        Store calls in sequence: 1; 2 without a log state; 1 more to forget sockets that are gone. A nudge to
        browsers, where nobody hears what is worth one, is queued at the same time.
        """
        try:
            log_state = log_state or self.frames.find_log_state(user_id, now=now)
            if log_state.has_no_audience(*(each.type for each in events)):
                return False
            push = self._push_to_browsers(user_id, events, log_state, now)
            if not log_state.is_followed and all(each.is_in_inbox for each in events):
                if push:
                    push()
                return False
            append = partial(self.frames.append, user_id, events, log_state, now=now)
            entries: Sequence[LogEntry] = self.together(append, push)[0] if push else append()
        except Exception:
            log.exception("%s was not told of %s", user_id, ", ".join(each.type for each in events))
            return False
        listeners = {each.connection_id: each for entry in entries for each in entry.listeners}
        posts = [
            partial(self._post_all, each, [entry for entry in entries if each.connection_id in entry.pushed_to])
            for each in listeners.values()
        ]
        taken = any(self.together(*posts) if len(posts) > 1 else [post() for post in posts])
        return taken or any(log_state.has_catch_up_for(each, now=now) for each in events)

    def _push_to_browsers(
        self, user_id: str, events: Sequence[LiveEvent], log_state: LogState, now: datetime
    ) -> Callable[[], None] | None:
        urgencies = [each.urgency for each in events if each.urgency and not log_state.has_listener_for(each, now=now)]
        if self.push_jobs is None or not log_state.browsers or not urgencies:
            return None
        job = PushJob(user_id=user_id, urgency=urgencies[0])
        return partial(_send, self.push_jobs, job)

    def _post_all(self, socket: Socket, entries: Sequence[LogEntry]) -> bool:
        frames = (entry.frame for entry in entries if entry.frame)
        return all(post_frame(socket, frame, sockets=self.sockets, gateway=self.gateway) for frame in frames)


def _send(push_jobs: JobSender[PushJob], job: PushJob) -> None:
    try:
        push_jobs.send(job)
    except Exception:
        log.exception("the browsers of %s are not nudged", job.user_id)


def post_frame(socket: Socket, frame: Frame, *, sockets: Sockets, gateway: SocketGateway) -> bool:
    """Post a frame to a socket; False when that has ended, or is ended now. Store calls: 0; 1 to forget it."""
    posted = PostOutcome.FAILED
    try:
        posted = gateway.post(socket.connection_id, frame.text())
    except Exception:
        log.exception("connection %s of %s was not reached", socket.connection_id, socket.user_id)
    if posted is not PostOutcome.TAKEN:
        end_socket(socket, sockets=sockets, gateway=gateway, close=posted is PostOutcome.FAILED)
    return posted is PostOutcome.TAKEN


def end_socket(socket: Socket, *, sockets: Sockets, gateway: SocketGateway, close: bool = True) -> None:
    """Forget a socket, and close it; neither hangs on the other. Store calls: 1.

    One that is forgotten is told no more, and closed at its client's next word should it still be open.
    """
    closing = [partial(gateway.close, socket.connection_id)] if close else []
    for step in (partial(sockets.remove, socket), *closing):
        try:
            step()
        except Exception:
            log.exception("connection %s of %s was not ended", socket.connection_id, socket.user_id)
