"""For operators: the catalog, and who gets at what it offers."""

from typing import Any
from uuid import uuid4

from chalice.app import Blueprint
from pydantic_core import to_json

from chalicelib.api.approval_pages import approval_page
from chalicelib.api.v2.audit import audit
from chalicelib.api.v2.contract import OPERATE, REMEMBER, operate
from chalicelib.catalog.domain.approvals import (
    ApprovalOut,
    ApprovalQuery,
    Revocation,
)
from chalicelib.catalog.domain.catalog import (
    CatalogItemIn,
    CatalogItemOut,
    CatalogItemPatch,
    CatalogItemRemoved,
    ItemQuery,
    RemovalQuery,
)
from chalicelib.catalog.services import approvals, catalog
from chalicelib.catalog.stores.approvals import DynamoApprovals
from chalicelib.catalog.stores.catalog import DynamoCatalog
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.edge.operation import Reply
from chalicelib.operate.domain.catalog import (
    ApprovalsOut,
    AssignmentIn,
    CatalogItemsOut,
    VerdictIn,
)
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import CATALOG, LIST_INDEX, PERSON_INDEX, TOKENS
from chalicelib.tokens.stores.tokens import DynamoTokens

bp = Blueprint(__name__)

_ITEMS, _APPROVALS = "/api/v2/operate/catalog/items", "/api/v2/operate/catalog/approvals"
_RESOLVE = TOKENS.can("GetItem")
_CHANGE = OPERATE + REMEMBER + CATALOG.can("PutItem", "UpdateItem", "ConditionCheckItem")


# Idempotency records keep v1's reply: its body, or a member of it, is the data of the reply here.
def _replay(stored: dict[str, Any]) -> Reply:
    return _replay_data(stored, stored["body"])


def _replay_item(stored: dict[str, Any]) -> Reply:
    return _replay_data(stored, stored["body"]["item"])


def _replay_data(stored: dict[str, Any], data: Any) -> Reply:
    return Reply(to_json({"success": True, "data": data}).decode(), stored["status"])


@operate(
    bp,
    "GET",
    _ITEMS,
    envelope="CatalogItemsAnswer",
    answers={200: "The items."},
    grants=OPERATE + CATALOG.can("BatchGetItem") + CATALOG.can("Query", index=LIST_INDEX),
)
def operate_list_items(query: ItemQuery, caller: ApiKey, call: Call) -> CatalogItemsOut:  # noqa: ARG001 - admits
    """List the catalog, by display order and then by name; with the filters of its own list."""
    found = catalog.list_items(query, call=call, items=DynamoCatalog())
    return CatalogItemsOut(items=found.items, total_count=found.total_count)


@operate(
    bp,
    "POST",
    _ITEMS,
    status=201,
    envelope="CatalogItemAnswer",
    answers={201: "The new item."},
    refusals=(Conflict, TooLarge),
    replay=_replay_item,
    grants=OPERATE + REMEMBER + _RESOLVE + CATALOG.can("PutItem", "UpdateItem"),
)
def operate_create_item(body: CatalogItemIn, caller: ApiKey, call: Call) -> CatalogItemOut:
    """Add an item to the catalog. A slug that another item has, archived ones included, is a conflict."""
    made = catalog.create_item(
        body,
        item_id=str(uuid4()),
        call=call,
        items=DynamoCatalog(),
        people=DynamoDirectory(),
        tokens=DynamoTokens(),
    )
    audit(caller, call, "catalogItem.create", made.item.slug)
    return made.item


