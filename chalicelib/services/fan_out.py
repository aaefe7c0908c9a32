"""From an accepted bulk call to its deliveries: by the queue's worker, or by a reader who is there first."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from chalicelib.domain.bulk import Accepted, FanOutJob
from chalicelib.domain.deliveries import Delivery, Thread, event_part
from chalicelib.domain.errors import NotFound

Together = Callable[..., list[Any]]


class AcceptedCalls(Protocol):
    def find(self, part: str, fire: str) -> Accepted | None: ...
    def list_calls(self, part: str) -> Sequence[Accepted]: ...


class Deliveries(Protocol):
    def find(self, delivery_id: str) -> Thread | None: ...
    def deliver(self, delivery: Delivery, *, fire: str, now: datetime) -> bool: ...


class EventTypes(Protocol):
    def count(self, delivery: Delivery, times: int = 1) -> None: ...


def deliver(
    job: FanOutJob,
    *,
    now: datetime,
    accepted: AcceptedCalls,
    deliveries: Deliveries,
    event_types: EventTypes,
    together: Together,
) -> int:
    """Make the job's deliveries and return how many are new. Doing it again changes nothing.

    Store calls in sequence: 3 (the call; its deliveries; the event type's count), and 1 more for repeats. Where an
    earlier call's delivery to somebody is still to come, it is made first: what was accepted first is what is shown.

    Raises:
        NotFound: the accepted call is gone.
    """
    call = accepted.find(job.event_part, job.fire)
    if call is None:
        raise NotFound("The accepted call of this job is gone.")
    new: list[Delivery] = []
    try:
        for earlier in accepted.list_calls(job.event_part) if job.behind else ():
            if earlier.accepted_at <= call.accepted_at and earlier.fire != call.fire:
                overtaken = [person for person in job.behind if person in earlier.people]
                together(*(partial(_deliver, earlier, person, new, deliveries, now) for person in overtaken))
        together(*(partial(_deliver, call, person, new, deliveries, now) for person in job.people))
    finally:
        # Even when some failed: they come again, and those made now are not new then.
        if new:
            event_types.count(new[0], len(new))
    return len(new)


def find(
    delivery_id: str, *, now: datetime, accepted: AcceptedCalls, deliveries: Deliveries, event_types: EventTypes
) -> Thread | None:
    """The delivery; when a bulk call has promised it and the worker has not made it yet, it is made now.

    Store calls: 1. When there is none, 1 more; when it is made now, 5 in all.
    """
    thread = deliveries.find(delivery_id)
    if thread is not None:
        return thread
    due = [
        (call, person)
        for call in accepted.list_calls(event_part(delivery_id))
        for person in call.people
        if call.delivery_id(person) == delivery_id
    ]
    new: list[Delivery] = []
    for call, person in due:
        _deliver(call, person, new, deliveries, now)
    if new:
        event_types.count(new[0])
    return deliveries.find(delivery_id) if due else None


def _deliver(call: Accepted, person: str, new: list[Delivery], deliveries: Deliveries, now: datetime) -> None:
    delivery = call.delivery(person)
    if deliveries.deliver(delivery, fire=call.fire, now=now):
        new.append(delivery)
