"""Carrying out the steps of a connection: stored in one write with what follows, then announced."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.core.domain.idempotency import Claim, StoredReply
from chalicelib.core.ports import JobAnnouncer
from chalicelib.federation.connections.domain.connection_notices import ConnectionNoticeJob
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.connections.domain.transitions import FollowUp, Step, follow_up
from chalicelib.federation.connections.services.ports import Connections
from chalicelib.live.services.ports import Notifier

Queue = JobAnnouncer[ConnectionNoticeJob]


@dataclass(frozen=True)
class Ports:
    """The ports of a step. Steps of the owner send the owner no message, so they need no notifier."""

    connections: Connections
    queue: Queue
    notifier: Notifier | None = None


def advance(
    step: Step,
    *,
    ports: Ports,
    now: datetime,
    message_id: str = "",
    instead_of: Connection | None = None,
    claim: Claim | None = None,
    reply: StoredReply | None = None,
) -> bool:
    """Store a step with what follows from it, then announce that; False if the connection has changed since.

    With `instead_of` the connection takes that one's place as the one that counts between the two people. Store and
    queue calls: 1, 1 for a notice, and what telling the owner takes.

    Raises:
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    after = step.after
    stored = follow_up(after, step.effects, message_id=message_id, now=now)
    saved = ports.connections.save(
        after,
        over=step.before,
        notices=stored.notices,
        message=stored.message,
        instead_of=instead_of,
        claim=claim,
        reply=reply,
    )
    if saved:
        announce(after, stored, queue=ports.queue, notifier=ports.notifier, now=now)
    return saved


def announce(
    connection: Connection, stored: FollowUp, *, queue: Queue, notifier: Notifier | None, now: datetime
) -> None:
    """Announce the stored notices to their worker, and the stored message or the request to the connection's owner."""
    for notice in stored.notices:
        queue.announce(notice.job)
    events = [*([stored.message.live_event] if stored.message else []), *([stored.event] if stored.event else [])]
    if events and notifier:
        notifier.notify(connection.user_id, *events, log_state=None, now=now)
