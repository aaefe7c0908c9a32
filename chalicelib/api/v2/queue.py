"""v2 "Queue" and "Settings": the task queue and its settings."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.chat.domain.chat import AgentHeaders
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.federation.relays.gateways.outbox import OUTBOX_JOBS
from chalicelib.federation.relays.services.outgoing import Acknowledger
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from chalicelib.federation.relays.stores.outgoing import DynamoOutgoing
from chalicelib.inbox.domain.delivery_responses import DeliveryOut
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.gateways.web_push import PUSH_JOBS
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.reach.stored_jobs import StoredReachJobs
from chalicelib.resources import (
    DELIVERIES,
    DIRECTORY,
    NOTIFY,
    NUDGE,
    ORDER_INDEX,
    OUTBOX,
    OUTBOX_WORK,
    QUEUE_ITEMS,
    RELAYS,
    TYPE_INDEX,
)
from chalicelib.tasks.domain.queue_messages import (
    AddedOut,
    ConfirmedOut,
    ConfirmIn,
    ItemIn,
    ItemOut,
    ItemQuery,
    ItemsOut,
    MovedOut,
    ResultIn,
    StatusIn,
)
from chalicelib.tasks.domain.settings import (
    ChangedSettingsOut,
    SettingsIn,
    SettingsOut,
)
from chalicelib.tasks.services import queue, settings
from chalicelib.tasks.services.confirmations import Confirmation, read_held_event
from chalicelib.tasks.stores.delegations import DynamoDelegations
from chalicelib.tasks.stores.queue import DynamoQueue
from chalicelib.tasks.stores.standing_approvals import DynamoStandingApprovals

bp = Blueprint(__name__)

# Completing or rejecting a task that came by a relay acknowledges the relay.
_ACKNOWLEDGE = (
    RELAYS.can("BatchGetItem", "UpdateItem") + OUTBOX.can("GetItem", "PutItem", "UpdateItem") + OUTBOX_WORK.can_send()
)
_CHANGE = (
    SPEND
    + REMEMBER
    + NOTIFY
    + NUDGE
    + QUEUE_ITEMS.can("GetItem", "BatchGetItem", "UpdateItem")
    + QUEUE_ITEMS.can("Query", index=ORDER_INDEX)
    + _ACKNOWLEDGE
)


def _notifier() -> Notifier:
    return Notifier(
        DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS, PUSH_JOBS, StoredReachJobs()
    )


def _acknowledger() -> Acknowledger:
    return Acknowledger(DynamoOutgoing(), DynamoOutbox(), OUTBOX_JOBS)


def _updater(caller: ApiKey, context: RequestContext, agent_name: str | None = None) -> queue.ItemUpdater:
    return queue.ItemUpdater(caller, context, DynamoQueue(), _notifier(), _acknowledger(), gather, agent_name)


@operation(
    bp,
    "GET",
    "/api/v2/queue",
    tag="Queue",
    permission="queue",
    envelope="ItemsAnswer",
    answers={200: "A page of tasks."},
    grants=SPEND
    + QUEUE_ITEMS.can("GetItem", "BatchGetItem")
    + QUEUE_ITEMS.can("Query", index=ORDER_INDEX)
    + QUEUE_ITEMS.can("Query", index=TYPE_INDEX),
)
def list_queue(query: ItemQuery, caller: ApiKey) -> ItemsOut:
    """List the tasks in the queue.

    Tasks are sorted by status, then by priority, then oldest first. A reply contains up to 5 MB of tasks. If it
    contains fewer than you asked for, `pagination.limit` is the actual number.
    """
    return queue.list_items(query, owner=caller, queue=DynamoQueue())


@operation(
    bp,
    "POST",
    "/api/v2/queue",
    tag="Queue",
    status=201,
    permission="queue",
    envelope="AddedAnswer",
    answers={201: "The task."},
    refusals=(Conflict, TooLarge),
    replay=AddedOut.model_validate,
    grants=SPEND
    + REMEMBER
    + NOTIFY
    + NUDGE
    + QUEUE_ITEMS.can("GetItem", "Query", "BatchGetItem", "PutItem", "UpdateItem")
    + QUEUE_ITEMS.can("Query", index=ORDER_INDEX),
    audits=(AuditKind.QUEUE_ITEM_ALLOW,),
)
def add_queue_item(body: ItemIn, caller: ApiKey, context: RequestContext) -> AddedOut:
    """Add a task to the queue.

    The task waits for the owner's confirmation, unless the owner adds it in a session, the owner's settings approve
    tasks automatically, or a standing approval covers its proposal. In `chief_of_staff` mode, a ready task is in
    progress at once if no other task is.
    """
    item_id = str(uuid4())
    with audited(AuditKind.QUEUE_ITEM_ALLOW, caller, context, Subject("queueItem", item_id)) as draft:
        added = queue.add_item(
            body,
            item_id=item_id,
            owner=caller,
            context=context,
            queue=DynamoQueue(),
            notifier=_notifier(),
            gather=gather,
            standing=DynamoStandingApprovals(),
            delegations=DynamoDelegations(),
        )
        if not (added.decision and added.decision.standing_approval_id):
            draft.drop()
        return added


@operation(
    bp,
    "GET",
    "/api/v2/queue/{id}",
    tag="Queue",
    permission="queue",
    envelope="ItemAnswer",
    answers={200: "The task."},
    refusals=(NotFound,),
    grants=SPEND + QUEUE_ITEMS.can("GetItem"),
)
def get_queue_item(id: str, caller: ApiKey) -> ItemOut:  # noqa: A002 - contract
    """Retrieve a task."""
    return queue.read_item(id, owner=caller, queue=DynamoQueue())


@operation(
    bp,
    "POST",
    "/api/v2/queue/{id}/status",
    tag="Queue",
    permission="queue",
    envelope="MovedAnswer",
    answers={200: "The updated task."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=MovedOut.model_validate,
    grants=_CHANGE,
)
def set_queue_item_status(
    id: str,  # noqa: A002 - contract
    body: StatusIn,
    headers: AgentHeaders,
    caller: ApiKey,
    context: RequestContext,
) -> MovedOut:
    """Update a task's status.

    A completed task stays completed. A task that waits for confirmation can only be confirmed or rejected. The first
    agent that sets `in_progress` claims the task. If `claimedByCaller` is false, another agent (`claimedBy`) works on
    it, and nothing has changed. In `chief_of_staff` mode, `autoDispatched` is the task that this call put in progress,
    or null.
    """
    return _updater(caller, context, headers.agent_name).set_status(id, body.status)


@operation(
    bp,
    "POST",
    "/api/v2/queue/{id}/result",
    tag="Queue",
    permission="queue",
    envelope="MovedAnswer",
    answers={200: "The updated task."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=MovedOut.model_validate,
    grants=_CHANGE,
)
def complete_queue_item(id: str, body: ResultIn, caller: ApiKey, context: RequestContext) -> MovedOut:  # noqa: A002 - contract
    """Report a task's result, and complete or block the task.

    `agentResult`, `completedBy` (the name of the key) and `completedAt` are added to the task's metadata, which can
    have up to 180,000 bytes.
    """
    return _updater(caller, context).complete(id, body)


@operation(
    bp,
    "POST",
    "/api/v2/queue/{id}/confirm",
    tag="Queue",
    permission="queue",
    envelope="ConfirmedAnswer",
    answers={200: "The approved task, or the rejection."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=ConfirmedOut.model_validate,
    grants=SPEND
    + REMEMBER
    + NOTIFY
    + NUDGE
    + QUEUE_ITEMS.can("BatchGetItem", "Query", "UpdateItem")
    + QUEUE_ITEMS.can("Query", index=ORDER_INDEX)
    + DELIVERIES.can("Query", "UpdateItem")
    + DIRECTORY.can("BatchGetItem")
    + _ACKNOWLEDGE,
    audits=(
        AuditKind.QUEUE_ITEM_APPROVE,
        AuditKind.QUEUE_ITEM_REJECT,
    ),
)
def confirm_queue_item(id: str, body: ConfirmIn, caller: ApiKey, context: RequestContext) -> ConfirmedOut:  # noqa: A002 - contract
    """Approve or reject a task that waits for confirmation.

    An approved task becomes `ready`, and a rejected task is removed. In `chief_of_staff` mode, the most urgent ready
    task is then in progress if no other task is. If the task stands for an event held for
    moderation, approving it delivers the event to `recipient`, or to the employee whom the sender suggested, and the
    task is done. `arguments` edits a proposal before it is approved, and `reason` is for its agent: both are in the
    task and in its live event.
    """
    confirmation = Confirmation(
        caller,
        context,
        DynamoQueue(),
        DynamoDeliveries(),
        DynamoDirectory(),
        _notifier(),
        _acknowledger(),
        gather,
        DynamoDelegations(),
    )
    edited = len(body.arguments) if body.arguments else None
    with audited(AuditKind(f"queueItem.{body.action}"), caller, context, Subject("queueItem", id), edited=edited):
        return confirmation.decide(id, body)


@operation(
    bp,
    "GET",
    "/api/v2/queue/{id}/event",
    tag="Queue",
    permission="queue",
    envelope="HeldEventAnswer",
    answers={200: "The event."},
    refusals=(NotFound,),
    grants=SPEND + QUEUE_ITEMS.can("GetItem") + DELIVERIES.can("Query"),
)
def get_held_event(id: str, caller: ApiKey) -> DeliveryOut:  # noqa: A002 - path parameter
    """Retrieve the whole event that a task stands for, to decide whether it is delivered."""
    return read_held_event(id, owner=caller, queue=DynamoQueue(), deliveries=DynamoDeliveries())


@operation(
    bp,
    "POST",
    "/api/v2/queue/{id}/restore",
    tag="Queue",
    permission="queue",
    envelope="RestoredAnswer",
    answers={200: "The task."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=ItemOut.model_validate,
    grants=SPEND + REMEMBER + NOTIFY + QUEUE_ITEMS.can("GetItem", "UpdateItem"),
)
def restore_queue_item(id: str, caller: ApiKey, context: RequestContext) -> ItemOut:  # noqa: A002 - path parameter
    """Undo the rejection of a task.

    The same task waits for confirmation again. The rejection of a held event, or of a task from another desk, can't be
    undone: their senders were told of it.
    """
    return queue.restore_item(id, owner=caller, context=context, queue=DynamoQueue(), notifier=_notifier())


@operation(
    bp,
    "GET",
    "/api/v2/settings",
    tag="Settings",
    permission="queue",
    envelope="SettingsAnswer",
    answers={200: "The settings."},
    grants=SPEND + QUEUE_ITEMS.can("GetItem"),
)
def get_settings(caller: ApiKey) -> SettingsOut:
    """Retrieve your queue settings."""
    return settings.read_settings(owner=caller, settings=DynamoQueue())


@operation(
    bp,
    "PATCH",
    "/api/v2/settings",
    tag="Settings",
    permission="queue",
    envelope="ChangedSettingsAnswer",
    answers={200: "The updated settings."},
    refusals=(Conflict, TooLarge),
    replay=ChangedSettingsOut.model_validate,
    grants=_CHANGE,
)
def change_settings(body: SettingsIn, caller: ApiKey, context: RequestContext) -> ChangedSettingsOut:
    """Update your queue settings.

    The reply has all settings. In `chief_of_staff` mode, tasks are dispatched one after another, and `autoDispatched`
    is the task that this call dispatched, if any. When you switch back to `cockpit` mode, `briefing` summarizes the
    queue.
    """
    return settings.change_settings(
        body, owner=caller, context=context, settings=DynamoQueue(), notifier=_notifier(), gather=gather
    )
