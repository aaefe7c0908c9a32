"""Registrations, in the table `network` (see instances): who claims an address until one confirms it or is approved.

BASEURL#<url> / INSTANCE          the instance that has the address: instanceId, approved. expiresAt: only until it is
                                  approved
BASEURL#<url> / CLAIM#<key hash>  instanceId: a registration that is neither confirmed nor approved; expiresAt

Until it is approved, an instance has no row in the table `tokens`, so registrations leave nothing there. On desks of
before claims were kept, a pending instance has the address, and its token has a row.
"""

from datetime import datetime, timedelta

from chalicelib.core.domain.errors import RateLimited
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import NEW, delete, put, put_new
from chalicelib.core.stores.hourly_limits import count_in_hour_action, seconds_left_of_hour
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.federation.connections.domain.origins import host_of
from chalicelib.federation.network.domain.instance_notices import InstanceNotice
from chalicelib.federation.network.domain.instances import UNCONFIRMED_FOR, AddressClaims, Instance, InstanceStatus
from chalicelib.federation.network.stores.instance_credentials import (
    delete_token_action,
    put_token_action,
    sealed_key,
)
from chalicelib.federation.network.stores.instance_notices import add_notice_action
from chalicelib.federation.network.stores.instance_rows import (
    INSTANCE,
    address_key,
    change_action,
    from_row,
    guards,
    instance_key,
)
from chalicelib.ids import MintedToken
from chalicelib.resources import NETWORK

# So many network addresses it takes to use up the registrations of an hour.
_SHARES = 15
# So many registrations an hour may claim addresses of one host, and so many of these come from one network address.
# Each makes this desk call that host.
MOST_OF_ONE_HOST, MOST_OF_ONE_HOST_FROM_ONE_ADDRESS = 60, 10
# TTL deletes late, and must not delete what was approved at the last moment.
_SPARE = timedelta(days=1)
_CLAIM = "CLAIM#"
_REPORTED = ("name", "version", "userCount", "agentCount", "capabilities")


