"""Worker of the queue `web-push`: one person whose browsers get a push notification per message."""

from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.catalog.stores.declared_types import is_for_inbox
from chalicelib.core.gateways import http
from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.inbox.stores.push_results import DynamoPushResults
from chalicelib.live.domain.push import PushJob, PushKeys
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.gateways.web_push import PUSH_JOBS
from chalicelib.live.message_encryption import encrypt_message
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.services.push import PushSender
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.push import DynamoPush
from chalicelib.live.stores.push_keys import DynamoPushKeys
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.live.vapid import authorization
from chalicelib.parallel import gather
from chalicelib.resources import CATALOG, DELIVERIES, DIRECTORY, NOTIFY, SOCKETS, UNSEAL, WEB_PUSH

bp = Blueprint(__name__)


def _sign(keys: PushKeys, endpoint: str) -> str:
    return authorization(keys, endpoint, now=datetime.now(UTC))


# One message at a time: a slow push service does not delay other notifications.
@consumer(
    bp,
    WEB_PUSH,
    failures=DynamoFailures(),
    batch_size=1,
    grants=NOTE_FAILURE
    + UNSEAL
    + DIRECTORY.can("Query", "GetItem", "UpdateItem", "DeleteItem")
    + SOCKETS.can("UpdateItem")
    + CATALOG.can("GetItem")
    + DELIVERIES.can("UpdateItem")
    + WEB_PUSH.can_send()
    + NOTIFY,
)
def nudge(message: PushJob) -> None:
    """Send a push notification to a person's browsers. Failures are retried, and at last pause a subscription."""
    PushSender(
        subscriptions=DynamoPush(),
        keys=DynamoPushKeys(),
        post=http.post,
        sign=_sign,
        encrypt=encrypt_message,
        queue=PUSH_JOBS,
        notifier=Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS),
        results=DynamoPushResults(),
        is_for_inbox=is_for_inbox,
        gather=gather,
        clock=lambda: datetime.now(UTC),
    ).run(message)
