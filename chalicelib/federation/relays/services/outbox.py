"""Send what waits for connected installations: in order, one worker for each, until it is taken or given up."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Protocol

from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.measures import RELAYS
from chalicelib.core.domain.retries import EARLY, GRACE, LEASE, LONGEST_DELAY
from chalicelib.core.ports import JobAnnouncer
from chalicelib.federation.relays.domain.outbox import Outbox, OutboxJob, Sending, SendOutcome, outcome_of, wait_after
from chalicelib.federation.relays.services.ports import Outboxes

_PAGE = 25
_OUTBOXES_PER_RUN = 100
# The worker stops before it times out, and queues another run.
_LONGEST_RUN = timedelta(seconds=40)


class Courier(Protocol):
    """Makes the request of a sending, and records its outcome."""

    def send(self, sending: Sending) -> HttpResult: ...
    def settle(self, sending: Sending, outcome: SendOutcome, answer: HttpResult, *, now: datetime) -> None: ...


@dataclass(frozen=True)
class OutboxWorker:
    """Sends the outbox of one connected installation, in order.

    After a failure nothing is sent to the installation until its wait is over; a success ends the waits. Store calls in
    sequence: 3, and 2 for each sending besides the courier's; 1 when another worker has the lease or nothing is due.
    """

    boxes: Outboxes
    courier: Courier
    queue: JobAnnouncer[OutboxJob]
    clock: Callable[[], datetime]

    def deliver(self, job: OutboxJob, lease_id: str) -> int:
        """Send what waits for the installation, and return how much was settled. Repeats and overlaps do no harm."""
        started, count = self.clock(), 0
        while (box := self._lease(job.peer_url, lease_id)) is not None:
            waiting = self.boxes.list_first(job.peer_url, limit=_PAGE)
            if not waiting and self.boxes.rest(box, lease_id):
                break
            for sending in waiting:
                if not self._send(box, sending, lease_id):
                    return count
                count += 1
                if (renewed := self._lease(job.peer_url, lease_id)) is None:
                    return count
                box = renewed
            if self.clock() > started + _LONGEST_RUN:
                self.queue.announce(job, delay=ceil(LEASE.total_seconds()))
                break
        return count

    def _lease(self, peer_url: str, lease_id: str) -> Outbox | None:
        now = self.clock()
        # The due index announces it a little later than its message, so a message counts up to that much early.
        return self.boxes.lease(peer_url, lease_id, now=now, until=now + LEASE, due_by=now + GRACE + EARLY)

    def _send(self, box: Outbox, sending: Sending, lease_id: str) -> bool:
        answer = self.courier.send(sending)
        now = self.clock()
        outcome = outcome_of(answer, sending, now=now)
        RELAYS.add(outcome=outcome)
        if outcome is SendOutcome.RETRY:
            wait = wait_after(box.failures + 1, answer.retry_after, now=now)
            error = answer.error or "no answer"
            self.courier.settle(sending, outcome, answer, now=now)
            if self.boxes.back_off(box, lease_id, error=error, due_at=now + wait + GRACE):
                delay = ceil(wait.total_seconds())
                if delay <= LONGEST_DELAY.total_seconds():
                    self.queue.announce(OutboxJob(peer_url=sending.peer_url), delay=delay)
            return False
        self.courier.settle(sending, outcome, answer, now=now)
        if box.failures:
            self.boxes.recover(box, lease_id)
        return True


def announce_due(now: datetime, *, boxes: Outboxes, queue: JobAnnouncer[OutboxJob]) -> int:
    """Announce the due outboxes, and return their number.

    Store and queue calls in sequence: 2. Repeats do no harm, since one worker leases an outbox.
    """
    due = boxes.list_due(now=now, limit=_OUTBOXES_PER_RUN)
    queue.announce_all([OutboxJob(peer_url=peer_url) for peer_url, _ in due])
    return len(due)
