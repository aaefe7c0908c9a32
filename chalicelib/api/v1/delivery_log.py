"""v1 "events": the delivery log of an integrator (an addition to the contract)."""

from chalice.app import Blueprint

from chalicelib.api.v1.contract import SPEND, operation
from chalicelib.core.domain.callers import ToolsToken
from chalicelib.core.domain.cursors import from_cursor, to_cursor
from chalicelib.core.domain.errors import NotFound
from chalicelib.inbox.domain.sent_positions import SentPosition
from chalicelib.inbox.stores.sent import DynamoSent
from chalicelib.operate.domain.deliveries import DeliveryLogEntry, DeliveryLogPage, OwnDeliveryLogQuery
from chalicelib.operate.services import deliveries
from chalicelib.operate.stores.logged_deliveries import DynamoLoggedDeliveries
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DELIVERIES, DIRECTORY, SENT_INDEX

bp = Blueprint(__name__)

_LOG = "/api/v1/delivery-log"


@operation(
    bp,
    "GET",
    _LOG,
    tag="events",
    admin_only=True,
    answers={200: "A page of the log."},
    grants=SPEND
    + DELIVERIES.can("Query", "BatchGetItem")
    + DELIVERIES.can("Query", index=SENT_INDEX)
    + DIRECTORY.can("BatchGetItem"),
)
def list_own_logged_deliveries(query: OwnDeliveryLogQuery, caller: ToolsToken) -> DeliveryLogPage:
    """List what your integrator sent to whom, newest first, and what did not arrive.

    The log has no bodies. To get the next page, send `nextCursor` with the same filters; it is null on the last page.
    With filters, a page before the last one may be short or empty.
    """
    filters = query.model_dump(mode="json", exclude={"limit", "cursor"})
    bound = ("own-delivery-log", caller.integrator, *(filters[name] for name in sorted(filters)))
    after = SentPosition(*from_cursor(query.cursor, 2, *bound)) if query.cursor is not None else None
    items, end = deliveries.list_deliveries(
        query, after, integrator=caller.integrator, sent=DynamoSent(), people=DynamoDirectory()
    )
    return DeliveryLogPage(items=items, next_cursor=to_cursor(end, *bound) if end else None)


@operation(
    bp,
    "GET",
    f"{_LOG}/{{deliveryId}}",
    tag="events",
    admin_only=True,
    answers={200: "The delivery."},
    refusals=(NotFound,),
    grants=SPEND + DELIVERIES.can("Query") + DIRECTORY.can("BatchGetItem"),
)
def get_own_logged_delivery(deliveryId: str, caller: ToolsToken) -> DeliveryLogEntry:  # noqa: N803 - contract's spelling
    """Show the steps of a delivery of your integrator: accepted, held, stored, pushed, clicked, and each attempt of
    callbacks.

    What the recipient did with it in their inbox is not shown, and neither are their browsers and channels: one step
    says whether a push service took a message about it, and one whether a channel did. Of a failed attempt, `error` has
    the beginning of the reply.
    """
    return deliveries.get_own_delivery(
        deliveryId, integrator=caller.integrator, deliveries=DynamoLoggedDeliveries(), people=DynamoDirectory()
    )
