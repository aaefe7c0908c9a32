"""The queue `peer-notices`: one message, one attempt at what is to be done for a connection."""

import random
from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.domain.callbacks import JITTER
from chalicelib.domain.peer_notices import NoticeJob
from chalicelib.edge.consumer import consumer
from chalicelib.gateways import http
from chalicelib.gateways.peer_notices import LONGEST_DELAY_SECONDS, SqsNotices
from chalicelib.gateways.sockets import ApiGatewaySockets
from chalicelib.parallel import together
from chalicelib.peer_signatures import signature_headers
from chalicelib.resources import CHAT, CONTACTS, NOTIFY, PEER_NOTICES, PEERS
from chalicelib.services.notifier import Notifier
from chalicelib.services.peer_notices import Errands
from chalicelib.settings import settings
from chalicelib.stores.connections import DynamoConnections
from chalicelib.stores.contacts import DynamoContacts
from chalicelib.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.stores.federation_settings import DynamoFederation
from chalicelib.stores.frames import DynamoFrames
from chalicelib.stores.peer_notices import DynamoNotices
from chalicelib.stores.peers import DynamoPeers

bp = Blueprint(__name__)


# One message at a time: a slow peer holds up nobody else's notices.
@consumer(
    bp,
    PEER_NOTICES,
    failures=DynamoFailures(),
    batch_size=1,
    grants=NOTE_FAILURE
    + PEERS.can("BatchGetItem", "GetItem", "PutItem", "UpdateItem")
    + CONTACTS.can("Query", "BatchGetItem", "BatchWriteItem", "PutItem", "UpdateItem")
    + CHAT.can("PutItem")
    + PEER_NOTICES.can_send()
    + NOTIFY,
)
def deliver_peer_notice(message: NoticeJob) -> None:
    """Make the attempt that is due; a peer's failure is recorded, only our own has the message come again."""
    errands = Errands(
        base_url=settings().base_url,
        notices=DynamoNotices(),
        peers=DynamoPeers(),
        federation=DynamoFederation(),
        contacts=DynamoContacts(),
        notifier=Notifier(DynamoFrames(), DynamoConnections(), ApiGatewaySockets(), together),
        queue=SqsNotices(),
        post=http.post_and_read,
        sign=signature_headers,
        clock=lambda: datetime.now(UTC),
        longest_delay=LONGEST_DELAY_SECONDS,
    )
    errands.attempt(
        message,
        lease_id=ids.nonce(),
        message_id=ids.sortable(datetime.now(UTC)),
        spread=random.uniform(1 - JITTER, 1 + JITTER),  # noqa: S311 - spreads retries
    )
