"""What waits for other desks: sent in order, once, through failures of the desks and of the workers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.stores.writes import commit
from chalicelib.federation.relays.domain.outbox import Outbox, OutboxJob, Sending, SendOutcome, outcome_of, wait_after
from chalicelib.federation.relays.services.outbox import OutboxWorker, announce_due
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from tests.support.concurrency import run_concurrently
from tests.support.store_calls import record_store_calls

NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)
ONE, OTHER = "https://one.example.com", "https://other.example.com"
TAKEN = HttpResult(200)

pytestmark = pytest.mark.usefixtures("tables")


class World:
    """Desks that answer as they are told, and workers that are called as the queue and the schedule would."""

    def __init__(self) -> None:
        self.now = NOON
        self.answers: dict[str, HttpResult] = {}
        self.arrived: list[tuple[str, str]] = []
        self.settled: dict[str, list[SendOutcome]] = {}
        self.tries = 0
        self.messages: list[tuple[datetime, OutboxJob]] = []
        self.leases: Iterator[int] = iter(range(10**9))
        self.boxes = DynamoOutbox()

    # The courier's and the queue's parts

    def send(self, sending: Sending) -> HttpResult:
        self.tries += 1
        answer = self.answers.get(sending.item_id) or self.answers.get(sending.peer_url) or TAKEN
        if answer.error is None:
            self.arrived.append((sending.peer_url, sending.item_id))
        return answer

    def settle(self, sending: Sending, outcome: SendOutcome, answer: HttpResult, *, now: datetime) -> None:
        assert now == self.now
        assert (answer.error is None) == (outcome is SendOutcome.SENT)
        self.settled.setdefault(sending.item_id, []).append(outcome)
        if outcome is not SendOutcome.RETRY:
            commit([self.boxes.remove_action(sending)], claim=None, reply={})

    def announce(self, job: OutboxJob, *, delay: int = 0) -> None:
        self.messages.append((self.now + timedelta(seconds=delay), job))

    def announce_all(self, jobs: Sequence[OutboxJob]) -> None:
        for job in jobs:
            self.announce(job)

    # What drives them

    def queue(self, peer_url: str, item_id: str, *, announced: bool = True) -> None:
        over = self.boxes.find(peer_url)
        sending = Sending(peer_url, over.last_position + 1, "c", "relay", item_id, timestamp(self.now))
        commit(self.boxes.queue_actions(sending, over=over, now=self.now), claim=None, reply={})
        if announced:
            self.announce(OutboxJob(peer_url=peer_url))

    def work(self, peer_url: str) -> int:
        return self.mail().deliver(OutboxJob(peer_url=peer_url), f"lease {next(self.leases)}")

    def mail(self) -> OutboxWorker:
        return OutboxWorker(self.boxes, self, self, clock=lambda: self.now)

    def pass_time(self, span: timedelta, step: timedelta = timedelta(minutes=1)) -> None:
        """Let time pass, with the queue's messages and the schedule's runs."""
        end = self.now + span
        while self.now < end:
            self.now = min(self.now + step, end)
            announce_due(self.now, boxes=self.boxes, queue=self)
            due = [each for each in self.messages if each[0] <= self.now]
            self.messages = [each for each in self.messages if each[0] > self.now]
            for peer_url in {job.peer_url for _, job in due}:
                self.work(peer_url)

    def heard(self, peer_url: str) -> list[str]:
        return [item for url, item in self.arrived if url == peer_url]


def test_waiting_sendings_are_sent_in_order_and_once() -> None:
    world = World()
    for number in range(60):
        world.queue(ONE, f"{number}")
    assert world.work(ONE) == 60
    assert world.work(ONE) == 0
    assert world.heard(ONE) == [f"{number}" for number in range(60)]
    assert world.boxes.find(ONE).due_at is None


def test_a_peer_that_is_down_for_72_hours_gets_everything_in_order_and_delays_nobody_else() -> None:
    world = World()
    world.answers[ONE] = HttpResult(None, "the connection was refused or timed out")
    for number in range(200):
        world.queue(ONE, f"{number}", announced=number % 3 > 0)
        if number % 10 == 0:
            world.queue(OTHER, f"other {number}")
        world.pass_time(timedelta(minutes=21.6), step=timedelta(minutes=11))
    assert world.now == NOON + timedelta(hours=72)
    assert world.heard(ONE) == []
    assert world.heard(OTHER) == [f"other {number}" for number in range(0, 200, 10)]
    tries = world.tries
    assert tries < 20 + 4 + 72 + 10, "a desk that is down is tried every hour, whatever waits for it"
    del world.answers[ONE]
    world.pass_time(timedelta(hours=1, minutes=2))
    assert world.heard(ONE) == [f"{number}" for number in range(200)]
    assert world.boxes.find(ONE) == Outbox(ONE, last_position=200)


def test_a_sending_that_fails_for_longer_expires_and_the_next_is_sent() -> None:
    world = World()
    world.answers[ONE] = HttpResult(503)
    world.queue(ONE, "old")
    world.pass_time(timedelta(hours=60), step=timedelta(minutes=30))
    world.queue(ONE, "young")
    world.pass_time(timedelta(hours=14), step=timedelta(minutes=30))
    assert world.settled["old"][-1] is SendOutcome.EXPIRED
    del world.answers[ONE]
    world.pass_time(timedelta(hours=2), step=timedelta(minutes=30))
    assert world.heard(ONE) == ["young"]


@pytest.mark.parametrize("status", [401, 403, 404, 400, 410])
def test_a_refused_sending_is_parked_and_the_next_is_sent(status: int) -> None:
    world = World()
    world.answers["bad"] = HttpResult(status, excerpt="no")
    for item in ("first", "bad", "last"):
        world.queue(ONE, item)
    world.work(ONE)
    assert world.heard(ONE) == ["first", "last"]
    assert world.settled == {"first": [SendOutcome.SENT], "bad": [SendOutcome.PARKED], "last": [SendOutcome.SENT]}


def test_retry_after_delays_the_next_attempt() -> None:
    world = World()
    world.answers[ONE] = HttpResult(429, retry_after="300")
    world.queue(ONE, "x")
    world.work(ONE)
    del world.answers[ONE]
    world.pass_time(timedelta(seconds=290), step=timedelta(seconds=10))
    assert world.heard(ONE) == []
    world.pass_time(timedelta(seconds=20), step=timedelta(seconds=10))
    assert world.heard(ONE) == ["x"]


def test_new_sendings_do_not_shorten_the_wait_of_a_failing_peer() -> None:
    world = World()
    world.answers[ONE] = HttpResult(500)
    world.queue(ONE, "first")
    world.work(ONE)
    for number in range(10):
        world.queue(ONE, f"{number}")
        world.work(ONE)
    assert world.tries == 1


def test_a_success_resets_the_failures() -> None:
    world = World()
    world.answers[ONE] = HttpResult(500)
    world.queue(ONE, "x")
    for _ in range(3):
        world.work(ONE)
        world.now += timedelta(hours=2)
    assert world.boxes.find(ONE).failures == 3
    del world.answers[ONE]
    world.work(ONE)
    assert (world.boxes.find(ONE).failures, world.boxes.find(ONE).error) == (0, None)


def test_a_sending_without_a_message_is_found_by_the_schedule() -> None:
    world = World()
    world.queue(ONE, "x", announced=False)
    world.pass_time(timedelta(minutes=1))
    assert world.heard(ONE) == ["x"]


def test_a_sending_queued_while_the_worker_finishes_is_sent() -> None:
    world = World()
    world.queue(ONE, "first")
    real, once = world.boxes.list_first, iter([True])

    def list_first(peer_url: str, *, limit: int) -> list[Sending]:
        found = list(real(peer_url, limit=limit))
        if not found and next(once, False):
            world.queue(ONE, "second", announced=False)
        return found

    world.boxes.list_first = list_first  # type: ignore[method-assign]
    world.work(ONE)
    assert world.heard(ONE) == ["first", "second"]


def test_simultaneous_workers_send_nothing_twice() -> None:
    world = World()
    for number in range(20):
        world.queue(ONE, f"{number}")
    run_concurrently(8, lambda _: world.work(ONE))
    assert world.heard(ONE) == [f"{number}" for number in range(20)]


def test_the_outbox_of_a_crashed_worker_is_leased_again() -> None:
    world = World()
    world.queue(ONE, "x")
    assert world.boxes.lease(
        ONE, "dead", now=world.now, until=world.now + timedelta(seconds=60), due_by=NOON + timedelta(1)
    )
    assert world.work(ONE) == 0
    world.pass_time(timedelta(minutes=3))
    assert world.heard(ONE) == ["x"]


def test_simultaneous_sendings_each_get_a_position() -> None:
    world = World()

    def add(number: int) -> None:
        while True:
            try:
                world.queue(ONE, f"{number}")
            except Exception:  # another was faster
                continue
            return

    run_concurrently(8, add)
    assert [each.position for each in world.boxes.list_first(ONE, limit=50)] == list(range(1, 9))


def test_the_waits_grow_to_an_hour() -> None:
    waits = [wait_after(failures, None, now=NOON) for failures in range(1, 8)]
    assert [each.total_seconds() for each in waits] == [30, 120, 600, 3600, 3600, 3600, 3600]
    assert wait_after(1, "7", now=NOON) == timedelta(seconds=7)
    assert wait_after(1, "nonsense", now=NOON) == timedelta(seconds=30)


def test_the_answer_decides_the_outcome_of_a_sending() -> None:
    sending = Sending(ONE, 1, "c", "relay", "x", timestamp(NOON))
    assert outcome_of(TAKEN, sending, now=NOON) is SendOutcome.SENT
    for status in (None, 408, 425, 429, 500, 502, 503, 301):
        assert outcome_of(HttpResult(status, "down"), sending, now=NOON) is SendOutcome.RETRY
        assert outcome_of(HttpResult(status, "down"), sending, now=NOON + timedelta(hours=73)) is SendOutcome.EXPIRED
    old = replace(sending, queued_at=timestamp(NOON - timedelta(days=9)))
    assert outcome_of(TAKEN, old, now=NOON) is SendOutcome.SENT


def test_a_worker_takes_a_constant_number_of_calls() -> None:
    world = World()
    for number in range(2):
        world.queue(ONE, f"{number}")
    with record_store_calls() as seen:
        world.work(ONE)
    lease, rest, settle = "UpdateItem", "UpdateItem", "DeleteItem"
    assert seen.calls == [lease, "Query", settle, lease, settle, lease, lease, "Query", rest]
