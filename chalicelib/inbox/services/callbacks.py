"""Telling source systems of clicks: one attempt at a time, until one is accepted or the ladder ends."""

from collections.abc import Callable, Iterable
from datetime import datetime
from math import ceil
from typing import Protocol

from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.retries import (
    CALLBACK_RETRIES,
    EARLY,
    GRACE,
    LEASE,
    LONGEST_DELAY,
    Attempt,
    Outcome,
    next_attempt,
)
from chalicelib.core.domain.signatures import signed_headers
from chalicelib.core.ports import JobAnnouncer, Post
from chalicelib.inbox.domain.callbacks import CallbackJob, SigningSecrets, payload
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.deliveries import DeliveryDetail
from chalicelib.inbox.domain.live_events import action_result_event
from chalicelib.live.domain.frames import News, Standing
from chalicelib.people.domain.directory import Person


class Deliveries(Protocol):
    def find_buttons(self, delivery_id: str) -> DeliveryDetail | None: ...


class Clicks(Protocol):
    def lease(self, click: Click, lease_id: str, *, now: datetime, until: datetime) -> bool: ...
    def record(
        self, click: Click, lease_id: str, *, outcome: Outcome, attempt: Attempt, due_at: datetime | None
    ) -> bool: ...


class Secrets(Protocol):
    def of(self, slug: str) -> SigningSecrets: ...


class People(Protocol):
    def find_people(self, user_ids: Iterable[str]) -> dict[str, Person]: ...


class Notifier(Protocol):
    def notify(self, user_id: str, *news: News, standing: Standing | None, now: datetime) -> bool: ...


def attempt(
    job: CallbackJob,
    *,
    clock: Callable[[], datetime],
    lease_id: str,
    spread: float,
    deliveries: Deliveries,
    clicks: Clicks,
    secrets: Secrets,
    people: People,
    post: Post,
    queue: JobAnnouncer[CallbackJob],
    notifier: Notifier,
) -> None:
    """Make the click's next attempt, if one is due; a message that comes twice, late or early does no harm.

    The attempt is taken by a lease before and recorded after its POST, so no two are under way at once. Only a
    crash between POST and record has the same attempt made again, under the same `webhook-id`. A receiver's
    failure is an outcome; only our own stores' raises. Store and queue calls: 5, and 2 to tell the clicker of the
    outcome, or 1 to announce the next attempt; for a message that is none of its time 1.
    """
    detail, now = deliveries.find_buttons(job.delivery_id), clock()
    click = detail.find_click(job.index) if detail else None
    if detail is None or click is None or not _is_due(click, now):
        return
    delivery = detail.delivery
    signers = secrets.of(delivery.integrator).live(now)
    body = payload(click, delivery, people.find_people([click.user_id]).get(click.user_id))
    if not clicks.lease(click, lease_id, now=now, until=now + LEASE):
        return
    headers = signed_headers(click.action_id, body, at=now, secrets=signers)
    url = delivery.buttons[click.index]["webhook_url"]
    answer = post(url, body, {**headers, "X-Request-Id": click.request_id})
    ended = clock()
    outcome, made = next_attempt(
        answer, len(click.attempts) + 1, ladder=CALLBACK_RETRIES, at=now, now=ended, spread=spread
    )
    due_at = parse_timestamp(made.next_attempt_at) if made.next_attempt_at else None
    delay = ceil((due_at - ended).total_seconds()) if due_at else None
    announced = delay is not None and delay <= LONGEST_DELAY.total_seconds()
    if due_at and announced:
        due_at += GRACE
    if not clicks.record(click, lease_id, outcome=outcome, attempt=made, due_at=due_at):
        return
    if announced and delay is not None:
        queue.announce(job, delay=delay)
    if outcome is not Outcome.PENDING:
        notifier.notify(click.user_id, action_result_event(click, outcome), standing=None, now=ended)


def _is_due(click: Click, now: datetime) -> bool:
    return click.next_attempt_at is not None and click.next_attempt_at <= timestamp(now + EARLY)
