"""The table `peers`: connections with people of other desks.

TOKEN#<SHA-256>  / CONNECTION#<id>  the connection: its columns, the token sealed (see vault), version; the keys that
                                    its peer publishes (see peer_keys)
TOKEN#<SHA-256>  / BUDGET           see peer_budgets
CONNECTION#<id>  / CONNECTION       tokenHash, userId: never changed; dueQueue, dueAt: when it ends for want of an
                                    answer, unless it has one by then
USER#<id>        / PEER#<base URL>#<address>   connectionId, tokenHash, status, initiator: the one that counts of
                                    those between the two people, which a new request replaces once it was declined or
                                    blocked, or has expired
CONNECTION#<id>  / NOTICE#<id>      see peer_notices
FEDERATION       / SETTINGS, KEY    see federation_settings

What comes over a connection is found by its token, in one read. The first three are written in one transaction. When
both people ask at the same time, one of the requests is kept without the third row until the other desk has confirmed
it; then it takes the place of the other one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.chat.domain.chat import Message
from chalicelib.chat.stores.chat import added_message
from chalicelib.core.domain.errors import RateLimited
from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import NEW, assignments, check, put, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, get_all, list_due, query_partition
from chalicelib.core.stores.registrations import left_of_hour, one_more
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.federation.connections.domain.connection_notices import ConnectionNotice
from chalicelib.federation.connections.domain.connections import (
    ANSWERED_WITHIN,
    MOST_REQUESTS_AN_HOUR,
    Connection,
    ConnectionState,
    ConnectionStatus,
    Initiator,
    PeerKey,
)
from chalicelib.federation.connections.stores.connection_budgets import added_budget
from chalicelib.federation.connections.stores.connection_notices import added_notice
from chalicelib.resources import PEERS
from chalicelib.vault import seal, unseal

KEYS_QUEUE = "peer-keys"
_REQUESTS_QUEUE = "connection-requests"
# What of a connection may change.
_CHANGING = (
    "status",
    "hmacEnabled",
    "peerName",
    "peerEmail",
    "peerConnectionId",
    "peerKeyId",
    "peerPublicKey",
    "reason",
    "contactId",
    "updatedAt",
    "version",
)

PEER_KEY = Codec(PeerKey)
_STATE = Codec(ConnectionState)
_CONNECTION = Codec(Connection, without=("token_hash", "peer_key", "published", "keys_due_at", "keys_tried_at"))


def token_hash(token: str) -> str:
    """By what a connection's token is known here."""
    return hashlib.sha256(token.encode()).hexdigest()


