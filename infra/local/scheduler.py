"""What EventBridge does for schedules, at a livelier pace: here a minute of a rate passes in two seconds."""

import logging
import threading
import time
from collections.abc import Iterable

from chalicelib.edge.schedule import Schedule

log = logging.getLogger("fluxden")

SECONDS_A_MINUTE = 2.0


def start(schedules: Iterable[Schedule]) -> threading.Event:
    """Run the schedules from now on, in the background, one at a time; until the event is set."""
    found, stopped = list(schedules), threading.Event()
    if found:
        threading.Thread(target=_run, args=(found, stopped), daemon=True, name="scheduler").start()
    return stopped


def _run(schedules: list[Schedule], stopped: threading.Event) -> None:
    next_run = {id(each): time.monotonic() for each in schedules}
    while not stopped.is_set():
        for each in schedules:
            if next_run[id(each)] <= time.monotonic():
                run(each)
                next_run[id(each)] = time.monotonic() + each.minutes * SECONDS_A_MINUTE
        stopped.wait(max(0.0, min(next_run.values()) - time.monotonic()))


def run(each: Schedule) -> None:
    """Run a schedule once; a failure is logged, and its next run will tell whether it lasts."""
    try:
        each({}, None)
    except Exception:
        log.exception("schedule %s failed", each.__name__)
