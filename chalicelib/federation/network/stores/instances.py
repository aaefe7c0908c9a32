"""The table `network`: instances that have registered here.

INSTANCES     / <id>      an instance: name, baseUrl, status, keyHash, tokenHash, sealedKey (see vault), what it says
                          of itself, what it takes part in; dueQueue, dueAt: when it is silent, unless it is heard
                          before; staleSince: it has been silent since
BASEURL#<url> / INSTANCE  instanceId, approved: one instance for each normalised base URL
NETWORK       / STANDING  see standing

Their credentials are rows of the table `tokens`: PLATFORM#<hash> (instanceId), and INSTANCE#<hash>, whose `holders`
are the active instances with this key; it is none where there is no holder. What changes together is written in one
transaction, so a token ends with the moment another takes its place or its instance is suspended.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import NotFound, RateLimited, Unavailable
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import query
from chalicelib.core.stores.registrations import left_of_hour, one_more
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.federation.network.domain.instance_notices import InstanceNotice
from chalicelib.federation.network.domain.instances import Instance, InstanceStatus, NetworkStats
from chalicelib.federation.network.stores import network_stats
from chalicelib.federation.network.stores.instance_notices import put_notice
from chalicelib.ids import InstanceCredential, MintedToken
from chalicelib.resources import NETWORK, TOKENS
from chalicelib.tokens.stores.token_rows import START
from chalicelib.vault import seal, unseal

_INSTANCES = "INSTANCES"
_ATTEMPTS = 8
STALE_QUEUE = "silent-instances"
_REPORTED = ("name", "version", "userCount", "agentCount", "capabilities")


class DynamoInstances:
    def find(self, instance_id: str) -> Instance | None:
        """The instance, read consistently. One store call."""
        row = _get(instance_key(instance_id))
        return _instance(row) if row else None

    def find_by_url(self, base_url: str) -> Instance | None:
        """The instance with this normalised base URL. Two store calls; one when there is none."""
        row = _get(_address(base_url))
        return self.find(row["instanceId"]) if row else None

    def list_instances(self) -> list[Instance]:
        """Every instance, by registration. One store call per megabyte."""
        found = query(
            NETWORK,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=values(pk=_INSTANCES),
            ConsistentRead=True,
        )
        return sorted(map(_instance, found), key=lambda each: (each.registered_at, each.instance_id))

    def add(
        self, instance: Instance, token: MintedToken, instance_key_text: str, *, most_an_hour: int, now: datetime
    ) -> bool:
        """Store a new instance with its first token; False when there is one at its base URL. One store call.

        Raises:
            RateLimited: as many new ones as there may be have registered in this hour.
            Unavailable: this deployment has no key to seal the instance's with.
        """
        row = instance_key(instance.instance_id) | _columns(instance)
        row["sealedKey"] = _sealed(instance_key_text, instance.instance_id)
        address = _address(instance.base_url) | {"instanceId": instance.instance_id, "approved": instance.is_active}
        try:
            commit(
                [
                    *(_put_new(NETWORK.physical_name, each) for each in (address, row)),
                    _new_token(instance, token),
                    one_more(now, most=most_an_hour),
                ],
                claim=None,
                reply={},
            )
        except Refused as refused:
            if 0 not in refused.failed:
                raise RateLimited(
                    "Too many instances have registered in this hour.", retry_after=left_of_hour(now)
                ) from refused
            return False
        return True

    def renew(self, instance: Instance, token: MintedToken, *, over: Instance) -> bool:
        """Store what the instance says of itself now, and make `token` its only one; False when `over` has changed.

        One store call.
        """
        told = {name: value for name, value in _columns(instance).items() if name in _REPORTED}
        told["tokenHash"] = token.secret_hash
        update = _update(over, told, "tokenHash = :seenToken AND #seenStatus = :seenStatus")
        update["Update"]["ExpressionAttributeNames"]["#seenStatus"] = "status"
        update["Update"]["ExpressionAttributeValues"] |= values(seenToken=over.token_hash, seenStatus=over.status.value)
        old: Action = {"Delete": {"TableName": TOKENS.physical_name, "Key": to_item(_token_key(over.token_hash))}}
        try:
            commit([update, old, _new_token(over, token)], claim=None, reply={})
        except Refused:
            return False
        return True

    def note(self, instance_id: str, told: Mapping[str, Any]) -> Instance:
        """Store some of what the instance says of itself, by its names on the wire. One store call.

        Raises:
            NotFound: there is no such instance any more.
        """
        request = _set(instance_id, told) | {"ConditionExpression": "attribute_exists(pk)", "ReturnValues": "ALL_NEW"}
        client = dynamodb()
        try:
            done = client.update_item(**request)
        except client.exceptions.ConditionalCheckFailedException as error:
            raise NotFound("There is no such instance.") from error
        return _instance(from_item(dict(done["Attributes"])))

    def hear(self, instance_id: str, told: Mapping[str, Any], *, stale_at: str) -> Instance:
        """Store what a heartbeat says, and that the instance is stale unless it is heard again before `stale_at`.

        One store call; two more when it was stale.

        Raises:
            NotFound: there is no such instance any more.
            Unavailable: it is being changed by many calls at once.
        """
        watched = {**told, "dueQueue": STALE_QUEUE, "dueAt": stale_at}
        client = dynamodb()
        for _ in range(_ATTEMPTS):
            request = _set(instance_id, watched)
            request["ConditionExpression"] = "attribute_exists(pk) AND attribute_not_exists(staleSince)"
            try:
                done = client.update_item(**request, ReturnValues="ALL_NEW")
            except client.exceptions.ConditionalCheckFailedException:
                pass
            else:
                return _instance(from_item(dict(done["Attributes"])))
            request["UpdateExpression"] += " REMOVE staleSince"
            request["ConditionExpression"] = "attribute_exists(staleSince)"
            try:
                commit(
                    [{"Update": request}, network_stats.mark_stale_action(instance_id, stale=False)],
                    claim=None,
                    reply={},
                )
            except Refused as refused:
                if self.find(instance_id) is None:
                    raise NotFound("There is no such instance.") from refused
        raise Unavailable("The instance is being changed by many calls at once.")

    def link(self, instance_id: str, *, enabled: bool, at: str, claim: Claim | None, reply: dict[str, Any]) -> None:
        """Have the instance take part in the marketplace, or not. One store call.

        Raises:
            NotFound: it is not, or no longer, active.
            AlreadyAnswered: the claim has been used; nothing was done.
        """
        told = {"marketplaceEnabled": enabled, "updatesEnabled": True, "lastSyncAt": at}
        told |= {"discoveryEnabled": True} if enabled else {}
        request = _set(instance_id, told)
        request["ConditionExpression"] = "#seenStatus = :active"
        request["ExpressionAttributeNames"]["#seenStatus"] = "status"
        request["ExpressionAttributeValues"] |= values(active=InstanceStatus.ACTIVE.value)
        try:
            commit(
                [{"Update": request}, network_stats.marketplace_action(instance_id, enabled=enabled)],
                claim=claim,
                reply=reply,
            )
        except Refused as refused:
            raise NotFound("There is no such instance.") from refused

    def set_status(self, instance: Instance, *, over: Instance, notice: InstanceNotice | None) -> bool:
        """Trust the instance, or no longer, with all its credentials and agents; False when `over` has changed.

        One store call.
        """
        update = _update(
            over,
            {"status": instance.status.value},
            "tokenHash = :seenToken AND #status = :seenStatus AND marketplaceEnabled = :seenEnabled",
        )
        update["Update"]["ExpressionAttributeValues"] |= values(
            seenToken=over.token_hash, seenStatus=over.status.value, seenEnabled=over.marketplace_enabled
        )
        actions = [
            update,
            _set_approved(instance),
            _token_status(instance),
            *([put_notice(notice)] if notice else []),
        ]
        if instance.is_active != over.is_active:
            actions += [
                network_stats.count_instance_action(instance),
                holding(over.key_hash, over.instance_id, holds=instance.is_active),
            ]
        try:
            commit(actions, claim=None, reply={})
        except Refused:
            return False
        return True

    def key_of(self, instance_id: str) -> str:
        """The key that the instance has registered with. One store call.

        Raises:
            NotFound: there is no such instance.
            ValueError: it was sealed with another deployment's key.
        """
        row = _get(instance_key(instance_id))
        if row is None:
            raise NotFound("There is no such instance.")
        return unsealed_key(row)

    def find_network_stats(self) -> NetworkStats:
        """How the network stands, read consistently. One store call."""
        return network_stats.find_network_stats()

    def is_approved(self, base_url: str) -> bool:
        """Whether the instance with this normalised base URL is active. One store call."""
        row = _get(_address(base_url))
        return bool(row and row["approved"])


def instance_key(instance_id: str) -> Row:
    return {"pk": _INSTANCES, "sk": instance_id}


def holding(key_hash: str, holder: str, *, holds: bool) -> Action:
    """The part of a transaction with which a holder's instance key is accepted here, or no longer on its account."""
    request: dict[str, Any] = {
        "TableName": TOKENS.physical_name,
        "Key": to_item({"pk": f"{InstanceCredential.INSTANCE.name}#{key_hash}"}),
        "UpdateExpression": "DELETE holders :holder",
        "ExpressionAttributeValues": values(holder={holder}),
    }
    if holds:
        start = {**START, "secretHash": key_hash, "dailyLimit": 0}
        sets = ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in start)
        request["UpdateExpression"] = f"SET {sets} ADD holders :holder"
        request["ExpressionAttributeNames"] = {f"#{name}": name for name in start}
        request["ExpressionAttributeValues"] |= values(**start)
    return {"Update": request}


