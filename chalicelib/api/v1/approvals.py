"""v1 "catalog": approvals, and access requests with their review (an addition to the contract)."""

from chalice.app import Blueprint

from chalicelib.api.approval_pages import approval_page
from chalicelib.api.audit import audited
from chalicelib.api.v1.contract import REMEMBER, SPEND, operation
from chalicelib.catalog.domain.approvals import (
    ApprovalIn,
    ApprovalOut,
    ApprovalPage,
    ApprovalQuery,
    RequestIn,
    ReviewIn,
    Revocation,
    RevocationQuery,
)
from chalicelib.catalog.services import approvals
from chalicelib.catalog.stores.approvals import DynamoApprovals
from chalicelib.catalog.stores.catalog import DynamoCatalog
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey, ToolsToken
from chalicelib.core.domain.errors import Conflict, IdempotencyConflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import from_stored_reply
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import CATALOG, DIRECTORY, LIST_INDEX, PERSON_INDEX, TOKENS

bp = Blueprint(__name__)

_APPROVALS = "/api/v1/catalog/approvals"
_CHANGE = SPEND + REMEMBER + DIRECTORY.can("BatchGetItem") + CATALOG.can("PutItem", "UpdateItem", "ConditionCheckItem")


@operation(
    bp,
    "GET",
    _APPROVALS,
    tag="catalog",
    admin_only=True,
    answers={200: "A page of approvals."},
    grants=SPEND
    + CATALOG.can("Query")
    + CATALOG.can("Query", index=LIST_INDEX)
    + CATALOG.can("Query", index=PERSON_INDEX),
)
def list_catalog_approvals(query: ApprovalQuery, caller: ToolsToken, context: RequestContext) -> ApprovalPage:
    """List access requests and approvals in any status.

    Results are sorted newest first. With `catalog_slug`, the order is undefined. To get the next page, send
    `nextCursor` with the same filters; it is null on the last page.
    """
    items, cursor = approval_page(query, reader=caller.integrator)
    return ApprovalPage(items=items, next_cursor=cursor, request_id=context.request_id)


@operation(
    bp,
    "POST",
    _APPROVALS,
    tag="catalog",
    admin_only=True,
    status=201,
    answers={201: "The approval."},
    refusals=(NotFound, IdempotencyConflict, TooLarge),
    replay=from_stored_reply,
    grants=_CHANGE,
    audits=(AuditKind.APPROVAL_ASSIGN,),
)
def assign_catalog_approval(body: ApprovalIn, caller: ToolsToken, context: RequestContext) -> ApprovalOut:
    """Grant an employee access to a catalog item.

    No request is needed. If a request is pending, it is approved. If access was granted before, the existing approval
    is returned.
    """
    with audited(AuditKind.APPROVAL_ASSIGN, caller, context, item=body.catalog_slug):
        return approvals.assign(
            body, reviewer_id=caller.owner_id, context=context, approvals=DynamoApprovals(), people=DynamoDirectory()
        )


@operation(
    bp,
    "DELETE",
    _APPROVALS,
    tag="catalog",
    admin_only=True,
    answers={200: "The result of the revocation."},
    refusals=(Conflict, TooLarge),
    replay=from_stored_reply,
    grants=_CHANGE + CATALOG.can("BatchGetItem", "DeleteItem") + TOKENS.can("BatchGetItem", "ConditionCheckItem"),
    audits=(AuditKind.APPROVAL_REVOKE,),
)
def revoke_catalog_approval(
    query: RevocationQuery, caller: ToolsToken, context: RequestContext, body: ApprovalIn | None = None
) -> Revocation:
    """Revoke an employee's access to a catalog item.

    Personal tokens that depend on this approval stop working immediately. A token stays valid if the employee is
    approved for another item of the same integrator. If there is no approval, nothing changes. Name the employee and
    the item in the body or in the query parameters.
    """
    named = query.merged(body)
    with audited(AuditKind.APPROVAL_REVOKE, caller, context, item=named.catalog_slug) as entry:
        ended = approvals.revoke(
            named,
            reviewer_id=caller.owner_id,
            context=context,
            approvals=DynamoApprovals(),
            people=DynamoDirectory(),
        )
        if not ended.revoked:
            entry.drop()
        return ended


@operation(
    bp,
    "POST",
    f"{_APPROVALS}/review",
    tag="catalog",
    admin_only=True,
    answers={200: "The reviewed request."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=from_stored_reply,
    grants=_CHANGE + CATALOG.can("BatchGetItem"),
    audits=(
        AuditKind.APPROVAL_APPROVE,
        AuditKind.APPROVAL_REJECT,
    ),
)
def review_catalog_request(body: ReviewIn, caller: ToolsToken, context: RequestContext) -> ApprovalOut:
    """Approve or reject an access request.

    Repeating a decision changes nothing. A different decision on a request that was already reviewed is a conflict.
    """
    with audited(AuditKind(f"approval.{body.decision}"), caller, context, Subject("approval", body.request_id)):
        return approvals.review(
            body, reviewer_id=caller.owner_id, context=context, approvals=DynamoApprovals(), people=DynamoDirectory()
        )


@operation(
    bp,
    "POST",
    "/api/v1/catalog/requests",
    tag="catalog",
    status=201,
    answers={201: "The access request."},
    refusals=(NotFound, Conflict, TooLarge),
    permission="catalog",
    replay=from_stored_reply,
    grants=_CHANGE + CATALOG.can("GetItem"),
)
def request_catalog_item(body: RequestIn, caller: ApiKey, context: RequestContext) -> ApprovalOut:
    """Request access to a catalog item.

    The request waits for review, unless the item needs no approval: then access is granted immediately. If a request is
    already pending, it is returned. After a rejection or a revocation, you can request access again.
    """
    return approvals.request_access(
        body,
        caller=caller,
        context=context,
        approvals=DynamoApprovals(),
        people=DynamoDirectory(),
        items=DynamoCatalog(),
    )
