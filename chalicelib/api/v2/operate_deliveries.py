"""Admin: the delivery log."""

from chalice.app import Blueprint

from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import OPERATE, operate
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.cursors import from_cursor, to_cursor
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.domain.sent_positions import SentPosition
from chalicelib.inbox.gateways.callbacks import CALLBACK_JOBS
from chalicelib.inbox.stores.clicks import DynamoClicks
from chalicelib.inbox.stores.sent import DynamoSent
from chalicelib.operate.domain.deliveries import DeliveryLogEntry, DeliveryLogPage, DeliveryLogQuery
from chalicelib.operate.services import deliveries
from chalicelib.operate.stores.logged_deliveries import DynamoLoggedDeliveries
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import CALLBACKS, DELIVERIES, SENT_INDEX

bp = Blueprint(__name__)

_LOG = "/api/v2/operate/deliveries"


@operate(
    bp,
    "GET",
    _LOG,
    envelope="DeliveryLogAnswer",
    answers={200: "A page of the log."},
    grants=OPERATE + DELIVERIES.can("Query", "BatchGetItem") + DELIVERIES.can("Query", index=SENT_INDEX),
)
def list_logged_deliveries(query: DeliveryLogQuery, caller: ApiKey) -> DeliveryLogPage:
    """List what an integrator sent to whom, newest first, and what did not arrive.

    The log has no bodies. To get the next page, send `nextCursor` with the same filters; it is null on the last page.
    With filters, a page before the last one may be short or empty: a call examines up to 32,000 deliveries.
    """
    filters = query.model_dump(mode="json", exclude={"limit", "cursor"})
    bound = ("delivery-log", caller.user_id, *(filters[name] for name in sorted(filters)))
    after = SentPosition(*from_cursor(query.cursor, 2, *bound)) if query.cursor is not None else None
    items, end = deliveries.list_deliveries(
        query, after, integrator=query.integrator, sent=DynamoSent(), people=DynamoDirectory()
    )
    return DeliveryLogPage(items=items, next_cursor=to_cursor(end, *bound) if end else None)


@operate(
    bp,
    "GET",
    f"{_LOG}/{{deliveryId}}",
    envelope="DeliveryLogEntryAnswer",
    answers={200: "The delivery."},
    refusals=(NotFound,),
    grants=OPERATE + DELIVERIES.can("Query"),
)
def get_logged_delivery(deliveryId: str, caller: ApiKey) -> DeliveryLogEntry:  # noqa: ARG001, N803 - admits; contract
    """Show the steps of a delivery: accepted, held, stored, pushed, read, clicked, and each attempt of its callbacks.

    Each message to one of the recipient's browsers is a step with the host of its push service; up to 40 are kept. So
    is each message to one of their channels, with service and host, also one that was skipped since they had read the
    delivery by then; the latest 40 are shown. Of a failed attempt, `error` has the beginning of the reply.
    """
    return deliveries.get_delivery(deliveryId, deliveries=DynamoLoggedDeliveries(), people=DynamoDirectory())


@operate(
    bp,
    "POST",
    f"{_LOG}/{{deliveryId}}/callbacks/{{index}}/resend",
    envelope="DeliveryLogEntryAnswer",
    answers={200: "The delivery, with the attempt to come."},
    refusals=(NotFound, Conflict),
    grants=OPERATE + DELIVERIES.can("Query", "UpdateItem") + CALLBACKS.can_send(),
    audits=(AuditKind.CALLBACK_RESEND,),
)
def resend_callback(
    deliveryId: str,  # noqa: N803 - contract's spelling
    index: str,
    caller: ApiKey,
    context: RequestContext,
) -> DeliveryLogEntry:
    """Send the callback of a button again, now.

    The callback keeps its `webhook-id`, so its receiver can tell that it is the same. If the attempt fails, it is
    retried as before. A callback can be attempted 50 times in all.
    """
    with audited(AuditKind.CALLBACK_RESEND, caller, context, Subject("delivery", deliveryId.lower()), index=index):
        return deliveries.resend_callback(
            deliveryId,
            index,
            now=context.now,
            deliveries=DynamoLoggedDeliveries(),
            clicks=DynamoClicks(),
            people=DynamoDirectory(),
            queue=CALLBACK_JOBS,
        )
