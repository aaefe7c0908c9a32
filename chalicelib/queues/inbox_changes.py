"""Worker of the queue `inbox-changes`: some steps of a bulk change of an inbox per message."""

from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.inbox.domain.bulk_changes import BulkChangeJob
from chalicelib.inbox.gateways.bulk_changes import BULK_CHANGE_JOBS
from chalicelib.inbox.services.bulk_changes import BulkChanger
from chalicelib.inbox.stores.bulk_changes import DynamoBulkChanges
from chalicelib.inbox.stores.inbox import DynamoInbox
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.resources import DELIVERIES, INBOX_CHANGES, INBOX_INDEX, NOTIFY

bp = Blueprint(__name__)


# One message at a time: a long change does not delay other people's.
@consumer(
    bp,
    INBOX_CHANGES,
    failures=DynamoFailures(),
    batch_size=1,
    grants=NOTE_FAILURE
    + DELIVERIES.can("Query", index=INBOX_INDEX)
    + DELIVERIES.can("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem")
    + INBOX_CHANGES.can_send()
    + NOTIFY,
)
def change_inboxes(message: BulkChangeJob) -> None:
    """Continue a bulk change of somebody's inbox."""
    notifier = Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS)
    changer = BulkChanger(DynamoBulkChanges(), DynamoInbox(), notifier, datetime.now(UTC))
    changer.resume(message, queue=BULK_CHANGE_JOBS)
