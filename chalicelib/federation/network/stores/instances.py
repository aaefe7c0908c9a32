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

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import NotFound, RateLimited, Unavailable
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, assignments, delete, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.hourly_limits import count_in_hour_action, seconds_left_of_hour
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, query_partition
from chalicelib.core.stores.writes import Refused, change_row, commit, try_commit
from chalicelib.federation.network.domain.instance_notices import InstanceNotice
from chalicelib.federation.network.domain.instances import Instance, InstanceStatus, NetworkStats
from chalicelib.federation.network.stores import network_stats
from chalicelib.federation.network.stores.instance_notices import add_notice_action
from chalicelib.ids import InstanceCredential, MintedToken
from chalicelib.resources import NETWORK, TOKENS
from chalicelib.tokens.stores.token_rows import START
from chalicelib.vault import seal, unseal

_INSTANCES = "INSTANCES"
STALE_QUEUE = "silent-instances"
_REPORTED = ("name", "version", "userCount", "agentCount", "capabilities")
_NO_INSTANCE = "There is no such instance."

_INSTANCE = Codec(Instance, without=("instance_id", "stale_since"))


class DynamoInstances:
    def find(self, instance_id: str) -> Instance | None:
        """The instance, read consistently. One store call."""
        row = get(NETWORK, instance_key(instance_id))
        return _from_row(row) if row else None

    def find_by_url(self, base_url: str) -> Instance | None:
        """The instance with this normalised base URL. Two store calls; one when there is none."""
        row = get(NETWORK, _address(base_url))
        return self.find(row["instanceId"]) if row else None

    def list_instances(self) -> list[Instance]:
        """Every instance, by registration. One store call per megabyte."""
        found = map(_from_row, query_partition(NETWORK, _INSTANCES))
        return sorted(found, key=lambda each: (each.registered_at, each.instance_id))

    def add(
        self, instance: Instance, token: MintedToken, instance_key_text: str, *, most_an_hour: int, now: datetime
    ) -> bool:
        """Store a new instance with its first token; False when there is one at its base URL. One store call.

        Raises:
            RateLimited: as many new ones as there may be have registered in this hour.
            Unavailable: this deployment has no key to seal the instance's with.
        """
        row = instance_key(instance.instance_id) | _INSTANCE.to_row(instance)
        row["sealedKey"] = _sealed(instance_key_text, instance.instance_id)
        address = _address(instance.base_url) | {"instanceId": instance.instance_id, "approved": instance.is_active}
        try:
            commit(
                [
                    put_new(NETWORK, address),
                    put_new(NETWORK, row),
                    _new_token(instance, token),
                    count_in_hour_action(now, most=most_an_hour),
                ]
            )
        except Refused as refused:
            if 0 not in refused.failed:
                raise RateLimited(
                    "Too many instances have registered in this hour.", retry_after=seconds_left_of_hour(now)
                ) from refused
            return False
        return True

    def renew(self, instance: Instance, token: MintedToken, *, over: Instance) -> bool:
        """Store what the instance says of itself now, and make `token` its only one; False when `over` has changed.

        One store call.
        """
        columns = _INSTANCE.to_row(instance)
        sets = {name: columns[name] for name in _REPORTED} | {"tokenHash": token.secret_hash}
        change = _change(over.instance_id, sets, "#tokenHash = :seenToken AND #status = :seenStatus", **_seen(over))
        return try_commit([change, delete(TOKENS, _token_key(over.token_hash)), _new_token(over, token)])

    def note(self, instance_id: str, told: Mapping[str, Any]) -> Instance:
        """Store some of what the instance says of itself, by its names on the wire. One store call.

        Raises:
            NotFound: there is no such instance any more.
        """
        row = change_row(_change(instance_id, told, EXISTS))
        if row is None:
            raise NotFound(_NO_INSTANCE)
        return _from_row(row)

    def hear(self, instance_id: str, told: Mapping[str, Any], *, stale_at: str) -> Instance:
        """Store what a heartbeat says, and that the instance is stale unless it is heard again before `stale_at`.

        One store call; two more when it was stale.

        Raises:
            NotFound: there is no such instance any more.
            Unavailable: it is being changed by many calls at once.
        """
        watched = {**told, "dueQueue": STALE_QUEUE, "dueAt": stale_at}
        attempts = Attempts("The instance is being changed by many calls at once.")
        while attempts.again():
            row = change_row(_change(instance_id, watched, f"{EXISTS} AND attribute_not_exists(staleSince)"))
            if row is not None:
                return _from_row(row)
            revive = _change(instance_id, watched, "attribute_exists(staleSince)", " REMOVE staleSince")
            revived = try_commit([revive, network_stats.mark_stale_action(instance_id, stale=False)])
            if not revived and self.find(instance_id) is None:
                raise NotFound(_NO_INSTANCE)

    def link(self, instance_id: str, *, enabled: bool, at: str, claim: Claim | None, reply: dict[str, Any]) -> None:
        """Have the instance take part in the marketplace, or not. One store call.

        Raises:
            NotFound: it is not, or no longer, active.
            AlreadyAnswered: the claim has been used; nothing was done.
        """
        told = {"marketplaceEnabled": enabled, "updatesEnabled": True, "lastSyncAt": at}
        told |= {"discoveryEnabled": True} if enabled else {}
        change = _change(instance_id, told, "#status = :active", active=InstanceStatus.ACTIVE.value)
        taking_part = network_stats.marketplace_action(instance_id, enabled=enabled)
        if not try_commit([change, taking_part], claim=claim, reply=reply):
            raise NotFound(_NO_INSTANCE)

    def set_status(self, instance: Instance, *, over: Instance, notice: InstanceNotice | None) -> bool:
        """Trust the instance, or no longer, with all its credentials and agents; False when `over` has changed.

        One store call.
        """
        actions = [
            _change(
                over.instance_id,
                {"status": instance.status.value},
                "tokenHash = :seenToken AND #status = :seenStatus AND marketplaceEnabled = :seenEnabled",
                **_seen(over),
                seenEnabled=over.marketplace_enabled,
            ),
            update(NETWORK, _address(instance.base_url), "SET approved = :approved", approved=instance.is_active),
            update(TOKENS, _token_key(instance.token_hash), "SET #status = :status", EXISTS, **_token_status(instance)),
            *([add_notice_action(notice)] if notice else []),
        ]
        if instance.is_active != over.is_active:
            actions += [
                network_stats.count_instance_action(instance),
                accept_key_action(over.key_hash, over.instance_id, holds=instance.is_active),
            ]
        return try_commit(actions)

    def key_of(self, instance_id: str) -> str:
        """The key that the instance has registered with. One store call.

        Raises:
            NotFound: there is no such instance.
            ValueError: it was sealed with another deployment's key.
        """
        row = get(NETWORK, instance_key(instance_id))
        if row is None:
            raise NotFound(_NO_INSTANCE)
        return unsealed_key(row)

    def find_network_stats(self) -> NetworkStats:
        """How the network stands, read consistently. One store call."""
        return network_stats.find_network_stats()

    def is_approved(self, base_url: str) -> bool:
        """Whether the instance with this normalised base URL is active. One store call."""
        row = get(NETWORK, _address(base_url))
        return bool(row and row["approved"])


