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
    request came whether it is its own.
    """

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    CROSSED = "crossed"
    ENDED = "ended"
    CONTACT = "contact"
    CONFIRMATION = "confirmation"

    @property
    def path(self) -> str:
        """The path at the peer's desk that takes the notice."""
        return {ConnectionNoticeKind.REQUESTED: REQUEST_PATH, ConnectionNoticeKind.ENDED: END_PATH}.get(
            self, ACCEPT_PATH
        )

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
    body = {"connectionId": connection.connection_id, "status": ConnectionStatus.DECLINED.value}
    if connection.reason:
        body["reason"] = connection.reason
    return _each_time(connection, ConnectionNoticeKind.ENDED, now, body)


def contact_task(connection: Connection, *, now: datetime) -> ConnectionNotice:
    """Return the task that makes the peer a contact."""
    return _each_time(connection, ConnectionNoticeKind.CONTACT, now, {})


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
