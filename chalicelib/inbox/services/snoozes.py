"""Bring deliveries back to the inbox when their snooze ends, and tell their recipients."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.ports import Gather, JobAnnouncer
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.inbox_states import Shelf, end_snooze, shelf_of
from chalicelib.inbox.domain.live_events import delivery_returned_event
from chalicelib.inbox.domain.snoozes import ANNOUNCED_AHEAD, DueEnd, Snooze, SnoozeJob, delay_if_soon, delay_until
from chalicelib.live.services.ports import Notifier

_PAGE = 100
_PAGES_PER_RUN = 50
# An announced end is announced again only after this long, so that a slow queue is not flooded.
_ANNOUNCED_FOR = 2 * ANNOUNCED_AHEAD


class DueSnoozes(Protocol):
    def list_due(self, *, now: datetime, limit: int) -> Sequence[DueEnd]: ...
    def postpone(self, end: DueEnd, *, until: str) -> bool: ...


class AnnounceEnd(Protocol):
    def __call__(self, end: DueEnd, *, delay: int) -> None: ...


class Snoozes(Protocol):
    def find(self, delivery_id: str) -> tuple[Delivery | None, Snooze | None]: ...
    def end(self, before: Delivery, after: Delivery, snooze: Snooze) -> bool: ...
    def remove(self, snooze: Snooze) -> None: ...


def announce_ending(now: datetime, *, snoozes: DueSnoozes, announce: AnnounceEnd, gather: Gather) -> int:
    """Announce the snoozes and the like that end before the next run, each for its own second; return their number.

    Store and queue calls in sequence: 3 for a hundred. Runs may overlap: one of them announces an end.
    """
    count = 0
    for _ in range(_PAGES_PER_RUN):
        due = snoozes.list_due(now=now + ANNOUNCED_AHEAD, limit=_PAGE)
        until = timestamp(now + ANNOUNCED_AHEAD + _ANNOUNCED_FOR)
        taken = gather(*(partial(snoozes.postpone, each, until=until) for each in due))
        ours = [each for each, is_ours in zip(due, taken, strict=True) if is_ours]
        gather(*(partial(announce, each, delay=delay_until(each.due_at, now=now)) for each in ours))
        count += len(ours)
        if len(due) < _PAGE:
            break
    return count


def end_due_snooze(
    delivery_id: str, *, now: datetime, snoozes: Snoozes, queue: JobAnnouncer[SnoozeJob], notifier: Notifier
) -> None:
    """Bring the delivery back unread if its snooze has ended, and tell its recipient as of a new delivery.

    What its recipient did in the meantime stands. The snooze's row stays until they are told, so that a worker that
    ends before that is followed by another. Store calls in sequence: 3, and 2 to tell them.

    Raises:
        Unavailable: too many calls change the delivery at the same time; the message is processed again.
    """
    attempts = Attempts("Too many calls change this delivery at the same time.")
    while attempts.again():
        delivery, snooze = snoozes.find(delivery_id)
        if snooze is None:
            return
        if snooze.until > timestamp(now):
            # A queue may be early, and the snooze may be longer by now.
            if (delay := delay_if_soon(snooze.until, now=now)) is not None:
                queue.announce(SnoozeJob(delivery_id=delivery_id), delay=delay)
            return
        if delivery is None or snooze.is_over or delivery.snoozed_until != snooze.until:
            break
        returned = end_snooze(delivery)
        if snoozes.end(delivery, returned, snooze):
            delivery = returned
            break
    if delivery and delivery.recipient_user_id and shelf_of(delivery) is Shelf.UNREAD:
        event = delivery_returned_event(delivery, now=now)
        notifier.notify(delivery.recipient_user_id, event, log_state=None, now=now)
    snoozes.remove(snooze)
