"""Run calls concurrently."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")


def run_concurrently(count: int, call: Callable[[int], T]) -> list[T]:
    """Run `call(0)` to `call(count - 1)` at the same time, each in a thread."""
    start = Barrier(count)

    def run(number: int) -> T:
        start.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
