"""What is to be done for a connection, such as telling the other desk that it was accepted. Stored first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.core.domain.fields import Out, timestamp
from chalicelib.core.domain.retries import Attempt, Outcome
from chalicelib.federation.connections.domain.peering import ACCEPT_PATH, END_PATH, Initiator, Peering, PeeringStatus

REQUEST_PATH = "/api/v2/connections"


class NoticeKind(StrEnum):
    """What the other desk is told; of `contact` it hears nothing: the peer becomes a contact here."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    CROSSED = "crossed"
    ENDED = "ended"
    CONTACT = "contact"

    @property
    def path(self) -> str:
        """Where the other desk is told so."""
        return {NoticeKind.REQUESTED: REQUEST_PATH, NoticeKind.ENDED: END_PATH}.get(self, ACCEPT_PATH)

    @property
    def is_answered(self) -> bool:
        """Whether what the other desk says to it decides what becomes of the connection."""
        return self in (NoticeKind.REQUESTED, NoticeKind.CROSSED)

    def still_holds(self, peering: Peering) -> bool:
        """Whether there is a point in it, as the connection stands now."""
        match self:
            case NoticeKind.REQUESTED:
                return peering.awaits_peer
            case NoticeKind.CROSSED:
                return peering.initiator is Initiator.PEER and peering.status is PeeringStatus.PENDING
            case NoticeKind.ENDED:
                return peering.status in (PeeringStatus.DECLINED, PeeringStatus.BLOCKED, PeeringStatus.EXPIRED)
        return peering.status is PeeringStatus.ACTIVE


class NoticeJob(Out):
    """The queue's message: this notice has an attempt due."""

    connection_id: str
    notice_id: str


@dataclass(frozen=True)
class Notice:
    """A notice over one connection; `body` is what it says.

    There is one of each id for a connection, however often it comes about. Tokens, and where we are reached, are
    added when it is sent.
    """

    connection_id: str
    notice_id: str
    kind: NoticeKind
    body: Mapping[str, Any]
    created_at: str
    outcome: Outcome = Outcome.PENDING
    next_attempt_at: str | None = None
    attempts: Sequence[Attempt] = ()

    @property
    def job(self) -> NoticeJob:
        return NoticeJob(connection_id=self.connection_id, notice_id=self.notice_id)


def acceptance(peering: Peering) -> NoticeJob:
    """By what the notice that the peer's request was accepted is found, if there is one."""
    return NoticeJob(connection_id=peering.connection_id, notice_id=NoticeKind.ACCEPTED.value)


def requested(peering: Peering, *, now: datetime) -> Notice:
    """The notice that asks the peer to be connected."""
    return _notice(peering, NoticeKind.REQUESTED, now, name=NoticeKind.REQUESTED.value)


def accepted(peering: Peering, *, now: datetime, kind: NoticeKind = NoticeKind.ACCEPTED) -> Notice:
    """The notice that a request of the peer's was accepted, be it because there is one of ours, too."""
    body = {
        "connectionId": peering.connection_id,
        "remoteConnectionId": peering.peer_connection_id,
        "acceptedByEmail": peering.user_email,
        "acceptedByName": peering.user_name,
    }
    return _notice(peering, kind, now, body, name=kind.value)


def ended(peering: Peering, *, now: datetime) -> Notice:
    """The notice that a request was declined or taken back, or a connection ended."""
    body = {"connectionId": peering.connection_id, "status": PeeringStatus.DECLINED.value}
    return _notice(peering, NoticeKind.ENDED, now, body)


def befriended(peering: Peering, *, now: datetime) -> Notice:
    """The task to make the peer a contact."""
    return _notice(peering, NoticeKind.CONTACT, now)


def follow_ups(to: Peering, over: Peering, *, now: datetime) -> list[Notice]:
    """What is to be done after a change by the connection's owner, or for want of an answer.

    Only desks of our kind can be told of an end; the others know no such word. Somebody who is blocked while they
    wait for an answer is told no more than who is declined.
    """
    status, before = to.status, over.status
    if status is before:
        return []
    if status is PeeringStatus.ACTIVE:
        was_asked = over.initiator is Initiator.PEER and before is PeeringStatus.PENDING
        return [accepted(to, now=now)] if was_asked else [befriended(to, now=now)]
    was_open = before is PeeringStatus.ACTIVE and status is PeeringStatus.DECLINED
    if (was_open or before is PeeringStatus.PENDING) and to.keys:
        return [ended(to, now=now)]
    return []


def _notice(
    peering: Peering, kind: NoticeKind, now: datetime, body: Mapping[str, Any] | None = None, name: str = ""
) -> Notice:
    # What may come about again after a change has that change's number in its id.
    notice_id, at = name or f"{kind.value}-{peering.version}", timestamp(now)
    return Notice(peering.connection_id, notice_id, kind, body or {}, at, next_attempt_at=at)
