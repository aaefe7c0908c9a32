"""Run schedules in the background as EventBridge does. On a local system a minute lasts two seconds."""

import threading
from collections.abc import Iterable
from contextlib import suppress

from chalicelib.edge.schedule import Schedule

SECONDS_A_MINUTE = 2.0


def start(schedules: Iterable[Schedule]) -> threading.Event:
    """Run the schedules in the background until the returned event is set.

    Each schedule has its own thread, so one that waits for another system does not delay the others.
    """
    stopped = threading.Event()
    for each in schedules:
        threading.Thread(target=_run, args=(each, stopped), daemon=True, name=each.__name__).start()
    return stopped


def _run(schedule: Schedule, stopped: threading.Event) -> None:
    while not stopped.is_set():
        run_once(schedule)
        stopped.wait(schedule.minutes * SECONDS_A_MINUTE)


def run_once(each: Schedule) -> None:
    """Run a schedule once. A failure is logged by the schedule itself; the next run tries again."""
    with suppress(Exception):
        each({}, None)
