"""The fan-out queue's worker."""

from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.domain.bulk import FanOutJob
from chalicelib.edge.consumer import consumer
from chalicelib.parallel import together
from chalicelib.resources import DELIVERIES, EVENT_TYPES, FAN_OUT
from chalicelib.services import fan_out as service
from chalicelib.stores.accepted import DynamoAccepted
from chalicelib.stores.deliveries import DynamoDeliveries
from chalicelib.stores.event_types import DynamoEventTypes

bp = Blueprint(__name__)


@consumer(
    bp, FAN_OUT, grants=DELIVERIES.can("GetItem", "Query", "PutItem", "UpdateItem") + EVENT_TYPES.can("UpdateItem")
)
def fan_out(message: FanOutJob) -> None:
    """Make the deliveries of an accepted bulk call to some of its people."""
    service.deliver(
        message,
        now=datetime.now(UTC),
        accepted=DynamoAccepted(),
        deliveries=DynamoDeliveries(),
        event_types=DynamoEventTypes(),
        together=together,
    )
