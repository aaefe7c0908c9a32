"""Every minute, queue heartbeats for open sockets, if the setting is on."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib.edge.schedule import schedule
from chalicelib.live.gateways.socket_work import HEARTBEAT_JOBS
from chalicelib.live.services import heartbeats
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.resources import HEARTBEAT_INDEX, SOCKET_WORK, SOCKETS
from chalicelib.settings import settings

bp = Blueprint(__name__)


@schedule(
    bp,
    minutes=1,
    setting="FLUXDEN_SOCKET_HEARTBEATS",
    grants=SOCKETS.can("Query", index=HEARTBEAT_INDEX) + SOCKET_WORK.can_send(),
)
def queue_heartbeats(now: datetime) -> int:
    """Queue two heartbeats, half a minute apart, for everybody who has open sockets."""
    if not settings().socket_heartbeats:
        return 0
    return heartbeats.queue_heartbeats(now, sockets=DynamoSockets(), jobs=HEARTBEAT_JOBS, gather=gather)
