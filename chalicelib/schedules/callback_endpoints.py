"""Paused endpoints of callbacks: probe them, and continue the replays of what waited."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib.core.services.due import announce_due
from chalicelib.edge.schedule import schedule
from chalicelib.inbox.gateways.callback_replays import REPLAY_JOBS
from chalicelib.inbox.gateways.callbacks import CALLBACK_JOBS
from chalicelib.inbox.services.endpoints import probe_endpoints
from chalicelib.inbox.stores.endpoints import DynamoEndpoints
from chalicelib.inbox.stores.replays import DynamoReplays
from chalicelib.parallel import gather
from chalicelib.resources import CALLBACK_REPLAYS, CALLBACKS, DELIVERIES, DUE_INDEX

bp = Blueprint(__name__)

_DUE = DELIVERIES.can("Query", index=DUE_INDEX) + DELIVERIES.can("UpdateItem")


@schedule(bp, minutes=10, grants=_DUE + DELIVERIES.can("GetItem") + CALLBACKS.can_send())
def probe_callback_endpoints(now: datetime) -> int:
    """Have a waiting callback attempted at each endpoint that failures have paused, if its probe is due."""
    return probe_endpoints(now, probes=DynamoEndpoints(), queue=CALLBACK_JOBS)


@schedule(bp, minutes=10, grants=_DUE + CALLBACK_REPLAYS.can_send())
def announce_due_replays(now: datetime) -> int:
    """Queue the replays of callbacks that no worker has continued."""
    return announce_due(now, work=DynamoReplays(), queue=REPLAY_JOBS, gather=gather)
