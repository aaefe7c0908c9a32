"""Worker of the queue `snoozes`: one delivery whose snooze ends per message."""

from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.inbox.domain.snoozes import SnoozeJob
from chalicelib.inbox.gateways.snoozes import SNOOZE_JOBS
from chalicelib.inbox.services.snoozes import end_due_snooze
from chalicelib.inbox.stores.snoozes import DynamoSnoozes
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.gateways.web_push import PUSH_JOBS
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.reach.stored_jobs import StoredReachJobs
from chalicelib.resources import DELIVERIES, NOTIFY, NUDGE, SNOOZES

bp = Blueprint(__name__)


@consumer(
    bp,
    SNOOZES,
    failures=DynamoFailures(),
    grants=NOTE_FAILURE + DELIVERIES.can("Query", "UpdateItem", "DeleteItem") + SNOOZES.can_send() + NOTIFY + NUDGE,
)
def end_snooze(message: SnoozeJob) -> None:
    """Bring a delivery back to the inbox when its snooze ends, and notify its recipient."""
    end_due_snooze(
        message.delivery_id,
        now=datetime.now(UTC),
        snoozes=DynamoSnoozes(),
        queue=SNOOZE_JOBS,
        notifier=Notifier(
            DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS, PUSH_JOBS, StoredReachJobs()
        ),
    )
