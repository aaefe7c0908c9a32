"""Every minute, mark member instances whose heartbeats are missing."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib.edge.schedule import schedule
from chalicelib.federation.network.services import stale_instances
from chalicelib.federation.network.stores.stale_instances import DynamoStaleInstances
from chalicelib.resources import DUE_INDEX, NETWORK

bp = Blueprint(__name__)


@schedule(bp, minutes=1, grants=NETWORK.can("Query", index=DUE_INDEX) + NETWORK.can("UpdateItem"))
def mark_silent_instances(now: datetime) -> int:
    """Mark the instances whose heartbeats are missing as stale."""
    return stale_instances.mark_stale_instances(now, instances=DynamoStaleInstances())
