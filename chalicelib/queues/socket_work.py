"""The queue `socket-work`: one message, one connection that is to be told what it has missed."""

import time
from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.live.domain.connections import CatchUpJob
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.catch_up import CatchUp
from chalicelib.live.stores.connections import DynamoConnections
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.resources import NOTIFY, SOCKET_WORK, SOCKETS

bp = Blueprint(__name__)


# One message at a time: a client that has missed much, or reads slowly, keeps nobody else waiting.
@consumer(
    bp,
    SOCKET_WORK,
    failures=DynamoFailures(),
    batch_size=1,
    grants=NOTE_FAILURE + NOTIFY + SOCKETS.can("GetItem", "UpdateItem"),
)
def catch_up(message: CatchUpJob) -> None:
    """Greet a new connection and tell it what it has missed, or tell an open one again."""
    CatchUp(
        DynamoFrames(), DynamoConnections(), ApiGatewaySockets(), clock=lambda: datetime.now(UTC), sleep=time.sleep
    ).run(message)
