"""End what is due to end and can't be left to the store's own deletion."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

# Enough to keep up with a large desk, and each step is far below the limits of one call.
_A_STEP = 100


class Ending(Protocol):
    def end_due(self, *, now: datetime, limit: int) -> int:
        """End some of what is due, at most `limit`, and return how many: 0 when nothing is left that can be ended."""


def end_due(now: datetime, *, endings: Iterable[Ending], has_time: Callable[[], bool]) -> int:
    """End everything that is due, as long as there is time. What is left comes first in the next run."""
    ended = 0
    for each in endings:
        while has_time() and (count := each.end_due(now=now, limit=_A_STEP)):
            ended += count
    return ended
