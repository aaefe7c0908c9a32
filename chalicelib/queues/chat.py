"""Worker of the queue `chat`: one notification to one chat service of a person per message."""

import random
from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.core.domain.retries import CHAT_RETRIES, JITTER
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
from chalicelib.reach.gateways.chat_messages import send_to_service
from chalicelib.reach.gateways.jobs import CHAT_JOBS
from chalicelib.reach.services.sending import ChannelSender
from chalicelib.reach.stores.channels import DynamoChannels
from chalicelib.reach.stores.outcomes import DynamoOutcomes
from chalicelib.resources import CHAT_MESSAGES, DELIVERIES, DIRECTORY, NOTIFY, SOCKETS, UNSEAL

bp = Blueprint(__name__)


# One message at a time: a slow service does not delay other notifications.
@consumer(
    bp,
    CHAT_MESSAGES,
    failures=DynamoFailures(),
    batch_size=1,
    grants=NOTE_FAILURE
    + UNSEAL
    + DIRECTORY.can("BatchGetItem", "UpdateItem")
    + DELIVERIES.can("Query", "PutItem", "ConditionCheckItem")
    + SOCKETS.can("UpdateItem")
    + NOTIFY
    + CHAT_MESSAGES.can_send(),
)
def send_to_chat(message: ChannelJob) -> None:
    """Send a notification to a person's chat service. Failures are retried, and after five days pause the channel."""
    ChannelSender(
        kind=ChannelKind.CHAT,
        channels=DynamoChannels(),
        outcomes=DynamoOutcomes(),
        deliveries=DynamoDeliveries(),
        transport=send_to_service,
        queue=CHAT_JOBS,
        ladder=CHAT_RETRIES,
        notifier=Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS),
        gather=gather,
        clock=lambda: datetime.now(UTC),
        lease_id=ids.new_nonce(),
        spread=random.uniform(1 - JITTER, 1 + JITTER),  # noqa: S311 - spreads retries
    ).run(message)
