"""Every five minutes, queue what ends before the next run, or whose queue message was lost: snoozes, holds, digests."""

from datetime import datetime, timedelta

from chalice.app import Blueprint

from chalicelib.edge.schedule import schedule
from chalicelib.inbox.domain.snoozes import ANNOUNCED_AHEAD, SNOOZE, DueEnd, SnoozeJob
from chalicelib.inbox.gateways.snoozes import SNOOZE_JOBS
from chalicelib.inbox.services.snoozes import announce_ending
from chalicelib.inbox.stores.snoozes import DynamoSnoozes
from chalicelib.live.domain.push import ReachJob
from chalicelib.live.gateways.web_push import REACH_JOBS
from chalicelib.parallel import gather
from chalicelib.reach.domain.jobs import EmailJob
from chalicelib.reach.gateways.email_jobs import EMAIL_JOBS
from chalicelib.reach.stores.digests import DIGEST
from chalicelib.reach.stores.reached import HOLD
from chalicelib.resources import DELIVERIES, DUE_INDEX, EMAIL, REACH, SNOOZES

bp = Blueprint(__name__)


@schedule(
    bp,
    minutes=ANNOUNCED_AHEAD // timedelta(minutes=1),
    grants=DELIVERIES.can("Query", index=DUE_INDEX)
    + DELIVERIES.can("UpdateItem")
    + SNOOZES.can_send()
    + EMAIL.can_send()
    + REACH.can_send(),
)
def announce_ending_snoozes(now: datetime) -> int:
    """Queue the snoozes, the holds of quiet hours and the digests that are due before the next run."""
    return announce_ending(now, snoozes=DynamoSnoozes(), announce=_announce, gather=gather)


def _announce(end: DueEnd, *, delay: int) -> None:
    if end.what == SNOOZE:
        SNOOZE_JOBS.announce(SnoozeJob(delivery_id=end.of), delay=delay)
    elif end.what.startswith(HOLD):
        job = ReachJob(user_id=end.what.removeprefix(HOLD), delivery_id=end.of)
        REACH_JOBS.announce(job, delay=delay)
    elif end.what.startswith(DIGEST):
        EMAIL_JOBS.announce(EmailJob.of_digest(end.what.removeprefix(DIGEST), end.of), delay=delay)
