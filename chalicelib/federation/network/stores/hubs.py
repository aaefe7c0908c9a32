"""Hubs whose networks this desk belongs to, in the table `network`.

MEMBERSHIPS / <hub's URL>      name, status, keyHash, sealedKey: the key this desk registers with, made before the hub
                               is asked; joins; since it has answered instanceId, sealedToken, joinedAt; what came of
                               heartbeats; dueQueue, dueAt: when the next is due
HUBS / <our id at the hub>     sealedKey: the same key, by the id with which the hub asks for its proof; hubUrl

While this desk is a member the key is an instance key here (see instances), so that the hub's word is believed.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.ports import Action
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import query
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.federation.network.domain.instances import hash_of
from chalicelib.federation.network.domain.membership import (
    HeartbeatOutcome,
    Membership,
    MembershipStatus,
    RegistrationAnswer,
)
from chalicelib.federation.network.stores.instances import holding
from chalicelib.resources import DUE_INDEX, NETWORK
from chalicelib.vault import seal, unseal

_MEMBERSHIPS, _HUBS, _QUEUE = "MEMBERSHIPS", "HUBS", "hub-heartbeats"


class DynamoHubs:
    def find_key(self, instance_id: str) -> str | None:
        """The key with which this desk registered at the hub that knows it by this id. One store call.

        Raises:
            ValueError: it was sealed with another deployment's key.
        """
        row = _get(hub_key(instance_id))
        if row is None:
            return None
        return unseal(row["sealedKey"], place=place_of(instance_id))

    def list_memberships(self) -> list[Membership]:
        """Every hub this desk has asked or joined, by URL, read consistently. One store call."""
        found = query(
            NETWORK,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=values(pk=_MEMBERSHIPS),
            ConsistentRead=True,
        )
        return [_membership(row) for row in found]

    def prepare(self, hub_url: str, name: str, key: str) -> tuple[Membership, str]:
        """How this desk stands with the hub, and the key to register with: `key`, unless there was one before.

        Stored before the hub is asked, it is the same when its answer is lost. One store call; two more when there
        was one.

        Raises:
            ValueError: the deployment has no key to seal it with, or the key that sealed it is another's.
        """
        made = Membership(hub_url, name, MembershipStatus.JOINING, hash_of(key))
        row = _key(hub_url) | {
            "name": name,
            "status": made.status.value,
            "keyHash": made.key_hash,
            "sealedKey": seal(key, place=_place(hub_url, "KEY")),
            "joins": 0,
        }
        put = {"TableName": NETWORK.physical_name, "Item": to_item(row)}
        try:
            commit([{"Put": put | {"ConditionExpression": "attribute_not_exists(pk)"}}], claim=None, reply={})
        except Refused:
            found = _get(_key(hub_url))
            assert found is not None, "a membership is never deleted"
            known = unseal(found["sealedKey"], place=_place(hub_url, "KEY"))
            renamed = _set(hub_url, "SET #name = :name", None, name=name)
            return _membership(renamed or found), known
        return made, key

    def join(self, membership: Membership, key: str, said: RegistrationAnswer, *, now: datetime) -> bool:
        """Note what the hub has answered, and believe its word from now on.

        False when something else came between, or another hub has given this desk the same id. The first
        heartbeat is due at once. One store call.
        """
        sets = {
            "status": said.membership_status.value,
            "instanceId": said.instance_id,
            "sealedToken": seal(said.platform_token, place=_place(membership.hub_url, "TOKEN")),
            "joinedAt": timestamp(now),
            "failures": 0,
            "joins": membership.joins + 1,
            "dueQueue": _QUEUE,
            "dueAt": timestamp(now),
        }
        update = _request(membership.hub_url, sets, removed=("lastError", "lastFailureAt"))
        update["ConditionExpression"] = "joins = :seen"
        update["ExpressionAttributeValues"] |= values(seen=membership.joins)
        proof = hub_key(said.instance_id) | {
            "sealedKey": seal(key, place=place_of(said.instance_id)),
            "hubUrl": membership.hub_url,
        }
        actions: list[Action] = [
            {"Update": update},
            {
                "Put": {
                    "TableName": NETWORK.physical_name,
                    "Item": to_item(proof),
                    # Else one hub could take the place of another, by the id it gives.
                    "ConditionExpression": "attribute_not_exists(pk) OR hubUrl = :hub",
                    "ExpressionAttributeValues": values(hub=membership.hub_url),
                }
            },
            holding(membership.key_hash, membership.hub_url, holds=True),
        ]
        if membership.instance_id not in (None, said.instance_id):
            actions.append(_forgotten(membership))
        return _done(actions)

    def leave(self, membership: Membership) -> bool:
        """Send no more heartbeats, and believe the hub no more; False when something else came between.

        The key is kept, since the hub knows this desk by it. One store call.
        """
        update = _request(
            membership.hub_url,
            {"status": MembershipStatus.LEFT.value, "joins": membership.joins + 1},
            removed=("dueQueue", "dueAt", "sealedToken"),
        )
        update["ConditionExpression"] = "joins = :seen"
        update["ExpressionAttributeValues"] |= values(seen=membership.joins)
        actions: list[Action] = [{"Update": update}, holding(membership.key_hash, membership.hub_url, holds=False)]
        return _done([*actions, *([_forgotten(membership)] if membership.instance_id else [])])

    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """Some of the hubs that are due a heartbeat, each with since when. One store call."""
        page = dynamodb().query(
            TableName=NETWORK.physical_name,
            IndexName=DUE_INDEX,
            KeyConditionExpression="dueQueue = :queue AND dueAt <= :now",
            ExpressionAttributeValues=values(queue=_QUEUE, now=timestamp(now)),
            Limit=limit,
        )
        rows = [from_item(dict(item)) for item in page["Items"]]
        return [(row["sk"], row["dueAt"]) for row in rows]

    def take(self, hub_url: str, due_at: str, *, until: datetime) -> tuple[Membership, str] | None:
        """The membership and its token, sealed, to send the heartbeat that was due; None when another run has it.

        Should this run not record it, the next is due at `until`. One store call.
        """
        row = _set(hub_url, "SET dueAt = :until", "dueAt = :due", until=timestamp(until), due=due_at)
        return (_membership(row), row["sealedToken"]) if row else None

    def token_of(self, membership: Membership, sealed: str) -> str:
        """The token, in clear.

        Raises:
            ValueError: the key that sealed it is not this deployment's, or none is set.
        """
        return unseal(sealed, place=_place(membership.hub_url, "TOKEN"))

    def record(self, membership: Membership, outcome: HeartbeatOutcome, *, now: datetime) -> None:
        """Note what came of a heartbeat, unless this desk has joined anew or left since. One store call."""
        sets: Row = {"status": outcome.status.value, "dueAt": timestamp(outcome.next_at)}
        removed: tuple[str, ...] = ()
        if outcome.error is not None:
            sets |= {"failures": membership.failures + 1, "lastError": outcome.error, "lastFailureAt": timestamp(now)}
        elif outcome.status is MembershipStatus.ACTIVE:
            sets |= {"failures": 0, "lastSuccessAt": timestamp(now)}
            removed = ("lastError",)
        if outcome.token is not None:
            sets["sealedToken"] = seal(outcome.token, place=_place(membership.hub_url, "TOKEN"))
        update = _request(membership.hub_url, sets, removed=removed)
        update["ConditionExpression"] = "joins = :seen"
        update["ExpressionAttributeValues"] |= values(seen=membership.joins)
        _done([{"Update": update}])


def hub_key(instance_id: str) -> Row:
    return {"pk": _HUBS, "sk": instance_id}


def place_of(instance_id: str) -> str:
    """What the key of this row is sealed for."""
    return f"HUBS/{instance_id}"


def _key(hub_url: str) -> Row:
    return {"pk": _MEMBERSHIPS, "sk": hub_url}


def _place(hub_url: str, secret: str) -> str:
    return f"{_MEMBERSHIPS}/{hub_url}/{secret}"


def _forgotten(membership: Membership) -> Action:
    assert membership.instance_id is not None
    return {"Delete": {"TableName": NETWORK.physical_name, "Key": to_item(hub_key(membership.instance_id))}}


def _get(key: Row) -> Row | None:
    got = dynamodb().get_item(TableName=NETWORK.physical_name, Key=to_item(key), ConsistentRead=True)
    return from_item(dict(got["Item"])) if "Item" in got else None


def _request(hub_url: str, sets: Row, *, removed: Sequence[str]) -> dict[str, Any]:
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in sets)
    return {
        "TableName": NETWORK.physical_name,
        "Key": to_item(_key(hub_url)),
        "UpdateExpression": expression + (f" REMOVE {', '.join(removed)}" if removed else ""),
        "ExpressionAttributeNames": {f"#{name}": name for name in sets},
        "ExpressionAttributeValues": values(**sets),
    }


def _set(hub_url: str, expression: str, condition: str | None, **named: Any) -> Row | None:
    request: dict[str, Any] = {
        "TableName": NETWORK.physical_name,
        "Key": to_item(_key(hub_url)),
        "UpdateExpression": expression,
        "ExpressionAttributeValues": values(**named),
        "ReturnValues": "ALL_NEW",
    }
    if condition is not None:
        request["ConditionExpression"] = condition
    if "#name" in expression:
        request["ExpressionAttributeNames"] = {"#name": "name"}
    try:
        done = dynamodb().update_item(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return None
    return from_item(dict(done["Attributes"]))


def _done(actions: Sequence[Action]) -> bool:
    try:
        commit(actions, claim=None, reply={})
    except Refused:
        return False
    return True


def _membership(row: Row) -> Membership:
    return Membership(
        hub_url=row["sk"],
        name=row["name"],
        status=MembershipStatus(row["status"]),
        key_hash=row["keyHash"],
        instance_id=row.get("instanceId"),
        joined_at=row.get("joinedAt"),
        next_heartbeat_at=row.get("dueAt"),
        last_success_at=row.get("lastSuccessAt"),
        last_failure_at=row.get("lastFailureAt"),
        last_error=row.get("lastError"),
        failures=int(row.get("failures", 0)),
        joins=int(row["joins"]),
    )
