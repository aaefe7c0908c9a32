"""Telling source systems of clicks: one attempt at a time, until one is accepted or the ladder ends."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Protocol

from chalicelib.domain.callbacks import EARLY, GRACE, LEASE, Answer, CallbackJob, SigningSecrets, judge, payload
from chalicelib.domain.clicks import Attempt, Click, Outcome
from chalicelib.domain.deliveries import Thread
from chalicelib.domain.directory import Person
from chalicelib.domain.fields import parse_timestamp, timestamp
from chalicelib.domain.frames import News, Standing
from chalicelib.domain.inbox import acted
from chalicelib.domain.signatures import signed_headers

_PAGE = 100
_PAGES_PER_RUN = 50
# What was announced is announced again only after this long, so that a queue behind its work is not flooded.
_ANNOUNCED_FOR = timedelta(minutes=5)


class Deliveries(Protocol):
    def find_buttons(self, delivery_id: str) -> Thread | None: ...


class Clicks(Protocol):
    def lease(self, click: Click, lease_id: str, *, now: datetime, until: datetime) -> bool: ...
    def record(
        self, click: Click, lease_id: str, *, outcome: Outcome, attempt: Attempt, due_at: datetime | None
    ) -> bool: ...


class DueClicks(Protocol):
    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[CallbackJob, str]]: ...
    def postpone(self, job: CallbackJob, due_at: str, *, until: datetime) -> bool: ...


class Secrets(Protocol):
    def of(self, slug: str) -> SigningSecrets: ...


class People(Protocol):
    def find_people(self, user_ids: Iterable[str]) -> dict[str, Person]: ...


class Queue(Protocol):
    def announce(self, job: CallbackJob, *, delay: int = 0) -> None: ...
    def announce_all(self, jobs: Sequence[CallbackJob]) -> None: ...


class Notifier(Protocol):
    def notify(self, user_id: str, *news: News, standing: Standing | None, now: datetime) -> bool: ...


class Post(Protocol):
    def __call__(self, url: str, body: bytes, headers: Mapping[str, str], /) -> Answer: ...


def attempt(
    job: CallbackJob,
    *,
    clock: Callable[[], datetime],
    lease_id: str,
    spread: float,
    longest_delay: int,
    deliveries: Deliveries,
    clicks: Clicks,
    secrets: Secrets,
    people: People,
    post: Post,
    queue: Queue,
    notifier: Notifier,
) -> None:
    """Make the click's next attempt, if one is due; a message that comes twice, late or early does no harm.

    The attempt is taken by a lease before and recorded after its POST, so no two are under way at once. Only a
    crash between POST and record has the same attempt made again, under the same `webhook-id`. A receiver's
    failure is an outcome; only our own stores' raises. Store and queue calls: 5, and 2 to tell the clicker of the
    outcome, or 1 to announce the next attempt; for a message that is none of its time 1.
    """
    thread, now = deliveries.find_buttons(job.delivery_id), clock()
    click = thread.click_on(job.index) if thread else None
    if thread is None or click is None or not _is_due(click, now):
        return
    delivery = thread.delivery
    signers = secrets.of(delivery.integrator).live(now)
    body = payload(click, delivery, people.find_people([click.user_id]).get(click.user_id))
    if not clicks.lease(click, lease_id, now=now, until=now + LEASE):
        return
    headers = signed_headers(click.action_id, body, at=now, secrets=signers)
    url = delivery.buttons[click.index]["webhook_url"]
    answer = post(url, body, {**headers, "X-Request-Id": click.request_id})
    ended = clock()
    outcome, made = judge(answer, len(click.attempts) + 1, at=now, now=ended, spread=spread)
    due_at = parse_timestamp(made.next_attempt_at) if made.next_attempt_at else None
    delay = ceil((due_at - ended).total_seconds()) if due_at else None
    announced = delay is not None and delay <= longest_delay
    if due_at and announced:
        due_at += GRACE
    if not clicks.record(click, lease_id, outcome=outcome, attempt=made, due_at=due_at):
        return
    if announced and delay is not None:
        queue.announce(job, delay=delay)
    if outcome is not Outcome.PENDING:
        notifier.notify(click.user_id, acted(click, outcome), standing=None, now=ended)


def announce_due(now: datetime, *, clicks: DueClicks, queue: Queue, together: Callable[..., Sequence[bool]]) -> int:
    """Announce the attempts that are due and that no message has announced; how many there were.

    Store and queue calls in sequence: 12 a hundred attempts. Runs may overlap: each attempt is one run's.
    """
    count = 0
    for _ in range(_PAGES_PER_RUN):
        due = clicks.list_due(now=now, limit=_PAGE)
        until = now + _ANNOUNCED_FOR
        taken = together(*(_postponing(clicks, job, due_at, until) for job, due_at in due))
        jobs = [job for (job, _), ours in zip(due, taken, strict=True) if ours]
        queue.announce_all(jobs)
        count += len(jobs)
        if len(due) < _PAGE:
            break
    return count


def _postponing(clicks: DueClicks, job: CallbackJob, due_at: str, until: datetime) -> Callable[[], bool]:
    return lambda: clicks.postpone(job, due_at, until=until)


def _is_due(click: Click, now: datetime) -> bool:
    return click.next_attempt_at is not None and click.next_attempt_at <= timestamp(now + EARLY)
