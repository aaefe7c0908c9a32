"""Decide how a person is reached about a delivery, and hand it to the channels."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.core.ports import Gather, JobSender
from chalicelib.inbox.domain.deliveries import DeliveryDetail
from chalicelib.inbox.domain.inbox_states import Shelf, shelf_of
from chalicelib.live.domain.frames import FrameType, LiveEvent, LogState
from chalicelib.live.domain.push import PushJob, ReachJob


class ReachedDeliveries(Protocol):
    def find_buttons(self, delivery_id: str) -> DeliveryDetail | None: ...


class ReachedLogs(Protocol):
    def find_log_state(self, user_id: str, *, now: datetime) -> LogState: ...


@dataclass(frozen=True)
class Router:
    """Sends a delivery's jobs to the channels that its recipient's preferences choose."""

    deliveries: ReachedDeliveries
    log_states: ReachedLogs
    push_jobs: JobSender[PushJob]
    gather: Gather
    clock: Callable[[], datetime]

    def run(self, job: ReachJob) -> None:
        """Reach the person by each channel that is chosen, unless they have read the delivery by now.

        Store and queue calls in sequence: 1; 2 if a channel is chosen. A job that runs twice sends jobs with the same
        ids.
        """
        now = self.clock()
        found, log_state = self.gather(
            lambda: self.deliveries.find_buttons(job.delivery_id),
            lambda: self.log_states.find_log_state(job.user_id, now=now),
        )
        if found is None or found.delivery.recipient_user_id != job.user_id:
            return
        if shelf_of(found.delivery) is not Shelf.UNREAD or found.delivery.resolved_at:
            return
        if log_state.browsers and not log_state.has_viewer_for(LiveEvent(FrameType.DELIVERY), now=now):
            self.push_jobs.send(PushJob(user_id=job.user_id, urgency=job.urgency, delivery_id=job.delivery_id))
