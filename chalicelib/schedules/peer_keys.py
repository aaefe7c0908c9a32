"""Every minute, fetch the signing keys of connected instances and of unknown signers."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib.core.gateways import http
from chalicelib.edge.schedule import schedule
from chalicelib.federation.connections.services.desk_calls import DeskCalls
from chalicelib.federation.connections.services.peer_keys import PeerKeyFetcher
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.connections.stores.known_desks import DynamoKnownDesks
from chalicelib.federation.connections.stores.peer_keys import DynamoPeerKeys
from chalicelib.parallel import gather
from chalicelib.resources import DUE_INDEX, PEERS

bp = Blueprint(__name__)


@schedule(bp, minutes=1, grants=PEERS.can("Query", index=DUE_INDEX) + PEERS.can("GetItem", "UpdateItem"))
def fetch_peer_keys(now: datetime) -> int:
    """Fetch the signing keys that are due."""
    calls = DeskCalls(DynamoFederation(), http.post_and_read, http.get)
    return PeerKeyFetcher(DynamoPeerKeys(), calls.get, gather, DynamoKnownDesks()).fetch_due(now)
