"""Every hour, count the deliveries of the hours before by event type."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib.edge.schedule import schedule
from chalicelib.inbox.services.event_types import count_event_types as count
from chalicelib.inbox.stores.event_types import DynamoEventTypes
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DELIVERIES, DIRECTORY, EVENT_TYPES, SENT_INDEX

bp = Blueprint(__name__)


@schedule(
    bp,
    minutes=60,
    grants=DIRECTORY.can("Query")
    + DELIVERIES.can("Query", index=SENT_INDEX)
    + EVENT_TYPES.can("GetItem", "PutItem", "UpdateItem"),
)
def count_event_types(now: datetime) -> int:
    """Count the deliveries of the hours that are over, by integrator, day and event type."""
    return count(now, integrators=DynamoDirectory(), types=DynamoEventTypes())
