"""The table `catalog`: items with their approvals, and what each integrator's approvals rest on.

ITEM#<slug>       / ITEM               the item; liveApprovals, liveAssets: what hangs on it
ITEM#<slug>       / APPROVAL#<user>    see approvals
ITEM#<slug>       / ASSET#<user>       see approvals
INTEGRATOR#<slug> / ITEMS              slugs: the items linked to a tools token of the integrator
REQUEST#<id>      / REQUEST            see approvals

index list: listed, listedAs: the partition ITEMS holds what lists of items are filtered and ordered by
"""

import json
from collections.abc import Sequence
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.catalog.domain.approvals import ApprovalStatus
from chalicelib.catalog.domain.catalog import AssetType, Blockers, CatalogItem, ItemEntry
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import get_all, query
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.resources import CATALOG, LIST_INDEX

Reply = dict[str, Any]

_ITEMS = "ITEMS"


class DynamoCatalog:
    def find_item(self, slug: str) -> CatalogItem | None:
        """The item, archived or not, read consistently. One store call."""
        row = _get(item_key(slug))
        return _item(row) if row else None

    def find_items(self, slugs: Sequence[str]) -> list[CatalogItem]:
        """Those of the items that exist, in the order of `slugs`, read consistently. One store call per 100."""
        found = {row["slug"]: _item(row) for row in get_all(CATALOG, [item_key(slug) for slug in slugs])}
        return [found[slug] for slug in slugs if slug in found]

    def list_entries(self) -> list[ItemEntry]:
        """Every item of the organisation, by what filters and order need of it (eventually consistent).

        One store call per megabyte, which is some thousands of items.
        """
        rows = query(
            CATALOG,
            IndexName=LIST_INDEX,
            KeyConditionExpression="listed = :items",
            ExpressionAttributeValues=values(items=_ITEMS),
        )
        return [_entry(row) for row in rows]

    def add_item(self, item: CatalogItem, *, claim: Claim | None, reply: Reply) -> None:
        """Store a new item. One store call.

        Raises:
            Conflict: another item has its slug.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        put: Action = {
            "Put": {
                "TableName": CATALOG.physical_name,
                "Item": to_item(item_key(item.slug) | _columns(item) | {"liveApprovals": 0, "liveAssets": 0}),
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
        try:
            commit([put, *_relinked(item.slug, None, item.integrator)], claim=claim, reply=reply)
        except Refused as refused:
            # Item ids are fresh, so a row met under ours is our own, written by a retry below us.
            if refused.rows[0].get("id") != item.item_id:
                raise Conflict("Another catalog item has this slug.") from refused

    def save_item(self, item: CatalogItem, *, over: CatalogItem, claim: Claim | None, reply: Reply) -> bool:
        """Replace `over` by `item`; False when it is no longer as it was. One store call at most.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        actions: list[Action]
        if item == over:
            if claim is None:
                return True
            actions = [{"ConditionCheck": _unchanged(over)}]
        else:
            columns = _columns(item)
            update = _unchanged(over)
            update["UpdateExpression"] = "SET " + ", ".join(f"#{name} = :{name}" for name in columns)
            update["ExpressionAttributeNames"] = {f"#{name}": name for name in columns}
            update["ExpressionAttributeValues"] |= values(**columns)
            actions = [{"Update": update}, *_relinked(item.slug, over.integrator, item.integrator)]
        try:
            commit(actions, claim=claim, reply=reply)
        except Refused:
            return False
        return True

    def remove_item(self, item: CatalogItem, *, claim: Claim | None, reply: Reply) -> Blockers | None:
        """Delete an item on which nothing hangs, as it stands when it is deleted. One store call.

        Otherwise nothing is deleted, and what hangs on the item is returned; when that is nothing, the item
        has merely changed.

        Raises:
            NotFound: there is no such item any more.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        delete = _unchanged(item)
        delete["ConditionExpression"] += " AND liveApprovals = :none AND liveAssets = :none"
        delete["ExpressionAttributeValues"] |= values(none=0)
        delete["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        try:
            commit([{"Delete": delete}, *_relinked(item.slug, item.integrator, None)], claim=claim, reply=reply)
        except Refused as refused:
            if not (row := refused.rows[0]):
                raise NotFound("No such catalog item.") from refused
            return Blockers(int(row["liveApprovals"]), int(row["liveAssets"]))
        return None

    def items_of(self, integrator: str) -> list[str]:
        """The slugs of the items linked to the integrator, archived or not. One store call."""
        return linked_items(_get(integrator_key(integrator)))

    def approving_among(self, slugs: Sequence[str], user_ids: Sequence[str]) -> dict[str, str]:
        """One of the items for each of the users approved for any, read consistently. Store calls in sequence: 1."""
        keys = [approval_key(slug, user_id) for user_id in dict.fromkeys(user_ids) for slug in slugs]
        rows = get_all(CATALOG, keys)
        return {row["userId"]: row["slug"] for row in rows if row["status"] == ApprovalStatus.APPROVED}


def item_key(slug: str) -> Row:
    return {"pk": f"ITEM#{slug}", "sk": "ITEM"}


def approval_key(slug: str, user_id: str) -> Row:
    return {"pk": f"ITEM#{slug}", "sk": f"APPROVAL#{user_id}"}


def integrator_key(integrator: str) -> Row:
    return {"pk": f"INTEGRATOR#{integrator}", "sk": "ITEMS"}


def linked_items(row: Row | None) -> list[str]:
    """The slugs in an integrator's row of items, in order."""
    return sorted((row or {}).get("slugs", ()))


