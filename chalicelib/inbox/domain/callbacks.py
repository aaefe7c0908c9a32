"""Callbacks: what they say, when they are tried again, and when they are given up."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from chalicelib.core.domain.fields import Out, timestamp
from chalicelib.inbox.domain.clicks import Attempt, Click, Outcome
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.people.domain.directory import Person

# The schedule that Standard Webhooks recommends: the wait before each attempt.
LADDER = tuple(
    timedelta(seconds=seconds)
    for seconds in (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
JITTER = 0.2
LONGEST_RETRY_AFTER = timedelta(hours=24)
# How long one attempt has its click to itself: several times what an attempt may take.
LEASE = timedelta(seconds=60)
# An attempt that was announced by a queue message is found by its due time only this much later.
GRACE = timedelta(seconds=30)
# Functions' clocks differ a little, so a message may seem to come early.
EARLY = timedelta(seconds=1)

_GONE = 410


class CallbackJob(Out):
    """The queue's message: this click has an attempt due."""

    delivery_id: str
    index: int


@dataclass(frozen=True)
class Answer:
    """What came of one POST: the receiver's status, or why there is none.

    `excerpt` is the beginning of the body of a refusal, as plain text; `retry_after` the header of that name; `body`
    is what was asked for, where something was.
    """

    status: int | None
    reason: str | None = None
    excerpt: str = ""
    retry_after: str | None = None
    body: bytes = b""

    @property
    def error(self) -> str | None:
        if self.status is None:
            return self.reason
        if 200 <= self.status <= 299:  # noqa: PLR2004 - HTTP's
            return None
        text = f"answered {self.status}"
        if 300 <= self.status <= 399:  # noqa: PLR2004 - HTTP's
            return f"{text}; redirects are not followed"
        return f"{text}: {self.excerpt}" if self.excerpt else text


@dataclass(frozen=True)
class SigningSecrets:
    """An integrator's secrets, in clear; `prior` signs too until `prior_until`."""

    current: str
    prior: str | None = None
    prior_until: datetime | None = None

    def live(self, now: datetime) -> list[str]:
        """Those that sign at `now`, the current one first."""
        if self.prior is None or self.prior_until is None or now >= self.prior_until:
            return [self.current]
        return [self.current, self.prior]


def payload(click: Click, delivery: Delivery, clicker: Person | None) -> bytes:
    """The callback's body: the same at every attempt, unless the clicker's address changes."""
    by = {"userId": click.user_id} | ({"email": clicker.email} if clicker else {})
    said = {
        "type": "action.clicked",
        "timestamp": click.clicked_at,
        "data": {
            "actionId": click.action_id,
            "deliveryId": delivery.delivery_id,
            "eventId": delivery.content["event_id"],
            "eventType": delivery.event_type,
            "index": click.index,
            "label": delivery.content["actions"][click.index]["label"],
            "integrator": delivery.integrator,
            "clickedBy": by,
        },
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def judge(answer: Answer, number: int, *, at: datetime, now: datetime, spread: float) -> tuple[Outcome, Attempt]:
    """What the answer to attempt `number`, made at `at`, means for its click, and the record of the attempt.

    A 2xx is success and 410 an end; everything else is tried again until the ladder ends. `spread` stretches
    the wait, within the jitter, so that what failed together is not tried again together.
    """
    outcome, due = Outcome.PENDING, None
    if answer.error is None:
        outcome = Outcome.DELIVERED
    elif answer.status == _GONE:
        outcome = Outcome.GONE
    elif number >= len(LADDER):
        outcome = Outcome.FAILED
    else:
        asked = wished_wait(answer.retry_after, now=now)
        due = timestamp(now + max(LADDER[number] * spread, asked))
    return outcome, Attempt(timestamp(at), answer.status, answer.error, due)


def wished_wait(retry_after: str | None, *, now: datetime) -> timedelta:
    """The wait that a `Retry-After` header asks for, in seconds or as a date; at most a day, none if unreadable."""
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
