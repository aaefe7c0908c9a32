"""Threads for functions, whose event loop waits for them without holding any itself."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Threads:
    """Daemon threads for functions. Unlike those of `concurrent.futures`, they don't delay the end of the process.

    `busy` is how many run a function now, and `waiting` how many functions wait for a thread.
    """

    def __init__(self, count: int, name: str = "sockets") -> None:
        self.count, self.busy = count, 0
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._taken_at = time.monotonic()
        for number in range(count):
            threading.Thread(target=self._work, daemon=True, name=f"{name} {number}").start()

    @property
    def waiting(self) -> int:
        return self._jobs.qsize()

    @property
    def stalled_for(self) -> float:
        """Return for how many seconds functions have waited while none was begun."""
        return time.monotonic() - self._taken_at if self.waiting else 0.0

    def run(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        """Run a function in a thread, for the running event loop."""
        job: Future[T] = Future()
        if not self.waiting:
            self._taken_at = time.monotonic()
        self._jobs.put((job, call))
        return asyncio.wrap_future(job)

    def stop(self) -> None:
        for _ in range(self.count):
            self._jobs.put(None)

    def _work(self) -> None:
        while (taken := self._jobs.get()) is not None:
            job, call = taken
            if not job.set_running_or_notify_cancel():
                continue
            with self._lock:
                self.busy += 1
                self._taken_at = time.monotonic()
            try:
                result = call()
            except BaseException as error:
                self._end()
                job.set_exception(error)
            else:
                self._end()
                job.set_result(result)

    def _end(self) -> None:
        with self._lock:
            self.busy -= 1