class DynamoConnections:
    def find_pair(self, user_id: str, peer_url: str, asked_as: str) -> Connection | None:
        """The connection of these two people that counts. Two store calls; one when there is none."""
        guards = get_all(PEERS, [_pair(user_id, peer_url, asked_as)])
        found = _from_guards(guards)
        return found[0] if found else None

    def find_by_token(self, token: str) -> list[Connection]:
        """The connections with this token, as their desks may use one for several; oldest first. One store call."""
        rows = query_partition(PEERS, f"TOKEN#{token_hash(token)}", "CONNECTION#")
        return sorted(map(from_row, rows), key=lambda each: (each.created_at, each.connection_id))

    def find(self, connection_id: str) -> Connection | None:
        """The connection. Two store calls; one when there is none."""
        pointers = get_all(PEERS, [_pointer(connection_id)])
        found = get_all(PEERS, [connection_key(pointers[0]["tokenHash"], connection_id)]) if pointers else []
        return from_row(found[0]) if found else None

    def list_own(self, user_id: str) -> list[Connection]:
        """The person's connections, oldest first; of a peer who asked again only the latest. Two store calls."""
        found = _from_guards(list(query_partition(PEERS, f"USER#{user_id}", "PEER#")))
        return sorted(found, key=lambda each: (each.created_at, each.connection_id))

    def is_connected(self, user_id: str, peer_url: str) -> bool:
        """Whether the person has an active connection to somebody of this desk. One store call."""
        found = query_partition(PEERS, f"USER#{user_id}", f"PEER#{peer_url}#")
        return any(row["status"] == ConnectionStatus.ACTIVE for row in found)

    def add(
        self,
        connection: Connection,
        token: str,
        *,
        after: ConnectionStatus | None,
        message: Message | None,
        notices: Sequence[ConnectionNotice] = (),
        claim: Claim | None = None,
        reply: dict[str, Any] | None = None,
    ) -> Connection | ConnectionState:
        """Store a new connection, unless the two people have one that counts; and with it what its users are told.

        One that was declined or has expired does not count, nor with `after` one in that state. Returns the
        connection, or what is known of the one there is. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
            RateLimited: it was asked for by the peer, as were too many of the user's in this hour.
        """
        counts: Row = {"declined": ConnectionStatus.DECLINED.value, "expired": ConnectionStatus.EXPIRED.value}
        counts |= {"after": after.value} if after else {}
        free = " OR ".join([NEW, *(f"#status = :{name}" for name in counts)])
        actions = [
            put(PEERS, _guard(connection), free, **counts),
            *_counted(connection),
            *_new(connection, token),
            *map(added_notice, notices),
            *([added_message(message)] if message else []),
        ]
        try:
            commit(actions, claim=claim, reply=reply)
        except Refused as refused:
            _check_number(connection, refused, place=1)
            met = refused.rows[0]
            # One of the same id was written by a retry below us.
            if met.get("connectionId") != connection.connection_id:
                return _STATE.from_row(met)
        return connection

    def add_crossing(self, connection: Connection, token: str, *, notice: ConnectionNotice) -> None:
        """Keep a request that does not count until `notice` has it confirmed. Again changes nothing. One store call.

        Raises:
            RateLimited: too many have asked the user in this hour.
        """
        try:
            commit([*_counted(connection), *_new(connection, token), added_notice(notice)])
        except Refused as refused:
            _check_number(connection, refused, place=0)

    def save(
        self,
        connection: Connection,
        *,
        over: Connection,
        notices: Sequence[ConnectionNotice] = (),
        message: Message | None = None,
        instead_of: Connection | None = None,
        claim: Claim | None = None,
        reply: dict[str, Any] | None = None,
    ) -> bool:
        """Replace `over` by `connection`, and store what follows; False when it has changed, or does not count.

        With `instead_of` it comes to count in that one's place. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        key = connection_key(over.token_hash, over.connection_id)
        if connection == over:
            unchanged = check(PEERS, key, "version = :seen", seen=over.version)
            return claim is None or try_commit([unchanged], claim=claim, reply=reply)
        columns = _columns(connection)
        sets = {name: columns[name] for name in _CHANGING}
        change = update(PEERS, key, f"SET {assignments(sets)}", "#version = :seen", **sets, seen=over.version)
        guard = update(
            PEERS,
            _guard_key(over),
            "SET #status = :status",
            "connectionId = :id",
            status=connection.status.value,
            id=over.connection_id,
        )
        if instead_of is not None:
            condition = "connectionId = :id AND #status = :status"
            status = instead_of.status.value
            guard = put(PEERS, _guard(connection), condition, id=instead_of.connection_id, status=status)
        actions = [change, guard, *map(added_notice, notices), *([added_message(message)] if message else [])]
        return try_commit(actions, claim=claim, reply=reply)

    def list_unanswered(self, *, now: datetime, limit: int) -> Sequence[str]:
        """Some of the connections that were asked for too long ago, and may have been answered. One store call."""
        rows = list_due(PEERS, _REQUESTS_QUEUE, now=now, limit=limit)
        return [row["pk"].removeprefix("CONNECTION#") for row in rows]

    def unwatch(self, connection_id: str) -> None:
        """Look at the connection for its age no more. One store call."""
        commit([update(PEERS, _pointer(connection_id), "REMOVE dueQueue, dueAt")])

    def is_current(self, connection: Connection) -> bool:
        """Whether no later request of the same two people has taken the connection's place. One store call."""
        found = get_all(PEERS, [_guard_key(connection)])
        return bool(found) and found[0]["connectionId"] == connection.connection_id

    def token_of(self, connection: Connection) -> str:
        """The connection's token, in clear. One store call.

        Raises:
            ValueError: the key that sealed it is not this deployment's, or none is set.
        """
        row = get(PEERS, connection_key(connection.token_hash, connection.connection_id))
        assert row is not None, "a connection is never deleted"
        return unseal(row["token"], place=_place(connection.connection_id))


