"""Worker of the queue `callbacks`: one attempt to call back a source system per message."""

import random
from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.core.domain.measures import CALLBACK_ATTEMPTS
from chalicelib.core.domain.retries import JITTER
from chalicelib.core.gateways import http
from chalicelib.core.services.attempts import AttemptRunner
from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.inbox.domain.callbacks import CallbackJob
from chalicelib.inbox.gateways.callback_replays import REPLAY_JOBS
from chalicelib.inbox.gateways.callbacks import CALLBACK_JOBS
from chalicelib.inbox.services.callbacks import attempt_callback
from chalicelib.inbox.services.endpoints import EndpointWatch
from chalicelib.inbox.stores.clicks import DynamoClicks
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.inbox.stores.endpoints import DynamoEndpoints
from chalicelib.inbox.stores.signing_secrets import DynamoSigningSecrets
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import CALLBACK_REPLAYS, CALLBACKS, DELIVERIES, DIRECTORY, NOTIFY, UNSEAL

bp = Blueprint(__name__)


def _count(outcome: str) -> None:
    CALLBACK_ATTEMPTS.add(outcome=outcome)


# One message at a time: a slow receiver does not delay other callbacks.
@consumer(
    bp,
    CALLBACKS,
    failures=DynamoFailures(),
    batch_size=1,
    grants=NOTE_FAILURE
    + UNSEAL
    + DELIVERIES.can("Query", "GetItem", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
    + DIRECTORY.can("BatchGetItem", "GetItem", "PutItem")
    + CALLBACKS.can_send()
    + CALLBACK_REPLAYS.can_send()
    + NOTIFY,
)
def deliver_callback(message: CallbackJob) -> None:
    """Make the attempt that is due. A failure of the receiver is recorded; only our own failure returns the message."""
    attempt_callback(
        message,
        runner=AttemptRunner(
            rows=DynamoClicks(),
            queue=CALLBACK_JOBS,
            clock=lambda: datetime.now(UTC),
            lease_id=ids.new_nonce(),
            spread=random.uniform(1 - JITTER, 1 + JITTER),  # noqa: S311 - spreads retries
            count=_count,
        ),
        deliveries=DynamoDeliveries(),
        secrets=DynamoSigningSecrets(),
        people=DynamoDirectory(),
        post=http.post,
        notifier=Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS),
        watch=EndpointWatch(DynamoEndpoints(), REPLAY_JOBS),
    )
