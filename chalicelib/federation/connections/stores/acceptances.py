"""Audit entries about connections that nobody here accepted: the desk accepts every request that proves its origin."""

from uuid import uuid4

from chalicelib.core.domain.audit import Actor, ActorKind, AuditEntry, Credential, Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.ports import Action
from chalicelib.core.stores.audit_trail import put_entry_action
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus


def acceptance_actions(connection: Connection) -> list[Action]:
    """Return the action that stores the entry, if the connection is active without anybody's doing."""
    if connection.status is not ConnectionStatus.ACTIVE:
        return []
    entry = AuditEntry(
        str(uuid4()),
        parse_timestamp(connection.updated_at),
        AuditKind.CONNECTION_ACCEPT,
        Actor(ActorKind.PEER, connection.peer_url, Credential.CONNECTION, connection.connection_id),
        Subject("connection", connection.connection_id, connection.user_id),
        details={"automatic": "yes", "proof": connection.proof.value if connection.proof else "none"},
    )
    return [put_entry_action(entry)]
