"""Every hour: what is past its time and would otherwise stand for ever."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib.edge.schedule import schedule
from chalicelib.resources import DUE_INDEX, PEERS
from chalicelib.services import expiry
from chalicelib.stores.peers import DynamoPeers

bp = Blueprint(__name__)


@schedule(bp, minutes=60, grants=PEERS.can("Query", index=DUE_INDEX) + PEERS.can("BatchGetItem", "UpdateItem"))
def decline_unanswered_requests(now: datetime) -> int:
    """Decline the connection requests that nobody has answered in time."""
    return expiry.decline_unanswered(now, requests=DynamoPeers())
