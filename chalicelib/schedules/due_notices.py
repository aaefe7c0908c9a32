"""Every minute, queue the connection notices that are due, or whose queue message was lost."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib.core.services.due import announce_due
from chalicelib.edge.schedule import schedule
from chalicelib.federation.connections.gateways.connection_notices import CONNECTION_NOTICE_JOBS
from chalicelib.federation.connections.stores.connection_notices import DynamoConnectionNotices
from chalicelib.parallel import gather
from chalicelib.resources import DUE_INDEX, PEER_NOTICES, PEERS

bp = Blueprint(__name__)


@schedule(
    bp,
    minutes=1,
    grants=PEERS.can("Query", index=DUE_INDEX) + PEERS.can("UpdateItem") + PEER_NOTICES.can_send(),
)
def announce_due_peer_notices(now: datetime) -> int:
    """Queue the connection notices that are due."""
    return announce_due(now, work=DynamoConnectionNotices(), queue=CONNECTION_NOTICE_JOBS, gather=gather)
