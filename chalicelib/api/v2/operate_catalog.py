"""Admin: the catalog and its approvals."""

from typing import Any
from uuid import uuid4

from chalice.app import Blueprint
from pydantic_core import to_json

from chalicelib.api.approval_pages import approval_page
from chalicelib.api.audit import audited
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
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, IdempotencyConflict, ItemInUse, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import OperationReply
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
def _replay(stored: dict[str, Any]) -> OperationReply:
    return _replay_data(stored, stored["body"])


def _replay_item(stored: dict[str, Any]) -> OperationReply:
    return _replay_data(stored, stored["body"]["item"])


def _replay_data(stored: dict[str, Any], data: Any) -> OperationReply:
    return OperationReply(to_json({"success": True, "data": data}).decode(), stored["status"])


@operate(
    bp,
    "GET",
    _ITEMS,
    envelope="CatalogItemsAnswer",
    answers={200: "The items."},
    grants=OPERATE + CATALOG.can("BatchGetItem") + CATALOG.can("Query", index=LIST_INDEX),
)
def operate_list_items(query: ItemQuery, caller: ApiKey, context: RequestContext) -> CatalogItemsOut:  # noqa: ARG001 - admits
    """List catalog items by display order, then by name.

    The filters are those of `GET /api/v1/catalog/items`.
    """
    found = catalog.list_items(query, context=context, items=DynamoCatalog())
    return CatalogItemsOut(items=found.items, total_count=found.total_count)


@operate(
    bp,
    "POST",
    _ITEMS,
    status=201,
    envelope="CatalogItemAnswer",
    answers={201: "The created item."},
    refusals=(Conflict, TooLarge),
    replay=_replay_item,
    grants=OPERATE + REMEMBER + _RESOLVE + CATALOG.can("PutItem", "UpdateItem"),
    audits=(AuditKind.CATALOG_ITEM_CREATE,),
)
def operate_create_item(body: CatalogItemIn, caller: ApiKey, context: RequestContext) -> CatalogItemOut:
    """Create a catalog item.

    A slug that another item uses, archived items included, is a conflict.
    """
    with audited(AuditKind.CATALOG_ITEM_CREATE, caller, context, Subject("catalogItem", body.slug)):
        made = catalog.create_item(
            body,
            item_id=str(uuid4()),
            context=context,
            items=DynamoCatalog(),
            people=DynamoDirectory(),
            tokens=DynamoTokens(),
        )
        return made.item


@operate(
    bp,
    "PATCH",
    f"{_ITEMS}/{{slug}}",
    envelope="CatalogItemAnswer",
    answers={200: "The updated item."},
    refusals=(NotFound, IdempotencyConflict, TooLarge),
    replay=_replay_item,
    grants=OPERATE + REMEMBER + _RESOLVE + CATALOG.can("GetItem", "UpdateItem", "ConditionCheckItem"),
    audits=(AuditKind.CATALOG_ITEM_UPDATE,),
)
def operate_update_item(slug: str, body: CatalogItemPatch, caller: ApiKey, context: RequestContext) -> CatalogItemOut:
    """Update a catalog item.

    Members that you leave out keep their values. You can't change `slug` and `type`.
    """
    with audited(AuditKind.CATALOG_ITEM_UPDATE, caller, context, Subject("catalogItem", slug)):
        made = catalog.update_item(
            slug, body, context=context, items=DynamoCatalog(), people=DynamoDirectory(), tokens=DynamoTokens()
        )
        return made.item


