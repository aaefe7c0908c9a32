"""The table `network`: instances that have registered here.

INSTANCES     / <id>      an instance: name, baseUrl, status, keyHash, tokenHash, sealedKey (see instance_credentials),
                          what it reports, what it takes part in. dueQueue, dueAt: when it becomes stale, if no
                          heartbeat comes before. staleSince: since when it is stale
BASEURL#<url> / INSTANCE  instanceId, approved: one instance for each normalised base URL
NETWORK       / STANDING  see network_stats

One transaction writes an instance with its credentials (see instance_credentials), so a token stops working in the
moment it is replaced, or its instance suspended.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import NotFound, RateLimited
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, NEW, assignments, delete, put, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.hourly_limits import count_in_hour_action, seconds_left_of_hour
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, query_partition
from chalicelib.core.stores.writes import Refused, change_row, commit, try_commit
from chalicelib.federation.connections.stores.federation_settings import block_suspended_action, suspend_origin_action
from chalicelib.federation.network.domain.instance_notices import InstanceNotice
from chalicelib.federation.network.domain.instances import UNCONFIRMED_FOR, Instance, InstanceStatus, NetworkStats
from chalicelib.federation.network.stores import network_stats
from chalicelib.federation.network.stores.instance_credentials import (
    accept_key_action,
    delete_token_action,
    put_token_action,
    sealed_key,
    set_token_status_action,
    unsealed_key,
)
from chalicelib.federation.network.stores.instance_notices import add_notice_action
from chalicelib.ids import MintedToken
from chalicelib.resources import NETWORK

_INSTANCES = "INSTANCES"
STALE_QUEUE = "silent-instances"
_REPORTED = ("name", "version", "userCount", "agentCount", "capabilities")
# So many network addresses it takes to use up the registrations of an hour.
_SHARES = 15
# TTL deletes late, and must not delete what was approved at the last moment.
_SPARE = timedelta(days=1)
_NO_INSTANCE = "There is no such instance."

_INSTANCE = Codec(Instance, without=("instance_id", "stale_since"))


class DynamoInstances:
    def find(self, instance_id: str) -> Instance | None:
        """Find an instance, read consistently. One store call."""
        row = get(NETWORK, instance_key(instance_id))
        return _from_row(row) if row else None

    def find_by_url(self, base_url: str) -> Instance | None:
        """Find the instance with this normalised base URL. Two store calls; one if there is none."""
        row = get(NETWORK, _address(base_url))
        return self.find(row["instanceId"]) if row else None

    def list_instances(self) -> list[Instance]:
        """List all instances in the order of registration. One store call per megabyte."""
        found = map(_from_row, query_partition(NETWORK, _INSTANCES))
        return sorted(found, key=lambda each: (each.registered_at, each.instance_id))

    def add(
        self,
        instance: Instance,
        token: MintedToken,
        instance_key_text: str,
        *,
        most_an_hour: int,
        network: str,
        now: datetime,
        over: Instance | None = None,
    ) -> bool:
        """Store a new instance with its first token; False if its base URL is taken. One store call.

        It takes the place of `over`, which has lapsed. Until it is approved, it disappears by itself.

        Raises:
            RateLimited: `most_an_hour` new instances have registered in this hour, or a share of them from the network.
            Unavailable: this deployment has no key to seal the instance's key with.
        """
        row = instance_key(instance.instance_id) | _INSTANCE.to_row(instance)
        row |= sealed_key(instance.instance_id, instance_key_text)
        ends_at = int((now + UNCONFIRMED_FOR + _SPARE).timestamp())
        expires = {} if instance.is_active else {"expiresAt": ends_at}
        share = max(1, most_an_hour // _SHARES)
        address = (
            _address(instance.base_url) | {"instanceId": instance.instance_id, "approved": instance.is_active} | expires
        )
        replaced = [] if over is None else [delete(NETWORK, instance_key(over.instance_id)), delete_token_action(over)]
        try:
            commit(
                [
                    put(NETWORK, address, f"{NEW} OR instanceId = :lapsed", lapsed=over.instance_id if over else ""),
                    put_new(NETWORK, row | expires),
                    put_token_action(instance, token),
                    count_in_hour_action(now, most=most_an_hour),
                    count_in_hour_action(now, most=share, of=f"REGISTRATIONS#FROM#{network}"),
                    *replaced,
                ]
            )
        except Refused as refused:
            if 0 not in refused.failed:
                raise RateLimited(
                    "Too many instances have registered within this hour.", retry_after=seconds_left_of_hour(now)
                ) from refused
            return False
        return True

    def renew(self, instance: Instance, token: MintedToken, *, over: Instance) -> bool:
        """Store what the instance reports now, and replace its token; False if `over` has changed since.

        One store call.
        """
        columns = _INSTANCE.to_row(instance)
        sets = {name: columns[name] for name in _REPORTED} | {"tokenHash": token.secret_hash}
        change = _change(over.instance_id, sets, "#tokenHash = :seenToken AND #status = :seenStatus", **_guards(over))
        return try_commit([change, delete_token_action(over), put_token_action(over, token)])

    def save_report(self, instance_id: str, report: Mapping[str, Any]) -> Instance:
        """Store some attributes that the instance reports. One store call.

        Raises:
            NotFound: the instance no longer exists.
        """
        row = change_row(_change(instance_id, report, EXISTS))
        if row is None:
            raise NotFound(_NO_INSTANCE)
        return _from_row(row)

    def save_heartbeat(self, instance_id: str, report: Mapping[str, Any], *, stale_at: str) -> Instance:
        """Store a heartbeat's report. Without another heartbeat, the instance becomes stale at `stale_at`.

        One store call; two more if the instance was stale.

        Raises:
            NotFound: the instance no longer exists.
            Unavailable: the instance is changed by many calls at once.
        """
        watched = {**report, "dueQueue": STALE_QUEUE, "dueAt": stale_at}
        attempts = Attempts("The instance is changed by too many requests at once. Try again.")
        while attempts.again():
            row = change_row(_change(instance_id, watched, f"{EXISTS} AND attribute_not_exists(staleSince)"))
            if row is not None:
                return _from_row(row)
            revive = _change(instance_id, watched, "attribute_exists(staleSince)", " REMOVE staleSince")
            revived = try_commit([revive, network_stats.mark_stale_action(instance_id, stale=False)])
            if not revived and self.find(instance_id) is None:
                raise NotFound(_NO_INSTANCE)

    def link(self, instance_id: str, *, enabled: bool, at: str, claim: Claim | None, reply: dict[str, Any]) -> None:
        """Let the instance join or leave the marketplace. One store call.

        Raises:
            NotFound: the instance is not active.
            AlreadyAnswered: the claim has been used; nothing was done.
        """
        changes = {"marketplaceEnabled": enabled, "updatesEnabled": True, "lastSyncAt": at}
        changes |= {"discoveryEnabled": True} if enabled else {}
        change = _change(instance_id, changes, "#status = :active", active=InstanceStatus.ACTIVE.value)
        taking_part = network_stats.marketplace_action(instance_id, enabled=enabled)
        if not try_commit([change, taking_part], claim=claim, reply=reply):
            raise NotFound(_NO_INSTANCE)

    def set_status(self, instance: Instance, *, over: Instance, notice: InstanceNotice | None) -> bool:
        """Approve or suspend an instance with its credentials and agents; False if `over` has changed since.

        One store call.
        """
        actions = [
            _change(
                over.instance_id,
                {"status": instance.status.value},
                "tokenHash = :seenToken AND #status = :seenStatus AND marketplaceEnabled = :seenEnabled",
                " REMOVE expiresAt",
                **_guards(over),
                seenEnabled=over.marketplace_enabled,
            ),
            update(
                NETWORK,
                _address(instance.base_url),
                "SET approved = :approved REMOVE expiresAt",
                approved=instance.is_active,
            ),
            set_token_status_action(instance),
            suspend_origin_action(instance.base_url, suspended=instance.status is InstanceStatus.SUSPENDED),
            *([add_notice_action(notice)] if notice else []),
        ]
        if instance.is_active != over.is_active:
            actions += [
                network_stats.count_instance_action(instance),
                accept_key_action(over.key_hash, over.instance_id, holds=instance.is_active),
            ]
        return try_commit(actions)

    def remove(self, instance: Instance) -> bool:
        """Delete an instance that is not active, with its token; False if it has changed since. One store call.

        Of a suspended one the address stays cut: it is blocked from now on.
        """
        guards = {"token": instance.token_hash, "seen": instance.status.value}
        cut = [block_suspended_action(instance.base_url)] if instance.status is InstanceStatus.SUSPENDED else []
        return try_commit(
            [
                delete(NETWORK, instance_key(instance.instance_id), "tokenHash = :token AND #status = :seen", **guards),
                delete(NETWORK, _address(instance.base_url), "instanceId = :id", id=instance.instance_id),
                delete_token_action(instance),
                network_stats.mark_stale_action(instance.instance_id, stale=False),
                *cut,
            ]
        )

    def key_of(self, instance_id: str) -> str:
        """Return the key with which the instance registered. One store call.

        Raises:
            NotFound: there is no such instance.
            ValueError: it was sealed with another deployment's key.
        """
        row = get(NETWORK, instance_key(instance_id))
        if row is None:
            raise NotFound(_NO_INSTANCE)
        return unsealed_key(row)

    def find_network_stats(self) -> NetworkStats:
        """Return the size of the network, read consistently. One store call."""
        return network_stats.find_network_stats()

    def is_approved(self, base_url: str) -> bool:
        """Whether the instance with this normalised base URL is active. One store call."""
        row = get(NETWORK, _address(base_url))
        return bool(row and row["approved"])


def instance_key(instance_id: str) -> Row:
    return {"pk": _INSTANCES, "sk": instance_id}


def _address(base_url: str) -> Row:
    return {"pk": f"BASEURL#{base_url}", "sk": "INSTANCE"}


def _change(instance_id: str, sets: Mapping[str, Any], condition: str, more: str = "", **named: Any) -> Action:
    expression = f"SET {assignments(sets)}{more}"
    return update(NETWORK, instance_key(instance_id), expression, condition, **sets, **named)


def _guards(over: Instance) -> Row:
    return {"seenToken": over.token_hash, "seenStatus": over.status.value}


def _from_row(row: Row) -> Instance:
    return _INSTANCE.from_row(row, instance_id=row["sk"], stale_since=row.get("staleSince"))
