"""Every minute, fetch the signing keys of connected instances and of unknown signers."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib.core.gateways import http
from chalicelib.edge.schedule import schedule
from chalicelib.federation.connections.services.peer_keys import PeerKeyFetcher
from chalicelib.federation.connections.stores.peer_keys import DynamoPeerKeys
from chalicelib.parallel import gather
from chalicelib.resources import DUE_INDEX, PEERS

bp = Blueprint(__name__)


@schedule(bp, minutes=1, grants=PEERS.can("Query", index=DUE_INDEX) + PEERS.can("UpdateItem"))
def fetch_peer_keys(now: datetime) -> int:
    """Fetch the signing keys that are due."""
    return PeerKeyFetcher(DynamoPeerKeys(), http.get, gather).fetch_due(now)
