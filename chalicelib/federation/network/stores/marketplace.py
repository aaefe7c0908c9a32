"""Offered agents, in the table `network`.

INSTANCE#<id>     / AGENT#<remote id>  an agent, unique by its id at the instance; told (its details) and changelog
                                       are JSON text
SLUG#<slug>       / AGENT              instanceId, remoteId: one agent for each slug
MARKETPLACE#<id>  / AGENT              instanceId, remoteId: finds an agent by its id at this desk

index list: listed, listedAs: the partition AGENTS has the active agents by slug, also those of hidden instances (see
network_stats)
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.core.domain.errors import SlugTaken
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.actions import delete, put, put_new
from chalicelib.core.stores.codec import Codec, Column
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get_all, query, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.federation.network.domain.discover import AgentEntry
from chalicelib.federation.network.domain.instance_notices import InstanceNotice, InstanceNoticeKind, Recipient
from chalicelib.federation.network.domain.marketplace import Listing, ListingStatus
from chalicelib.federation.network.stores.instance_credentials import unsealed_key
from chalicelib.federation.network.stores.instance_notices import add_notice_action
from chalicelib.federation.network.stores.instance_rows import instance_key
from chalicelib.federation.network.stores.network_stats import count_agents_actions
from chalicelib.resources import LIST_INDEX, NETWORK

_LISTED = "AGENTS"
_AGENT = "AGENT#"


class DynamoMarketplace:
    def find_listing(self, instance_id: str, remote_id: str) -> Listing | None:
        """Find an agent, read consistently. One store call."""
        return self.find_listings(instance_id, [remote_id]).get(remote_id)

    def find_listings(self, instance_id: str, remote_ids: Sequence[str]) -> dict[str, Listing]:
        """Find agents by their ids at the instance. One store call per 100."""
        found = map(_LISTING.from_row, get_all(NETWORK, [_key(instance_id, each) for each in remote_ids]))
        return {each.remote_id: each for each in found}

    def find_by_id(self, marketplace_id: str) -> Listing | None:
        """Find an agent by its id at this desk. Two store calls; one if there is none."""
        rows = get_all(NETWORK, [_pointer(marketplace_id)])
        return self.find_listing(rows[0]["instanceId"], rows[0]["remoteId"]) if rows else None

    def list_listings(self, instance_id: str) -> list[Listing]:
        """List all agents of the instance by their ids there. One store call per megabyte."""
        return list(map(_LISTING.from_row, query_partition(NETWORK, f"INSTANCE#{instance_id}", _AGENT)))

    def save_listing(
        self,
        listing: Listing,
        *,
        over: Listing | None,
        notice: InstanceNotice | None = None,
        claim: Claim | None = None,
        reply: dict[str, Any] | None = None,
    ) -> bool:
        """Replace `over` by the agent; False if the agent has changed since. One store call.

        Raises:
            SlugTaken: another agent has its slug.
            AlreadyAnswered: the claim has been used; nothing was done.
        """
        row = _to_row(listing)
        store = put(NETWORK, row, "revision = :seen", seen=over.revision) if over else put_new(NETWORK, row)
        actions = [store]
        if over is None or over.slug != listing.slug:
            actions.append(put_new(NETWORK, _slug(listing.slug) | _place(listing)))
        slugs = len(actions) - 1
        if over is None:
            actions.append(put_new(NETWORK, _pointer(listing.marketplace_id) | _place(listing)))
        elif over.slug != listing.slug:
            actions.append(delete(NETWORK, _slug(over.slug)))
        actions += count_agents_actions(listing.instance_id, _is_active(listing) - (_is_active(over) if over else 0))
        actions += [add_notice_action(notice)] if notice else []
        try:
            commit(actions, claim=claim, reply=reply)
        except Refused as refused:
            # A repeat of the write below us meets its own row.
            if refused.rows[0].get("revision") == listing.revision:
                return True
            if slugs and slugs in refused.failed and 0 not in refused.failed:
                raise SlugTaken(f"Another agent has the slug {listing.slug}.") from refused
            return False
        return True

    def remove_listing(self, listing: Listing, *, claim: Claim | None, reply: dict[str, Any]) -> bool:
        """Delete the agent; False if it has changed since. One store call.

        Raises:
            AlreadyAnswered: the claim has been used; nothing was done.
        """
        key = _key(listing.instance_id, listing.remote_id)
        actions = [
            delete(NETWORK, key, "revision = :seen", seen=listing.revision),
            delete(NETWORK, _slug(listing.slug)),
            delete(NETWORK, _pointer(listing.marketplace_id)),
            *count_agents_actions(listing.instance_id, -_is_active(listing)),
        ]
        return try_commit(actions, claim=claim, reply=reply)

    def iterate_active(self, *, most: int | None = None) -> Iterator[AgentEntry]:
        """Iterate over active agents by slug, eventually consistent. One store call per `most` agents or megabyte."""
        more = {"Limit": most} if most else {}
        rows = query(
            NETWORK,
            IndexName=LIST_INDEX,
            KeyConditionExpression="listed = :agents",
            ExpressionAttributeValues=values(agents=_LISTED),
            **more,
        )
        return map(_entry_from_row, rows)

    def find_entries(self, entries: Sequence[AgentEntry]) -> list[Listing]:
        """Find the agents of these entries that are still active, in this order. One store call per 100."""
        rows = get_all(NETWORK, [{"pk": pk, "sk": sk} for pk, sk in (each.key for each in entries)]) if entries else []
        found = {(row["pk"], row["sk"]): _LISTING.from_row(row) for row in rows}
        listings = (found[each.key] for each in entries if each.key in found)
        return [each for each in listings if each.status is ListingStatus.ACTIVE]

    def recipient_of(self, notice: InstanceNotice) -> Recipient | None:
        """Return the receiver of a notice; None if its instance no longer exists. One store call.

        Raises:
            ValueError: the instance's key was sealed with another deployment's key.
        """
        keys = [instance_key(notice.instance_id)]
        if notice.remote_id is not None:
            keys.append(_key(notice.instance_id, notice.remote_id))
        rows = {row["pk"]: row for row in get_all(NETWORK, keys)}
        if (instance := rows.get(keys[0]["pk"])) is None:
            return None
        about = instance if notice.kind is InstanceNoticeKind.INSTANCE_STATUS else rows.get(keys[-1]["pk"], {})
        return Recipient(instance["baseUrl"], unsealed_key(instance), about.get("status"))


def _key(instance_id: str, remote_id: str) -> Row:
    return {"pk": f"INSTANCE#{instance_id}", "sk": f"{_AGENT}{remote_id}"}


def _slug(slug: str) -> Row:
    return {"pk": f"SLUG#{slug}", "sk": "AGENT"}


def _pointer(marketplace_id: str) -> Row:
    return {"pk": f"MARKETPLACE#{marketplace_id}", "sk": "AGENT"}


def _place(listing: Listing) -> Row:
    return {"instanceId": listing.instance_id, "remoteId": listing.remote_id}


def _is_active(listing: Listing) -> int:
    return int(listing.status is ListingStatus.ACTIVE)


def _to_row(listing: Listing) -> Row:
    # For lists, which read an index, and whose columns it holds.
    listed = {"name": listing.name, **{name: listing.details[name] for name in ("description", "category")}}
    if _is_active(listing):
        listed |= {"listed": _LISTED, "listedAs": listing.slug}
    return _key(listing.instance_id, listing.remote_id) | _LISTING.to_row(listing) | listed


def _entry_from_row(row: Row) -> AgentEntry:
    return _ENTRY.from_row(row, key=(row["pk"], row["sk"]))


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_LISTING = Codec(
    Listing,
    {
        "details": Column("told", to_row=lambda details: _to_json(dict(details)), from_row=json.loads),
        "changelog": Column(
            to_row=lambda changes: _to_json(list(map(dict, changes))), from_row=lambda text: tuple(json.loads(text))
        ),
    },
)
_ENTRY = Codec(AgentEntry, without=("key",))
