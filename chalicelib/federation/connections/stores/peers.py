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
from chalicelib.federation.connections.domain.peer_notices import Notice
from chalicelib.federation.connections.domain.peering import (
    ANSWERED_WITHIN,
    MOST_REQUESTS_AN_HOUR,
    Initiator,
    Peering,
    PeeringStatus,
    PeerKey,
    Standing,
)
from chalicelib.federation.connections.stores.peer_budgets import added_budget
from chalicelib.federation.connections.stores.peer_notices import added_notice
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


class DynamoPeers:
    def find_pair(self, user_id: str, peer_url: str, asked_as: str) -> Peering | None:
        """The connection of these two people that counts. Two store calls; one when there is none."""
        guards = get_all(PEERS, [_pair(user_id, peer_url, asked_as)])
        found = (
            get_all(PEERS, [connection_key(each["tokenHash"], each["connectionId"]) for each in guards])
            if guards
            else []
        )
        return peering_of(found[0]) if found else None

    def find_by_token(self, token: str) -> list[Peering]:
        """The connections with this token, as their desks may use one for several; oldest first. One store call."""
        rows = _listed(f"TOKEN#{token_hash(token)}", "CONNECTION#")
        return sorted(map(peering_of, rows), key=lambda each: (each.created_at, each.connection_id))

    def find(self, connection_id: str) -> Peering | None:
        """The connection. Two store calls; one when there is none."""
        pointers = get_all(PEERS, [_pointer(connection_id)])
        found = get_all(PEERS, [connection_key(pointers[0]["tokenHash"], connection_id)]) if pointers else []
        return peering_of(found[0]) if found else None

    def list_own(self, user_id: str) -> list[Peering]:
        """The person's connections, oldest first; of a peer who asked again only the latest. Two store calls."""
        guards = _listed(f"USER#{user_id}", "PEER#")
        if not guards:
            return []
        found = get_all(PEERS, [connection_key(row["tokenHash"], row["connectionId"]) for row in guards])
        return sorted(map(peering_of, found), key=lambda each: (each.created_at, each.connection_id))

    def is_connected(self, user_id: str, peer_url: str) -> bool:
        """Whether the person has an active connection to somebody of this desk. One store call."""
        found = _listed(f"USER#{user_id}", f"PEER#{peer_url}#")
        return any(row["status"] == PeeringStatus.ACTIVE for row in found)

    def add(
        self,
        peering: Peering,
        token: str,
        *,
        after: PeeringStatus | None,
        message: Message | None,
        notices: Sequence[Notice] = (),
        claim: Claim | None = None,
        reply: dict[str, Any] | None = None,
    ) -> Peering | Standing:
        """Store a new connection, unless the two people have one that counts; and with it what its users are told.

        One that was declined or has expired does not count, nor with `after` one in that state. Returns the
        connection, or what is known of the one there is. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
            RateLimited: it was asked for by the peer, as were too many of the user's in this hour.
        """
        counts: Row = {"declined": PeeringStatus.DECLINED.value, "expired": PeeringStatus.EXPIRED.value}
        counts |= {"after": after.value} if after else {}
        free = " OR ".join([_NEW, *(f"#status = :{name}" for name in counts)])
        named: Row = {
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": values(**counts),
        }
        actions = [
            _put(_guard(peering), free, **named),
            *_counted(peering),
            *_new(peering, token),
            *map(added_notice, notices),
            *([added_message(message)] if message else []),
        ]
        try:
            commit(actions, claim=claim, reply=reply or {})
        except Refused as refused:
            _check_number(peering, refused, place=1)
            met = refused.rows[0]
            # One of the same id was written by a retry below us.
            if met.get("connectionId") != peering.connection_id:
                return Standing(met["connectionId"], PeeringStatus(met["status"]), Initiator(met["initiator"]))
        return peering

    def add_crossing(self, peering: Peering, token: str, *, notice: Notice) -> None:
        """Keep a request that does not count until `notice` has it confirmed. Again changes nothing. One store call.

        Raises:
            RateLimited: too many have asked the user in this hour.
        """
        try:
            commit([*_counted(peering), *_new(peering, token), added_notice(notice)], claim=None, reply={})
        except Refused as refused:
            _check_number(peering, refused, place=0)

    def save(
        self,
        peering: Peering,
        *,
        over: Peering,
        notices: Sequence[Notice] = (),
        message: Message | None = None,
        instead_of: Peering | None = None,
        claim: Claim | None = None,
        reply: dict[str, Any] | None = None,
    ) -> bool:
        """Replace `over` by `peering`, and store what follows; False when it has changed, or does not count.

        With `instead_of` it comes to count in that one's place. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        main: Row = {
            "TableName": PEERS.physical_name,
            "Key": to_item(connection_key(over.token_hash, over.connection_id)),
            "ConditionExpression": "version = :seen",
        }
        if peering == over:
            checked = main | {"ExpressionAttributeValues": values(seen=over.version)}
            return claim is None or _committed([{"ConditionCheck": checked}], claim, reply or {})
        columns = _columns(peering)
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
            "ExpressionAttributeValues": values(status=peering.status.value, id=over.connection_id),
        }
        counting: Action = {"Update": guard}
        if instead_of is not None:
            condition = "connectionId = :id AND #status = :status"
            counting = _put(
                _guard(peering),
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

    def is_current(self, peering: Peering) -> bool:
        """Whether no later request of the same two people has taken the connection's place. One store call."""
        found = get_all(PEERS, [_guard_key(peering)])
        return bool(found) and found[0]["connectionId"] == peering.connection_id

    def token_of(self, peering: Peering) -> str:
        """The connection's token, in clear. One store call.

        Raises:
            ValueError: the key that sealed it is not this deployment's, or none is set.
        """
        got = dynamodb().get_item(
            TableName=PEERS.physical_name,
            Key=to_item(connection_key(peering.token_hash, peering.connection_id)),
            ConsistentRead=True,
        )
        return unseal(from_item(dict(got["Item"]))["token"], place=_place(peering.connection_id))


