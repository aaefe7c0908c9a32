"""The queue `peer-notices`: one message, one attempt to tell a connected desk something."""

import random
from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.domain.callbacks import JITTER
from chalicelib.domain.peer_notices import NoticeJob
from chalicelib.edge.consumer import consumer
from chalicelib.gateways import http
from chalicelib.gateways.peer_notices import LONGEST_DELAY_SECONDS, SqsNotices
from chalicelib.peer_signatures import signature_headers
from chalicelib.resources import PEER_NOTICES, PEERS
from chalicelib.services import peer_notices
from chalicelib.settings import settings
from chalicelib.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.stores.federation_settings import DynamoFederation
from chalicelib.stores.peer_notices import DynamoNotices
from chalicelib.stores.peers import DynamoPeers

bp = Blueprint(__name__)


# One message at a time: a slow peer holds up nobody else's notices.
@consumer(
    bp,
    PEER_NOTICES,
    failures=DynamoFailures(),
    batch_size=1,
    grants=NOTE_FAILURE + PEERS.can("BatchGetItem", "GetItem", "PutItem", "UpdateItem") + PEER_NOTICES.can_send(),
)
def deliver_peer_notice(message: NoticeJob) -> None:
    """Make the attempt that is due; a peer's failure is recorded, only our own has the message come again."""
    peer_notices.attempt(
        message,
        clock=lambda: datetime.now(UTC),
        lease_id=ids.nonce(),
        spread=random.uniform(1 - JITTER, 1 + JITTER),  # noqa: S311 - spreads retries
        longest_delay=LONGEST_DELAY_SECONDS,
        base_url=settings().base_url,
        notices=DynamoNotices(),
        peers=DynamoPeers(),
        federation=DynamoFederation(),
        post=http.post,
        sign=signature_headers,
        queue=SqsNotices(),
    )
