"""Heartbeats of open sockets: their position, and how they are sent without being asked for.

Functions send them in batches of people, each batch by a queue message. A host sends them to the sockets it holds.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.person_refs import person_ref
from chalicelib.live.domain.frames import Frame, FrameType, LogEntry, signal_frame
from chalicelib.live.domain.sockets import HEARTBEAT_SECONDS, HeartbeatJob, Socket
from chalicelib.live.services.notifier import end_socket, post_frame
from chalicelib.live.services.ports import Frames, HeartbeatJobs, Listeners, SocketGateway, Sockets

log = logging.getLogger("fluxden")

# A frame this old has been pushed to its sockets, unless its writer was stopped right after the write.
_SETTLED = timedelta(seconds=2)
# One that a worker pushes, unless the queue is longer behind than its alarm allows.
_SETTLED_BY_WORKER = timedelta(seconds=60)
_LOOKED_BACK = 20
# If so many frames are newer, so that a heartbeat's id never goes back.
_LOOKED_BACK_FURTHER = 500
_PEOPLE_PER_JOB = 100
_MOST_PEOPLE = 20_000


def new_heartbeat(
    socket: Socket, *, visible: bool | None = None, now: datetime, sockets: Sockets, frames: Frames
) -> Frame:
    """Return a heartbeat; its id is a position up to which the socket was sent everything.

    `visible` is whether the tab is that its client runs in, if it said so. Store calls: 2; 3 while 20 frames are newer
    than two seconds; 1 more about once a minute, to store that the tab is visible.

    Raises:
        NotFound: the socket has ended.
    """
    settled = _list_settled(socket.user_id, frames, now)
    known = sockets.find_progress(socket.user_id, socket.connection_id, now=now)
    if known is None:
        raise NotFound("The connection has ended.")
    if visible is not None and (shown := known.with_visibility(visible=visible, now=now)) != known:
        sockets.save_view(shown)
    return _heartbeat(known, settled, now)


def _list_settled(user_id: str, frames: Frames, now: datetime) -> Sequence[LogEntry]:
    """List the settled frames at the end of the log, to be read before the progress of a socket."""
    for limit in (_LOOKED_BACK, _LOOKED_BACK_FURTHER):
        entries = frames.list_last(user_id, limit=limit, now=now)
        found = [each for each in entries if _is_older(each, _SETTLED, now)]
        is_far_back = bool(found) and (not found[0].queued_for or _is_older(found[0], _SETTLED_BY_WORKER, now))
        if is_far_back or len(entries) < limit:
            break
    return found


def _is_older(entry: LogEntry, age: timedelta, now: datetime) -> bool:
    return entry.frame is not None and parse_timestamp(entry.frame.at) < now - age


def _heartbeat(socket: Socket, settled: Sequence[LogEntry], now: datetime) -> Frame:
    position = socket.sent_to
    for entry in settled if socket.live else []:
        if socket.connection_id in entry.queued_for and not _is_older(entry, _SETTLED_BY_WORKER, now):
            break
        position = max(position, entry.position)
    return signal_frame(FrameType.HEARTBEAT, position, now)


def queue_heartbeats(now: datetime, *, sockets: Listeners, jobs: HeartbeatJobs, gather: Callable[..., Any]) -> int:
    """Queue heartbeats for everybody who has open sockets, for now and for in half a minute.

    Return the number of people. Store calls: one for each shard of the index. Queue calls: 2 for 100 people, at the
    same time. A lost message is made good by the next run.
    """
    people = list(islice(sockets.list_listeners(), _MOST_PEOPLE + 1))
    if len(people) > _MOST_PEOPLE:
        log.error("more than %d people have open sockets; some get no heartbeats", _MOST_PEOPLE)
        people.pop()
    sends = []
    for first in range(0, len(people), _PEOPLE_PER_JOB):
        for delay in (0, HEARTBEAT_SECONDS):
            due = timestamp(now + timedelta(seconds=delay))
            job = HeartbeatJob(user_ids=people[first : first + _PEOPLE_PER_JOB], due_at=due)
            sends.append(partial(jobs.announce, job, delay=delay))
    gather(*sends)
    return len(people)


@dataclass(frozen=True)
class HeartbeatSender:
    """Sends heartbeats to sockets. A socket that does not take one is closed."""

    frames: Frames
    sockets: Sockets
    gateway: SocketGateway
    gather: Callable[..., Any]

    def run(self, job: HeartbeatJob, *, now: datetime) -> None:
        """Send a heartbeat to each socket of the people, unless the message is so late that the next has been sent.

        It never fails: another heartbeat follows in half a minute. Store calls in sequence: 2, and 1 more to delete
        sockets that are gone.
        """
        if now < parse_timestamp(job.due_at) + timedelta(seconds=HEARTBEAT_SECONDS):
            self.gather(*(partial(self._send_to_person, each, now) for each in job.user_ids))

    def send_to(self, connection_id: str, *, now: datetime) -> None:
        """Send a heartbeat to one socket if it has been greeted, and close it if it has ended.

        Store calls: 3; 1 if it has ended.
        """
        socket = self.sockets.find(connection_id, now=now)
        if socket is None:
            self.gateway.close(connection_id)
            return
        settled = _list_settled(socket.user_id, self.frames, now)
        known = self.sockets.find_progress(socket.user_id, connection_id, now=now)
        if known is None:
            end_socket(socket, sockets=self.sockets, gateway=self.gateway)
        elif known.greeted:
            post_frame(known, _heartbeat(known, settled, now), sockets=self.sockets, gateway=self.gateway)

    def _send_to_person(self, user_id: str, now: datetime) -> None:
        try:
            settled = _list_settled(user_id, self.frames, now)
            for each in self.sockets.list_of(user_id):
                if each.greeted and each.expires_at > now.timestamp():
                    post_frame(each, _heartbeat(each, settled, now), sockets=self.sockets, gateway=self.gateway)
        except Exception:
            log.exception("the connections of %s get no heartbeat", person_ref(user_id))
