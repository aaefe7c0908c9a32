"""Workers and schedules finish their work, whatever fails and wherever a function ends."""

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
from chalicelib.inbox.domain.snoozes import ANNOUNCED_AHEAD
from chalicelib.resources import Queue
from infra import catalog
from infra.local.pump import Pump
from tests.support import engine_state
from tests.support.engine_state import Snapshot, take_snapshot
from tests.support.fault_sweep import FaultPoint, sample
from tests.support.faults import Fault, Killed, Plan, inject_faults, intercept_engine, no_fault
from tests.support.pump import count_messages
from tests.support.worker_scenarios import WORKER_SCENARIOS, ScenarioContext, WorkerScenario

CONSUMERS = {each.__name__: each for each in catalog.consumers(app)}
SCHEDULES = {each.__name__: each for each in catalog.schedules(app)}
# Prefix of the schedules that find work whose message was lost.
ANNOUNCING = "announce_due"
# Minutes after which leases end and overdue work is announced again.
MINUTES = (0, 1, 3, 6, 12)
# Its messages are delayed, and only the embedded queue's clock can be moved.
DELAYED = "a quiet connection"


def test_every_worker_and_schedule_is_part_of_a_scenario() -> None:
    assert {
        name for scenario in WORKER_SCENARIOS.values() for name in scenario.functions
    } == CONSUMERS.keys() | SCHEDULES.keys()


@dataclass
class Faulty:
    """Calls a function under the plan the first time, and without faults afterwards."""

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
class FaultyWorker:
    worker: Consumer
    faulty: Faulty

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
        return self.faulty.call(lambda: self.worker(event, context))


@dataclass(frozen=True)
class Run:
    """A scenario after `arrange`, and the function that meets the faults."""

    scenario: WorkerScenario
    context: ScenarioContext
    start: Snapshot
    now: datetime
    faulty: str

    def run(self, plan: Plan) -> int:
        """Run the scenario with faults in one function, and return how many calls that function made."""
        self.start.restore()
        self.context.forget_sent()
        queues = [CONSUMERS[name].queue for name in self.scenario.functions if name in CONSUMERS]
        if self.faulty.startswith(ANNOUNCING):
            for queue in queues:
                _lose_messages(queue)
        faulty = Faulty(plan)
        for minutes in MINUTES:
            with time_machine.travel(self.now + self.scenario.due_after + timedelta(minutes=minutes), tick=False):
                for name in (*self.scenario.functions, *self.scenario.helpers):
                    # Overdue work is only announced after a while.
                    if minutes or not name.startswith(ANNOUNCING):
                        self._run_function(name, faulty if name == self.faulty else Faulty(no_fault))
        self._drain_delayed()
        assert [(count_messages(each), count_messages(each.dead_letters)) for each in queues] == [(0, 0)] * len(queues)
        assert faulty.attempts is not None
        return faulty.attempts

    def _drain_delayed(self) -> None:
        """Process the messages that were sent with a delay: what is announced ahead waits for its second."""
        minutes = timedelta(minutes=MINUTES[-1] + 1) + ANNOUNCED_AHEAD
        with time_machine.travel(self.now + self.scenario.due_after + minutes, tick=False):
            for name in CONSUMERS.keys() & set(self.scenario.functions):
                self._run_function(name, Faulty(no_fault))

    def _run_function(self, name: str, faulty: Faulty) -> None:
        if name in CONSUMERS:
            Pump(FaultyWorker(CONSUMERS[name], faulty)).drain()
            return
        schedule: Schedule = SCHEDULES[name]
        try:
            faulty.call(lambda: schedule({}, None))
        except Exception:
            # As on Lambda, a failed schedule runs again at its next time.
            assert faulty.plan is not no_fault

    def check(self, point: FaultPoint) -> None:
        self.run(point.plan(0))
        assert self.scenario.read_result(self.context) == self.scenario.expected, point
        sent = Counter(self.scenario.list_sent(self.context))
        # Something may be sent twice only after a fault, and then under the same id.
        assert len(sent) == self.scenario.sent_count, (point, sent)
        assert sum(sent.values()) <= len(sent) * (2 if point.lasts or point.fault.ends_function else 1), (point, sent)


def _lose_messages(queue: Queue) -> None:
    url = aws.queue_url(queue.physical_name)
    while found := aws.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for each in found:
            aws.sqs().delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])


@pytest.mark.usefixtures("_retry_immediately")
@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=pytest.mark.engine("embedded") if each == DELAYED else ()) for each in WORKER_SCENARIOS],
)
def test_work_is_finished_wherever_a_function_ends(context: ScenarioContext, name: str) -> None:
    scenario = WORKER_SCENARIOS[name]
    scenario.arrange(context)
    start, now = take_snapshot(), datetime.now(UTC)
    with intercept_engine():
        for faulty in scenario.functions if engine_state.engine().is_fast else scenario.functions[-1:]:
            run = Run(scenario, context, start, now, faulty)
            calls = run.run(no_fault)
            assert calls > 0, "the function made no calls"
            assert scenario.read_result(context) == scenario.expected
            assert sum(Counter(scenario.list_sent(context)).values()) == scenario.sent_count
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
            for point in sample(points, 1, f"{name} {faulty}"):
                run.check(point)
