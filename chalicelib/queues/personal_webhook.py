"""Worker of the queue `personal-webhook`: one notification to one webhook of a person per message."""

import random
from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.core.domain.retries import JITTER, PERSONAL_WEBHOOK_RETRIES
from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.reach.domain.channels import ChannelKind
from chalicelib.reach.domain.jobs import ChannelJob
from chalicelib.reach.gateways.jobs import WEBHOOK_JOBS
from chalicelib.reach.gateways.webhooks import send_webhook
from chalicelib.reach.services.sending import ChannelSender
from chalicelib.reach.stores.channels import DynamoChannels
from chalicelib.reach.stores.outcomes import DynamoOutcomes
from chalicelib.resources import DELIVERIES, DIRECTORY, NOTIFY, PERSONAL_WEBHOOK, SOCKETS, UNSEAL

bp = Blueprint(__name__)


# One message at a time: a slow receiver does not delay other notifications.
@consumer(
    bp,
    PERSONAL_WEBHOOK,
    failures=DynamoFailures(),
    batch_size=1,
    grants=NOTE_FAILURE
    + UNSEAL
    + DIRECTORY.can("BatchGetItem", "UpdateItem")
    + DELIVERIES.can("Query", "PutItem", "ConditionCheckItem")
    + SOCKETS.can("UpdateItem")
    + NOTIFY
    + PERSONAL_WEBHOOK.can_send(),
)
def send_to_webhook(message: ChannelJob) -> None:
    """Send a notification to a person's webhook. Failures are retried, and after five days pause the channel."""
    ChannelSender(
        kind=ChannelKind.WEBHOOK,
        channels=DynamoChannels(),
        outcomes=DynamoOutcomes(),
        deliveries=DynamoDeliveries(),
        transport=send_webhook,
        queue=WEBHOOK_JOBS,
        ladder=PERSONAL_WEBHOOK_RETRIES,
        notifier=Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS),
        gather=gather,
        clock=lambda: datetime.now(UTC),
        lease_id=ids.new_nonce(),
        spread=random.uniform(1 - JITTER, 1 + JITTER),  # noqa: S311 - spreads retries
    ).run(message)
