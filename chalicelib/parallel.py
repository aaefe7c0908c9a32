"""Store calls that do not depend on each other, made at the same time."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")
Branch = tuple[tuple[int, int], ...]

_THREADS = 16
_groups = itertools.count()
_branch: ContextVar[Branch] = ContextVar("branch", default=())


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="parallel")


def branch() -> Branch:
    """Which group of simultaneous calls this code runs in, and which of the group it is; from the outside in."""
    return _branch.get()


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Make the calls at the same time and return their results in order.

    All are waited for; then the first failure, in their order, is raised. Calls must not nest `together`,
    since they wait for threads of the same pool.
    """
    group = next(_groups)
    futures = [_submit(call, (*branch(), (group, number))) for number, call in enumerate(calls)]
    errors = [future.exception() for future in futures]
    for error in errors:
        if error is not None:
            raise error
    return [future.result() for future in futures]


def chunks(items: list[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _submit(call: Callable[[], T], place: Branch) -> "Future[T]":
    context = copy_context()

    def run() -> T:
        _branch.set(place)
        return call()

    return _pool().submit(context.run, run)
