"""Worker of the queue `peer-notices`: one attempt to send a notice about a connection per message."""

import random
from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.board.stores.contacts import DynamoContacts
from chalicelib.core.domain.measures import NOTICE_ATTEMPTS
from chalicelib.core.domain.retries import JITTER
from chalicelib.core.gateways import http
from chalicelib.core.services.attempts import AttemptRunner
from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.federation.connections.domain.connection_notices import ConnectionNoticeJob
from chalicelib.federation.connections.gateways.connection_notices import CONNECTION_NOTICE_JOBS
from chalicelib.federation.connections.services.confirmations import RequestSettler
from chalicelib.federation.connections.services.connection_notices import ConnectionNoticeWorker
from chalicelib.federation.connections.services.desk_calls import DeskCalls
from chalicelib.federation.connections.services.inquiries import Inquirer
from chalicelib.federation.connections.signatures import refuse_signature, signature_headers
from chalicelib.federation.connections.stores.connection_notices import DynamoConnectionNotices
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.connections.stores.held_requests import DynamoHeldRequests
from chalicelib.federation.connections.stores.known_desks import DynamoKnownDesks
from chalicelib.federation.relays.stores.connection_traces import DynamoConnectionTraces
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import (
    AUDIT,
    CHAT,
    CONTACTS,
    DIRECTORY,
    NETWORK,
    NOTIFY,
    OUTBOX,
    PEER_NOTICES,
    PEERS,
    RELAYS,
    UNSEAL,
)
from chalicelib.settings import settings

bp = Blueprint(__name__)


def _count(outcome: str) -> None:
    NOTICE_ATTEMPTS.add(to="connection", outcome=outcome)


# One message at a time: a slow peer does not delay the notices of others.
@consumer(
    bp,
    PEER_NOTICES,
    failures=DynamoFailures(),
    batch_size=1,
    grants=NOTE_FAILURE
    + UNSEAL
    + PEERS.can("Query", "BatchGetItem", "GetItem", "PutItem", "UpdateItem", "DeleteItem")
    + NETWORK.can("UpdateItem")
    + AUDIT.can("PutItem")
    + DIRECTORY.can("BatchGetItem")
    + CONTACTS.can("Query", "BatchGetItem", "BatchWriteItem", "PutItem", "UpdateItem")
    + CHAT.can("PutItem")
    + OUTBOX.can("Query", "DeleteItem")
    + RELAYS.can("Query", "BatchGetItem", "UpdateItem", "DeleteItem")
    + PEER_NOTICES.can_send()
    + NOTIFY,
)
def deliver_peer_notice(message: ConnectionNoticeJob) -> None:
    """Make the attempt that is due. A failure of the peer is recorded; only our own failure returns the message."""
    calls = DeskCalls(DynamoFederation(), http.post_and_read, http.get)
    inquirer = Inquirer(calls.get, refuse_signature)
    notifier = Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS)
    settler = RequestSettler(
        inquirer=inquirer,
        federation=DynamoFederation(),
        connections=DynamoConnections(),
        held=DynamoHeldRequests(),
        people=DynamoDirectory(),
        queue=CONNECTION_NOTICE_JOBS,
        notifier=notifier,
        clock=lambda: datetime.now(UTC),
        base_url=settings().base_url,
        known_desks=DynamoKnownDesks(),
    )
    ConnectionNoticeWorker(
        known_desks=DynamoKnownDesks(),
        base_url=settings().base_url,
        traces=[DynamoConnectionTraces()],
        notices=DynamoConnectionNotices(),
        connections=DynamoConnections(),
        held=DynamoHeldRequests(),
        federation=DynamoFederation(),
        contacts=DynamoContacts(),
        inquirer=inquirer,
        settler=settler,
        notifier=notifier,
        post=calls.post,
        sign=signature_headers,
        runner=AttemptRunner(
            rows=DynamoConnectionNotices(),
            queue=CONNECTION_NOTICE_JOBS,
            clock=lambda: datetime.now(UTC),
            lease_id=ids.new_nonce(),
            spread=random.uniform(1 - JITTER, 1 + JITTER),  # noqa: S311 - spreads retries
            count=_count,
        ),
    ).attempt(message, message_id=ids.new_ulid(datetime.now(UTC)))