def _new(peering: Peering, token: str) -> list[Action]:
    sealed = {"token": seal(token, place=_place(peering.connection_id)), **keys_due(peering)}
    return [
        _put(connection_key(peering.token_hash, peering.connection_id) | _columns(peering) | sealed, _NEW),
        _put(_pointer(peering.connection_id) | _pointed(peering), _NEW),
        added_budget(peering.token_hash),
    ]


def _counted(peering: Peering) -> list[Action]:
    if peering.initiator is Initiator.US:
        return []
    asked_at = parse_timestamp(peering.created_at)
    return [one_more(asked_at, most=MOST_REQUESTS_AN_HOUR, of=f"REQUESTS#{peering.user_id}")]


def _check_number(peering: Peering, refused: Refused, *, place: int) -> None:
    """Tell whoever was refused for the number of requests alone, which is counted at this place."""
    if peering.initiator is Initiator.PEER and list(refused.failed) == [place]:
        wait = left_of_hour(parse_timestamp(peering.created_at))
        raise RateLimited("Too many have asked this person within this hour.", retry_after=wait) from refused


def _guard(peering: Peering) -> Row:
    return _guard_key(peering) | {
        "connectionId": peering.connection_id,
        "tokenHash": peering.token_hash,
        "status": peering.status.value,
        "initiator": peering.initiator.value,
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


def keys_due(peering: Peering) -> Row:
    """The columns of a connection whose peer's keys are to be asked for; none where they are not."""
    return {} if peering.keys_due_at is None else {"dueQueue": KEYS_QUEUE, "dueAt": peering.keys_due_at}


def connection_key(hashed: str, connection_id: str) -> Row:
    return {"pk": f"TOKEN#{hashed}", "sk": f"CONNECTION#{connection_id}"}


def _pointer(connection_id: str) -> Row:
    return {"pk": f"CONNECTION#{connection_id}", "sk": "CONNECTION"}


def _guard_key(peering: Peering) -> Row:
    return _pair(peering.user_id, peering.peer_url, peering.asked_as)


def _pair(user_id: str, peer_url: str, asked_as: str) -> Row:
    return {"pk": f"USER#{user_id}", "sk": f"PEER#{peer_url}#{asked_as}"}


def _pointed(peering: Peering) -> Row:
    row: Row = {"tokenHash": peering.token_hash, "userId": peering.user_id}
    if peering.status is PeeringStatus.PENDING:
        until = parse_timestamp(peering.created_at) + ANSWERED_WITHIN
        row |= {"dueQueue": _REQUESTS_QUEUE, "dueAt": timestamp(until)}
    return row


def _place(connection_id: str) -> str:
    return f"CONNECTION#{connection_id}/TOKEN"


def _columns(peering: Peering) -> Row:
    key = peering.peer_key
    return {
        "connectionId": peering.connection_id,
        "userId": peering.user_id,
        "userEmail": peering.user_email,
        "userName": peering.user_name,
        "peerUrl": peering.peer_url,
        "peerEmail": peering.peer_email,
        "askedAs": peering.asked_as,
        "peerName": peering.peer_name,
        "peerInstanceName": peering.peer_instance_name,
        "peerConnectionId": peering.peer_connection_id,
        "status": peering.status.value,
        "initiator": peering.initiator.value,
        "hmacEnabled": peering.hmac_enabled,
        "peerKeyId": key.key_id if key else None,
        "peerPublicKey": key.public_key if key else None,
        "nickname": peering.nickname,
        "peerNickname": peering.peer_nickname,
        "reason": peering.reason,
        "contactId": peering.contact_id,
        "createdAt": peering.created_at,
        "updatedAt": peering.updated_at,
        "version": peering.version,
    }


def peering_of(row: Mapping[str, Any]) -> Peering:
    return Peering(
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
        status=PeeringStatus(row["status"]),
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
