"""Worker of the queue `outbox-work`: one instance with pending relays per message."""

from collections.abc import Mapping
from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.core.gateways import http
from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.connections.services.connection_notices import peer_headers
from chalicelib.federation.connections.services.desk_calls import DeskCalls
from chalicelib.federation.connections.signatures import signature_headers
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.relays.domain.outbox import OutboxJob
from chalicelib.federation.relays.gateways.outbox import OUTBOX_JOBS
from chalicelib.federation.relays.services.outbox import OutboxWorker
from chalicelib.federation.relays.services.outgoing import RelayCourier
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from chalicelib.federation.relays.stores.outgoing import DynamoOutgoing
from chalicelib.resources import OUTBOX, OUTBOX_WORK, PEERS, RELAYS, UNSEAL

bp = Blueprint(__name__)


def _headers(connection: Connection, url: str, body: bytes, token: str, at: datetime) -> Mapping[str, str]:
    return peer_headers(
        connection, url, body, token=token, at=at, federation=DynamoFederation(), sign=signature_headers
    )


def _now() -> datetime:
    return datetime.now(UTC)


# One message at a time: a slow instance does not delay the relays to others.
@consumer(
    bp,
    OUTBOX_WORK,
    failures=DynamoFailures(),
    batch_size=1,
    grants=NOTE_FAILURE
    + UNSEAL
    + OUTBOX.can("Query", "UpdateItem", "DeleteItem")
    + RELAYS.can("BatchGetItem", "UpdateItem", "PutItem")
    + PEERS.can("BatchGetItem", "GetItem", "PutItem")
    + OUTBOX_WORK.can_send(),
)
def send_waiting(message: OutboxJob) -> None:
    """Send an instance its pending relays in order. Its failures are retried later; only our own failures raise."""
    calls = DeskCalls(DynamoFederation(), http.post_and_read, http.get)
    courier = RelayCourier(DynamoConnections(), DynamoOutgoing(), calls.post, _headers, _now)
    mail = OutboxWorker(DynamoOutbox(), courier, OUTBOX_JOBS, clock=_now)
    mail.deliver(message, ids.new_nonce())
