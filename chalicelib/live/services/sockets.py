"""Open, resume and end sockets."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib.core.domain import bounds
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.person_refs import person_ref
from chalicelib.core.ports import JobSender
from chalicelib.live.domain.frames import FrameType, parse_position, signal_frame
from chalicelib.live.domain.sockets import LIFETIME, CatchUpJob, Socket
from chalicelib.live.services.notifier import end_socket, post_frame
from chalicelib.live.services.ports import Frames, SocketGateway, Sockets

log = logging.getLogger("fluxden")


def open_socket(
    connection_id: str,
    *,
    owner: ApiKey,
    key_hash: str,
    by_session: bool = False,
    last_id: str | None,
    by_browser: bool,
    agent_name: str,
    host: str,
    now: datetime,
    sockets: Sockets,
    frames: Frames,
    gateway: SocketGateway,
    work: JobSender[CatchUpJob],
) -> None:
    """Store a new socket, and queue its greeting and the frames after `last_id`, if that is a frame id.

    Nothing can be sent to the socket here, since the gateway opens it only after the reply. If the person has as many
    sockets as they may, the oldest are closed. Store and queue calls after authentication: 3, and 1 for each that is
    closed.

    Raises:
        Inactive: the key has ended since it was presented.
    """
    log_state = frames.find_log_state(owner.user_id, now=now)
    asked = parse_position(last_id) if last_id else None
    after = log_state.last.position if asked is None else asked
    ends = int((now + LIFETIME).timestamp())
    socket = Socket(
        connection_id=connection_id,
        user_id=owner.user_id,
        key_id=owner.key_id,
        key_hash=key_hash,
        areas=owner.permissions,
        opened_at=int(now.timestamp()),
        expires_at=min(ends, owner.expires_at or ends),
        sent_after=after,
        sent_to=after,
        by_browser=by_browser,
        agent_name=agent_name,
        host=host,
        by_session=by_session,
    )
    sockets.add(socket)
    work.send(CatchUpJob(user_id=owner.user_id, connection_id=connection_id, after=after))
    if surplus := _surplus(log_state.sockets):
        bounds.SOCKETS.note_met(owner.user_id)
    for each in surplus:
        reason = f"You have {bounds.SOCKETS.most} newer connections, which is as many as you can have."
        error = signal_frame(FrameType.ERROR, each.sent_to, now, error=reason, code="too-many-connections")
        if post_frame(each, error, sockets=sockets, gateway=gateway):
            end_socket(each, sockets=sockets, gateway=gateway)


def _surplus(opened: Sequence[Socket]) -> Sequence[Socket]:
    """Return the oldest sockets that have to make room for one more."""
    oldest_first = sorted(opened, key=lambda each: (each.opened_at, each.connection_id))
    return oldest_first[: max(0, len(opened) + 1 - bounds.SOCKETS.most)]


def resume_socket(socket: Socket, after: str, *, work: JobSender[CatchUpJob]) -> None:
    """Queue the frames after the frame `after` for the socket. Queue calls: 1."""
    position = parse_position(after)
    assert position is not None
    work.send(CatchUpJob(user_id=socket.user_id, connection_id=socket.connection_id, after=position, resumes=True))


def forget_socket(connection_id: str, *, now: datetime, sockets: Sockets) -> None:
    """Delete a socket that has ended. Store calls: 2; 1 if it is deleted already."""
    if socket := sockets.find(connection_id, now=now):
        sockets.remove(socket)


@dataclass(frozen=True)
class SocketCloser:
    """Closes the open sockets of a person or a key; it never fails its caller."""

    sockets: Sockets
    gateway: SocketGateway

    def close(self, user_id: str, *, key_id: str | None = None) -> None:
        """Close the person's open sockets, or those of one key. Store calls: 1, and 1 for each socket."""
        try:
            found = self.sockets.list_of(user_id)
        except Exception:
            log.exception("the connections of %s were not ended", person_ref(user_id))
            return
        for each in found:
            if key_id in (None, each.key_id):
                end_socket(each, sockets=self.sockets, gateway=self.gateway)
