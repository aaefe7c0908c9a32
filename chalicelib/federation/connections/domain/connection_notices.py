"""What is to be done for a connection, such as telling the other desk that it was accepted. Stored first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.core.domain.fields import Out, timestamp
from chalicelib.core.domain.retries import Attempt, Outcome
from chalicelib.federation.connections.domain.connections import (
    ACCEPT_PATH,
    END_PATH,
    Connection,
    ConnectionStatus,
    Initiator,
)

REQUEST_PATH = "/api/v2/connections"


class ConnectionNoticeKind(StrEnum):
    """What the other desk is told; of `contact` it hears nothing: the peer becomes a contact here."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    CROSSED = "crossed"
    ENDED = "ended"
    CONTACT = "contact"

    @property
    def path(self) -> str:
        """Where the other desk is told so."""
        return {ConnectionNoticeKind.REQUESTED: REQUEST_PATH, ConnectionNoticeKind.ENDED: END_PATH}.get(
            self, ACCEPT_PATH
        )

    @property
    def is_answered(self) -> bool:
        """Whether what the other desk says to it decides what becomes of the connection."""
        return self in (ConnectionNoticeKind.REQUESTED, ConnectionNoticeKind.CROSSED)

    def still_holds(self, connection: Connection) -> bool:
        """Whether there is a point in it, as the connection stands now."""
        match self:
            case ConnectionNoticeKind.REQUESTED:
                return connection.awaits_peer
            case ConnectionNoticeKind.CROSSED:
                return connection.initiator is Initiator.PEER and connection.status is ConnectionStatus.PENDING
            case ConnectionNoticeKind.ENDED:
                return connection.status in (
                    ConnectionStatus.DECLINED,
                    ConnectionStatus.BLOCKED,
                    ConnectionStatus.EXPIRED,
                )
        return connection.status is ConnectionStatus.ACTIVE


class ConnectionNoticeJob(Out):
    """The queue's message: this notice has an attempt due."""

    connection_id: str
    notice_id: str


@dataclass(frozen=True)
class ConnectionNotice:
    """A notice over one connection; `body` is what it says.

    There is one of each id for a connection, however often it comes about. Tokens, and where we are reached, are
    added when it is sent.
    """

    connection_id: str
    notice_id: str
    kind: ConnectionNoticeKind
    body: Mapping[str, Any]
    created_at: str
    outcome: Outcome = Outcome.PENDING
    next_attempt_at: str | None = None
    attempts: Sequence[Attempt] = ()

    @property
    def job(self) -> ConnectionNoticeJob:
        return ConnectionNoticeJob(connection_id=self.connection_id, notice_id=self.notice_id)


def acceptance(connection: Connection) -> ConnectionNoticeJob:
    """By what the notice that the peer's request was accepted is found, if there is one."""
    return ConnectionNoticeJob(connection_id=connection.connection_id, notice_id=ConnectionNoticeKind.ACCEPTED.value)


def requested(connection: Connection, *, now: datetime) -> ConnectionNotice:
    """The notice that asks the peer to be connected."""
    return _notice(connection, ConnectionNoticeKind.REQUESTED, now, name=ConnectionNoticeKind.REQUESTED.value)


def accepted(
    connection: Connection, *, now: datetime, kind: ConnectionNoticeKind = ConnectionNoticeKind.ACCEPTED
) -> ConnectionNotice:
    """The notice that a request of the peer's was accepted, be it because there is one of ours, too."""
    body = {
        "connectionId": connection.connection_id,
        "remoteConnectionId": connection.peer_connection_id,
        "acceptedByEmail": connection.user_email,
        "acceptedByName": connection.user_name,
    }
    return _notice(connection, kind, now, body, name=kind.value)


def ended(connection: Connection, *, now: datetime) -> ConnectionNotice:
    """The notice that a request was declined or taken back, or a connection ended."""
    body = {"connectionId": connection.connection_id, "status": ConnectionStatus.DECLINED.value}
    return _notice(connection, ConnectionNoticeKind.ENDED, now, body)


def befriended(connection: Connection, *, now: datetime) -> ConnectionNotice:
    """The task to make the peer a contact."""
    return _notice(connection, ConnectionNoticeKind.CONTACT, now)


def follow_ups(to: Connection, over: Connection, *, now: datetime) -> list[ConnectionNotice]:
    """What is to be done after a change by the connection's owner, or for want of an answer.

    Only desks of our kind can be told of an end; the others know no such word. Somebody who is blocked while they
    wait for an answer is told no more than who is declined.
    """
    status, before = to.status, over.status
    if status is before:
        return []
    if status is ConnectionStatus.ACTIVE:
        was_asked = over.initiator is Initiator.PEER and before is ConnectionStatus.PENDING
        return [accepted(to, now=now)] if was_asked else [befriended(to, now=now)]
    was_open = before is ConnectionStatus.ACTIVE and status is ConnectionStatus.DECLINED
    if (was_open or before is ConnectionStatus.PENDING) and to.keys:
        return [ended(to, now=now)]
    return []


def _notice(
    connection: Connection,
    kind: ConnectionNoticeKind,
    now: datetime,
    body: Mapping[str, Any] | None = None,
    name: str = "",
) -> ConnectionNotice:
    # What may come about again after a change has that change's number in its id.
    notice_id, at = name or f"{kind.value}-{connection.version}", timestamp(now)
    return ConnectionNotice(connection.connection_id, notice_id, kind, body or {}, at, next_attempt_at=at)