def unsealed_key(row: Row) -> str:
    """The instance's own key, from its row.

    Raises:
        ValueError: it was sealed with another deployment's key.
    """
    return unseal(row["sealedKey"], place=_place(row["sk"]))


def _sealed(text: str, instance_id: str) -> str:
    try:
        return seal(text, place=_place(instance_id))
    except ValueError as error:
        raise Unavailable("This desk is not set up to keep secrets; its operator has to set its key.") from error


def _place(instance_id: str) -> str:
    return f"{_INSTANCES}/{instance_id}"


def _get(key: Row) -> Row | None:
    got = dynamodb().get_item(TableName=NETWORK.physical_name, Key=to_item(key), ConsistentRead=True)
    return from_item(dict(got["Item"])) if "Item" in got else None


def _address(base_url: str) -> Row:
    return {"pk": f"BASEURL#{base_url}", "sk": "INSTANCE"}


def _token_key(token_hash: str) -> Row:
    return {"pk": f"{InstanceCredential.PLATFORM.name}#{token_hash}"}


def _new_token(instance: Instance, token: MintedToken) -> Action:
    own = {"secretHash": token.secret_hash, "instanceId": instance.instance_id, "dailyLimit": 0}
    return _put_new(TOKENS.physical_name, _token_key(token.secret_hash) | START | own | _status_of(instance))


