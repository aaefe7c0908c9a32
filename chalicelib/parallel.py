"""Make store calls that do not depend on each other at the same time."""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Branch = tuple[tuple[int, int], ...]
Job = Callable[[], None]
Box = SimpleQueue[Job]

_MOST_THREADS = 16
_groups = itertools.count()
_branch: ContextVar[Branch] = ContextVar("branch", default=())
# The boxes of threads that wait for a job; the last one is used first. Starting a thread costs more than most calls.
_waiting: deque[Box] = deque()


def branch() -> Branch:
    """The groups of simultaneous calls that this code runs in, outermost first, each with the call's number."""
    return _branch.get()


def gather(*calls: Callable[[], Any]) -> list[Any]:
    """Make the calls at the same time, at most sixteen, and return their results in order.

    Every call is waited for; then the first failure in their order is raised. A call may itself use `gather` without
    waiting for threads, since the thread that asks makes every call that no other thread has begun.
    """
    outer, group = branch(), next(_groups)
    results: list[Any] = [None] * len(calls)
    errors: list[BaseException | None] = [None] * len(calls)
    # Both are atomic, so each number goes to one thread.
    numbers, ended = iter(range(len(calls))), SimpleQueue[None]()

    def work() -> None:
        for number in numbers:
            _branch.set((*outer, (group, number)))
            try:
                results[number] = calls[number]()
            except BaseException as error:
                errors[number] = error
            ended.put(None)

    handed: list[tuple[Box, Job]] = []
    for _ in range(min(len(calls), _MOST_THREADS) - 1):
        job: Job = partial(copy_context().run, work)
        handed.append((_hand_over(job), job))
    copy_context().run(work)
    for box, job in handed:
        _take_back(box, job)
    for _ in calls:
        ended.get()
    for error in errors:
        if error is not None:
            raise error
    return results


def _hand_over(job: Job) -> Box:
    try:
        box = _waiting.pop()
    except IndexError:
        box = SimpleQueue()
        threading.Thread(target=_serve, args=(box,), daemon=True).start()
    box.put(job)
    return box


def _take_back(box: Box, job: Job) -> None:
    # A thread that has not started is not waited for.
    try:
        taken = box.get_nowait()
    except Empty:
        return
    if taken is job:
        _waiting.append(box)
    else:
        # The thread has done this job, and was handed one of another group since.
        box.put(taken)


def _serve(box: Box) -> None:
    while True:
        box.get()()
        _waiting.append(box)


def chunks(items: list[T], size: int) -> Iterator[list[T]]:
    """Split the items into lists of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))
