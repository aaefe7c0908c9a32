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

from chalicelib.aws import dynamodb
from chalicelib.chat.domain.chat import Message
from chalicelib.chat.stores.chat import added_message
from chalicelib.core.domain.errors import RateLimited
from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import get_all, query
from chalicelib.core.stores.registrations import left_of_hour, one_more
from chalicelib.core.stores.writes import Refused, commit
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
from chalicelib.resources import DUE_INDEX, PEERS
from chalicelib.vault import seal, unseal

_NEW = "attribute_not_exists(pk)"
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


def token_hash(token: str) -> str:
    """By what a connection's token is known here."""
    return hashlib.sha256(token.encode()).hexdigest()


class DynamoConnections:
    def find_pair(self, user_id: str, peer_url: str, asked_as: str) -> Connection | None:
        """The connection of these two people that counts. Two store calls; one when there is none."""
        guards = get_all(PEERS, [_pair(user_id, peer_url, asked_as)])
        found = (
            get_all(PEERS, [connection_key(each["tokenHash"], each["connectionId"]) for each in guards])
            if guards
            else []
        )
        return from_row(found[0]) if found else None

    def find_by_token(self, token: str) -> list[Connection]:
        """The connections with this token, as their desks may use one for several; oldest first. One store call."""
        rows = _listed(f"TOKEN#{token_hash(token)}", "CONNECTION#")
        return sorted(map(from_row, rows), key=lambda each: (each.created_at, each.connection_id))

    def find(self, connection_id: str) -> Connection | None:
        """The connection. Two store calls; one when there is none."""
        pointers = get_all(PEERS, [_pointer(connection_id)])
        found = get_all(PEERS, [connection_key(pointers[0]["tokenHash"], connection_id)]) if pointers else []
        return from_row(found[0]) if found else None

    def list_own(self, user_id: str) -> list[Connection]:
        """The person's connections, oldest first; of a peer who asked again only the latest. Two store calls."""
        guards = _listed(f"USER#{user_id}", "PEER#")
        if not guards:
            return []
        found = get_all(PEERS, [connection_key(row["tokenHash"], row["connectionId"]) for row in guards])
        return sorted(map(from_row, found), key=lambda each: (each.created_at, each.connection_id))

    def is_connected(self, user_id: str, peer_url: str) -> bool:
        """Whether the person has an active connection to somebody of this desk. One store call."""
        found = _listed(f"USER#{user_id}", f"PEER#{peer_url}#")
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
        free = " OR ".join([_NEW, *(f"#status = :{name}" for name in counts)])
        named: Row = {
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": values(**counts),
        }
        actions = [
            _put(_guard(connection), free, **named),
            *_counted(connection),
            *_new(connection, token),
            *map(added_notice, notices),
            *([added_message(message)] if message else []),
        ]
        try:
            commit(actions, claim=claim, reply=reply or {})
        except Refused as refused:
            _check_number(connection, refused, place=1)
            met = refused.rows[0]
            # One of the same id was written by a retry below us.
            if met.get("connectionId") != connection.connection_id:
                return ConnectionState(
                    met["connectionId"], ConnectionStatus(met["status"]), Initiator(met["initiator"])
                )
        return connection

    def add_crossing(self, connection: Connection, token: str, *, notice: ConnectionNotice) -> None:
        """Keep a request that does not count until `notice` has it confirmed. Again changes nothing. One store call.

        Raises:
            RateLimited: too many have asked the user in this hour.
        """
        try:
            commit([*_counted(connection), *_new(connection, token), added_notice(notice)], claim=None, reply={})
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
        main: Row = {
            "TableName": PEERS.physical_name,
            "Key": to_item(connection_key(over.token_hash, over.connection_id)),
            "ConditionExpression": "version = :seen",
        }
        if connection == over:
            checked = main | {"ExpressionAttributeValues": values(seen=over.version)}
            return claim is None or _committed([{"ConditionCheck": checked}], claim, reply or {})
        columns = _columns(connection)
        sets = {name: columns[name] for name in _CHANGING}
        main |= {
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in sets),
            "ExpressionAttributeNames": {f"#{name}": name for name in sets},
            "ConditionExpression": "#version = :seen",
            "ExpressionAttributeValues": values(**sets, seen=over.version),
        }
        guard = {
            "TableName": PEERS.physical_name,
            "Key": to_item(_guard_key(over)),
            "UpdateExpression": "SET #status = :status",
            "ConditionExpression": "connectionId = :id",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": values(status=connection.status.value, id=over.connection_id),
        }
        counting: Action = {"Update": guard}
        if instead_of is not None:
            condition = "connectionId = :id AND #status = :status"
            counting = _put(
                _guard(connection),
                condition,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=values(id=instead_of.connection_id, status=instead_of.status.value),
            )
        actions: list[Action] = [{"Update": main}, counting, *map(added_notice, notices)]
        return _committed([*actions, *([added_message(message)] if message else [])], claim, reply or {})

    def list_unanswered(self, *, now: datetime, limit: int) -> Sequence[str]:
        """Some of the connections that were asked for too long ago, and may have been answered. One store call."""
        page = dynamodb().query(
            TableName=PEERS.physical_name,
            IndexName=DUE_INDEX,
            KeyConditionExpression="dueQueue = :queue AND dueAt <= :now",
            ExpressionAttributeValues=values(queue=_REQUESTS_QUEUE, now=timestamp(now)),
            Limit=limit,
        )
        return [from_item(dict(item))["pk"].removeprefix("CONNECTION#") for item in page["Items"]]

    def unwatch(self, connection_id: str) -> None:
        """Look at the connection for its age no more. One store call."""
        update = {
            "TableName": PEERS.physical_name,
            "Key": to_item(_pointer(connection_id)),
            "UpdateExpression": "REMOVE dueQueue, dueAt",
        }
        commit([{"Update": update}], claim=None, reply={})

    def is_current(self, connection: Connection) -> bool:
        """Whether no later request of the same two people has taken the connection's place. One store call."""
        found = get_all(PEERS, [_guard_key(connection)])
        return bool(found) and found[0]["connectionId"] == connection.connection_id

    def token_of(self, connection: Connection) -> str:
        """The connection's token, in clear. One store call.

        Raises:
            ValueError: the key that sealed it is not this deployment's, or none is set.
        """
        got = dynamodb().get_item(
            TableName=PEERS.physical_name,
            Key=to_item(connection_key(connection.token_hash, connection.connection_id)),
            ConsistentRead=True,
        )
        return unseal(from_item(dict(got["Item"]))["token"], place=_place(connection.connection_id))


