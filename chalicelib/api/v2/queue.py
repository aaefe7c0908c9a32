"""dividen-v2, tags "Queue" and "Settings": the task queue, and how it is worked off."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.federation.relays.gateways.outbox import OUTBOX_JOBS
from chalicelib.federation.relays.services.outgoing import Acknowledger
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from chalicelib.federation.relays.stores.outgoing import DynamoOutgoing
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.gateways.web_push import NUDGE_JOBS
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.connections import DynamoConnections
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.parallel import together
from chalicelib.people.stores.directory import DynamoDirectory
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
from chalicelib.tasks.domain.desk_settings import (
    ChangedSettingsOut,
    SettingsIn,
    SettingsOut,
)
from chalicelib.tasks.domain.queue import (
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
from chalicelib.tasks.services import desk_settings, queue
from chalicelib.tasks.services.confirmations import Confirmation
from chalicelib.tasks.stores.queue import DynamoQueue

bp = Blueprint(__name__)

# Another desk may wait for what becomes of an item.
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
    return Notifier(DynamoFrames(), DynamoConnections(), ApiGatewaySockets(), together, NUDGE_JOBS)


def _acknowledger() -> Acknowledger:
    return Acknowledger(DynamoOutgoing(), DynamoOutbox(), OUTBOX_JOBS)


def _work(caller: ApiKey, call: Call) -> queue.Work:
    return queue.Work(caller, call, DynamoQueue(), _notifier(), _acknowledger(), together)


@operation(
    bp,
    "GET",
    "/api/v2/queue",
    tag="queue",
    area="queue",
    envelope="ItemsAnswer",
    answers={200: "A page of the queue."},
    grants=SPEND
    + QUEUE_ITEMS.can("GetItem", "BatchGetItem")
    + QUEUE_ITEMS.can("Query", index=ORDER_INDEX)
    + QUEUE_ITEMS.can("Query", index=TYPE_INDEX),
)
def list_queue(query: ItemQuery, caller: ApiKey) -> ItemsOut:
    """List the queue: by status, then the most urgent first, then the oldest.

    A reply holds at most 5 MB of items: of very large ones it may have fewer than asked for, and `pagination.limit`
    says how many.
    """
    return queue.list_page(query, owner=caller, queue=DynamoQueue())


@operation(
    bp,
    "POST",
    "/api/v2/queue",
    tag="queue",
    status=201,
    area="queue",
    envelope="ItemAnswer",
    answers={201: "The item."},
    refusals=(Conflict, TooLarge),
    replay=ItemOut.model_validate,
    grants=SPEND + REMEMBER + NOTIFY + NUDGE + QUEUE_ITEMS.can("GetItem", "PutItem", "UpdateItem"),
)
def add_queue_item(body: ItemIn, caller: ApiKey, call: Call) -> ItemOut:
    """Queue an item.

    It waits for the owner's confirmation, unless their settings approve of every item at once.
    """
    return queue.add(
        body,
        item_id=str(uuid4()),
        owner=caller,
        call=call,
        queue=DynamoQueue(),
        notifier=_notifier(),
        together=together,
    )


@operation(
    bp,
    "GET",
    "/api/v2/queue/{id}",
    tag="queue",
    area="queue",
    envelope="ItemAnswer",
    answers={200: "The item."},
    refusals=(NotFound,),
    grants=SPEND + QUEUE_ITEMS.can("GetItem"),
)
def get_queue_item(id: str, caller: ApiKey) -> ItemOut:  # noqa: A002 - contract
    """Read an item of the queue."""
    return queue.read(id, owner=caller, queue=DynamoQueue())


@operation(
    bp,
    "POST",
    "/api/v2/queue/{id}/status",
    tag="queue",
    area="queue",
    envelope="MovedAnswer",
    answers={200: "The item where it stands now."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=MovedOut.model_validate,
    grants=_CHANGE,
)
def set_queue_item_status(id: str, body: StatusIn, caller: ApiKey, call: Call) -> MovedOut:  # noqa: A002 - contract
    """Move an item.

    What is done stays done, and what waits for its confirmation is only moved by that. When an item is done and the
    chief of staff hands out work, `autoDispatched` is the item that is in progress next, or null.
    """
    return _work(caller, call).set_status(id, body.status)


@operation(
    bp,
    "POST",
    "/api/v2/queue/{id}/result",
    tag="queue",
    area="queue",
    envelope="MovedAnswer",
    answers={200: "The item with its result."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=MovedOut.model_validate,
    grants=_CHANGE,
)
def complete_queue_item(id: str, body: ResultIn, caller: ApiKey, call: Call) -> MovedOut:  # noqa: A002 - contract
    """Keep what came of an item, and end it, or block it.

    The item's metadata gains `agentResult`, `completedBy` (the key's name) and `completedAt`, and takes at most
    180,000 bytes with them.
    """
    return _work(caller, call).complete(id, body)


@operation(
    bp,
    "POST",
    "/api/v2/queue/{id}/confirm",
    tag="queue",
    area="queue",
    envelope="ConfirmedAnswer",
    answers={200: "The item, now ready; or that it was rejected."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=ConfirmedOut.model_validate,
    grants=SPEND
    + REMEMBER
    + NOTIFY
    + NUDGE
    + QUEUE_ITEMS.can("GetItem", "UpdateItem")
    + DELIVERIES.can("Query", "UpdateItem")
    + DIRECTORY.can("BatchGetItem")
    + _ACKNOWLEDGE,
)
def confirm_queue_item(id: str, body: ConfirmIn, caller: ApiKey, call: Call) -> ConfirmedOut:  # noqa: A002 - contract
    """Approve or reject an item that waits for it.

    An approved one is ready. A rejected one is gone. When the item stands for an event that was held, approving
    delivers the event: to `recipient` if one is named, else to the employee its sender hinted at.
    """
    confirmation = Confirmation(
        caller, call, DynamoQueue(), DynamoDeliveries(), DynamoDirectory(), _notifier(), _acknowledger(), together
    )
    return confirmation.decide(id, body)


@operation(
    bp,
    "GET",
    "/api/v2/settings",
    tag="queue",
    area="queue",
    envelope="SettingsAnswer",
    answers={200: "The settings."},
    grants=SPEND + QUEUE_ITEMS.can("GetItem"),
)
def get_settings(caller: ApiKey) -> SettingsOut:
    """Read the desk's settings."""
    return desk_settings.read(owner=caller, settings=DynamoQueue())


@operation(
    bp,
    "PATCH",
    "/api/v2/settings",
    tag="queue",
    area="queue",
    envelope="ChangedSettingsAnswer",
    answers={200: "What was changed, and what followed."},
    refusals=(Conflict, TooLarge),
    replay=ChangedSettingsOut.model_validate,
    grants=_CHANGE,
)
def change_settings(body: SettingsIn, caller: ApiKey, call: Call) -> ChangedSettingsOut:
    """Change the desk's settings.

    In `chief_of_staff` mode items are handed out one after the other; `autoDispatched` is the one handed out by this
    call, if one was. Back in `cockpit` mode, `briefing` says how the queue stands.
    """
    return desk_settings.change(
        body, owner=caller, call=call, settings=DynamoQueue(), notifier=_notifier(), together=together
    )
