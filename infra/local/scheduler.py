"""What EventBridge does for schedules, at a livelier pace: here a minute of a rate passes in two seconds."""

import logging
import threading
from collections.abc import Iterable

from chalicelib.edge.schedule import Schedule

log = logging.getLogger("fluxden")

SECONDS_A_MINUTE = 2.0


def start(schedules: Iterable[Schedule]) -> threading.Event:
    """Run the schedules from now on, in the background; until the event is set.

    Each has a thread of its own: one that waits for another desk's answer holds up nothing else.
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
    """Run a schedule once; a failure is logged, and its next run will tell whether it lasts."""
    try:
        each({}, None)
    except Exception:
        log.exception("schedule %s failed", each.__name__)
