"""v1 "introspection": list the event types of the last 90 days."""

from chalice.app import Blueprint

from chalicelib.api.v1.contract import SPEND, operation
from chalicelib.core.domain.callers import PersonalToken, ToolsToken
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.domain.event_types import EventTypesOut, EventTypesQuery
from chalicelib.inbox.services import event_types
from chalicelib.inbox.stores.event_types import DynamoEventTypes
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DELIVERIES, DIRECTORY, EVENT_TYPES, SENT_INDEX

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v1/event-types",
    tag="introspection",
    answers={200: "The event types."},
    refusals=(NotFound,),
    grants=SPEND
    + EVENT_TYPES.can("GetItem", "Query")
    + DELIVERIES.can("Query", index=SENT_INDEX)
    + DIRECTORY.can("BatchGetItem"),
)
def list_event_types(
    query: EventTypesQuery, caller: PersonalToken | ToolsToken, context: RequestContext
) -> EventTypesOut:
    """List the event types of the last 90 days.

    Each type has its number of deliveries and the time of the latest one. The list contains the integrator's own types
    and the built-in types under `internal-os.`. A namespace without deliveries appears as its prefix with a count of 0.
    Of an integrator with more than 20,000 combinations of day and type, the counts leave out the first days. Deliveries
    are counted at once up to some 8,000 an hour, and beyond that when the hour is over.
    """
    return event_types.list_event_types(
        query.integrator_slug,
        caller=caller,
        now=context.now,
        request_id=context.request_id,
        types=DynamoEventTypes(),
        integrators=DynamoDirectory(),
        gather=gather,
    )
