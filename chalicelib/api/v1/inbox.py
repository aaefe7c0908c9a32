"""The v1 inbox: list, read and change your own deliveries (an addition to the contract)."""

from typing import Any

from chalice.app import Blueprint

from chalicelib.api.v1.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.cursors import from_cursor, to_cursor
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.domain.inbox import InboxDelivery, InboxItem, InboxPage, InboxQuery, InboxSummary, Position
from chalicelib.inbox.domain.inbox_states import StateIn
from chalicelib.inbox.gateways.snoozes import SNOOZE_JOBS
from chalicelib.inbox.services import inbox
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.inbox.stores.inbox import DynamoInbox
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.resources import DELIVERIES, INBOX_INDEX, NOTIFY, SNOOZES

bp = Blueprint(__name__)


def _replay(stored: dict[str, Any]) -> InboxItem:
    return InboxItem(**stored)


@operation(
    bp,
    "GET",
    "/api/v1/inbox",
    tag="inbox",
    answers={200: "A page of deliveries."},
    permission="inbox",
    grants=SPEND + DELIVERIES.can("Query", index=INBOX_INDEX) + DELIVERIES.can("BatchGetItem"),
)
def list_inbox(query: InboxQuery, caller: ApiKey, context: RequestContext) -> InboxPage:
    """List the deliveries in your inbox, newest first.

    A delivery that was snoozed is sorted by the time it returned. To get the next page, send `nextCursor` with the same
    filters; it is null on the last page. With filters, a page before the last one may be short or empty: a call
    examines up to 1,000 deliveries of each status (unread, read, snoozed, archived), or 400 with `q`, `label` or
    `labels`.
    """
    filters = query.model_dump(mode="json", exclude={"limit", "cursor", "labels"})
    bound = ("inbox", caller.user_id, *(filters[name] for name in sorted(filters)))
    after = Position(*from_cursor(query.cursor, 2, *bound)) if query.cursor is not None else None
    items, end = inbox.list_page(query, after, owner=caller, context=context, inbox=DynamoInbox())
    cursor = to_cursor((end.listed_at, end.delivery_id), *bound) if end else None
    return InboxPage(items=items, next_cursor=cursor, request_id=context.request_id)


@operation(
    bp,
    "GET",
    "/api/v1/inbox/summary",
    tag="inbox",
    answers={200: "The counts."},
    permission="inbox",
    grants=SPEND + DELIVERIES.can("Query", index=INBOX_INDEX),
)
def summarize_inbox(caller: ApiKey, context: RequestContext) -> InboxSummary:
    """Count the deliveries in your inbox by status, up to 1,000 each."""
    return inbox.summary(owner=caller, context=context, inbox=DynamoInbox())


@operation(
    bp,
    "GET",
    "/api/v1/inbox/{deliveryId}",
    tag="inbox",
    answers={200: "The delivery."},
    refusals=(NotFound,),
    permission="inbox",
    grants=SPEND + DELIVERIES.can("Query"),
)
def get_inbox_delivery(deliveryId: str, caller: ApiKey, context: RequestContext) -> InboxDelivery:  # noqa: N803 - contract's spelling
    """Retrieve a delivery from your inbox, with its full content."""
    return inbox.read(deliveryId, owner=caller, context=context, deliveries=DynamoDeliveries())


@operation(
    bp,
    "PATCH",
    "/api/v1/inbox/{deliveryId}",
    tag="inbox",
    answers={200: "The updated delivery."},
    refusals=(NotFound, Conflict, TooLarge),
    permission="inbox",
    replay=_replay,
    grants=SPEND
    + REMEMBER
    + DELIVERIES.can("Query", "PutItem", "UpdateItem", "DeleteItem")
    + SNOOZES.can_send()
    + NOTIFY,
)
def change_inbox_delivery(
    deliveryId: str,  # noqa: N803 - contract's spelling
    body: StateIn,
    caller: ApiKey,
    context: RequestContext,
) -> InboxItem:
    """Mark a delivery as read, archive it or snooze it, or undo any of these.

    Archiving ends a snooze, and snoozing ends archiving. If the sender fires the event again, an archived delivery
    returns to the top as unread. A snoozed delivery stays away until its time, unless it is critical. Then it returns
    unread, and you are notified as of a new delivery. Your open connections receive a `delivery_changed` event, then
    and when you call this. Senders can't see these states.
    """
    return inbox.change(
        deliveryId,
        body,
        owner=caller,
        context=context,
        deliveries=DynamoDeliveries(),
        inbox=DynamoInbox(),
        snoozes=SNOOZE_JOBS,
        notifier=Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS),
    )
