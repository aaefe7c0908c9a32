"""Every minute: the keys of desks that somebody here has been connected with, or that sign with unknown ones."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib.edge.schedule import schedule
from chalicelib.gateways import http
from chalicelib.parallel import together
from chalicelib.resources import DUE_INDEX, PEERS
from chalicelib.services.peer_keys import Inquiry
from chalicelib.stores.peer_keys import DynamoPeerKeys

bp = Blueprint(__name__)


@schedule(bp, minutes=1, grants=PEERS.can("Query", index=DUE_INDEX) + PEERS.can("UpdateItem"))
def fetch_peer_keys(now: datetime) -> int:
    """Ask for the keys that are wanted."""
    return Inquiry(DynamoPeerKeys(), http.get, together).ask(now)
