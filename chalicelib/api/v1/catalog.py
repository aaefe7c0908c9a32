"""fluxdesk-v1, tag "catalog": the items."""

from uuid import uuid4

from chalice.app import Blueprint

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
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ToolsToken
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.edge.operation import as_stored
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
def list_catalog_items(query: ItemQuery, caller: ToolsToken, call: Call) -> CatalogItemList:  # noqa: ARG001 - admits
    """List the catalog, by display order and then by name.

    Without filters these are all items in use. A reply holds at most 5 MB of items, so of very large ones it may
    show fewer than `limit`.
    """
    return catalog.list_items(query, call=call, items=DynamoCatalog())


@operation(
    bp,
    "POST",
    _ITEMS,
    tag="catalog",
    admin_only=True,
    status=201,
    answers={201: "The new item."},
    refusals=(Conflict, TooLarge),
    replay=as_stored,
    grants=SPEND + REMEMBER + _RESOLVE + CATALOG.can("PutItem", "UpdateItem"),
)
def create_catalog_item(body: CatalogItemIn, caller: ToolsToken, call: Call) -> CatalogItemReply:  # noqa: ARG001
    """Add an item to the catalog.

    A slug that another item has, archived ones included, is a conflict.
    """
    return catalog.create_item(
        body,
        item_id=str(uuid4()),
        call=call,
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
def get_catalog_item(slug: str, caller: ToolsToken, call: Call) -> CatalogItemReply:  # noqa: ARG001 - admits
    """Read one item of the catalog; archived ones are found by the list only."""
    return catalog.read_item(slug, call=call, items=DynamoCatalog())


@operation(
    bp,
    "PATCH",
    f"{_ITEMS}/{{slug}}",
    tag="catalog",
    admin_only=True,
    answers={200: "The item as it is now."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=as_stored,
    grants=SPEND + REMEMBER + _RESOLVE + CATALOG.can("GetItem", "UpdateItem", "ConditionCheckItem"),
)
def update_catalog_item(
    slug: str,
    body: CatalogItemPatch,
    caller: ToolsToken,  # noqa: ARG001 - admits
    call: Call,
) -> CatalogItemReply:
    """Change an item of the catalog.

    Members that are left out stay as they are; slug and type stay for good, and sending one is refused as
    `immutable`. Archived items are not changed any more.
    """
    return catalog.update_item(
        slug, body, call=call, items=DynamoCatalog(), people=DynamoDirectory(), tokens=DynamoTokens()
    )


@operation(
    bp,
    "DELETE",
    f"{_ITEMS}/{{slug}}",
    tag="catalog",
    admin_only=True,
    answers={200: "What became of the item."},
    refusals=(NotFound, Conflict),
    replay=as_stored,
    grants=SPEND
    + REMEMBER
    + TOKENS.can("BatchGetItem")
    + CATALOG.can("GetItem", "Query", "UpdateItem", "DeleteItem", "ConditionCheckItem"),
)
def delete_catalog_item(
    slug: str,
    query: RemovalQuery,
    caller: ToolsToken,  # noqa: ARG001 - admits
    call: Call,
) -> CatalogItemRemoved:
    """Archive an item of the catalog, or with `hard=true` remove it.

    Archiving leaves approvals and their tokens as they are; doing it again says `already_archived`. Removing is a
    conflict as long as approvals, pending applications included, access or personal tokens hang on the item:
    `blockers` counts them. The slug of an archived item stays taken, that of a removed one is free again.
    """
    return catalog.delete_item(slug, hard=query.hard, call=call, items=DynamoCatalog(), approvals=DynamoApprovals())
