"""Worker of the queue `socket-work`: sockets that need missed events, new events, or a heartbeat."""

import time
from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.live.domain.sockets import CatchUpJob, FrameJob, HeartbeatJob, SocketJob
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.catch_up import CatchUp
from chalicelib.live.services.frame_pusher import FramePusher
from chalicelib.live.services.heartbeats import HeartbeatSender
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
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
def serve_sockets(message: SocketJob) -> None:
    """Send connections what they have missed, events that their writer left to this worker, or heartbeats."""
    frames, sockets, gateway = DynamoFrames(), DynamoSockets(), ApiGatewaySockets()
    match message.root:
        case CatchUpJob() as job:
            CatchUp(frames, sockets, gateway, clock=lambda: datetime.now(UTC), sleep=time.sleep).run(job)
        case FrameJob() as job:
            FramePusher(frames, sockets, gateway, gather).run(job, now=datetime.now(UTC))
        case HeartbeatJob() as job:
            HeartbeatSender(frames, sockets, gateway, gather).run(job, now=datetime.now(UTC))
