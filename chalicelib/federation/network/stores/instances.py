"""The table `network`: instances that have registered here.

INSTANCES     / <id>      an instance: name, baseUrl, status, keyHash, tokenHash, sealedKey (see instance_credentials),
                          what it reports, what it takes part in. dueQueue, dueAt: when it becomes stale, if no
                          heartbeat comes before. staleSince: since when it is stale
BASEURL#<url> / INSTANCE  instanceId, approved: one instance for each normalised base URL; others only claim it (see
                          registrations)
NETWORK       / STANDING  see network_stats

One transaction writes an instance with its credentials (see instance_credentials), so a token stops working in the
moment it is replaced, or its instance suspended.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.actions import EXISTS, delete
from chalicelib.core.stores.reads import get, query_partition
from chalicelib.core.stores.writes import change_row, try_commit
from chalicelib.federation.connections.stores.federation_settings import block_suspended_action, suspend_origin_action
from chalicelib.federation.network.domain.instance_notices import InstanceNotice
from chalicelib.federation.network.domain.instances import Instance, InstanceStatus, NetworkStats
from chalicelib.federation.network.stores import network_stats
from chalicelib.federation.network.stores.instance_credentials import (
    accept_key_action,
    delete_token_action,
    save_token_action,
    unsealed_key,
)
from chalicelib.federation.network.stores.instance_notices import add_notice_action
from chalicelib.federation.network.stores.instance_rows import (
    INSTANCES,
    address_key,
    change_action,
    from_row,
    guards,
    instance_key,
)
from chalicelib.federation.network.stores.registrations import free_address_actions, take_address_actions
from chalicelib.resources import NETWORK

STALE_QUEUE = "silent-instances"
_NO_INSTANCE = "There is no such instance."


class DynamoInstances:
    def find(self, instance_id: str) -> Instance | None:
        """Find an instance, read consistently. One store call."""
        row = get(NETWORK, instance_key(instance_id))
        return from_row(row) if row else None

    def find_by_url(self, base_url: str) -> Instance | None:
        """Find the instance with this normalised base URL. Two store calls; one if there is none."""
        row = get(NETWORK, address_key(base_url))
        return self.find(row["instanceId"]) if row else None

    def list_instances(self) -> list[Instance]:
        """List all instances in the order of registration. One store call per megabyte."""
        found = map(from_row, query_partition(NETWORK, INSTANCES))
        return sorted(found, key=lambda each: (each.registered_at, each.instance_id))

    def save_report(self, instance_id: str, report: Mapping[str, Any]) -> Instance:
        """Store some attributes that the instance reports. One store call.

        Raises:
            NotFound: the instance no longer exists.
        """
        row = change_row(change_action(instance_id, report, EXISTS))
        if row is None:
            raise NotFound(_NO_INSTANCE)
        return from_row(row)

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
            row = change_row(change_action(instance_id, watched, f"{EXISTS} AND attribute_not_exists(staleSince)"))
            if row is not None:
                return from_row(row)
            revive = change_action(instance_id, watched, "attribute_exists(staleSince)", " REMOVE staleSince")
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
        change = change_action(instance_id, changes, "#status = :active", active=InstanceStatus.ACTIVE.value)
        taking_part = network_stats.marketplace_action(instance_id, enabled=enabled)
        if not try_commit([change, taking_part], claim=claim, reply=reply):
            raise NotFound(_NO_INSTANCE)

    def set_status(
        self,
        instance: Instance,
        *,
        over: Instance,
        notice: InstanceNotice | None,
        holder: Instance | None = None,
    ) -> bool:
        """Approve or suspend an instance with its credentials and agents; False if `over` has changed since.

        It gets its address, also in place of `holder` if that is pending. One store call.
        """
        confirmed = {"confirmedBy": instance.confirmed_by.value} if instance.confirmed_by else {}
        actions = [
            change_action(
                over.instance_id,
                {"status": instance.status.value, **confirmed},
                "tokenHash = :seenToken AND #status = :seenStatus AND marketplaceEnabled = :seenEnabled",
                " REMOVE expiresAt",
                **guards(over),
                seenEnabled=over.marketplace_enabled,
            ),
            *take_address_actions(instance, holder),
            save_token_action(instance),
            suspend_origin_action(instance.base_url, suspended=instance.status is InstanceStatus.SUSPENDED),
            *([add_notice_action(notice)] if notice else []),
        ]
        if instance.is_active != over.is_active:
            actions += [
                network_stats.count_instance_action(instance),
                accept_key_action(over.key_hash, over.instance_id, holds=instance.is_active),
            ]
        return try_commit(actions, audited=True)

    def remove(self, instance: Instance, *, holder: Instance | None) -> bool:
        """Delete an instance that is not active, with its token and its claim; False if it has changed since.

        `holder` has its address. One store call. Of a suspended one the address stays cut: it is blocked from now on.
        """
        guards = {"token": instance.token_hash, "seen": instance.status.value}
        cut = [block_suspended_action(instance.base_url)] if instance.status is InstanceStatus.SUSPENDED else []
        return try_commit(
            [
                delete(NETWORK, instance_key(instance.instance_id), "tokenHash = :token AND #status = :seen", **guards),
                *free_address_actions(instance, holder),
                delete_token_action(instance),
                network_stats.mark_stale_action(instance.instance_id, stale=False),
                *cut,
            ],
            audited=True,
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
        row = get(NETWORK, address_key(base_url))
        return bool(row and row["approved"])
