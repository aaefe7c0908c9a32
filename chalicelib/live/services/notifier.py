"""Telling a person's open connections what happened: into their log first, then onto every socket."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from chalicelib.core.ports import JobSender
from chalicelib.live.domain.connections import Connection, Posted
from chalicelib.live.domain.frames import Entry, Frame, News, Standing
from chalicelib.live.domain.push import NudgeJob
from chalicelib.live.services.ports import Frames, SocketGateway, Sockets

log = logging.getLogger("fluxden")


@dataclass(frozen=True)
class Notifier:
    """Tells people's open connections what happened. It never fails the call that has news: that has had its effect.

    What a connection does not take is in the log, and one that can't be told is closed: its client comes back and
    resumes.
    """

    frames: Frames
    connections: Sockets
    sockets: SocketGateway
    together: Callable[..., list[Any]]
    nudges: JobSender[NudgeJob] | None = None

    def standing(self, user_id: str, *, now: datetime) -> Standing | None:
        """Where the person's log stands, for `notify`; to be asked for while something else is done. One store call."""
        try:
            return self.frames.find_standing(user_id, now=now)
        except Exception:
            log.exception("the log of frames of %s was not read", user_id)
            return None

    def notify(self, user_id: str, *news: News, standing: Standing | None, now: datetime) -> bool:
        """Tell the person's connections `news`; whether one of them took it, or is told by its catch-up in a moment.

        Where nobody has listened for a day, news of the inbox is not written down: it is in the inbox.
        Store calls in sequence: 1; 2 without a standing; 1 more to forget connections that are gone. A nudge to
        browsers, where nobody hears what is worth one, is queued at the same time.
        """
        try:
            standing = standing or self.frames.find_standing(user_id, now=now)
            if standing.concerns_nobody(*(each.type for each in news)):
                return False
            nudge = self._nudge(user_id, news, standing, now)
            if not standing.is_followed and all(each.is_in_the_inbox for each in news):
                if nudge:
                    nudge()
                return False
            append = partial(self.frames.append, user_id, news, standing, now=now)
            entries: Sequence[Entry] = self.together(append, nudge)[0] if nudge else append()
        except Exception:
            log.exception("%s was not told of %s", user_id, ", ".join(each.type for each in news))
            return False
        listeners = {each.connection_id: each for entry in entries for each in entry.listeners}
        posts = [
            partial(self._post_all, each, [entry for entry in entries if each.connection_id in entry.names])
            for each in listeners.values()
        ]
        taken = any(self.together(*posts) if len(posts) > 1 else [post() for post in posts])
        return taken or any(standing.is_caught_up_with(each, now=now) for each in news)

    def _nudge(
        self, user_id: str, news: Sequence[News], standing: Standing, now: datetime
    ) -> Callable[[], None] | None:
        urgencies = [each.urgency for each in news if each.urgency and not standing.is_heard(each, now=now)]
        if self.nudges is None or not standing.browsers or not urgencies:
            return None
        job = NudgeJob(user_id=user_id, urgency=urgencies[0])
        return partial(_send, self.nudges, job)

    def _post_all(self, connection: Connection, entries: Sequence[Entry]) -> bool:
        frames = (entry.frame for entry in entries if entry.frame)
        return all(post(connection, frame, connections=self.connections, sockets=self.sockets) for frame in frames)


def _send(nudges: JobSender[NudgeJob], job: NudgeJob) -> None:
    try:
        nudges.send(job)
    except Exception:
        log.exception("the browsers of %s are not nudged", job.user_id)


def post(connection: Connection, frame: Frame, *, connections: Sockets, sockets: SocketGateway) -> bool:
    """Post a frame to a connection; False when that has ended, or is ended now. Store calls: 0; 1 to forget it."""
    posted = Posted.FAILED
    try:
        posted = sockets.post(connection.connection_id, frame.text())
    except Exception:
        log.exception("connection %s of %s was not reached", connection.connection_id, connection.user_id)
    if posted is not Posted.TAKEN:
        end(connection, connections=connections, sockets=sockets, close=posted is Posted.FAILED)
    return posted is Posted.TAKEN


def end(connection: Connection, *, connections: Sockets, sockets: SocketGateway, close: bool = True) -> None:
    """Forget a connection, and close it; neither hangs on the other. Store calls: 1.

    One that is forgotten is told no more, and closed at its client's next word should it still be open.
    """
    closing = [partial(sockets.close, connection.connection_id)] if close else []
    for step in (partial(connections.remove, connection), *closing):
        try:
            step()
        except Exception:
            log.exception("connection %s of %s was not ended", connection.connection_id, connection.user_id)