@operate(
    bp,
    "DELETE",
    f"{_ITEMS}/{{slug}}",
    envelope="CatalogRemovedAnswer",
    answers={200: "The result of the deletion."},
    refusals=(NotFound, ItemInUse),
    replay=_replay,
    grants=OPERATE
    + REMEMBER
    + TOKENS.can("BatchGetItem")
    + CATALOG.can("GetItem", "Query", "UpdateItem", "DeleteItem", "ConditionCheckItem"),
    audits=(
        AuditKind.CATALOG_ITEM_ARCHIVE,
        AuditKind.CATALOG_ITEM_REMOVE,
    ),
)
def operate_delete_item(slug: str, query: RemovalQuery, caller: ApiKey, context: RequestContext) -> CatalogItemRemoved:
    """Archive a catalog item, or delete it with `hard=true`.

    Deleting is a conflict while approvals, assets or tokens depend on the item.
    """
    kind = AuditKind.CATALOG_ITEM_REMOVE if query.hard else AuditKind.CATALOG_ITEM_ARCHIVE
    with audited(kind, caller, context, Subject("catalogItem", slug)):
        return catalog.delete_item(
            slug, hard=query.hard, context=context, items=DynamoCatalog(), approvals=DynamoApprovals()
        )


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
    """List access requests and approvals in any status.

    To get the next page, send `nextCursor` with the same filters; it is null on the last page.
    """
    items, cursor = approval_page(query, reader=caller.user_id)
    return ApprovalsOut(items=items, next_cursor=cursor)


@operate(
    bp,
    "POST",
    _APPROVALS,
    status=201,
    envelope="ApprovalAnswer",
    answers={201: "The approval."},
    refusals=(NotFound, IdempotencyConflict, TooLarge),
    replay=_replay,
    grants=_CHANGE,
    audits=(AuditKind.APPROVAL_ASSIGN,),
)
def operate_assign_approval(body: AssignmentIn, caller: ApiKey, context: RequestContext) -> ApprovalOut:
    """Grant an employee access to a catalog item.

    If a request is pending, it is approved.
    """
    with audited(AuditKind.APPROVAL_ASSIGN, caller, context, item=body.catalog_slug):
        return approvals.assign(
            body,
            reviewer_id=caller.user_id,
            context=context,
            approvals=DynamoApprovals(),
            people=DynamoDirectory(),
        )


@operate(
    bp,
    "POST",
    f"{_APPROVALS}/review",
    envelope="ApprovalAnswer",
    answers={200: "The reviewed request."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=_replay,
    grants=_CHANGE + CATALOG.can("BatchGetItem"),
    audits=(
        AuditKind.APPROVAL_APPROVE,
        AuditKind.APPROVAL_REJECT,
    ),
)
def operate_review_request(body: VerdictIn, caller: ApiKey, context: RequestContext) -> ApprovalOut:
    """Approve or reject an access request.

    Repeating a decision changes nothing. A different decision on a request that was already reviewed is a conflict.
    """
    with audited(AuditKind(f"approval.{body.decision}"), caller, context, Subject("approval", body.request_id)):
        return approvals.review(
            body,
            reviewer_id=caller.user_id,
            context=context,
            approvals=DynamoApprovals(),
            people=DynamoDirectory(),
        )


@operate(
    bp,
    "DELETE",
    _APPROVALS,
    envelope="RevocationAnswer",
    answers={200: "The result of the revocation."},
    refusals=(Conflict, TooLarge),
    replay=_replay,
    grants=_CHANGE
    + CATALOG.can("BatchGetItem", "DeleteItem")
    + TOKENS.can("BatchGetItem", "ConditionCheckItem", "UpdateItem"),
    audits=(AuditKind.APPROVAL_REVOKE,),
)
def operate_revoke_approval(query: AssignmentIn, caller: ApiKey, context: RequestContext) -> Revocation:
    """Revoke an employee's access to a catalog item.

    Personal tokens that depend on this approval alone stop working immediately.
    """
    with audited(AuditKind.APPROVAL_REVOKE, caller, context, item=query.catalog_slug) as entry:
        ended = approvals.revoke(
            query,
            reviewer_id=caller.user_id,
            context=context,
            approvals=DynamoApprovals(),
            people=DynamoDirectory(),
        )
        if not ended.revoked:
            entry.drop()
        return ended
