"""Nothing in an idle desk turns in a loop, and its schedules ask the store for little. Both are counted, not timed."""

import sys
import time
from pathlib import Path

import pytest

from app import app
from infra import catalog
from tests.conftest import Desk
from tests.support.processes import count_switches, list_family
from tests.support.pump import Pumps
from tests.support.started_container import start_container
from tests.support.started_desk import start_desk

pytestmark = [
    pytest.mark.engine("embedded"),
    pytest.mark.skipif(sys.platform != "linux", reason="counts wake-ups as Linux tells them"),
]

# One loop that looks ten times a second would take all of them.
_MOST_WAKES_A_SECOND = {"host": 10, "desk": 40}
_SECONDS = 2.0
# Of all schedules of a desk without work, in an hour of its clock. Most ask once a minute.
_MOST_STORE_CALLS_AN_HOUR = 720


def count_wakes(process: int) -> float:
    """Return the wake-ups a second of a process and its children; a busy machine only makes them fewer."""
    family = list_family(process)
    before, begun = sum(map(count_switches, family)), time.monotonic()
    time.sleep(_SECONDS)
    return (sum(map(count_switches, family)) - before) / (time.monotonic() - begun)


def fewest_wakes(process: int, most: float) -> float:
    """Return the wake-ups a second, once the process has come to rest."""
    deadline = time.monotonic() + 60
    while (wakes := count_wakes(process)) > most and time.monotonic() < deadline:
        pass
    return wakes


def test_an_idle_host_is_woken_less_often_than_a_loop_would_wake_it(desk: Desk, tmp_path: Path) -> None:
    with start_container(tmp_path) as host:
        most = _MOST_WAKES_A_SECOND["host"]
        assert fewest_wakes(host.process.pid, most) <= most


def test_an_idle_desk_with_its_reloader_is_woken_less_often_than_its_loops_would_wake_it(tmp_path: Path) -> None:
    with start_desk(tmp_path, Path.cwd(), ()) as started:
        most = _MOST_WAKES_A_SECOND["desk"]
        assert fewest_wakes(started.process.pid, most) <= most


def test_the_schedules_of_a_desk_without_work_make_few_store_calls(desk: Desk, pump: Pumps) -> None:
    calls: dict[str, float] = {}
    for each in catalog.schedules(app):
        pump.run(each.__name__)  # the first run may still find work
        pump.run(each.__name__)
        calls[each.__name__] = len(pump.calls) * 60 / each.minutes
    assert sum(calls.values()) <= _MOST_STORE_CALLS_AN_HOUR, calls
