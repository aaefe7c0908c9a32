"""Store calls that do not depend on each other, made at the same time."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

T = TypeVar("T")
Branch = tuple[tuple[int, int], ...]

_MOST_THREADS = 16
_groups = itertools.count()
_branch: ContextVar[Branch] = ContextVar("branch", default=())


def branch() -> Branch:
    """Which group of simultaneous calls this code runs in, and which of the group it is; from the outside in."""
    return _branch.get()


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Make the calls at the same time, sixteen at most, and return their results in order.

    All are waited for; then the first failure, in their order, is raised. A call may itself use `together`:
    each has threads of its own, so none waits for another's.
    """
    outer, group = branch(), next(_groups)
    results: list[Any] = [None] * len(calls)
    errors: list[BaseException | None] = [None] * len(calls)
    numbers = iter(range(len(calls)))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            _branch.set((*outer, (group, number)))
            try:
                results[number] = calls[number]()
            except BaseException as error:
                errors[number] = error

    threads = [
        threading.Thread(target=copy_context().run, args=(work,), daemon=True)
        for _ in range(min(len(calls), _MOST_THREADS) - 1)
    ]
    for thread in threads:
        thread.start()
    # The caller's own thread would only wait, and each more costs as much as validating an event.
    copy_context().run(work)
    for thread in threads:
        thread.join()
    for error in errors:
        if error is not None:
            raise error
    return results


def chunks(items: list[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))
