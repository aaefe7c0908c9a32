"""Every five minutes, queue the snoozes that end before the next run, or whose queue message was lost."""

from datetime import datetime, timedelta

from chalice.app import Blueprint

from chalicelib.edge.schedule import schedule
from chalicelib.inbox.domain.snoozes import ANNOUNCED_AHEAD
from chalicelib.inbox.gateways.snoozes import SNOOZE_JOBS
from chalicelib.inbox.services.snoozes import announce_ending
from chalicelib.inbox.stores.snoozes import DynamoSnoozes
from chalicelib.parallel import gather
from chalicelib.resources import DELIVERIES, DUE_INDEX, SNOOZES

bp = Blueprint(__name__)


@schedule(
    bp,
    minutes=ANNOUNCED_AHEAD // timedelta(minutes=1),
    grants=DELIVERIES.can("Query", index=DUE_INDEX) + DELIVERIES.can("UpdateItem") + SNOOZES.can_send(),
)
def announce_ending_snoozes(now: datetime) -> int:
    """Queue the snoozes that end before the next run."""
    return announce_ending(now, snoozes=DynamoSnoozes(), queue=SNOOZE_JOBS, gather=gather)
