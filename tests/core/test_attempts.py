"""The attempt runner: lease, attempt, record and announcement, in this order and never twice at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.retries import GRACE, Attempt, Outcome, RetryLadder
from chalicelib.core.services.attempts import AttemptRunner, Conclusion

NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)
LADDER = RetryLadder((timedelta(0), timedelta(seconds=10), timedelta(hours=1)), final=frozenset((404,)))


@dataclass(frozen=True)
class Work:
    attempts: Sequence[Attempt] = ()


@dataclass
class World:
    """The rows and the queue of one piece of work, with a log of what was done in order."""

    free: bool = True
    keeps_lease: bool = True
    log: list[str] = field(default_factory=list)
    outcome: str | None = None
    attempt: Attempt | None = None
    due_at: datetime | None = None
    delay: int | None = None

    def lease(self, _: Work, lease_id: str, /, *, now: datetime, until: datetime) -> bool:
        assert (lease_id, now, until) == ("lease", NOON, NOON + timedelta(seconds=60))
        self.log.append("lease")
        return self.free

    def record(
        self, _: Work, lease_id: str, /, *, outcome: str, attempt: Attempt | None, due_at: datetime | None
    ) -> bool:
        assert lease_id == "lease"
        self.log.append("record")
        self.outcome, self.attempt, self.due_at = outcome, attempt, due_at
        return self.keeps_lease

    def announce(self, job: str, *, delay: int = 0) -> None:
        assert job == "job"
        self.log.append("announce")
        self.delay = delay

    def announce_all(self, jobs: Sequence[str]) -> None:
        raise AssertionError(jobs)

    def run(self, result: HttpResult | Conclusion, *, made: int = 0) -> Outcome | None:
        def send() -> HttpResult | Conclusion:
            self.log.append("send")
            return result

        def conclude(_: HttpResult, outcome: Outcome) -> None:
            self.log.append(f"conclude {outcome}")

        work = Work([Attempt(timestamp(NOON), 500, "answered 500", None)] * made)
        runner = AttemptRunner[Work, str](self, self, clock=lambda: NOON, lease_id="lease", spread=1.0)
        return runner.run(work, "job", ladder=LADDER, at=NOON, send=send, conclude=conclude)


def test_success_is_concluded_and_recorded_and_ends_the_work() -> None:
    world = World()
    assert world.run(HttpResult(204)) is Outcome.DELIVERED
    assert world.log == ["lease", "send", "conclude delivered", "record"]
    assert (world.outcome, world.due_at) == ("delivered", None)
    assert world.attempt == Attempt(timestamp(NOON), 204, None, None)


def test_without_the_lease_nothing_is_sent() -> None:
    world = World(free=False)
    assert world.run(HttpResult(204)) is None
    assert world.log == ["lease"]


def test_short_wait_is_announced_by_a_message_and_later_by_the_index() -> None:
    world = World()
    assert world.run(HttpResult(500)) is None
    assert world.log == ["lease", "send", "record", "announce"]
    assert (world.outcome, world.delay) == ("pending", 10)
    assert world.due_at == NOON + timedelta(seconds=10) + GRACE
    assert world.attempt is not None
    assert world.attempt.next_attempt_at == timestamp(NOON + timedelta(seconds=10))


def test_wait_longer_than_a_message_can_be_delayed_is_announced_by_the_index_alone() -> None:
    world = World()
    assert world.run(HttpResult(500), made=1) is None
    assert world.log == ["lease", "send", "record"]
    assert world.due_at == NOON + timedelta(hours=1)


@pytest.mark.parametrize(("result", "made"), [(HttpResult(500), 2), (HttpResult(404), 0)])
def test_last_attempt_and_a_final_status_fail_the_work(result: HttpResult, made: int) -> None:
    world = World()
    assert world.run(result, made=made) is Outcome.FAILED
    assert world.log == ["lease", "send", "conclude failed", "record"]


def test_lost_lease_announces_and_returns_nothing() -> None:
    world = World(keeps_lease=False)
    assert world.run(HttpResult(500)) is None
    assert world.run(HttpResult(200)) is None
    assert "announce" not in world.log


def test_work_can_end_without_a_request() -> None:
    world = World()
    assert world.run(Conclusion("superseded")) is None
    assert world.log == ["lease", "send", "record"]
    assert (world.outcome, world.attempt, world.due_at) == ("superseded", None, None)
