"""Every hour, end connection requests that were never answered."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.edge.schedule import schedule
from chalicelib.federation.connections.gateways.connection_notices import CONNECTION_NOTICE_JOBS
from chalicelib.federation.connections.services import expiry
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.resources import CHAT, DUE_INDEX, NOTIFY, PEER_NOTICES, PEERS

bp = Blueprint(__name__)


@schedule(
    bp,
    minutes=60,
    grants=PEERS.can("Query", index=DUE_INDEX)
    + PEERS.can("BatchGetItem", "PutItem", "UpdateItem")
    + CHAT.can("PutItem")
    + PEER_NOTICES.can_send()
    + NOTIFY,
)
def end_unanswered_requests(now: datetime) -> int:
    """End the connection requests that were not answered in time."""
    return expiry.end_unanswered(
        now,
        message_id=lambda: ids.new_ulid(now),
        requests=DynamoConnections(),
        notifier=Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS),
        queue=CONNECTION_NOTICE_JOBS,
    )
