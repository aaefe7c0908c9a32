"""Snoozes that end: when their end is announced, and what a worker is told."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from chalicelib.core.domain.fields import Out, parse_timestamp

# The schedule runs this often, and announces the snoozes that end before it runs again: a run reads every partition of
# the due index, and a message waits for its second by itself.
ANNOUNCED_AHEAD = timedelta(minutes=5)
# An end this near may come before the schedule's next run. A message waits for 15 minutes at most.
_SOON = 2 * ANNOUNCED_AHEAD


SNOOZE = "SNOOZE"


class SnoozeJob(Out):
    """A queue message: end the snooze of this delivery."""

    delivery_id: str


@dataclass(frozen=True)
class Snooze:
    """A snooze `until` a time, RFC 3339. It `is_over` once the delivery is back, and before that is told."""

    delivery_id: str
    until: str
    is_over: bool = False


@dataclass(frozen=True)
class DueEnd:
    """An end that is due: of `what` is the snooze of a delivery, or another thing that ends at a time of its own."""

    of: str
    what: str
    due_at: str


def delay_until(at: str, *, now: datetime) -> int:
    """Return the seconds from now until `at`, rounded up; 0 if it is past."""
    return max(0, ceil((parse_timestamp(at) - now).total_seconds()))


def delay_if_soon(until: str | None, *, now: datetime) -> int | None:
    """Return the seconds until a snooze ends; None if it is not near, because the schedule announces it."""
    if until is None or parse_timestamp(until) > now + _SOON:
        return None
    return delay_until(until, now=now)