def instance_key(instance_id: str) -> Row:
    return {"pk": _INSTANCES, "sk": instance_id}


def accept_key_action(key_hash: str, holder: str, *, holds: bool) -> Action:
    """The part of a transaction with which a holder's instance key is accepted here, or no longer on its account."""
    key = {"pk": f"{InstanceCredential.INSTANCE.name}#{key_hash}"}
    if not holds:
        return update(TOKENS, key, "DELETE holders :holder", holder={holder})
    start = {**START, "secretHash": key_hash, "dailyLimit": 0}
    sets = ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in start)
    return update(TOKENS, key, f"SET {sets} ADD holders :holder", holder={holder}, **start)


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


def _address(base_url: str) -> Row:
    return {"pk": f"BASEURL#{base_url}", "sk": "INSTANCE"}


def _token_key(token_hash: str) -> Row:
    return {"pk": f"{InstanceCredential.PLATFORM.name}#{token_hash}"}


def _new_token(instance: Instance, token: MintedToken) -> Action:
    own = {"secretHash": token.secret_hash, "instanceId": instance.instance_id, "dailyLimit": 0}
    return put_new(TOKENS, _token_key(token.secret_hash) | START | own | _token_status(instance))


def _token_status(instance: Instance) -> Row:
    return {"status": (TokenStatus.ACTIVE if instance.is_active else TokenStatus.DISABLED).value}


def _change(instance_id: str, sets: Mapping[str, Any], condition: str, more: str = "", **named: Any) -> Action:
    expression = f"SET {assignments(sets)}{more}"
    return update(NETWORK, instance_key(instance_id), expression, condition, **sets, **named)


def _seen(over: Instance) -> Row:
    return {"seenToken": over.token_hash, "seenStatus": over.status.value}


def _from_row(row: Row) -> Instance:
    return _INSTANCE.from_row(row, instance_id=row["sk"], stale_since=row.get("staleSince"))
