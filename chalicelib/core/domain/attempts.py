"""Attempts at a change that other calls may be making at the same time."""

import random
import time
from typing import Literal

from chalicelib.core.domain.errors import Unavailable

_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.25
# Of changes made at the same time one succeeds in each round, so this many can be made at once.
_MOST = 40


class Attempts:
    """Limits how often a change is attempted: `while attempts.again(): read, change, return if it could be written`.

    `busy` is the refusal's text when the last attempt has failed too.
    """

    def __init__(self, busy: str, *, most: int = _MOST) -> None:
        self._busy, self._most, self._made = busy, most, 0

    def again(self) -> Literal[True]:
        """Begin the next attempt, after a pause unless it is the first.

        Raises:
            Unavailable: all attempts have been made.
        """
        if self._made >= self._most:
            raise Unavailable(self._busy)
        if self._made:
            pause(self._made - 1)
        self._made += 1
        return True


def pause(attempt: int) -> None:
    """Wait a random while, longer after each attempt, at most a quarter of a second."""
    longest = min(_FIRST_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS)
    time.sleep(random.uniform(0, longest))  # noqa: S311 - spreads retries
