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
from tests.support.engine_state import Snapshot, take_snapshot
from tests.support.fault_sweep import FaultPoint, sample
from tests.support.faults import Fault, Killed, Plan, inject_faults, intercept_engine, no_fault
from tests.support.pump import count_messages
from tests.support.receiver import Receiver
from tests.support.sockets import Sockets
from tests.support.worker_scenarios import WORKER_SCENARIOS, ScenarioContext, WorkerScenario

CONSUMERS = {each.__name__: each for each in catalog.consumers(app)}
SCHEDULES = {each.__name__: each for each in catalog.schedules(app)}
# Who finds what no message tells of.
FINDING = "announce_due"
# As long as it takes until what was left is found again, whoever left it.
MINUTES = (0, 1, 3, 6, 12)


def test_every_worker_and_schedule_has_work_that_it_is_seen_to_do() -> None:
    assert {
        name for work in WORKER_SCENARIOS.values() for name in work.functions
    } == CONSUMERS.keys() | SCHEDULES.keys()


@dataclass
class Mortal:
    """A function that meets a fault at one of its calls, the first time that it is called."""

    plan: Plan
    attempts: int | None = None

    def call(self, function: Callable[[], Any]) -> Any:
        plan = self.plan if self.attempts is None else no_fault
        with inject_faults(plan) as faults:
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

    work: WorkerScenario
    place: ScenarioContext
    begun: Snapshot
    now: datetime
    mortal: str

    def run(self, plan: Plan) -> int:
        """Let the function meet the fault, and time pass; how many calls it made then."""
        self.begun.restore()
        self.place.forget_sent()
        queues = [CONSUMERS[name].queue for name in self.work.functions if name in CONSUMERS]
        if self.mortal.startswith(FINDING):
            for queue in queues:
                _lose_messages(queue)
        mortal = Mortal(plan)
        for minutes in MINUTES:
            with time_machine.travel(self.now + self.work.due_after + timedelta(minutes=minutes), tick=False):
                for name in (*self.work.functions, *self.work.helpers):
                    # What a message tells of is found a while later.
                    if minutes or not name.startswith(FINDING):
                        self._go(name, mortal if name == self.mortal else Mortal(no_fault))
        assert [(count_messages(each), count_messages(each.dead_letters)) for each in queues] == [(0, 0)] * len(queues)
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
            assert mortal.plan is not no_fault

    def check(self, point: FaultPoint) -> None:
        self.run(point.plan(0))
        assert self.work.read_result(self.place) == self.work.expected, point
        told = Counter(self.work.list_sent(self.place))
        # Whoever is told something twice is told so under the same id, and only when a function has died or failed.
        assert len(told) == self.work.sent_count, (point, told)
        assert sum(told.values()) <= len(told) * (2 if point.lasts or point.fault.ends_function else 1), (point, told)


def _lose_messages(queue: Queue) -> None:
    url = aws.queue_url(queue.physical_name)
    while found := aws.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for each in found:
            aws.sqs().delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])


@pytest.fixture
def place(
    api: Api, desk: Desk, sockets: Sockets, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> ScenarioContext:
    made = ScenarioContext(api, desk, receiver, sockets)
    monkeypatch.setattr(sample_data, "WEBHOOK_URL", made.address)
    monkeypatch.setattr(sample_data, "PEER_URL", made.address)
    instances.run_admin("webhook-secret", "show", "fd1")
    return made


@pytest.mark.usefixtures("_again_at_once")
@pytest.mark.parametrize("name", WORKER_SCENARIOS)
def test_what_is_to_be_done_later_is_done_wherever_a_function_ends(place: ScenarioContext, name: str) -> None:
    work = WORKER_SCENARIOS[name]
    work.arrange(place)
    begun, now = take_snapshot(), datetime.now(UTC)
    with intercept_engine():
        for mortal in work.functions if engine_state.engine().is_fast else work.functions[-1:]:
            run = Run(work, place, begun, now, mortal)
            calls = run.run(no_fault)
            assert calls > 1, "there was nothing to do"
            assert work.read_result(place) == work.expected
            assert sum(Counter(work.list_sent(place)).values()) == work.sent_count
            points = [
                FaultPoint(fault, number, lasts=lasts)
                for number in range(1, calls + 1)
                for fault, lasts in (
                    (Fault.KILLED, False),
                    (Fault.KILLED_BEFORE, False),
                    (Fault.LOST, True),
                    (Fault.LOST, False),
                )
            ]
            for point in sample(points, 1, f"{name} {mortal}"):
                run.check(point)
