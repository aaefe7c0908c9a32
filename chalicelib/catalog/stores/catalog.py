"""The table `catalog`: items with their approvals, and the items of each integrator.

ITEM#<slug>       / ITEM               the item; liveApprovals, liveAssets: counts of its dependents
ITEM#<slug>       / APPROVAL#<user>    see approvals
ITEM#<slug>       / ASSET#<user>       see approvals
INTEGRATOR#<slug> / ITEMS              slugs: the items linked to a tools token of the integrator
REQUEST#<id>      / REQUEST            see approvals

index list: listed, listedAs: the partition ITEMS has the columns by which items are filtered and ordered
"""

import json
from collections.abc import Sequence
from typing import Any

from chalicelib.catalog.domain.approvals import ApprovalStatus
from chalicelib.catalog.domain.catalog import Blockers, CatalogItem, ItemEntry
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.idempotency import Claim, StoredReply
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import assignments, check, delete, put_new, update
from chalicelib.core.stores.audit_trail import note_changes, note_no_change
from chalicelib.core.stores.codec import Codec, Column
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get, get_all, query
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.people.stores.directory_rows import active_person_check
from chalicelib.resources import CATALOG, LIST_INDEX

_ITEMS = "ITEMS"
_UNCHANGED = "id = :seen AND version = :seenVersion"


class DynamoCatalog:
    def find_item(self, slug: str) -> CatalogItem | None:
        """Find an item, archived or not, read consistently. One store call."""
        row = get(CATALOG, item_key(slug))
        return _ITEM.from_row(row) if row else None

    def find_items(self, slugs: Sequence[str]) -> list[CatalogItem]:
        """Find the items that exist, in the order of `slugs`, read consistently. One store call per 100."""
        found = {row["slug"]: _ITEM.from_row(row) for row in get_all(CATALOG, [item_key(slug) for slug in slugs])}
        return [found[slug] for slug in slugs if slug in found]

    def list_entries(self) -> list[ItemEntry]:
        """List the entries of all items (eventually consistent).

        One store call per megabyte, which is some thousands of items.
        """
        rows = query(
            CATALOG,
            IndexName=LIST_INDEX,
            KeyConditionExpression="listed = :items",
            ExpressionAttributeValues=values(items=_ITEMS),
        )
        return [_ENTRY.from_row(row, archived=row["archivedAt"] is not None) for row in rows]

    def add_item(self, item: CatalogItem, *, claim: Claim | None, reply: StoredReply) -> None:
        """Store a new item. One store call.

        Raises:
            Conflict: another item has its slug.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        put = put_new(CATALOG, item_key(item.slug) | _columns(item) | {"liveApprovals": 0, "liveAssets": 0})
        try:
            commit([put, *_relink(item.slug, None, item.integrator)], claim=claim, reply=reply, audited=True)
        except Refused as refused:
            # Item ids are new, so a row with this id was written by an earlier attempt of this call.
            if refused.rows[0].get("id") != item.item_id:
                raise Conflict("Another catalog item has this slug. Choose another slug.") from refused

    def save_item(self, item: CatalogItem, *, over: CatalogItem, claim: Claim | None, reply: StoredReply) -> bool:
        """Replace `over` by `item`; False if it changed since it was read. One store call at most.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        key, seen = item_key(item.slug), {"seen": over.item_id, "seenVersion": over.version}
        if item == over:
            note_no_change()
            return claim is None or try_commit([check(CATALOG, key, _UNCHANGED, **seen)], claim=claim, reply=reply)
        columns = _columns(item)
        note_changes(_columns(over), {name: columns[name] for name in columns if name not in _OWN_COLUMNS}, _WORDS)
        change = update(CATALOG, key, f"SET {assignments(columns)}", _UNCHANGED, **columns, **seen)
        actions = [change, *_relink(item.slug, over.integrator, item.integrator)]
        return try_commit(actions, claim=claim, reply=reply, audited=True)

    def remove_item(self, item: CatalogItem, *, claim: Claim | None, reply: StoredReply) -> Blockers | None:
        """Delete an item without dependents, if it has not changed since it was read. One store call.

        Returns None when it was deleted; else the dependents, whose counts are 0 if the item changed.

        Raises:
            NotFound: the item is unknown.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        remove = delete(
            CATALOG,
            item_key(item.slug),
            f"{_UNCHANGED} AND liveApprovals = :none AND liveAssets = :none",
            seen=item.item_id,
            seenVersion=item.version,
            none=0,
        )
        try:
            commit([remove, *_relink(item.slug, item.integrator, None)], claim=claim, reply=reply, audited=True)
        except Refused as refused:
            if not (row := refused.rows[0]):
                raise NotFound("Catalog item not found.") from refused
            return Blockers(int(row["liveApprovals"]), int(row["liveAssets"]))
        return None

    def list_linked_items(self, integrator: str) -> list[str]:
        """List the slugs of the items linked to the integrator, archived or not. One store call."""
        return linked_items(get(CATALOG, integrator_key(integrator)))

    def find_approving_items(self, slugs: Sequence[str], user_ids: Sequence[str]) -> dict[str, str]:
        """Find an item that each approved user is approved for, read consistently. Store calls in sequence: 1."""
        keys = [approval_key(slug, user_id) for user_id in dict.fromkeys(user_ids) for slug in slugs]
        rows = get_all(CATALOG, keys)
        return {row["userId"]: row["slug"] for row in rows if row["status"] == ApprovalStatus.APPROVED}

    def require_access(self, slug: str, user_id: str) -> list[Action]:
        """Return the members of a transaction which require that the user is active and approved for the item."""
        return [approval_check(slug, user_id), active_person_check(user_id)]


def item_key(slug: str) -> Row:
    return {"pk": f"ITEM#{slug}", "sk": "ITEM"}


def approval_key(slug: str, user_id: str) -> Row:
    return {"pk": f"ITEM#{slug}", "sk": f"APPROVAL#{user_id}"}


def integrator_key(integrator: str) -> Row:
    return {"pk": f"INTEGRATOR#{integrator}", "sk": "ITEMS"}


def linked_items(row: Row | None) -> list[str]:
    """List the slugs in an integrator's row of items, in order."""
    return sorted((row or {}).get("slugs", ()))


def approval_check(slug: str, user_id: str) -> Action:
    """Return the check that the user is approved for the item."""
    approved = ApprovalStatus.APPROVED.value
    return check(CATALOG, approval_key(slug, user_id), "#status = :approved", approved=approved)


def _relink(slug: str, before: str | None, after: str | None) -> list[Action]:
    if before == after:
        return []
    return [
        update(CATALOG, integrator_key(integrator), f"{verb} slugs :slugs", slugs={slug})
        for verb, integrator in (("DELETE", before), ("ADD", after))
        if integrator is not None
    ]


# What every change sets.
_OWN_COLUMNS = frozenset({"updatedAt", "version"})
# Texts that name no person.
_WORDS = frozenset({"type", "integrator", "integrators", "linkedToolsTokenId", "displayOrder", "archivedAt"})


def _columns(item: CatalogItem) -> Row:
    return _ITEM.to_row(item) | {"listed": _ITEMS, "listedAs": item.slug}


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_ITEM = Codec(
    CatalogItem,
    {
        "item_id": "id",
        "use_cases": Column(to_row=_to_json, from_row=json.loads),
        # Stored as text, since whole numbers have no bounds in JSON and 38 digits in DynamoDB.
        "display_order": Column(to_row=str, from_row=int),
    },
)
_ENTRY = Codec(ItemEntry, {"display_order": Column(from_row=int)}, without=("archived",))
