"""v1 "catalog": list, create, change and delete items."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.audit import audited
from chalicelib.api.v1.contract import REMEMBER, SPEND, operation
from chalicelib.catalog.domain.catalog import (
    CatalogItemIn,
    CatalogItemList,
    CatalogItemPatch,
    CatalogItemRemoved,
    CatalogItemReply,
    ItemQuery,
    RemovalQuery,
)
from chalicelib.catalog.services import catalog
from chalicelib.catalog.stores.approvals import DynamoApprovals
from chalicelib.catalog.stores.catalog import DynamoCatalog
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ToolsToken
from chalicelib.core.domain.errors import Conflict, IdempotencyConflict, ItemInUse, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import from_stored_reply
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import CATALOG, DIRECTORY, LIST_INDEX, TOKENS
from chalicelib.tokens.stores.tokens import DynamoTokens

bp = Blueprint(__name__)

_ITEMS = "/api/v1/catalog/items"
_RESOLVE = TOKENS.can("GetItem") + DIRECTORY.can("BatchGetItem")


@operation(
    bp,
    "GET",
    _ITEMS,
    tag="catalog",
    admin_only=True,
    answers={200: "The items."},
    grants=SPEND + CATALOG.can("BatchGetItem") + CATALOG.can("Query", index=LIST_INDEX),
)
def list_catalog_items(query: ItemQuery, caller: ToolsToken, context: RequestContext) -> CatalogItemList:  # noqa: ARG001 - admits
    """List catalog items by display order, then by name.

    Without filters, the list contains all items that are not archived. A reply contains up to 5 MB of items, so it may
    contain fewer than `limit`.
    """
    return catalog.list_items(query, context=context, items=DynamoCatalog())


@operation(
    bp,
    "POST",
    _ITEMS,
    checks_request_id=True,
    tag="catalog",
    admin_only=True,
    status=201,
    answers={201: "The created item."},
    refusals=(Conflict, TooLarge),
    replay=from_stored_reply,
    grants=SPEND + REMEMBER + _RESOLVE + CATALOG.can("PutItem", "UpdateItem"),
    audits=(AuditKind.CATALOG_ITEM_CREATE,),
)
def create_catalog_item(body: CatalogItemIn, caller: ToolsToken, context: RequestContext) -> CatalogItemReply:
    """Create a catalog item.

    A slug that another item uses, archived items included, is a conflict.
    """
    with audited(AuditKind.CATALOG_ITEM_CREATE, caller, context, Subject("catalogItem", body.slug)):
        return catalog.create_item(
            body,
            item_id=str(uuid4()),
            context=context,
            items=DynamoCatalog(),
            people=DynamoDirectory(),
            tokens=DynamoTokens(),
        )


@operation(
    bp,
    "GET",
    f"{_ITEMS}/{{slug}}",
    tag="catalog",
    admin_only=True,
    answers={200: "The item."},
    refusals=(NotFound,),
    grants=SPEND + CATALOG.can("GetItem"),
)
def get_catalog_item(slug: str, caller: ToolsToken, context: RequestContext) -> CatalogItemReply:  # noqa: ARG001 - admits
    """Retrieve a catalog item by its slug.

    Archived items are available in the list only.
    """
    return catalog.read_item(slug, context=context, items=DynamoCatalog())


@operation(
    bp,
    "PATCH",
    f"{_ITEMS}/{{slug}}",
    checks_request_id=True,
    tag="catalog",
    admin_only=True,
    answers={200: "The updated item."},
    refusals=(NotFound, IdempotencyConflict, TooLarge),
    replay=from_stored_reply,
    grants=SPEND + REMEMBER + _RESOLVE + CATALOG.can("GetItem", "UpdateItem", "ConditionCheckItem"),
    audits=(AuditKind.CATALOG_ITEM_UPDATE,),
)
def update_catalog_item(
    slug: str,
    body: CatalogItemPatch,
    caller: ToolsToken,
    context: RequestContext,
) -> CatalogItemReply:
    """Update a catalog item.

    Members that you leave out keep their values. You can't change `slug` and `type`: sending either is refused as
    `immutable`. Archived items can't be updated.
    """
    with audited(AuditKind.CATALOG_ITEM_UPDATE, caller, context, Subject("catalogItem", slug)):
        return catalog.update_item(
            slug, body, context=context, items=DynamoCatalog(), people=DynamoDirectory(), tokens=DynamoTokens()
        )


@operation(
    bp,
    "DELETE",
    f"{_ITEMS}/{{slug}}",
    tag="catalog",
    admin_only=True,
    answers={200: "The result of the deletion."},
    refusals=(NotFound, ItemInUse),
    replay=from_stored_reply,
    grants=SPEND
    + REMEMBER
    + TOKENS.can("BatchGetItem")
    + CATALOG.can("GetItem", "Query", "UpdateItem", "DeleteItem", "ConditionCheckItem"),
    audits=(
        AuditKind.CATALOG_ITEM_ARCHIVE,
        AuditKind.CATALOG_ITEM_REMOVE,
    ),
)
def delete_catalog_item(
    slug: str,
    query: RemovalQuery,
    caller: ToolsToken,
    context: RequestContext,
) -> CatalogItemRemoved:
    """Archive a catalog item, or delete it with `hard=true`.

    Archiving keeps approvals and their tokens, and the slug stays taken. Archiving again returns `already_archived`.
    Deleting is a conflict while approvals, pending requests, assets or personal tokens depend on the item; `blockers`
    counts them. The slug of a deleted item can be used again.
    """
    kind = AuditKind.CATALOG_ITEM_REMOVE if query.hard else AuditKind.CATALOG_ITEM_ARCHIVE
    with audited(kind, caller, context, Subject("catalogItem", slug)):
        return catalog.delete_item(
            slug, hard=query.hard, context=context, items=DynamoCatalog(), approvals=DynamoApprovals()
        )