@operate(
    bp,
    "PATCH",
    f"{_ITEMS}/{{slug}}",
    envelope="CatalogItemAnswer",
    answers={200: "The item as it is now."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=_replay_item,
    grants=OPERATE + REMEMBER + _RESOLVE + CATALOG.can("GetItem", "UpdateItem", "ConditionCheckItem"),
)
def operate_update_item(slug: str, body: CatalogItemPatch, caller: ApiKey, call: Call) -> CatalogItemOut:
    """Change an item of the catalog: what is given, and nothing else. Slug and type stay for good."""
    made = catalog.update_item(
        slug, body, call=call, items=DynamoCatalog(), people=DynamoDirectory(), tokens=DynamoTokens()
    )
    audit(caller, call, "catalogItem.update", slug)
    return made.item


@operate(
    bp,
    "DELETE",
    f"{_ITEMS}/{{slug}}",
    envelope="CatalogRemovedAnswer",
    answers={200: "What became of the item."},
    refusals=(NotFound, Conflict),
    replay=_replay,
    grants=OPERATE
    + REMEMBER
    + TOKENS.can("BatchGetItem")
    + CATALOG.can("GetItem", "Query", "UpdateItem", "DeleteItem", "ConditionCheckItem"),
)
def operate_delete_item(slug: str, query: RemovalQuery, caller: ApiKey, call: Call) -> CatalogItemRemoved:
    """Archive an item of the catalog, or with `hard=true` remove it, which is a conflict while anything hangs on it."""
    deleted = catalog.delete_item(slug, hard=query.hard, call=call, items=DynamoCatalog(), approvals=DynamoApprovals())
    audit(caller, call, "catalogItem.remove" if query.hard else "catalogItem.archive", slug)
    return deleted


@operate(
    bp,
    "GET",
    _APPROVALS,
    envelope="ApprovalsAnswer",
    answers={200: "A page of approvals."},
    grants=OPERATE
    + CATALOG.can("Query")
    + CATALOG.can("Query", index=LIST_INDEX)
    + CATALOG.can("Query", index=PERSON_INDEX),
)
def operate_list_approvals(query: ApprovalQuery, caller: ApiKey) -> ApprovalsOut:
    """List approvals and applications. Follow `nextCursor` with the same filters until it is null."""
    items, cursor = approval_page(query, reader=caller.user_id)
    return ApprovalsOut(items=items, next_cursor=cursor)


@operate(
    bp,
    "POST",
    _APPROVALS,
    status=201,
    envelope="ApprovalAnswer",
    answers={201: "The approval."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=_replay,
    grants=_CHANGE,
)
def operate_assign_approval(body: AssignmentIn, caller: ApiKey, call: Call) -> ApprovalOut:
    """Approve an employee for an item; a pending application is approved by it."""
    made = approvals.assign(
        body,
        reviewer_id=caller.user_id,
        call=call,
        approvals=DynamoApprovals(),
        people=DynamoDirectory(),
    )
    audit(caller, call, "approval.assign", made.id)
    return made


@operate(
    bp,
    "POST",
    f"{_APPROVALS}/review",
    envelope="ApprovalAnswer",
    answers={200: "The application as it is now."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=_replay,
    grants=_CHANGE + CATALOG.can("BatchGetItem"),
)
def operate_review_request(body: VerdictIn, caller: ApiKey, call: Call) -> ApprovalOut:
    """Approve or reject an application. Deciding the same again changes nothing; deciding otherwise is a conflict."""
    made = approvals.review(
        body,
        reviewer_id=caller.user_id,
        call=call,
        approvals=DynamoApprovals(),
        people=DynamoDirectory(),
    )
    audit(caller, call, f"approval.{body.decision}", made.id)
    return made


@operate(
    bp,
    "DELETE",
    _APPROVALS,
    envelope="RevocationAnswer",
    answers={200: "What ended."},
    refusals=(Conflict, TooLarge),
    replay=_replay,
    grants=_CHANGE
    + CATALOG.can("BatchGetItem", "DeleteItem")
    + TOKENS.can("BatchGetItem", "ConditionCheckItem", "UpdateItem"),
)
def operate_revoke_approval(query: AssignmentIn, caller: ApiKey, call: Call) -> Revocation:
    """Revoke an employee's approval for an item, and at once the personal tokens that rest on it alone."""
    ended = approvals.revoke(
        query,
        reviewer_id=caller.user_id,
        call=call,
        approvals=DynamoApprovals(),
        people=DynamoDirectory(),
    )
    audit(caller, call, "approval.revoke", f"{query.catalog_slug}/{query.email}")
    return ended
