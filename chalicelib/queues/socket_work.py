"""Worker of the queue `socket-work`: one socket that needs missed events per message."""

import time
from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.live.domain.sockets import CatchUpJob
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.catch_up import CatchUp
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.resources import NOTIFY, SOCKET_WORK, SOCKETS

bp = Blueprint(__name__)


# One message at a time: a client that missed many events, or reads slowly, does not delay others.
@consumer(
    bp,
    SOCKET_WORK,
    failures=DynamoFailures(),
    batch_size=1,
    grants=NOTE_FAILURE + NOTIFY + SOCKETS.can("GetItem", "UpdateItem"),
)
def catch_up(message: CatchUpJob) -> None:
    """Send a new connection its greeting and missed events, or replay events to an open connection."""
    CatchUp(
        DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), clock=lambda: datetime.now(UTC), sleep=time.sleep
    ).run(message)
