"""v2 "Queue": what agents may do without asking."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.resources import QUEUE_ITEMS
from chalicelib.tasks.domain.standing_approvals import StandingApprovalIn, StandingApprovalOut, StandingApprovalsOut
from chalicelib.tasks.services import standing_approvals
from chalicelib.tasks.stores.queue import DynamoQueue
from chalicelib.tasks.stores.standing_approvals import DynamoStandingApprovals

bp = Blueprint(__name__)

_PATH = "/api/v2/standing-approvals"


@operation(
    bp,
    "GET",
    _PATH,
    tag="Queue",
    envelope="StandingApprovalsAnswer",
    answers={200: "Your standing approvals."},
    grants=SPEND + QUEUE_ITEMS.can("Query"),
)
def list_standing_approvals(caller: ApiKey) -> StandingApprovalsOut:
    """List what your agents may do without asking."""
    return standing_approvals.list_standing_approvals(owner=caller, standing=DynamoStandingApprovals())


@operation(
    bp,
    "POST",
    _PATH,
    tag="Queue",
    status=201,
    envelope="StandingApprovalAnswer",
    answers={201: "The standing approval."},
    refusals=(Conflict, TooLarge),
    replay=StandingApprovalOut.model_validate,
    grants=SPEND + REMEMBER + QUEUE_ITEMS.can("BatchGetItem", "Query", "PutItem", "UpdateItem"),
    audits=(AuditKind.STANDING_APPROVAL_CREATE,),
)
def add_standing_approval(body: StandingApprovalIn, caller: ApiKey, context: RequestContext) -> StandingApprovalOut:
    """Let an agent do what it proposes from now on, without asking.

    Later proposals of the same key for the same tool are approved at once, until a time, a number of times, and as far
    as their arguments allow. What can't be undone is always asked. Needs a session or a key with all permissions, and
    not the agent's own.
    """
    made = str(uuid4())
    subject = Subject("standingApproval", made)
    with audited(AuditKind.STANDING_APPROVAL_CREATE, caller, context, subject, uses=body.uses, until=body.until):
        return standing_approvals.add_standing_approval(
            body,
            standing_id=made,
            owner=caller,
            context=context,
            queue=DynamoQueue(),
            standing=DynamoStandingApprovals(),
        )


@operation(
    bp,
    "DELETE",
    _PATH + "/{id}",
    tag="Queue",
    envelope="EndedStandingApprovalAnswer",
    answers={200: "It has ended."},
    refusals=(NotFound,),
    grants=SPEND + QUEUE_ITEMS.can("DeleteItem"),
    audits=(AuditKind.STANDING_APPROVAL_END,),
)
def end_standing_approval(id: str, caller: ApiKey, context: RequestContext) -> None:  # noqa: A002 - path parameter
    """End a standing approval. The agent has to ask again."""
    with audited(AuditKind.STANDING_APPROVAL_END, caller, context, Subject("standingApproval", id)):
        standing_approvals.end_standing_approval(id, owner=caller, standing=DynamoStandingApprovals())
