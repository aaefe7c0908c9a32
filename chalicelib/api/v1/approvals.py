"""fluxdesk-v1, tag "catalog": approvals, and ours the way to them by application and review."""

from chalice.app import Blueprint

from chalicelib.api.approval_pages import approval_page
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
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ApiKey, ToolsToken
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.edge.operation import as_stored
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
def list_catalog_approvals(query: ApprovalQuery, caller: ToolsToken, call: Call) -> ApprovalPage:
    """List approvals and applications, whatever became of them.

    The newest come first, except that those of one item are in no particular order. Follow `nextCursor` with the
    same filters until it is null.
    """
    items, cursor = approval_page(query, reader=caller.integrator)
    return ApprovalPage(items=items, next_cursor=cursor, request_id=call.request_id)


@operation(
    bp,
    "POST",
    _APPROVALS,
    tag="catalog",
    admin_only=True,
    status=201,
    answers={201: "The approval."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=as_stored,
    grants=_CHANGE,
)
def assign_catalog_approval(body: ApprovalIn, caller: ToolsToken, call: Call) -> ApprovalOut:
    """Approve an employee for an item without an application.

    A pending application is approved by it. Once approved, assigning again gives the same approval.
    """
    return approvals.assign(
        body, reviewer_id=caller.owner_id, call=call, approvals=DynamoApprovals(), people=DynamoDirectory()
    )


@operation(
    bp,
    "DELETE",
    _APPROVALS,
    tag="catalog",
    admin_only=True,
    answers={200: "What ended."},
    refusals=(Conflict, TooLarge),
    replay=as_stored,
    grants=_CHANGE + CATALOG.can("BatchGetItem", "DeleteItem") + TOKENS.can("BatchGetItem", "ConditionCheckItem"),
)
def revoke_catalog_approval(
    query: RevocationQuery, caller: ToolsToken, call: Call, body: ApprovalIn | None = None
) -> Revocation:
    """Revoke an employee's approval for an item.

    From then on the personal tokens that rest on it are refused; a token stays when the employee is approved for
    another item of the same integrator. Revoking what is not approved changes nothing. The employee and the item
    may be named in the body or by the query parameters.
    """
    return approvals.revoke(
        query.merged(body),
        reviewer_id=caller.owner_id,
        call=call,
        approvals=DynamoApprovals(),
        people=DynamoDirectory(),
    )


@operation(
    bp,
    "POST",
    f"{_APPROVALS}/review",
    tag="catalog",
    admin_only=True,
    answers={200: "The application as it is now."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=as_stored,
    grants=_CHANGE + CATALOG.can("BatchGetItem"),
)
def review_catalog_request(body: ReviewIn, caller: ToolsToken, call: Call) -> ApprovalOut:
    """Approve or reject an application.

    Deciding the same again changes nothing; deciding otherwise is a conflict.
    """
    return approvals.review(
        body, reviewer_id=caller.owner_id, call=call, approvals=DynamoApprovals(), people=DynamoDirectory()
    )


@operation(
    bp,
    "POST",
    "/api/v1/catalog/requests",
    tag="catalog",
    status=201,
    answers={201: "The application."},
    refusals=(NotFound, Conflict, TooLarge),
    area="catalog",
    replay=as_stored,
    grants=_CHANGE + CATALOG.can("GetItem"),
)
def request_catalog_item(body: RequestIn, caller: ApiKey, call: Call) -> ApprovalOut:
    """Apply for access to an item of the catalog.

    The application waits for a review, unless the item needs none: then it is approved at once. Applying again
    while it waits gives the same application; after a rejection or a revocation it begins anew.
    """
    return approvals.apply(
        body,
        caller=caller,
        call=call,
        approvals=DynamoApprovals(),
        people=DynamoDirectory(),
        items=DynamoCatalog(),
    )
