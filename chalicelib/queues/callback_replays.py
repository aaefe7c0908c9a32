"""Worker of the queue `callback-replays`: some steps of a replay of callbacks per message."""

from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.inbox.domain.replays import ReplayJob
from chalicelib.inbox.gateways.callback_replays import REPLAY_JOBS
from chalicelib.inbox.gateways.callbacks import CALLBACK_JOBS
from chalicelib.inbox.services.replays import Replayer
from chalicelib.inbox.stores.replays import DynamoReplays
from chalicelib.resources import CALLBACK_REPLAYS, CALLBACKS, DELIVERIES, DUE_INDEX, RECENT_INDEX

bp = Blueprint(__name__)


@consumer(
    bp,
    CALLBACK_REPLAYS,
    failures=DynamoFailures(),
    batch_size=1,
    grants=NOTE_FAILURE
    + DELIVERIES.can("Query", index=DUE_INDEX)
    + DELIVERIES.can("Query", index=RECENT_INDEX)
    + DELIVERIES.can("GetItem", "BatchGetItem", "UpdateItem")
    + CALLBACK_REPLAYS.can_send()
    + CALLBACKS.can_send(),
)
def replay_callbacks(message: ReplayJob) -> None:
    """Continue a replay of callbacks."""
    Replayer(DynamoReplays(), CALLBACK_JOBS, datetime.now(UTC)).resume(message, queue=REPLAY_JOBS)