def _from_guards(guards: Sequence[Row]) -> list[Connection]:
    keys = [connection_key(each["tokenHash"], each["connectionId"]) for each in guards]
    return list(map(from_row, get_all(PEERS, keys))) if keys else []


def _new(connection: Connection, token: str) -> list[Action]:
    sealed = {"token": seal(token, place=_place(connection.connection_id)), **keys_due(connection)}
    return [
        put_new(PEERS, connection_key(connection.token_hash, connection.connection_id) | _columns(connection) | sealed),
        put_new(PEERS, _pointer(connection.connection_id) | _pointed(connection)),
        added_budget(connection.token_hash),
    ]


def _counted(connection: Connection) -> list[Action]:
    if connection.initiator is Initiator.US:
        return []
    asked_at = parse_timestamp(connection.created_at)
    return [one_more(asked_at, most=MOST_REQUESTS_AN_HOUR, of=f"REQUESTS#{connection.user_id}")]


def _check_number(connection: Connection, refused: Refused, *, place: int) -> None:
    """Tell whoever was refused for the number of requests alone, which is counted at this place."""
    if connection.initiator is Initiator.PEER and list(refused.failed) == [place]:
        wait = left_of_hour(parse_timestamp(connection.created_at))
        raise RateLimited("Too many have asked this person within this hour.", retry_after=wait) from refused


def _guard(connection: Connection) -> Row:
    state = ConnectionState(connection.connection_id, connection.status, connection.initiator)
    return _guard_key(connection) | _STATE.to_row(state) | {"tokenHash": connection.token_hash}


def keys_due(connection: Connection) -> Row:
    """The columns of a connection whose peer's keys are to be asked for; none where they are not."""
    return {} if connection.keys_due_at is None else {"dueQueue": KEYS_QUEUE, "dueAt": connection.keys_due_at}


def connection_key(hashed: str, connection_id: str) -> Row:
    return {"pk": f"TOKEN#{hashed}", "sk": f"CONNECTION#{connection_id}"}


def _pointer(connection_id: str) -> Row:
    return {"pk": f"CONNECTION#{connection_id}", "sk": "CONNECTION"}


def _guard_key(connection: Connection) -> Row:
    return _pair(connection.user_id, connection.peer_url, connection.asked_as)


def _pair(user_id: str, peer_url: str, asked_as: str) -> Row:
    return {"pk": f"USER#{user_id}", "sk": f"PEER#{peer_url}#{asked_as}"}


def _pointed(connection: Connection) -> Row:
    row: Row = {"tokenHash": connection.token_hash, "userId": connection.user_id}
    if connection.status is ConnectionStatus.PENDING:
        until = parse_timestamp(connection.created_at) + ANSWERED_WITHIN
        row |= {"dueQueue": _REQUESTS_QUEUE, "dueAt": timestamp(until)}
    return row


def _place(connection_id: str) -> str:
    return f"CONNECTION#{connection_id}/TOKEN"


def _columns(connection: Connection) -> Row:
    key = connection.peer_key
    peer_key = {"peerKeyId": key.key_id if key else None, "peerPublicKey": key.public_key if key else None}
    return _CONNECTION.to_row(connection) | peer_key


def from_row(row: Mapping[str, Any]) -> Connection:
    """Convert a connection's own row."""
    return _CONNECTION.from_row(
        row,
        token_hash=row["pk"].removeprefix("TOKEN#"),
        peer_key=PeerKey(row["peerKeyId"], row["peerPublicKey"]) if row["peerKeyId"] else None,
        published=tuple(map(PEER_KEY.from_row, row.get("publishedKeys", ()))),
        keys_due_at=row.get("dueAt"),
        keys_tried_at=row.get("keysTriedAt"),
    )
