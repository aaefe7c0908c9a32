"""Run schedules in the background as EventBridge does. On a local system a minute lasts two seconds."""

import threading
import time
from collections.abc import Iterable
from contextlib import suppress

from chalicelib.edge.schedule import Schedule

SECONDS_A_MINUTE = 2.0


class Timer:
    """Runs one schedule in its own thread, so that one that waits for another system does not delay the others."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule, self.ran_at, self.is_running = schedule, time.monotonic(), False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name=schedule.__name__)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """Return how often the schedule runs."""
        return self.schedule.minutes * SECONDS_A_MINUTE

    def stop(self) -> None:
        """Run no more. A run that has begun is finished."""
        self._stopped.set()

    def finish(self, until: float) -> bool:
        """Wait for the last run after `stop`; False if it has not ended by then. `until` is of the monotonic clock."""
        self._thread.join(max(0.0, until - time.monotonic()))
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.is_running = True
            run_once(self.schedule)
            self.ran_at, self.is_running = time.monotonic(), False
            self._stopped.wait(self.seconds)


def start(schedules: Iterable[Schedule]) -> list[Timer]:
    """Run the schedules in the background until they are stopped."""
    return [Timer(each) for each in schedules]


def run_once(each: Schedule) -> None:
    """Run a schedule once. A failure is logged by the schedule itself; the next run tries again."""
    with suppress(Exception):
        each({}, None)
