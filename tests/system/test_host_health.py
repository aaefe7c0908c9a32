"""`/healthz` says which part of a process is stale, and why."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.edge.schedule import Schedule
from infra.container import health
from infra.container.health import EngineCheck, Parts
from infra.local import scheduler
from infra.local.pump import Pump
from infra.local.threads import Threads
from tests.system.test_pump import Worker

pytestmark = pytest.mark.engine("embedded")


@pytest.fixture
def threads() -> Iterator[Threads]:
    made = Threads(1, "test")
    yield made
    made.stop()


def test_all_is_well_at_the_beginning(threads: Threads) -> None:
    pump = Pump(Worker())
    is_well, about = Parts(threads, pumps=[pump]).describe("")
    assert (is_well, about["status"], about["reasons"]) == (True, "ok", [])
    assert about["workers"]["secondsSincePoll"] == {"Worker": pytest.approx(0, abs=5)}


def test_an_engine_that_is_not_reachable_is_the_reason(threads: Threads) -> None:
    is_well, about = Parts(threads).describe("An engine is not reachable: x")
    assert (is_well, about["engine"], about["reasons"]) == (
        *(False, {"reachable": False}),
        ["An engine is not reachable: x"],
    )


def test_a_queue_that_is_not_polled_is_stale(threads: Threads) -> None:
    pump = Pump(Worker())
    pump.polled_at = time.monotonic() - 61
    (reason,) = Parts(threads, pumps=[pump]).describe("")[1]["reasons"]
    assert reason.startswith("workers: the queue of Worker was last polled 61 ")
    # While its workers are busy, it is not polled.
    pump._in_work.add("x")
    assert Parts(threads, pumps=[pump]).describe("")[0]
    pump.polled_at -= 900
    assert not Parts(threads, pumps=[pump]).describe("")[0]


def test_a_schedule_that_does_not_run_is_stale(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "SECONDS_A_MINUTE", 60.0)
    ran, release = threading.Event(), threading.Event()

    def tick(_: Any) -> int:
        ran.set()
        release.wait(20)
        return 0

    (timer,) = scheduler.start([Schedule(tick, 5, ())])
    assert ran.wait(20)
    timer.ran_at = time.monotonic() - 890
    assert Parts(threads, timers=[timer]).describe("")[0]
    timer.ran_at -= 20
    (reason,) = Parts(threads, timers=[timer]).describe("")[1]["reasons"]
    assert reason.startswith("workers: the schedule tick last ran 910 ")
    timer.stop()
    release.set()
    assert timer.finish(time.monotonic() + 20)


def test_functions_that_wait_for_a_thread_are_the_reason(threads: Threads) -> None:
    async def wait() -> list[str]:
        release = threading.Event()
        held = [threads.run(release.wait) for _ in range(2)]
        while threads.busy == 0:
            await asyncio.sleep(0.01)
        assert Parts(threads).describe("")[0]
        threads._taken_at -= 31
        reasons: list[str] = Parts(threads).describe("")[1]["reasons"]
        release.set()
        await asyncio.gather(*held)
        return reasons

    (reason,) = asyncio.run(wait())
    assert reason.startswith("http: functions have waited 31 seconds")


def test_a_process_that_ends_is_not_ready(threads: Threads) -> None:
    assert Parts(threads, is_draining=True).describe("")[1]["reasons"] == ["The process is ending."]


def test_engines_are_asked_once_at_a_time_and_not_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, release = list[int](), threading.Event()
    faults = [ConnectionError("refused")]

    def ask() -> None:
        asked.append(1)
        release.wait(20)
        if faults:
            raise faults.pop()

    async def check() -> list[str]:
        engines = EngineCheck(ask)
        monkeypatch.setattr(health, "_ENGINE_SECONDS", 0.05)
        found = list(await asyncio.gather(*(engines.find_fault() for _ in range(3))))
        monkeypatch.setattr(health, "_ENGINE_SECONDS", 20)
        release.set()
        found.append(await engines.find_fault())
        found.append(await engines.find_fault())
        engines._asked_at -= 10
        found.append(await engines.find_fault())
        return found

    *slow, first, again, later = asyncio.run(check())
    assert [each.startswith("The engines did not answer") for each in slow] == [True] * 3
    assert (first, again, later) == (*["An engine is not reachable: refused"] * 2, "")
    assert len(asked) == 2