def _status_of(instance: Instance) -> Row:
    return {"status": (TokenStatus.ACTIVE if instance.is_active else TokenStatus.DISABLED).value}


def _token_status(instance: Instance) -> Action:
    return {
        "Update": {
            "TableName": TOKENS.physical_name,
            "Key": to_item(_token_key(instance.token_hash)),
            "UpdateExpression": "SET #status = :status",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": values(**_status_of(instance)),
        }
    }


def _set_approved(instance: Instance) -> Action:
    return {
        "Update": {
            "TableName": NETWORK.physical_name,
            "Key": to_item(_address(instance.base_url)),
            "UpdateExpression": "SET approved = :approved",
            "ExpressionAttributeValues": values(approved=instance.is_active),
        }
    }


def _put_new(table: str, row: Row) -> Action:
    return {"Put": {"TableName": table, "Item": to_item(row), "ConditionExpression": "attribute_not_exists(pk)"}}


def _set(instance_id: str, told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "TableName": NETWORK.physical_name,
        "Key": to_item(instance_key(instance_id)),
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in told),
        "ExpressionAttributeNames": {f"#{name}": name for name in told},
        "ExpressionAttributeValues": values(**told),
    }


def _update(over: Instance, told: Mapping[str, Any], condition: str) -> Action:
    return {"Update": _set(over.instance_id, told) | {"ConditionExpression": condition}}


def _columns(instance: Instance) -> Row:
    return {
        "name": instance.name,
        "baseUrl": instance.base_url,
        "status": instance.status.value,
        "keyHash": instance.key_hash,
        "tokenHash": instance.token_hash,
        "registeredAt": instance.registered_at,
        "version": instance.version,
        "userCount": instance.user_count,
        "agentCount": instance.agent_count,
        "capabilities": instance.capabilities,
        "health": instance.health,
        "marketplaceEnabled": instance.marketplace_enabled,
        "discoveryEnabled": instance.discovery_enabled,
        "updatesEnabled": instance.updates_enabled,
        "lastSeenAt": instance.last_seen_at,
        "lastSyncAt": instance.last_sync_at,
    }


def _instance(row: Row) -> Instance:
    return Instance(
        instance_id=row["sk"],
        name=row["name"],
        base_url=row["baseUrl"],
        status=InstanceStatus(row["status"]),
        key_hash=row["keyHash"],
        token_hash=row["tokenHash"],
        registered_at=row["registeredAt"],
        version=row["version"],
        user_count=_whole(row["userCount"]),
        agent_count=_whole(row["agentCount"]),
        capabilities=row["capabilities"],
        health=row["health"],
        marketplace_enabled=row["marketplaceEnabled"],
        discovery_enabled=row["discoveryEnabled"],
        updates_enabled=row["updatesEnabled"],
        last_seen_at=row["lastSeenAt"],
        last_sync_at=row["lastSyncAt"],
        stale_since=row.get("staleSince"),
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)
