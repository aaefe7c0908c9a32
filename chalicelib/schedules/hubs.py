"""Every minute, send the heartbeats that are due to the hubs that this instance has joined."""

from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.core.gateways import http
from chalicelib.edge.schedule import schedule
from chalicelib.federation.connections.services.desk_calls import DeskCalls
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.network.services.membership import HeartbeatSender, OwnInstance
from chalicelib.federation.network.stores.hubs import DynamoHubs
from chalicelib.federation.network.stores.reported_counts import DynamoReportedCounts
from chalicelib.parallel import gather
from chalicelib.resources import DIRECTORY, DUE_INDEX, NETWORK, PEERS, UNSEAL
from chalicelib.settings import VERSION, settings

bp = Blueprint(__name__)


@schedule(
    bp,
    minutes=1,
    grants=UNSEAL
    + NETWORK.can("Query", index=DUE_INDEX)
    + NETWORK.can("UpdateItem")
    + PEERS.can("GetItem")
    + DIRECTORY.can("GetItem", "Query"),
)
def send_hub_heartbeats(now: datetime) -> int:
    """Send the heartbeats that are due."""
    return HeartbeatSender(
        own=OwnInstance(settings().base_url, VERSION),
        hubs=DynamoHubs(),
        counts=DynamoReportedCounts(),
        post=DeskCalls(DynamoFederation(), http.post_and_read, http.get).post,
        clock=lambda: datetime.now(UTC),
        gather=gather,
    ).send_due(now)
