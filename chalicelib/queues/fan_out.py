"""The fan-out queue's worker."""

from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.domain.bulk import FanOutJob
from chalicelib.edge.consumer import consumer
from chalicelib.gateways.sockets import ApiGatewaySockets
from chalicelib.gateways.web_push import SqsWebPush
from chalicelib.parallel import together
from chalicelib.resources import DELIVERIES, EVENT_TYPES, FAN_OUT, NOTIFY, NUDGE
from chalicelib.services.fan_out import FanOut
from chalicelib.services.notifier import Notifier
from chalicelib.stores.accepted import DynamoAccepted
from chalicelib.stores.connections import DynamoConnections
from chalicelib.stores.deliveries import DynamoDeliveries
from chalicelib.stores.event_types import DynamoEventTypes
from chalicelib.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.stores.frames import DynamoFrames

bp = Blueprint(__name__)


@consumer(
    bp,
    FAN_OUT,
    failures=DynamoFailures(),
    grants=NOTE_FAILURE
    + DELIVERIES.can("GetItem", "Query", "PutItem", "UpdateItem")
    + EVENT_TYPES.can("UpdateItem")
    + NOTIFY
    + NUDGE,
)
def fan_out(message: FanOutJob) -> None:
    """Make the deliveries of an accepted bulk call to some of its people."""
    FanOut(
        accepted=DynamoAccepted(),
        deliveries=DynamoDeliveries(),
        event_types=DynamoEventTypes(),
        notifier=Notifier(DynamoFrames(), DynamoConnections(), ApiGatewaySockets(), together, SqsWebPush()),
        together=together,
        now=datetime.now(UTC),
    ).deliver(message)
