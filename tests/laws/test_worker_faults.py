"""Every worker and every schedule, while stores fail and functions die: what is to be done is done, whoever ends."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from app import app
from chalicelib import aws
from chalicelib.edge.consumer import Consumer
from chalicelib.edge.schedule import Schedule
from chalicelib.resources import Queue
from infra import catalog
from infra.local.pump import Pump
from tests.conftest import Desk
from tests.support import engine_state, instances, sample_data
from tests.support.api import Api
from tests.support.engine_state import World, taken
from tests.support.fault_sweep import Point, some
from tests.support.faults import Fault, Killed, Plan, between, injected, never
from tests.support.pump import waiting
from tests.support.receiver import Receiver
from tests.support.sockets import Sockets
from tests.support.worker_scenarios import WORK, Place, Work

CONSUMERS = {each.__name__: each for each in catalog.consumers(app)}
SCHEDULES = {each.__name__: each for each in catalog.schedules(app)}
# Who finds what no message tells of.
FINDING = "announce_due"
# As long as it takes until what was left is found again, whoever left it.
MINUTES = (0, 1, 3, 6, 12)


def test_every_worker_and_schedule_has_work_that_it_is_seen_to_do() -> None:
    assert {name for work in WORK.values() for name in work.chain} == CONSUMERS.keys() | SCHEDULES.keys()


@dataclass
class Mortal:
    """A function that meets a fault at one of its calls, the first time that it is called."""

    plan: Plan
    attempts: int | None = None

    def call(self, function: Callable[[], Any]) -> Any:
        plan = self.plan if self.attempts is None else never
        with injected(plan) as faults:
            try:
                return function()
            except Killed as killed:
                raise RuntimeError("the function ended") from killed
            finally:
                self.attempts = len(faults.attempts) if self.attempts is None else self.attempts


@dataclass(frozen=True)
class MortalWorker:
    worker: Consumer
    mortal: Mortal

    @property
    def queue(self) -> Queue:
        return self.worker.queue

    @property
    def batch_size(self) -> int:
        return self.worker.batch_size

    @property
    def __name__(self) -> str:
        return self.worker.__name__

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        return self.mortal.call(lambda: self.worker(event, context))


@dataclass(frozen=True)
class Run:
    """Some work in the world where it is to be done, and the one of its functions that meets the faults."""

    work: Work
    place: Place
    begun: World
    now: datetime
    mortal: str

    def run(self, plan: Plan) -> int:
        """Let the function meet the fault, and time pass; how many calls it made then."""
        self.begun.put_back()
        self.place.begin_again()
        queues = [CONSUMERS[name].queue for name in self.work.chain if name in CONSUMERS]
        if self.mortal.startswith(FINDING):
            for queue in queues:
                _lose_messages(queue)
        mortal = Mortal(plan)
        for minutes in MINUTES:
            with time_machine.travel(self.now + self.work.later + timedelta(minutes=minutes), tick=False):
                for name in (*self.work.chain, *self.work.besides):
                    # What a message tells of is found a while later.
                    if minutes or not name.startswith(FINDING):
                        self._go(name, mortal if name == self.mortal else Mortal(never))
        assert [(waiting(each), waiting(each.dead_letters)) for each in queues] == [(0, 0)] * len(queues)
        assert mortal.attempts is not None
        return mortal.attempts

    def _go(self, name: str, mortal: Mortal) -> None:
        if name in CONSUMERS:
            Pump(MortalWorker(CONSUMERS[name], mortal)).drain()
            return
        schedule: Schedule = SCHEDULES[name]
        try:
            mortal.call(lambda: schedule({}, None))
        except Exception:
            # As Lambda sees it: it is called again when it is time.
            assert mortal.plan is not never

    def check(self, point: Point) -> None:
        self.run(point.plan(0))
        assert self.work.seen(self.place) == self.work.done, point
        told = Counter(self.work.told(self.place))
        # Whoever is told something twice is told so under the same id, and only when a function has died or failed.
        assert len(told) == self.work.times, (point, told)
        assert sum(told.values()) <= len(told) * (2 if point.lasts or point.fault.kills else 1), (point, told)


def _lose_messages(queue: Queue) -> None:
    url = aws.queue_url(queue.physical_name)
    while found := aws.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for each in found:
            aws.sqs().delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])


@pytest.fixture
def place(api: Api, desk: Desk, sockets: Sockets, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(api, desk, receiver, sockets)
    monkeypatch.setattr(sample_data, "HOOK", made.address)
    monkeypatch.setattr(sample_data, "PEER", made.address)
    instances.operate("webhook-secret", "show", "fd1")
    return made


@pytest.mark.usefixtures("_again_at_once")
@pytest.mark.parametrize("name", WORK)
def test_what_is_to_be_done_later_is_done_wherever_a_function_ends(place: Place, name: str) -> None:
    work = WORK[name]
    work.make(place)
    begun, now = taken(), datetime.now(UTC)
    with between():
        for mortal in work.chain if engine_state.engine().is_quick else work.chain[-1:]:
            run = Run(work, place, begun, now, mortal)
            calls = run.run(never)
            assert calls > 1, "there was nothing to do"
            assert work.seen(place) == work.done
            assert sum(Counter(work.told(place)).values()) == work.times
            points = [
                Point(fault, number, lasts=lasts)
                for number in range(1, calls + 1)
                for fault, lasts in (
                    (Fault.KILLED, False),
                    (Fault.KILLED_BEFORE, False),
                    (Fault.LOST, True),
                    (Fault.LOST, False),
                )
            ]
            for point in some(points, 1, f"{name} {mortal}"):
                run.check(point)
