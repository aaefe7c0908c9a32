"""Every ten minutes, end what is due to end and can't be left to the tables' own deletion (see core ends)."""

import time
from datetime import datetime

from chalice.app import Blueprint

from chalicelib.core.services.ends import end_due
from chalicelib.edge.schedule import schedule
from chalicelib.federation.relays.stores.ended_relays import DynamoEndedRelays
from chalicelib.inbox.stores.delivery_ends import DynamoDeliveryEnds
from chalicelib.resources import DELIVERIES, DUE_INDEX, QUEUE_ITEMS, RELAYS
from chalicelib.tasks.stores.ended_items import DynamoEndedItems

bp = Blueprint(__name__)

# Of the minute that a schedule has.
_SECONDS = 40


@schedule(
    bp,
    minutes=10,
    grants=DELIVERIES.can("Query", index=DUE_INDEX)
    + DELIVERIES.can("Query", "BatchGetItem", "UpdateItem")
    + QUEUE_ITEMS.can("Query", index=DUE_INDEX)
    + QUEUE_ITEMS.can("BatchGetItem", "UpdateItem", "DeleteItem")
    + RELAYS.can("Query", index=DUE_INDEX)
    + RELAYS.can("BatchGetItem", "UpdateItem", "DeleteItem"),
)
def end_data(now: datetime) -> int:
    """End tasks and relays whose time is over, and give what hangs on decided events its end."""
    stop_at = time.monotonic() + _SECONDS
    return end_due(
        now,
        endings=(DynamoDeliveryEnds(), DynamoEndedItems(), DynamoEndedRelays()),
        has_time=lambda: time.monotonic() < stop_at,
    )
