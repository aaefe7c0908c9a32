"""v2 "Queue": what agents hear of approvals, and what is said about tasks."""

import time
from datetime import UTC, datetime
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.chat.domain.chat import AgentHeaders
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.resources import NOTIFY, QUEUE_ITEMS
from chalicelib.settings import settings
from chalicelib.tasks.domain.proposals import CommentIn
from chalicelib.tasks.domain.queue_messages import ApprovalQuery, TaskApprovalOut
from chalicelib.tasks.services import approvals
from chalicelib.tasks.stores.approvals import DynamoApprovals

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v2/queue/{id}/approval",
    tag="Queue",
    permission="queue",
    envelope="TaskApprovalAnswer",
    answers={200: "How it stands with the approval."},
    refusals=(NotFound,),
    # It waits most of the time, which is paid by memory.
    memory=256,
    grants=SPEND + QUEUE_ITEMS.can("GetItem"),
)
def get_approval(id: str, query: ApprovalQuery, caller: ApiKey) -> TaskApprovalOut:  # noqa: A002 - path parameter
    """Wait for the decision about a task.

    `state` is `waiting`, `approved`, `rejected` or `expired`; a task that needed no approval is `approved`. The reply
    comes as soon as the task is decided, or has more than `seenComments` comments, and at the latest after
    `waitSeconds`. Call it again if the task still waits. Rejected and expired tasks can be asked about for a while.
    """
    return approvals.read_approval(
        id,
        query,
        owner=caller,
        now=datetime.now(UTC),
        longest=settings().stream_hold_seconds,
        approvals=DynamoApprovals(),
        wait=time.sleep,
    )


@operation(
    bp,
    "POST",
    "/api/v2/queue/{id}/comments",
    tag="Queue",
    status=201,
    permission="queue",
    envelope="CommentedAnswer",
    answers={201: "How it stands with the approval, with all comments."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=TaskApprovalOut.model_validate,
    grants=SPEND + REMEMBER + NOTIFY + QUEUE_ITEMS.can("GetItem", "UpdateItem"),
)
def add_comment(
    id: str,  # noqa: A002 - path parameter
    body: CommentIn,
    headers: AgentHeaders,
    caller: ApiKey,
    context: RequestContext,
) -> TaskApprovalOut:
    """Ask back about a task, or answer.

    Both sides see it at once, as `queue_comment`: the person in the console, and agents with their keys. A task has up
    to 20 comments, until it is done.
    """
    return approvals.add_comment(
        id,
        body,
        comment_id=str(uuid4()),
        owner=caller,
        agent_name=headers.agent_name,
        context=context,
        approvals=DynamoApprovals(),
        notifier=Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS),
    )
