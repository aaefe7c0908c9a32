"""Notices: what a worker still has to do for a connection, such as telling the peer that it was accepted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.core.domain.fields import Out, timestamp
from chalicelib.core.domain.retries import Attempt, Outcome
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator
from chalicelib.federation.connections.domain.handshake import ACCEPT_PATH, END_PATH

REQUEST_PATH = "/api/v2/connections"


class ConnectionNoticeKind(StrEnum):
    """The content of a notice.

    `contact` sends nothing: it makes the peer a contact of the owner. `confirmation` asks the desk in whose name a
    request came whether it is its own. `removed` tells the peer of an end, if it has a body, and then has the
    connection's rows deleted.
    """

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    CROSSED = "crossed"
    ENDED = "ended"
    CONTACT = "contact"
    CONFIRMATION = "confirmation"
    REMOVED = "removed"

    @property
    def path(self) -> str:
        """The path at the peer's desk that takes the notice."""
        if self is ConnectionNoticeKind.REQUESTED:
            return REQUEST_PATH
        return END_PATH if self.is_of_an_end else ACCEPT_PATH

    @property
    def is_of_an_end(self) -> bool:
        """Whether it tells the peer that the connection ended."""
        return self in (ConnectionNoticeKind.ENDED, ConnectionNoticeKind.REMOVED)

    @property
    def is_answered(self) -> bool:
        """Whether the peer's answer to the notice decides the connection's next state."""
        return self in (ConnectionNoticeKind.REQUESTED, ConnectionNoticeKind.CROSSED, ConnectionNoticeKind.ACCEPTED)

    def still_holds(self, connection: Connection) -> bool:
        """Whether the notice still applies in the connection's present state."""
        match self:
            case ConnectionNoticeKind.REQUESTED:
                return connection.awaits_peer
            case ConnectionNoticeKind.CROSSED:
                return connection.initiator is Initiator.PEER and connection.status is ConnectionStatus.PENDING
            case ConnectionNoticeKind.CONFIRMATION:
                open_ = (ConnectionStatus.PENDING, ConnectionStatus.ACTIVE)
                return (connection.held or connection.proof is None) and connection.status in open_
            case ConnectionNoticeKind.REMOVED:
                return connection.removed
            case ConnectionNoticeKind.ENDED:
                return connection.status in (
                    ConnectionStatus.DECLINED,
                    ConnectionStatus.BLOCKED,
                    ConnectionStatus.EXPIRED,
                )
        return connection.status is ConnectionStatus.ACTIVE


class ConnectionNoticeJob(Out):
    """A message of the queue: an attempt at this notice is due."""

    connection_id: str
    notice_id: str


@dataclass(frozen=True)
class ConnectionNotice:
    """A notice about one connection. `notice_id` is unique within the connection, so a repeat stores nothing new.

    `body` is what it says, without the token and this desk's URL; the worker adds them when it sends.
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


def acceptance_job(connection: Connection) -> ConnectionNoticeJob:
    """Return the key of the notice that accepts the peer's request, whether or not it exists."""
    return ConnectionNoticeJob(connection_id=connection.connection_id, notice_id=ConnectionNoticeKind.ACCEPTED.value)


def request_notice(connection: Connection, *, now: datetime) -> ConnectionNotice:
    """Return the notice that asks the peer to connect."""
    return _once(connection, ConnectionNoticeKind.REQUESTED, now, {})


def acceptance_notice(connection: Connection, *, now: datetime) -> ConnectionNotice:
    """Return the notice that tells the peer its request was accepted."""
    return _once(connection, ConnectionNoticeKind.ACCEPTED, now, _acceptance(connection))


def crossing_notice(connection: Connection, *, now: datetime) -> ConnectionNotice:
    """Return the notice that accepts the peer's request because this desk has sent one as well."""
    return _once(connection, ConnectionNoticeKind.CROSSED, now, _acceptance(connection))


def confirmation_notice(
    connection: Connection, *, own_url: str, signed: Mapping[str, Any] | None, now: datetime
) -> ConnectionNotice:
    """Return the notice that asks the desk at the peer's address whether the request is its own.

    `own_url` is where the request arrived. `signed` is what its signature covers, if it has one.
    """
    body = {"to": own_url, "signed": signed}
    return _once(connection, ConnectionNoticeKind.CONFIRMATION, now, body)


def end_notice(connection: Connection, *, now: datetime) -> ConnectionNotice:
    """Return the notice that a request was declined or withdrawn, or the connection ended."""
    return _each_time(connection, ConnectionNoticeKind.ENDED, now, _end(connection))


def removal_job(connection: Connection) -> ConnectionNoticeJob:
    """Return the key of the notice that has a removed connection deleted."""
    return ConnectionNoticeJob(connection_id=connection.connection_id, notice_id=ConnectionNoticeKind.REMOVED.value)


def removal_notice(connection: Connection, *, before: Connection, now: datetime) -> ConnectionNotice:
    """Return the notice that has a removed connection deleted; a Fluxden desk is told if it was open `before`."""
    was_open = before.status in (ConnectionStatus.PENDING, ConnectionStatus.ACTIVE) and not before.held
    body = _end(connection) if was_open and connection.keys else {}
    return _once(connection, ConnectionNoticeKind.REMOVED, now, body)


def contact_task(connection: Connection, *, now: datetime) -> ConnectionNotice:
    """Return the task that makes the peer a contact."""
    return _each_time(connection, ConnectionNoticeKind.CONTACT, now, {})


def _end(connection: Connection) -> Mapping[str, Any]:
    body = {"connectionId": connection.connection_id, "status": ConnectionStatus.DECLINED.value}
    return body | ({"reason": connection.reason} if connection.reason else {})


def _acceptance(connection: Connection) -> Mapping[str, Any]:
    return {
        "connectionId": connection.connection_id,
        "remoteConnectionId": connection.peer_connection_id,
        "acceptedByEmail": connection.user_email,
        "acceptedByName": connection.user_name,
    }


def _once(
    connection: Connection, kind: ConnectionNoticeKind, now: datetime, body: Mapping[str, Any]
) -> ConnectionNotice:
    at = timestamp(now)
    return ConnectionNotice(connection.connection_id, kind.value, kind, body, at, next_attempt_at=at)


def _each_time(
    connection: Connection, kind: ConnectionNoticeKind, now: datetime, body: Mapping[str, Any]
) -> ConnectionNotice:
    # The version makes the id of a later notice of this kind another one.
    notice_id, at = f"{kind.value}-{connection.version}", timestamp(now)
    return ConnectionNotice(connection.connection_id, notice_id, kind, body, at, next_attempt_at=at)