def approval_condition(slug: str, user_id: str) -> Action:
    """Check, within a transaction, that the user is approved for the item."""
    return {
        "ConditionCheck": {
            "TableName": CATALOG.physical_name,
            "Key": to_item(approval_key(slug, user_id)),
            "ConditionExpression": "#status = :approved",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": values(approved=ApprovalStatus.APPROVED.value),
        }
    }


def _get(key: Row) -> Row | None:
    got = dynamodb().get_item(TableName=CATALOG.physical_name, Key=to_item(key), ConsistentRead=True)
    return from_item(dict(got["Item"])) if "Item" in got else None


def _unchanged(item: CatalogItem) -> dict[str, Any]:
    return {
        "TableName": CATALOG.physical_name,
        "Key": to_item(item_key(item.slug)),
        "ConditionExpression": "id = :seen AND version = :seenVersion",
        "ExpressionAttributeValues": values(seen=item.item_id, seenVersion=item.version),
    }


def _relinked(slug: str, before: str | None, after: str | None) -> list[Action]:
    if before == after:
        return []
    return [
        {
            "Update": {
                "TableName": CATALOG.physical_name,
                "Key": to_item(integrator_key(integrator)),
                "UpdateExpression": f"{verb} slugs :slugs",
                "ExpressionAttributeValues": values(slugs={slug}),
            }
        }
        for verb, integrator in (("DELETE", before), ("ADD", after))
        if integrator is not None
    ]


def _columns(item: CatalogItem) -> Row:
    return {
        "id": item.item_id,
        "slug": item.slug,
        "name": item.name,
        "type": item.type.value,
        "description": item.description,
        "category": item.category,
        "url": item.url,
        "applicationGuide": item.application_guide,
        "useCases": json.dumps(item.use_cases, ensure_ascii=False, separators=(",", ":")),
        "isPinned": item.is_pinned,
        "approvalRequired": item.approval_required,
        # As text: JSON's whole numbers have no bounds, and DynamoDB's have 38 digits.
        "displayOrder": str(item.display_order),
        "contactUserId": item.contact_user_id,
        "linkedToolsTokenId": item.linked_tools_token_id,
        "integrator": item.integrator,
        "integrators": list(item.integrators),
        "archivedAt": item.archived_at,
        "createdAt": item.created_at,
        "updatedAt": item.updated_at,
        "version": item.version,
        "listed": _ITEMS,
        "listedAs": item.slug,
    }


def _item(row: Row) -> CatalogItem:
    return CatalogItem(
        item_id=row["id"],
        slug=row["slug"],
        name=row["name"],
        type=AssetType(row["type"]),
        description=row["description"],
        category=row["category"],
        url=row["url"],
        application_guide=row["applicationGuide"],
        use_cases=json.loads(row["useCases"]),
        is_pinned=row["isPinned"],
        approval_required=row["approvalRequired"],
        display_order=int(row["displayOrder"]),
        contact_user_id=row["contactUserId"],
        linked_tools_token_id=row["linkedToolsTokenId"],
        integrator=row["integrator"],
        integrators=tuple(row["integrators"]),
        archived_at=row["archivedAt"],
        created_at=row["createdAt"],
        updated_at=row["updatedAt"],
        version=int(row["version"]),
    )


def _entry(row: Row) -> ItemEntry:
    return ItemEntry(
        slug=row["slug"],
        name=row["name"],
        type=row["type"],
        category=row["category"],
        display_order=int(row["displayOrder"]),
        integrator=row["integrator"],
        archived=row["archivedAt"] is not None,
    )
