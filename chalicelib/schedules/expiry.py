"""Every hour: what is past its time and would otherwise stand for ever."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.edge.schedule import schedule
from chalicelib.gateways.peer_notices import SqsNotices
from chalicelib.gateways.sockets import ApiGatewaySockets
from chalicelib.parallel import together
from chalicelib.resources import CHAT, DUE_INDEX, NOTIFY, PEER_NOTICES, PEERS
from chalicelib.services import expiry
from chalicelib.services.notifier import Notifier
from chalicelib.stores.connections import DynamoConnections
from chalicelib.stores.frames import DynamoFrames
from chalicelib.stores.peers import DynamoPeers

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
    """End the connection requests that nobody has answered in time."""
    return expiry.end_unanswered(
        now,
        message_id=lambda: ids.sortable(now),
        requests=DynamoPeers(),
        notifier=Notifier(DynamoFrames(), DynamoConnections(), ApiGatewaySockets(), together),
        queue=SqsNotices(),
    )
