"""What waits to be sent to other desks: in order for each of them, and for how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.core.domain.fields import Out, parse_timestamp
from chalicelib.inbox.domain.callbacks import Answer, wished_wait

# The waits after a desk's first failures in a row; then it is tried every hour.
BACK_OFF = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1))
# What still fails at this age is given up: the hourly try after 72 hours is still made.
GIVEN_UP_AFTER = timedelta(hours=73)
# How long a desk is one worker's: it renews this before each sending.
LEASE = timedelta(seconds=60)
# What was announced by a queue message is found by its due time only this much later.
GRACE = timedelta(seconds=30)
# Functions' clocks differ a little, so a message may seem to come early.
EARLY = timedelta(seconds=1)

REFUSED_FOR_GOOD = frozenset((400, 401, 403, 404, 405, 409, 410, 413, 414, 415, 422))


class OutboxJob(Out):
    """The queue's message: this desk has something to be sent to."""

    peer_url: str


class Fate(StrEnum):
    """What the answer to a sending means: it arrived, it never will, or the desk is to be tried again."""

    SENT = "sent"
    PARKED = "parked"
    EXPIRED = "expired"
    RETRY = "retry"


@dataclass(frozen=True)
class Sending:
    """One thing that waits for a desk, in the order of positions. `item_id` is known to those who queued it."""

    peer_url: str
    position: int
    connection_id: str
    kind: str
    item_id: str
    queued_at: str


@dataclass(frozen=True)
class Outbox:
    """How a desk's outbox stands: its last position, and how often in a row the desk has failed."""

    peer_url: str
    last_position: int = 0
    failures: int = 0
    due_at: str | None = None
    error: str | None = None


def judge(answer: Answer, sending: Sending, *, now: datetime) -> Fate:
    """What becomes of a sending that was answered so."""
    if answer.error is None:
        return Fate.SENT
    if answer.status in REFUSED_FOR_GOOD:
        return Fate.PARKED
    age = now - parse_timestamp(sending.queued_at)
    return Fate.EXPIRED if age >= GIVEN_UP_AFTER else Fate.RETRY


def wait(failures: int, retry_after: str | None, *, now: datetime) -> timedelta:
    """How long a desk is left alone after so many failures in a row, unless it has said so itself."""
    asked = wished_wait(retry_after, now=now)
    return asked or BACK_OFF[min(failures, len(BACK_OFF)) - 1]
