"""v1 "events": list what an integrator has sent (an addition to the contract)."""

from chalice.app import Blueprint

from chalicelib.api.v1.contract import SPEND, operation
from chalicelib.core.domain.callers import ToolsToken
from chalicelib.core.domain.cursors import from_cursor, to_cursor
from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.domain.sent import SentPage, SentQuery
from chalicelib.inbox.domain.sent_positions import SentPosition
from chalicelib.inbox.services import sent
from chalicelib.inbox.stores.sent import DynamoSent
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DELIVERIES, DIRECTORY, SENT_INDEX

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v1/events",
    tag="events",
    answers={200: "A page of deliveries."},
    hint="List the deliveries of one person with their own API key: GET /api/v1/inbox.",
    grants=SPEND
    + DELIVERIES.can("Query", "BatchGetItem")
    + DELIVERIES.can("Query", index=SENT_INDEX)
    + DIRECTORY.can("BatchGetItem"),
)
def list_sent_events(query: SentQuery, caller: ToolsToken, context: RequestContext) -> SentPage:
    """List the deliveries that your integrator sent, newest first.

    An admin tools token sees all of them. Another tools token sees what it sent in bulk, and what was published with
    the personal tokens that it claimed. A delivery appears a moment after it is stored, which for a bulk delivery is
    when its turn has come. To get the next page, send `nextCursor` with the same filters; it is null on the last page.
    With filters, a page before the last one may be short or empty: a call examines up to 32,000 deliveries.
    """
    filters = query.model_dump(mode="json", exclude={"limit", "cursor"})
    scope = "all" if caller.admin else caller.token_id
    bound = ("sent", caller.integrator, scope, *(filters[name] for name in sorted(filters)))
    after = SentPosition(*from_cursor(query.cursor, 2, *bound)) if query.cursor is not None else None
    items, end = sent.list_sent(query, after, caller=caller, sent=DynamoSent(), people=DynamoDirectory())
    cursor = to_cursor(end, *bound) if end else None
    return SentPage(items=items, next_cursor=cursor, request_id=context.request_id)
