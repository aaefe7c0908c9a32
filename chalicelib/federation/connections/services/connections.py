"""Connections with people of other desks: listed and changed by their owners, confirmed and ended by their peers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.envelope import stored_envelope
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.fields import is_uuid, to_one_line
from chalicelib.core.domain.requests import RequestContext
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Proof
from chalicelib.federation.connections.domain.handshake import AcceptedIn, ConnectedAnswer, EndedIn
from chalicelib.federation.connections.domain.owned_connections import (
    ConnectionOut,
    ConnectionPatch,
    ConnectionsQuery,
    to_response,
)
from chalicelib.federation.connections.domain.transitions import Event, next_step, owner_step
from chalicelib.federation.connections.services.ports import Connections
from chalicelib.federation.connections.services.transitions import Ports, advance

_NO_CONNECTION = "There is no such connection."
_NOT_WAITING = "No connection request of this desk waits for you."
_ENDED = "the other desk has declined it"
_BUSY = "The connection is changed by too many requests at once. Try again."


def list_connections(query: ConnectionsQuery, *, owner: ApiKey, connections: Connections) -> list[ConnectionOut]:
    """List the owner's connections in the given state. Store calls after authentication: 2; 1 if there are none."""
    found: Sequence[Connection] = []
    if query.status in ("all", *ConnectionStatus):
        found = connections.list_own(owner.user_id)
    return [to_response(each) for each in found if query.status in ("all", each.status.value)]


def change_connection(
    connection_id: str, patch: ConnectionPatch, *, owner: ApiKey | None, context: RequestContext, ports: Ports
) -> ConnectionOut:
    """Accept, decline or block a connection of the owner, or change how it is signed; without `owner`, anybody's.

    A worker tells the peer that it was accepted, and a Fluxden desk also of an end. Store and queue calls after
    authentication: 3, and 1 to announce the notice.

    Raises:
        NotFound: there is no such connection, or it is somebody else's.
        Conflict: the connection can't go there from its state.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        found = ports.connections.find(connection_id) if is_uuid(connection_id) else None
        if found is None or found.held or (owner is not None and found.user_id != owner.user_id):
            raise NotFound(_NO_CONNECTION)
        step = owner_step(found, patch, now=context.now)
        answer = to_response(step.after)
        if advance(step, ports=ports, now=context.now, claim=context.claim, reply=stored_envelope(200, answer)):
            return answer
        if not ports.connections.is_current(found):
            raise Conflict("A later request has replaced this connection.")


def confirm_connection(
    given: AcceptedIn, connection: Connection, *, message_id: str, now: datetime, ports: Ports
) -> ConnectedAnswer:
    """Take note that the peer accepted a request of this desk; a repeat changes nothing.

    Store and queue calls after admission: 4, or none for a repeat.

    Raises:
        NotFound: the request was withdrawn meanwhile, or another desk was asked.
    """
    # The desk that was asked may have shown the token to a third one, where it pretends to be this desk.
    if not given.is_from(connection):
        raise NotFound(_NOT_WAITING)
    step = next_step(connection, Event.PEER_ACCEPTED, now=now, **_accepted_by(given, connection))
    if step is not None and not advance(step, ports=ports, message_id=message_id, now=now):
        found = ports.connections.find(connection.connection_id)
        if found is None or found.status is not ConnectionStatus.ACTIVE:
            raise NotFound(_NOT_WAITING)
    return ConnectedAnswer(success=True, connection_id=connection.connection_id, status=ConnectionStatus.ACTIVE)


def end_connection(
    given: EndedIn, connection: Connection, *, message_id: str, now: datetime, ports: Ports
) -> ConnectedAnswer:
    """Take note that the peer declined a request, withdrew one or ended the connection; a repeat changes nothing.

    Store calls after admission: 3, or none for a repeat.

    Raises:
        Unavailable: the connection is changed by many calls at once.
    """
    found: Connection | None = connection
    said = to_one_line(given.reason or "")
    reason = f"{_ENDED}, and says: {said}" if said else _ENDED
    attempts = Attempts(_BUSY)
    while attempts.again():
        step = next_step(found, Event.PEER_ENDED, now=now, reason=reason) if found else None
        if step is None or advance(step, ports=ports, message_id=message_id, now=now):
            return ConnectedAnswer(
                success=True, connection_id=connection.connection_id, status=ConnectionStatus.DECLINED
            )
        found = ports.connections.find(connection.connection_id)


def _accepted_by(given: AcceptedIn, connection: Connection) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "peer_connection_id": given.connection_id or connection.peer_connection_id,
        "peer_name": to_one_line(given.accepted_by_name or "") or connection.peer_name,
        # The token was sent to the address that was asked, and nowhere else.
        "proof": connection.proof or Proof.CALLBACK,
    }
    if given.fluxden and connection.peer_key is None:
        changes |= {"peer_key": given.fluxden.key, "hmac_enabled": True}
    return changes
