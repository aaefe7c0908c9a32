"""Tell a person's open sockets of events: write them to the log, then push them to every socket."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from chalicelib.core.domain.measures import PUSHES
from chalicelib.core.ports import JobSender
from chalicelib.live.domain.frames import Frame, LiveEvent, LogEntry, LogState, PushOutcome, push_outcome
from chalicelib.live.domain.push import PushJob
from chalicelib.live.domain.sockets import PostOutcome, Socket
from chalicelib.live.services.ports import Frames, SocketGateway, Sockets

log = logging.getLogger("fluxden")


@dataclass(frozen=True)
class Notifier:
    """Tells people's open sockets of events; it never fails its caller.

    A socket that does not take a frame is closed. Its client reconnects and resumes from the log.
    """

    frames: Frames
    sockets: Sockets
    gateway: SocketGateway
    gather: Callable[..., list[Any]]
    push_jobs: JobSender[PushJob] | None = None

    def find_log_state(self, user_id: str, *, now: datetime) -> LogState | None:
        """Return the state of the person's log for `notify`, or None if it can't be read. One store call."""
        try:
            return self.frames.find_log_state(user_id, now=now)
        except Exception:
            log.exception("the log of frames of %s was not read", user_id)
            return None

    def notify(self, user_id: str, *events: LiveEvent, log_state: LogState | None, now: datetime) -> PushOutcome:
        """Send the events to the person's sockets, and say whether one took them, or gets them from its catch-up.

        If nobody has listened for a day, events that the inbox shows are not written to the log. An urgent event that
        no socket of a browser takes is pushed to browsers. Store calls in sequence: 1; 2 without a log state; 1 more
        to delete sockets that are gone, and 1 to push where a browser's socket was expected to take the event.
        """
        is_queued = False
        try:
            log_state = log_state or self.frames.find_log_state(user_id, now=now)
            if log_state.has_no_audience(*(each.type for each in events)):
                return PushOutcome.NONE
            push = self._push_to_browsers(user_id, events, log_state)
            if not log_state.is_followed and all(each.is_in_inbox for each in events):
                return PushOutcome.PENDING if push and push() else PushOutcome.NONE
            append = partial(self.frames.append, user_id, events, log_state, now=now)
            entries: Sequence[LogEntry]
            if push and not all(log_state.has_viewer_for(each, now=now) for each in events if each.urgency):
                entries, is_queued = self.gather(append, push)
                push = None
            else:
                entries = append()
        except Exception:
            log.exception("%s was not told of %s", user_id, ", ".join(each.type for each in events))
            return PushOutcome.NONE
        taken_by = self._post_entries(entries)
        for event in events:
            taken_by += (each for each in log_state.listeners_for(event, now=now) if not each.live)
        if push and not any(each.by_browser for each in taken_by):
            is_queued = push()
        return push_outcome(taken_by, has_browsers=is_queued)

    def _push_to_browsers(
        self, user_id: str, events: Sequence[LiveEvent], log_state: LogState
    ) -> Callable[[], bool] | None:
        urgencies = [each.urgency for each in events if each.urgency]
        if self.push_jobs is None or not log_state.browsers or not urgencies:
            return None
        job = PushJob(user_id=user_id, urgency=urgencies[0])
        return partial(_send, self.push_jobs, job)

    def _post_entries(self, entries: Sequence[LogEntry]) -> list[Socket]:
        """Post the entries' frames to their listeners, and return the sockets that took all of theirs."""
        listeners = list({each.connection_id: each for entry in entries for each in entry.listeners}.values())
        posts = [
            partial(self._post_all, each, [entry for entry in entries if each.connection_id in entry.pushed_to])
            for each in listeners
        ]
        taken = self.gather(*posts) if len(posts) > 1 else [post() for post in posts]
        return [each for each, was_taken in zip(listeners, taken, strict=True) if was_taken]

    def _post_all(self, socket: Socket, entries: Sequence[LogEntry]) -> bool:
        frames = (entry.frame for entry in entries if entry.frame)
        return all(post_frame(socket, frame, sockets=self.sockets, gateway=self.gateway) for frame in frames)


def _send(push_jobs: JobSender[PushJob], job: PushJob) -> bool:
    try:
        push_jobs.send(job)
    except Exception:
        log.exception("the browsers of %s get no push message", job.user_id)
        return False
    return True


def post_frame(socket: Socket, frame: Frame, *, sockets: Sockets, gateway: SocketGateway) -> bool:
    """Post a frame to a socket; if it is not taken, end the socket and return False. Store calls: 0; 1 to end it."""
    posted = PostOutcome.FAILED
    try:
        posted = gateway.post(socket.connection_id, frame.text())
    except Exception:
        log.exception("connection %s of %s was not reached", socket.connection_id, socket.user_id)
    PUSHES.add(channel="socket", outcome=posted.value)
    if posted is not PostOutcome.TAKEN:
        end_socket(socket, sockets=sockets, gateway=gateway, close=posted is PostOutcome.FAILED)
    return posted is PostOutcome.TAKEN


def end_socket(socket: Socket, *, sockets: Sockets, gateway: SocketGateway, close: bool = True) -> None:
    """Delete a socket and close it, each even if the other fails. Store calls: 1.

    A deleted socket that is still open receives nothing, and is closed when its client sends its next message.
    """
    closing = [partial(gateway.close, socket.connection_id)] if close else []
    for step in (partial(sockets.remove, socket), *closing):
        try:
            step()
        except Exception:
            log.exception("connection %s of %s was not ended", socket.connection_id, socket.user_id)
