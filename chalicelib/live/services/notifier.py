"""Tell a person's open sockets of events: write them to the log, then push them to every socket."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.measures import PUSHES
from chalicelib.core.domain.person_refs import person_ref
from chalicelib.core.ports import JobSender
from chalicelib.live.domain.frames import Frame, LiveEvent, LogEntry, LogState, PushOutcome, push_outcome
from chalicelib.live.domain.push import PushJob, ReachJob
from chalicelib.live.domain.sockets import FrameJob, PostOutcome, Socket
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
    frame_jobs: JobSender[FrameJob]
    push_jobs: JobSender[PushJob] | None = None
    reach_jobs: JobSender[ReachJob] | None = None

    def find_log_state(self, user_id: str, *, now: datetime) -> LogState | None:
        """Return the state of the person's log for `notify`, or None if it can't be read. One store call."""
        try:
            return self.frames.find_log_state(user_id, now=now)
        except Exception:
            log.exception("the log of frames of %s was not read", person_ref(user_id))
            return None

    def notify(self, user_id: str, *events: LiveEvent, log_state: LogState | None, now: datetime) -> PushOutcome:
        """Send the events to the person's sockets, and say whether one took them, or gets them from its catch-up.

        If nobody has listened for a day, events that a list shows later are not written to the log. An urgent event
        that no socket takes that a person looks at is pushed to browsers; where the person has preferences, a worker is
        sent it in any case. Store calls in sequence: 1; 2 without a log state; 1 more to delete sockets that are gone,
        and 1 to push where such a socket was expected to take the event.
        Beyond four sockets, a worker pushes to the others: 1 queue call, at the same time as the posts to the four.
        """
        is_queued = False
        try:
            log_state = log_state or self.frames.find_log_state(user_id, now=now)
            if log_state.has_no_audience(*(each.type for each in events)):
                return PushOutcome.NONE
            reach = self._reach(user_id, events, log_state, now)
            push = reach or self._push_to_browsers(user_id, events, log_state)
            if not log_state.is_followed and all(each.is_shown_later for each in events):
                return PushOutcome.PENDING if push and push() else PushOutcome.NONE
            append = partial(self.frames.append, user_id, events, log_state, now=now)
            entries: Sequence[LogEntry]
            is_viewed = all(log_state.has_viewer_for(each, now=now) for each in events if each.urgency)
            if push and (reach or not is_viewed):
                entries, is_queued = self.gather(append, push)
                push = None
            else:
                entries = append()
        except Exception:
            log.exception("%s was not told of %s", person_ref(user_id), ", ".join(each.type for each in events))
            return PushOutcome.NONE
        taken_by = self._push_entries(user_id, entries)
        for event in events:
            taken_by += (each for each in log_state.listeners_for(event, now=now) if not each.live)
        if push and not any(each.is_viewed(now) for each in taken_by):
            is_queued = push()
        return push_outcome(taken_by, has_browsers=is_queued, now=now)

    def _reach(
        self, user_id: str, events: Sequence[LiveEvent], log_state: LogState, now: datetime
    ) -> Callable[[], bool] | None:
        if self.reach_jobs is None or not log_state.has_preferences:
            return None
        for event in events:
            if event.urgency and (delivery_id := event.members.get("deliveryId")):
                job = ReachJob.of(user_id, delivery_id, at=timestamp(now))
                return partial(_send, self.reach_jobs, job, "%s is not reached beyond their open sockets")
        return None

    def _push_to_browsers(
        self, user_id: str, events: Sequence[LiveEvent], log_state: LogState
    ) -> Callable[[], bool] | None:
        urgent = next((each for each in events if each.urgency), None)
        if self.push_jobs is None or not log_state.browsers or urgent is None or urgent.urgency is None:
            return None
        about, (integrator, event_type) = urgent.members, urgent.event_kind or (None, None)
        job = PushJob(
            user_id=user_id,
            urgency=urgent.urgency,
            delivery_id=about.get("deliveryId"),
            task_id=about.get("itemId"),
            integrator=integrator,
            event_type=event_type,
        )
        return partial(_send, self.push_jobs, job, "the browsers of %s get no push message")

    def _push_entries(self, user_id: str, entries: Sequence[LogEntry]) -> list[Socket]:
        """Push the entries' frames to their listeners, and return the sockets that took theirs or are sure to."""
        listeners = list({each.connection_id: each for entry in entries for each in entry.listeners}.values())
        queued_for = {each for entry in entries for each in entry.queued_for}
        posted = [each for each in listeners if each.connection_id not in queued_for]
        posts: list[Callable[[], bool]] = [partial(self._post_all, each, entries) for each in posted]
        if queued := [each for each in listeners if each.connection_id in queued_for]:
            ids = [each.connection_id for each in queued]
            job = FrameJob(user_id=user_id, connection_ids=ids, first=entries[0].position, last=entries[-1].position)
            posts.append(partial(self._queue, job, queued))
        taken = self.gather(*posts) if len(posts) > 1 else [post() for post in posts]
        taken_by = [each for each, was_taken in zip(posted, taken, strict=False) if was_taken]
        return taken_by + (queued if queued and taken[-1] else [])

    def _queue(self, job: FrameJob, sockets: Sequence[Socket]) -> bool:
        if _send(self.frame_jobs, job, "frames for the connections of %s were not queued"):
            return True
        for each in sockets:
            end_socket(each, sockets=self.sockets, gateway=self.gateway)
        return False

    def _post_all(self, socket: Socket, entries: Sequence[LogEntry]) -> bool:
        return post_entries(socket, entries, sockets=self.sockets, gateway=self.gateway)


J = TypeVar("J", FrameJob, PushJob, ReachJob)


def _send(jobs: JobSender[J], job: J, failure: str) -> bool:
    try:
        jobs.send(job)
    except Exception:
        log.exception(failure, person_ref(job.user_id))
        return False
    return True


def post_entries(socket: Socket, entries: Sequence[LogEntry], *, sockets: Sockets, gateway: SocketGateway) -> bool:
    """Post to a socket the frames that are pushed to it. Store calls: those of `post_frame`."""
    frames = (entry.frame for entry in entries if entry.frame and socket.connection_id in entry.pushed_to)
    return all(post_frame(socket, frame, sockets=sockets, gateway=gateway) for frame in frames)


def post_frame(socket: Socket, frame: Frame, *, sockets: Sockets, gateway: SocketGateway) -> bool:
    """Post a frame to a socket; if it is not taken, end the socket and return False. Store calls: 0; 1 to end it."""
    posted = PostOutcome.FAILED
    try:
        posted = gateway.post(socket.connection_id, frame.text(), socket.host)
    except Exception:
        log.exception("connection %s of %s was not reached", socket.connection_id, person_ref(socket.user_id))
    PUSHES.add(channel="socket", outcome=posted.value)
    if posted is not PostOutcome.TAKEN:
        end_socket(socket, sockets=sockets, gateway=gateway, close=posted is PostOutcome.FAILED)
    return posted is PostOutcome.TAKEN


def end_socket(socket: Socket, *, sockets: Sockets, gateway: SocketGateway, close: bool = True) -> None:
    """Delete a socket and close it, each even if the other fails. Store calls: 1.

    A deleted socket that is still open receives nothing, and is closed when its client sends its next message.
    """
    closing = [partial(gateway.close, socket.connection_id, socket.host)] if close else []
    for step in (partial(sockets.remove, socket), *closing):
        try:
            step()
        except Exception:
            log.exception("connection %s of %s was not ended", socket.connection_id, person_ref(socket.user_id))
