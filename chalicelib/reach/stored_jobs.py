"""Jobs of the queue `reach` that outlive a refusal: a job that the queue does not take is stored, to be announced."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from chalicelib.core.domain.person_refs import person_ref
from chalicelib.live.domain.push import ReachJob
from chalicelib.live.gateways.web_push import REACH_JOBS

log = logging.getLogger("fluxden")


class StoredReachJobs:
    """Sends jobs to the queue; one that is refused is announced by the schedule of snoozes within five minutes."""

    def send(self, job: ReachJob) -> None:
        """Send a job. One queue call; one store call more if it is refused."""
        try:
            REACH_JOBS.send(job)
        except Exception:
            log.exception("%s is reached beyond their open sockets later", person_ref(job.user_id))
            # Imported when it is needed: a publish that succeeds does not load it.
            from chalicelib.reach.stores.reached import DynamoReached

            DynamoReached().hold_refused(job.user_id, job.delivery_id, str(job.message_id), now=datetime.now(UTC))

    def send_all(self, jobs: Sequence[ReachJob]) -> None:
        for job in jobs:
            self.send(job)
