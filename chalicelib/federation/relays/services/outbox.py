"""Sending to other desks what waits for them: in order, one worker a desk, until it is taken or given up."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Protocol

from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.retries import EARLY, GRACE, LEASE, LONGEST_DELAY
from chalicelib.core.ports import JobAnnouncer
from chalicelib.federation.relays.domain.outbox import Outbox, OutboxJob, Sending, SendOutcome, outcome_of, wait_after
from chalicelib.federation.relays.services.ports import Outboxes

_PAGE = 25
_DESKS_PER_RUN = 100
# Before the worker's time is over it stops, and has itself called again.
_LONGEST_RUN = timedelta(seconds=40)


class Courier(Protocol):
    """Who knows what a sending says, where it goes, and to whom it matters what became of it."""

    def send(self, sending: Sending) -> HttpResult: ...
    def settle(self, sending: Sending, outcome: SendOutcome, answer: HttpResult, *, now: datetime) -> None: ...


@dataclass(frozen=True)
class OutboxWorker:
    """One worker's way through a desk's outbox.

    A desk that fails is left alone for a while, by everybody who has something for it; its first success ends that.
    Store calls in sequence: 3, and 2 for each sending besides what the courier makes; a message that comes when
    another worker is at it, or before its time, takes 1.
    """

    boxes: Outboxes
    courier: Courier
    queue: JobAnnouncer[OutboxJob]
    clock: Callable[[], datetime]

    def deliver(self, job: OutboxJob, lease_id: str) -> int:
        """Send what waits for the desk; how much was settled. Doing it again, or twice at a time, does no harm."""
        started, count = self.clock(), 0
        while (box := self._lease(job.peer_url, lease_id)) is not None:
            waiting = self.boxes.list_first(job.peer_url, limit=_PAGE)
            if not waiting and self.boxes.rest(box, lease_id):
                break
            for sending in waiting:
                if not self._settled(box, sending, lease_id):
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
        # Announced at once, a desk is due a little later by the index: a message is believed before.
        return self.boxes.lease(peer_url, lease_id, now=now, until=now + LEASE, due_by=now + GRACE + EARLY)

    def _settled(self, box: Outbox, sending: Sending, lease_id: str) -> bool:
        answer = self.courier.send(sending)
        now = self.clock()
        outcome = outcome_of(answer, sending, now=now)
        if outcome is SendOutcome.RETRY:
            pause = wait_after(box.failures + 1, answer.retry_after, now=now)
            error = answer.error or "no answer"
            self.courier.settle(sending, outcome, answer, now=now)
            if self.boxes.back_off(box, lease_id, error=error, due_at=now + pause + GRACE):
                delay = ceil(pause.total_seconds())
                if delay <= LONGEST_DELAY.total_seconds():
                    self.queue.announce(OutboxJob(peer_url=sending.peer_url), delay=delay)
            return False
        self.courier.settle(sending, outcome, answer, now=now)
        if box.failures:
            self.boxes.recover(box, lease_id)
        return True


def announce_due(now: datetime, *, boxes: Outboxes, queue: JobAnnouncer[OutboxJob]) -> int:
    """Announce the desks that are due and that no message has announced; how many there were.

    Store calls: 1. Again does no harm: a worker takes a desk for itself.
    """
    due = boxes.list_due(now=now, limit=_DESKS_PER_RUN)
    queue.announce_all([OutboxJob(peer_url=peer_url) for peer_url, _ in due])
    return len(due)