class DynamoRegistrations:
    def find(self, base_url: str, key_hash: str) -> AddressClaims:
        """Find who has the address, and who claims it with this key. Two store calls; one if there is nobody."""
        keys = {"holder": address_key(base_url), "claim": _claim_key(base_url, key_hash)}
        ids = {row["sk"]: row["instanceId"] for row in get_all(NETWORK, keys.values())}
        rows = get_all(NETWORK, map(instance_key, dict.fromkeys(ids.values()))) if ids else []
        found = {row["sk"]: from_row(row) for row in rows}
        holder, claim = (found.get(ids.get(key["sk"], "")) for key in keys.values())
        return AddressClaims(holder, claim)

    def add(
        self,
        instance: Instance,
        instance_key_text: str,
        *,
        most_an_hour: int,
        network: str,
        now: datetime,
        notice: InstanceNotice | None,
        over: Instance | None = None,
    ) -> bool:
        """Store a registration, with the notice that asks its desk; False if one with its key claims the address.

        It takes the place of `over`, which has lapsed. Until it is approved, it disappears by itself. One store call.

        Raises:
            RateLimited: `most_an_hour` new instances have registered in this hour, or a share of them from the network
                or in the name of this host.
            Unavailable: this deployment has no key to seal the instance's key with.
        """
        expires = {"expiresAt": _ends_at(now)}
        row = instance_key(instance.instance_id) | INSTANCE.to_row(instance) | expires
        row |= sealed_key(instance.instance_id, instance_key_text)
        claim = _claim_key(instance.base_url, instance.key_hash) | {"instanceId": instance.instance_id} | expires
        lapsed = over.instance_id if over else ""
        try:
            commit(
                [
                    put(NETWORK, claim, f"{NEW} OR instanceId = :lapsed", lapsed=lapsed),
                    put_new(NETWORK, row),
                    *_bounds(instance, network, most_an_hour, now),
                    *([add_notice_action(notice)] if notice else []),
                    *(_deletion(over) if over else []),
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
        columns = INSTANCE.to_row(instance)
        sets = {name: columns[name] for name in _REPORTED} | {"tokenHash": token.secret_hash}
        seen = "#tokenHash = :seenToken AND #status = :seenStatus"
        stored = [] if over.is_pending else [put_token_action(over, token)]
        return try_commit(
            [change_action(over.instance_id, sets, seen, **guards(over)), delete_token_action(over), *stored]
        )

    def confirm(self, instance: Instance, *, over: Instance, holder: Instance | None, now: datetime) -> bool:
        """Let a confirmed registration have its address instead of `holder`; False if anything has changed since.

        One store call.
        """
        assert instance.confirmed_by is not None
        sets = {"confirmedBy": instance.confirmed_by.value}
        seen = "tokenHash = :seenToken AND #status = :seenStatus"
        change = change_action(over.instance_id, sets, seen, **guards(over))
        return try_commit([change, *take_address_actions(instance, holder, ends_at=_ends_at(now))])

    def drop_claims(self, base_url: str) -> None:
        """Delete the registrations that claim an address which another has. 1 store call, and 1 for each of them."""
        for row in list(query_partition(NETWORK, address_key(base_url)["pk"], _CLAIM)):
            pending = f"{NEW} OR #status = :pending"
            key = instance_key(row["instanceId"])
            try_commit(
                [
                    delete(NETWORK, {"pk": row["pk"], "sk": row["sk"]}),
                    delete(NETWORK, key, pending, pending=InstanceStatus.PENDING.value),
                ]
            )


def take_address_actions(instance: Instance, holder: Instance | None, *, ends_at: int | None = None) -> list[Action]:
    """Return the actions that give an instance its address instead of `holder`, which is pending or the same.

    An instance that is confirmed but not approved has it until `ends_at`. They fail if another was approved meanwhile.
    """
    row = address_key(instance.base_url) | {"instanceId": instance.instance_id, "approved": instance.is_active}
    seen = {"own": instance.instance_id, "seen": holder.instance_id if holder else ""}
    # Only while an instance is pending the row ends by itself.
    is_free = f"{NEW} OR instanceId = :own OR instanceId = :seen OR attribute_exists(expiresAt)"
    actions = [
        put(NETWORK, row | ({"expiresAt": ends_at} if ends_at else {}), is_free, **seen),
        delete(NETWORK, _claim_key(instance.base_url, instance.key_hash)),
    ]
    if holder is not None and holder.instance_id != instance.instance_id:
        actions += _deletion(holder)
    return actions


def free_address_actions(instance: Instance, holder: Instance | None) -> list[Action]:
    """Return the actions that delete an instance's claim, and its hold on the address if it is the holder."""
    actions = [delete(NETWORK, _claim_key(instance.base_url, instance.key_hash))]
    if holder is not None and holder.instance_id == instance.instance_id:
        actions.append(delete(NETWORK, address_key(instance.base_url), "instanceId = :id", id=instance.instance_id))
    return actions


def _bounds(instance: Instance, network: str, most_an_hour: int, now: datetime) -> list[Action]:
    host = host_of(instance.base_url)
    bounds = {
        "REGISTRATIONS": most_an_hour,
        f"REGISTRATIONS#FROM#{network}": max(1, most_an_hour // _SHARES),
        f"REGISTRATIONS#{host}": MOST_OF_ONE_HOST,
        f"REGISTRATIONS#{host}#FROM#{network}": MOST_OF_ONE_HOST_FROM_ONE_ADDRESS,
    }
    return [count_in_hour_action(now, most=most, of=of) for of, most in bounds.items()]


def _deletion(instance: Instance) -> list[Action]:
    key, pending = instance_key(instance.instance_id), InstanceStatus.PENDING.value
    return [
        delete(NETWORK, key, f"{NEW} OR #status = :pending", pending=pending),
        delete_token_action(instance),
    ]


def _ends_at(now: datetime) -> int:
    return int((now + UNCONFIRMED_FOR + _SPARE).timestamp())


def _claim_key(base_url: str, key_hash: str) -> Row:
    return {"pk": address_key(base_url)["pk"], "sk": f"{_CLAIM}{key_hash}"}
