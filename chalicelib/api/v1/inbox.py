"""The recipient's side of v1 (ours): one's own deliveries."""

from chalice.app import Blueprint

from chalicelib.api.v1.contract import SPEND, operation
from chalicelib.domain.call import Call
from chalicelib.domain.callers import ApiKey
from chalicelib.domain.deliveries import DeliveryOut
from chalicelib.domain.errors import NotFound
from chalicelib.domain.inbox import InboxPage, InboxQuery, Position
from chalicelib.edge import paging
from chalicelib.resources import DELIVERIES, INBOX_INDEX
from chalicelib.services import inbox
from chalicelib.stores.deliveries import DynamoDeliveries

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v1/inbox",
    tag="inbox",
    answers={200: "A page of deliveries."},
    area="inbox",
    grants=SPEND + DELIVERIES.can("Query", index=INBOX_INDEX),
)
def list_inbox(query: InboxQuery, caller: ApiKey, call: Call) -> InboxPage:
    """List the deliveries addressed to the key's owner, newest first.

    Follow `nextCursor` with the same filters until it is null. With filters a page may be short, even empty,
    before the last.
    """
    bound = (caller.user_id, query.status, query.event_type, query.severity)
    after = Position(*paging.position(query.cursor, 2, *bound)) if query.cursor is not None else None
    items, end = inbox.list_page(query, after, owner=caller, inbox=DynamoDeliveries())
    cursor = paging.cursor((end.delivery_id, end.created_at), *bound) if end else None
    return InboxPage(items=items, next_cursor=cursor, request_id=call.request_id)


@operation(
    bp,
    "GET",
    "/api/v1/inbox/{deliveryId}",
    tag="inbox",
    answers={200: "The delivery."},
    refusals=(NotFound,),
    area="inbox",
    grants=SPEND + DELIVERIES.can("Query"),
)
def get_inbox_delivery(deliveryId: str, caller: ApiKey) -> DeliveryOut:  # noqa: N803 - contract's spelling
    """Read one of the deliveries addressed to the key's owner, in full."""
    return inbox.read(deliveryId, owner=caller, inbox=DynamoDeliveries())
