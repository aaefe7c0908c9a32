"""Retries: when a failed attempt is made again, and when the work is given up.

Each kind of work has one named ladder here. To change when it is retried, change its ladder and nothing else.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.http_results import HttpResult

# How long one attempt has its row to itself: several times the longest duration of an attempt.
LEASE = timedelta(seconds=60)
# The due index announces an attempt this much later than the queue message that announces it first.
GRACE = timedelta(seconds=30)
# A queue message can be delayed this long; a later attempt is announced by the due index alone.
LONGEST_DELAY = timedelta(minutes=15)
# The clocks of functions differ a little, so a message may seem to arrive early.
EARLY = timedelta(seconds=1)
# Each wait is multiplied by a random factor between 1 - JITTER and 1 + JITTER.
JITTER = 0.2
LONGEST_RETRY_AFTER = timedelta(hours=24)

# Statuses that the same request will meet again, however often it is sent.
REFUSED_FOR_GOOD = frozenset((400, 401, 403, 404, 405, 409, 410, 413, 414, 415, 422))

_GONE = 410


class Outcome(StrEnum):
    """How a retried delivery stands: pending, delivered, failed after its last attempt, or refused as gone (410)."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True)
class Attempt:
    """One attempt, as it is recorded; `status` is None when no reply came. Never changed afterwards."""

    at: str
    status: int | None
    error: str | None
    next_attempt_at: str | None


@dataclass(frozen=True)
class RetryLadder:
    """The wait before each attempt; after the last attempt the work has failed.

    A reply whose status is one of `final` fails the work at once.
    """

    waits: tuple[timedelta, ...]
    final: frozenset[int] = frozenset()


@dataclass(frozen=True)
class BackOff:
    """The waits after a receiver's first failures in a row; the last one repeats.

    Work that still fails at the age of `give_up_after` is given up.
    """

    waits: tuple[timedelta, ...]
    give_up_after: timedelta

    def wait_after(self, failures: int) -> timedelta:
        """Return the wait after so many failures in a row."""
        return self.waits[min(failures, len(self.waits)) - 1]


# The schedule that Standard Webhooks recommends; about 75 hours in all.
_STANDARD_WEBHOOKS = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)

# Callbacks of action buttons, to integrators.
CALLBACK_RETRIES = RetryLadder(_STANDARD_WEBHOOKS)
# Notices of operators' decisions, to instances of the network.
INSTANCE_NOTICE_RETRIES = RetryLadder(_STANDARD_WEBHOOKS)
# Questions to the desk at a registered address. Its registration ends after 72 hours.
REGISTRATION_RETRIES = RetryLadder(
    (
        timedelta(0),
        timedelta(seconds=10),
        timedelta(minutes=5),
        timedelta(hours=1),
        timedelta(hours=6),
        timedelta(days=1),
    )
)
# Notices over a connection, to the connected instance.
CONNECTION_NOTICE_RETRIES = RetryLadder(_STANDARD_WEBHOOKS)
# Acceptances of a peer's request. These statuses say that the peer knows of no such request, now and later.
ACCEPTANCE_REFUSED = frozenset((401, 403, 404, 410))
CONNECTION_ACCEPTANCE_RETRIES = RetryLadder(_STANDARD_WEBHOOKS, final=ACCEPTANCE_REFUSED)
# Requests to connect. A refusal is the answer, so it is not retried.
CONNECTION_REQUEST_RETRIES = RetryLadder(_STANDARD_WEBHOOKS, final=REFUSED_FOR_GOOD)
# Notifications to a webhook of a person. Each attempt is left out if the notification was read by then.
PERSONAL_WEBHOOK_RETRIES = RetryLadder(_STANDARD_WEBHOOKS)
# Notifications to a chat service, where an old one is noise. A refusal will be repeated, so it is not retried.
CHAT_RETRIES = RetryLadder(
    (
        timedelta(0),
        timedelta(seconds=10),
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(hours=1),
    ),
    final=REFUSED_FOR_GOOD,
)
# Look-ups of a connected instance's published keys.
PEER_KEY_RETRIES = RetryLadder((timedelta(0), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6)))
# E-mail that a mail server does not take now. Those that ask unknown senders to come back do so within minutes.
MAIL_RETRIES = RetryLadder(
    (
        timedelta(0),
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(minutes=10),
        timedelta(minutes=15),
        timedelta(minutes=15),
        timedelta(minutes=15),
    )
)
# Relays, per connected instance: the hourly attempt after 72 hours is still made.
RELAY_RETRIES = BackOff(
    (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1)),
    give_up_after=timedelta(hours=73),
)


def is_due(next_attempt_at: str | None, now: datetime) -> bool:
    """Whether an attempt is left and its time has come."""
    return next_attempt_at is not None and next_attempt_at <= timestamp(now + EARLY)


def next_attempt(
    result: HttpResult, number: int, *, ladder: RetryLadder, at: datetime, now: datetime, spread: float
) -> tuple[Outcome, Attempt]:
    """Return the outcome after attempt `number`, made at `at`, and the record of it with the time of the next one.

    A 2xx is success and 410 an end; everything else is retried until the ladder ends. `spread` multiplies the wait,
    so that attempts which failed together are not made again together.
    """
    outcome, due = Outcome.PENDING, None
    if result.error is None:
        outcome = Outcome.DELIVERED
    elif result.status in ladder.final:
        outcome = Outcome.FAILED
    elif result.status == _GONE:
        outcome = Outcome.GONE
    elif number >= len(ladder.waits):
        outcome = Outcome.FAILED
    else:
        due = timestamp(now + max(ladder.waits[number] * spread, retry_after_wait(result.retry_after, now=now)))
    return outcome, Attempt(timestamp(at), result.status, result.error, due)


def retry_after_wait(retry_after: str | None, *, now: datetime) -> timedelta:
    """Parse a `Retry-After` header, in seconds or as a date: at most a day, and zero if it is missing or unreadable."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return timedelta(0)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(timedelta(0), min(moment - now, LONGEST_RETRY_AFTER))