def _new(connection: Connection, token: str) -> list[Action]:
    sealed = {"token": seal(token, place=_place(connection.connection_id)), **keys_due(connection)}
    return [
        _put(connection_key(connection.token_hash, connection.connection_id) | _columns(connection) | sealed, _NEW),
        _put(_pointer(connection.connection_id) | _pointed(connection), _NEW),
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
    return _guard_key(connection) | {
        "connectionId": connection.connection_id,
        "tokenHash": connection.token_hash,
        "status": connection.status.value,
        "initiator": connection.initiator.value,
    }


def _committed(actions: Sequence[Action], claim: Claim | None, reply: dict[str, Any]) -> bool:
    try:
        commit(actions, claim=claim, reply=reply)
    except Refused:
        return False
    return True


def _put(row: Row, condition: str, **more: Any) -> Action:
    request = {"TableName": PEERS.physical_name, "Item": to_item(row), "ConditionExpression": condition, **more}
    return {"Put": request | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}}


def _listed(pk: str, prefix: str) -> Sequence[Row]:
    return list(
        query(
            PEERS,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=values(pk=pk, prefix=prefix),
            ConsistentRead=True,
        )
    )


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
    return {
        "connectionId": connection.connection_id,
        "userId": connection.user_id,
        "userEmail": connection.user_email,
        "userName": connection.user_name,
        "peerUrl": connection.peer_url,
        "peerEmail": connection.peer_email,
        "askedAs": connection.asked_as,
        "peerName": connection.peer_name,
        "peerInstanceName": connection.peer_instance_name,
        "peerConnectionId": connection.peer_connection_id,
        "status": connection.status.value,
        "initiator": connection.initiator.value,
        "hmacEnabled": connection.hmac_enabled,
        "peerKeyId": key.key_id if key else None,
        "peerPublicKey": key.public_key if key else None,
        "nickname": connection.nickname,
        "peerNickname": connection.peer_nickname,
        "reason": connection.reason,
        "contactId": connection.contact_id,
        "createdAt": connection.created_at,
        "updatedAt": connection.updated_at,
        "version": connection.version,
    }


def from_row(row: Mapping[str, Any]) -> Connection:
    return Connection(
        connection_id=row["connectionId"],
        user_id=row["userId"],
        user_email=row["userEmail"],
        user_name=row["userName"],
        peer_url=row["peerUrl"],
        peer_email=row["peerEmail"],
        asked_as=row["askedAs"],
        peer_name=row["peerName"],
        peer_instance_name=row["peerInstanceName"],
        peer_connection_id=row["peerConnectionId"],
        token_hash=row["pk"].removeprefix("TOKEN#"),
        status=ConnectionStatus(row["status"]),
        initiator=Initiator(row["initiator"]),
        hmac_enabled=row["hmacEnabled"],
        peer_key=PeerKey(row["peerKeyId"], row["peerPublicKey"]) if row["peerKeyId"] else None,
        created_at=row["createdAt"],
        updated_at=row["updatedAt"],
        nickname=row["nickname"],
        peer_nickname=row["peerNickname"],
        reason=row["reason"],
        contact_id=row["contactId"],
        version=int(row["version"]),
        published=tuple(PeerKey(each["keyId"], each["publicKey"]) for each in row.get("publishedKeys", ())),
        keys_due_at=row.get("dueAt"),
        keys_tried_at=row.get("keysTriedAt"),
    )
