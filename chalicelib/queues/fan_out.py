"""Worker of the queue `fan-out`: some deliveries of a bulk call per message."""

from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.inbox.domain.bulk import FanOutJob
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.services.fan_out import FanOut
from chalicelib.inbox.stores.accepted_calls import DynamoAcceptedCalls
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.inbox.stores.sends import DynamoSends
from chalicelib.inbox.stores.sent import DynamoSent
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.gateways.web_push import PUSH_JOBS
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.reach.stored_jobs import StoredReachJobs
from chalicelib.resources import DELIVERIES, DIRECTORY, FAN_OUT, NOTIFY, NUDGE

bp = Blueprint(__name__)


def _returns_read(delivery: Delivery) -> bool:
    # Imported on first use: most sends are new, and this import would slow every cold start.
    from chalicelib.reach.stores.preferences import DynamoPreferences

    return DynamoPreferences().returns_read(delivery)


@consumer(
    bp,
    FAN_OUT,
    failures=DynamoFailures(),
    grants=NOTE_FAILURE
    + DELIVERIES.can("BatchWriteItem", "GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
    + DIRECTORY.can("BatchGetItem", "GetItem")
    + NOTIFY
    + NUDGE,
)
def fan_out(message: FanOutJob) -> None:
    """Create the deliveries of an accepted bulk call for some of its recipients."""
    FanOut(
        accepted=DynamoAcceptedCalls(),
        deliveries=DynamoDeliveries(),
        sends=DynamoSends(_returns_read),
        labels=DynamoSent(),
        notifier=Notifier(
            DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS, PUSH_JOBS, StoredReachJobs()
        ),
        gather=gather,
        now=datetime.now(UTC),
    ).deliver(message)
