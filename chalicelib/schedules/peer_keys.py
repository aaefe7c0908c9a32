"""Every minute: the keys of desks that somebody here has been connected with, or that sign with unknown ones."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib.core.gateways import http
from chalicelib.edge.schedule import schedule
from chalicelib.federation.connections.services.peer_keys import PeerKeyFetcher
from chalicelib.federation.connections.stores.peer_keys import DynamoPeerKeys
from chalicelib.parallel import together
from chalicelib.resources import DUE_INDEX, PEERS

bp = Blueprint(__name__)


@schedule(bp, minutes=1, grants=PEERS.can("Query", index=DUE_INDEX) + PEERS.can("UpdateItem"))
def fetch_peer_keys(now: datetime) -> int:
    """Ask for the keys that are wanted."""
    return PeerKeyFetcher(DynamoPeerKeys(), http.get, together).fetch_due(now)
