"""Fan-out: make the deliveries of accepted bulk calls, in the queue's worker or when somebody reads one earlier."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from chalicelib.core.domain.errors import NotFound
from chalicelib.core.ports import Gather
from chalicelib.inbox.domain.bulk import AcceptedCall, FanOutJob
from chalicelib.inbox.domain.deliveries import Delivery, DeliveryDetail, RecordedDelivery
from chalicelib.inbox.domain.delivery_ids import event_part
from chalicelib.inbox.domain.live_events import delivery_returned_event, new_delivery_event
from chalicelib.inbox.services.ports import AcceptedCalls, Deliveries, EventTypes
from chalicelib.live.services.ports import Notifier


class BulkSends(Protocol):
    def record_bulk(self, delivery: Delivery, *, fire: str, now: datetime) -> RecordedDelivery: ...


@dataclass(frozen=True)
class FanOut:
    """Makes the deliveries of accepted bulk calls and notifies their recipients."""

    accepted: AcceptedCalls
    deliveries: Deliveries
    sends: BulkSends
    event_types: EventTypes
    notifier: Notifier
    gather: Gather
    now: datetime

    def deliver(self, job: FanOutJob) -> int:
        """Make the job's deliveries and return how many are new. Doing it again changes nothing.

        If a person still waits for a delivery of an earlier call with the same event, that delivery is made first: the
        first accepted call decides what the delivery says.

        Store calls in sequence: 5 (the call; its deliveries, and 2 to notify each recipient; the event type's count),
        and 1 more for repeats.

        Raises:
            NotFound: the accepted call is gone.
        """
        call = self.accepted.find(job.event_part, job.fire)
        if call is None:
            raise NotFound("The accepted call of this job no longer exists.")
        new: list[Delivery] = []
        try:
            for earlier in self.accepted.list_calls(job.event_part) if job.behind else ():
                if earlier.accepted_at <= call.accepted_at and earlier.fire != call.fire:
                    waiting = [person for person in job.behind if person in earlier.people]
                    self.gather(*(partial(self._deliver, earlier, person, new) for person in waiting))
            self.gather(*(partial(self._deliver, call, person, new) for person in job.people))
        finally:
            # Also when some have failed: at the retry of the job, those made now are not new.
            if new:
                self.event_types.count(new[0], len(new))
        return len(new)

    def find(self, delivery_id: str) -> DeliveryDetail | None:
        """Find the delivery. One that a bulk call has accepted and the worker has not made yet is made now.

        Store calls: 1. 1 more if there is none; 7 in all if it is made now.
        """
        detail = self.deliveries.find(delivery_id)
        if detail is not None:
            return detail
        due = [
            (call, person)
            for call in self.accepted.list_calls(event_part(delivery_id))
            for person in call.people
            if call.delivery_id(person) == delivery_id
        ]
        new: list[Delivery] = []
        for call, person in due:
            self._deliver(call, person, new)
        if new:
            self.event_types.count(new[0])
        return self.deliveries.find(delivery_id) if due else None

    def _deliver(self, call: AcceptedCall, person: str, new: list[Delivery]) -> None:
        delivery = call.to_delivery(person)
        recorded = self.sends.record_bulk(delivery, fire=call.fire, now=self.now)
        if recorded.is_new:
            new.append(delivery)
            self.notifier.notify(person, new_delivery_event(delivery), log_state=None, now=self.now)
        elif recorded.is_returned:
            self.notifier.notify(
                person, delivery_returned_event(recorded.delivery, now=self.now), log_state=None, now=self.now
            )
