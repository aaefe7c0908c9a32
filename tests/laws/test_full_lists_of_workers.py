"""A worker whose list has no more room gives up with a reason, and goes on when there is room again."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from app import app
from chalicelib.core.domain.errors import ListFull
from chalicelib.core.stores.failures import DynamoFailures
from chalicelib.operate.gateways.dead_letters import SqsDeadLetters
from infra import catalog
from infra.local.pump import Pump
from tests.support.faults import Fault, inject_faults, intercept_engine, no_fault
from tests.support.pump import count_messages
from tests.support.worker_scenarios import WORKER_SCENARIOS, ScenarioContext, WorkerScenario

pytestmark = pytest.mark.engine("embedded")

CONSUMERS = {each.__name__: each for each in catalog.consumers(app)}
SCHEDULES = {each.__name__: each for each in catalog.schedules(app)}
# Long enough for every schedule to announce what is due several times.
MINUTES = (0, 1, 3, 6, 12, 30, 60)
# Their messages are dead letters afterwards. The others write nothing to a list, or do without.
GIVING_UP = {
    "a held connection request",
    "an accepted connection request",
    "an outgoing connection request",
}
# They end without the note that had no room.
GOING_ON = {"a relay", "a removed connection", "an unanswered connection request"}
# Schedules that fail, which is an alarm with the reason in the log, and go on by themselves once there is room.
FAILING = {"an erasure", "the end of a proposal"}


def _run(scenario: WorkerScenario, begun: datetime, *, full: bool, fails: bool = False) -> int:
    """Run the functions again and again, and return how many writes met a list without room.

    A schedule may fail only if `fails`.
    """
    injected = 0
    for minutes in MINUTES:
        with (
            time_machine.travel(begun + timedelta(minutes=minutes), tick=False),
            inject_faults((lambda *_: Fault.FULL) if full else no_fault) as faults,
        ):
            for name in (*scenario.functions, *scenario.helpers):
                if name in CONSUMERS:
                    Pump(CONSUMERS[name]).drain()
                else:
                    with suppress(*([ListFull] if fails else [])):
                        SCHEDULES[name]({}, None)
        injected += faults.injected
    return injected


@pytest.mark.usefixtures("_retry_immediately")
@pytest.mark.parametrize("name", WORKER_SCENARIOS)
def test_work_for_a_full_list_ends_and_is_finished_once_there_is_room(context: ScenarioContext, name: str) -> None:
    scenario = WORKER_SCENARIOS[name]
    scenario.arrange(context)
    queues = [CONSUMERS[each].queue for each in scenario.functions if each in CONSUMERS]
    begun = datetime.now(UTC) + scenario.due_after
    with intercept_engine():
        assert bool(_run(scenario, begun, full=True, fails=name in FAILING)) == (name in GIVING_UP | GOING_ON | FAILING)
        later = begun + timedelta(hours=2)
        with time_machine.travel(later, tick=True):
            letters = [each for queue in queues for each in SqsDeadLetters().list_letters(queue, most=10)]
        reasons = DynamoFailures().find([each.message_id for each in letters])
        assert len(letters) == (name in GIVING_UP), "one, and not one more each time that a schedule looks"
        for reason, _ in reasons.values():
            assert reason.startswith("ListFull: ") and " no more room" in reason
        assert len(reasons) == len(letters)
        if letters:
            with time_machine.travel(later, tick=True):
                for queue in queues:
                    SqsDeadLetters().redrive(queue, None, most=10)
            _run(scenario, later + timedelta(minutes=3), full=False)
            assert sum(map(count_messages, queues)) == 0
        if name in FAILING:
            _run(scenario, later, full=False)
        assert sum(count_messages(each.dead_letters) for each in queues) == 0
    if name in GIVING_UP | FAILING:
        assert scenario.read_result(context) == scenario.expected
