"""Fan-out: make the deliveries of accepted bulk calls, in the queue's worker or when somebody reads one earlier."""

import time
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Protocol

from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.measures import DELIVERIES, FAN_OUT_LAG
from chalicelib.core.ports import Gather
from chalicelib.inbox.domain.bulk import AcceptedCall, FanOutJob
from chalicelib.inbox.domain.deliveries import Delivery, DeliveryDetail, RecordedDelivery
from chalicelib.inbox.domain.delivery_ids import event_part
from chalicelib.inbox.domain.live_events import delivery_returned_event, new_delivery_event
from chalicelib.inbox.domain.sent_positions import label_texts, owes_labels
from chalicelib.inbox.services.ports import AcceptedCalls, Deliveries, Labels
from chalicelib.live.services.ports import Notifier


class BulkSends(Protocol):
    def record_bulk(self, delivery: Delivery, *, fire: str, now: datetime) -> RecordedDelivery: ...


@dataclass(frozen=True)
class FanOut:
    """Makes the deliveries of accepted bulk calls and notifies their recipients."""

    accepted: AcceptedCalls
    deliveries: Deliveries
    sends: BulkSends
    labels: Labels
    notifier: Notifier
    gather: Gather
    now: datetime

    def deliver(self, job: FanOutJob) -> int:
        """Make the job's deliveries and return how many are new. Doing it again changes nothing.

        If a person still waits for a delivery of an earlier call with the same event, that delivery is made first: the
        first accepted call decides what the delivery says.

        Store calls in sequence: 4 (the call; its deliveries, and 2 to notify each recipient), and 1 more for each of
        these: repeats, repeats of what was read, labels.

        Raises:
            NotFound: the accepted call is gone.
        """
        began = time.monotonic()
        call = self.accepted.find(job.event_part, job.fire)
        if call is None:
            raise NotFound("The accepted call of this job no longer exists.")
        made: list[RecordedDelivery] = []
        try:
            for earlier in self.accepted.list_calls(job.event_part) if job.behind else ():
                if earlier.accepted_at <= call.accepted_at and earlier.fire != call.fire:
                    waiting = [person for person in job.behind if person in earlier.people]
                    self.gather(*(partial(self._deliver, earlier, person, made) for person in waiting))
            # An erased person is no longer among the people of the call.
            addressed = [person for person in job.people if person in call.people]
            self.gather(*(partial(self._deliver, call, person, made) for person in addressed))
        finally:
            if new := [each.delivery for each in made if each.is_new]:
                waited = (self.now - parse_timestamp(call.accepted_at)).total_seconds() + time.monotonic() - began
                FAN_OUT_LAG.add(round(waited * 1000, 1), severity=new[0].severity)
        self._index(made)
        return sum(each.is_new for each in made)

    def find(self, delivery_id: str) -> DeliveryDetail | None:
        """Find the delivery. One that a bulk call has accepted and the worker has not made yet is made now.

        Store calls: 1. 1 more if there is none; 6 in all if it is made now, and 1 more for its labels.
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
        made: list[RecordedDelivery] = []
        for call, person in due:
            self._deliver(call, person, made)
        self._index(made)
        return self.deliveries.find(delivery_id) if due else None

    def _index(self, made: list[RecordedDelivery]) -> None:
        # A delivery that was sent once is the first send's, also when its job is made again.
        once = [each for each in made if each.delivery.fire_count == 1 or owes_labels(each, now=self.now)]
        if labelled := [each.delivery for each in once if label_texts(each.delivery)]:
            self.labels.add_labels(labelled)

    def _deliver(self, call: AcceptedCall, person: str, made: list[RecordedDelivery]) -> None:
        delivery = replace(call.to_delivery(person), sent_at=timestamp(self.now))
        recorded = self.sends.record_bulk(delivery, fire=call.fire, now=self.now)
        made.append(recorded)
        DELIVERIES.add(outcome=recorded.outcome)
        if recorded.is_new:
            self.notifier.notify(person, new_delivery_event(delivery), log_state=None, now=self.now)
        elif recorded.is_returned:
            self.notifier.notify(
                person, delivery_returned_event(recorded.delivery, now=self.now), log_state=None, now=self.now
            )
