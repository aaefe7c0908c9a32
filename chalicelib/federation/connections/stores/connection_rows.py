"""The rows of connections in the table `peers` (see connections): their keys, and how they are written and read."""

import hashlib
from collections.abc import Mapping
from typing import Any

from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.federation.connections.domain.connections import (
    Connection,
    ConnectionState,
    ConnectionStatus,
    PeerKey,
    Proof,
)
from chalicelib.vault import seal, unseal

KEYS_QUEUE, REQUESTS_QUEUE = "peer-keys", "connection-requests"
# The attributes of a connection that can change.
CHANGING = (
    "status",
    "hmacEnabled",
    "peerName",
    "peerEmail",
    "peerConnectionId",
    "peerKeyId",
    "peerPublicKey",
    "reason",
    "contactId",
    "proof",
    "held",
    "removed",
    "peerUrl",
    "updatedAt",
    "version",
)

PEER_KEY = Codec(PeerKey)
_STATE = Codec(ConnectionState)
_CONNECTION = Codec(Connection, without=("token_hash", "peer_key", "published", "keys_due_at", "keys_tried_at"))


def token_hash(token: str) -> str:
    """Hash a connection's token, as its key has it."""
    return hashlib.sha256(token.encode()).hexdigest()


def connection_key(hashed: str, connection_id: str) -> Row:
    """Return the key of a connection's row."""
    return {"pk": f"TOKEN#{hashed}", "sk": f"CONNECTION#{connection_id}"}


def key_of(connection: Connection) -> Row:
    """Return the key of a connection's row."""
    return connection_key(connection.token_hash, connection.connection_id)


def pointer_key(connection_id: str) -> Row:
    """Return the key of the row that finds a connection by its id."""
    return {"pk": f"CONNECTION#{connection_id}", "sk": "CONNECTION"}


def pair_key(user_id: str, peer_url: str, asked_as: str) -> Row:
    """Return the key of the row with the connection that counts between two people."""
    return {"pk": f"USER#{user_id}", "sk": f"PEER#{peer_url}#{asked_as}"}


def pair_key_of(connection: Connection) -> Row:
    """Return the key of the row with the connection that counts between the connection's two people."""
    return pair_key(connection.user_id, connection.peer_url, connection.asked_as)


def sealed_token(connection_id: str, token: str) -> Row:
    """Return the attribute that keeps a connection's token, sealed for the connection.

    Raises:
        ValueError: this deployment has no key to seal with.
    """
    return {"token": seal(token, place=_place(connection_id))}


def unsealed_token(row: Mapping[str, Any]) -> str:
    """Return the token of a connection's row in clear.

    Raises:
        ValueError: it was sealed with another deployment's key, or none is set.
    """
    return unseal(row["token"], place=_place(row["connectionId"]))


def to_pair_row(connection: Connection) -> Row:
    """Convert a connection to the row that makes it the one that counts between its two people."""
    return pair_key_of(connection) | _STATE.to_row(connection.state) | {"tokenHash": connection.token_hash}


def state_from_pair_row(row: Mapping[str, Any]) -> ConnectionState:
    """Convert a pair's row to the state of its connection."""
    return _STATE.from_row(row)


def to_pointer_row(connection: Connection) -> Row:
    """Convert a connection to the row that finds it by id. A request is due there until it has an answer."""
    row = pointer_key(connection.connection_id) | {
        "tokenHash": connection.token_hash,
        "userId": connection.user_id,
    }
    return row | due_columns(connection)


def due_columns(connection: Connection) -> Row:
    """Return the attributes that make a request end when nobody answers it; none for what is answered or held."""
    if connection.held or connection.status is not ConnectionStatus.PENDING:
        return {}
    until = parse_timestamp(connection.created_at) + connection.answered_within
    return {"dueQueue": REQUESTS_QUEUE, "dueAt": timestamp(until)}


def keys_due(connection: Connection) -> Row:
    """Return the attributes that make a connection due for fetching its peer's keys; none if it is not."""
    return {} if connection.keys_due_at is None else {"dueQueue": KEYS_QUEUE, "dueAt": connection.keys_due_at}


def to_columns(connection: Connection) -> Row:
    """Convert a connection to its attributes, without the token and the published keys."""
    key = connection.peer_key
    peer_key = {"peerKeyId": key.key_id if key else None, "peerPublicKey": key.public_key if key else None}
    return _CONNECTION.to_row(connection) | peer_key


def from_row(row: Mapping[str, Any]) -> Connection:
    """Convert a row to its connection.

    A row from before proofs were kept is confirmed if every message must be signed with a published key.
    """
    if "proof" not in row and row.get("publishedKeys"):
        row = {**row, "proof": Proof.SIGNATURE.value}
    return _CONNECTION.from_row(
        row,
        token_hash=row["pk"].removeprefix("TOKEN#"),
        peer_key=PeerKey(row["peerKeyId"], row["peerPublicKey"]) if row["peerKeyId"] else None,
        published=tuple(map(PEER_KEY.from_row, row.get("publishedKeys", ()))),
        keys_due_at=row.get("dueAt"),
        keys_tried_at=row.get("keysTriedAt"),
    )


def _place(connection_id: str) -> str:
    return f"CONNECTION#{connection_id}/TOKEN"
