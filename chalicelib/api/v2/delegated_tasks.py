"""v2 "Queue": proposals of others, who have delegated the decision."""

from chalice.app import Blueprint

from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.federation.relays.gateways.outbox import OUTBOX_JOBS
from chalicelib.federation.relays.services.outgoing import Acknowledger
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from chalicelib.federation.relays.stores.outgoing import DynamoOutgoing
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY, NOTIFY, ORDER_INDEX, QUEUE_ITEMS
from chalicelib.tasks.domain.delegations import DelegatedConfirmIn, DelegatedTasksOut
from chalicelib.tasks.domain.queue_messages import ConfirmedOut
from chalicelib.tasks.services import delegations
from chalicelib.tasks.services.confirmations import Confirmation
from chalicelib.tasks.stores.delegations import DynamoDelegations
from chalicelib.tasks.stores.queue import DynamoQueue

bp = Blueprint(__name__)

_PATH = "/api/v2/delegated-tasks"


@operation(
    bp,
    "GET",
    _PATH,
    tag="Queue",
    permission="queue",
    envelope="DelegatedTasksAnswer",
    answers={200: "The proposals."},
    grants=SPEND
    + DIRECTORY.can("BatchGetItem")
    + QUEUE_ITEMS.can("GetItem", "BatchGetItem", "Query")
    + QUEUE_ITEMS.can("Query", index=ORDER_INDEX),
)
def list_delegated_tasks(caller: ApiKey, context: RequestContext) -> DelegatedTasksOut:
    """List the proposals of others on which you decide, with whose they are.

    Of each delegator they are among the 100 most urgent tasks that wait.
    """
    return delegations.list_delegated_tasks(
        owner=caller,
        context=context,
        delegations=DynamoDelegations(),
        queue=DynamoQueue(),
        people=DynamoDirectory(),
        gather=gather,
    )


@operation(
    bp,
    "POST",
    _PATH + "/{id}/confirm",
    tag="Queue",
    envelope="DelegatedConfirmedAnswer",
    answers={200: "The approved task, or the rejection."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=ConfirmedOut.model_validate,
    grants=SPEND
    + REMEMBER
    + NOTIFY
    + DIRECTORY.can("BatchGetItem")
    + QUEUE_ITEMS.can("BatchGetItem", "Query", "UpdateItem", "ConditionCheckItem")
    + QUEUE_ITEMS.can("Query", index=ORDER_INDEX),
    audits=(AuditKind.QUEUE_ITEM_APPROVE, AuditKind.QUEUE_ITEM_REJECT),
)
def confirm_delegated_task(
    id: str,  # noqa: A002 - path parameter
    body: DelegatedConfirmIn,
    caller: ApiKey,
    context: RequestContext,
) -> ConfirmedOut:
    """Approve or reject a proposal of somebody who has delegated that to you.

    The decision has your name, for them and their agent. Needs a session or a key with all permissions.
    """
    confirmation = Confirmation(
        caller,
        context,
        DynamoQueue(),
        DynamoDeliveries(),
        DynamoDirectory(),
        Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS),
        Acknowledger(DynamoOutgoing(), DynamoOutbox(), OUTBOX_JOBS),
        gather,
        DynamoDelegations(),
    )
    edited = len(body.arguments) if body.arguments else None
    with audited(
        AuditKind(f"queueItem.{body.action}"), caller, context, Subject("queueItem", id), edited=edited
    ) as draft:
        return delegations.decide_delegated(
            id,
            body,
            confirmation=confirmation,
            delegations=DynamoDelegations(),
            draft=lambda found: draft.add(Subject("queueItem", id, found.delegator_id), delegation=found.delegation_id),
        )
