"""Every minute, remove proposals that nobody decided in time, and delegations that are over."""

import time
from datetime import datetime

from chalice.app import Blueprint

from chalicelib.core.services.ends import end_due
from chalicelib.edge.schedule import schedule
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY, DUE_INDEX, NOTIFY, QUEUE_ITEMS
from chalicelib.tasks.services.expiry import Expiry
from chalicelib.tasks.stores.approvals import DynamoApprovals
from chalicelib.tasks.stores.delegations import DynamoDelegations

bp = Blueprint(__name__)

# Of the minute that a schedule has.
_SECONDS = 40


@schedule(
    bp,
    minutes=1,
    grants=QUEUE_ITEMS.can("Query", index=DUE_INDEX)
    + QUEUE_ITEMS.can("BatchGetItem", "UpdateItem", "DeleteItem")
    + DIRECTORY.can("BatchGetItem")
    + NOTIFY,
)
def end_proposals(now: datetime) -> int:
    """Remove proposals and delegations that have expired, and tell agents and clients."""
    stop_at = time.monotonic() + _SECONDS

    def has_time() -> bool:
        return time.monotonic() < stop_at

    notifier = Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS)
    expiry = Expiry(DynamoApprovals(), DynamoDelegations(), DynamoDirectory(), notifier, has_time)
    return end_due(now, endings=(expiry,), has_time=has_time)
