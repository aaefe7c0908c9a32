"""When a request is sent again, and how long after."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_TOO_MANY_REQUESTS = 429
_CONFLICT = 409
# The desk, or what stands before it, could not answer. The request may have had its effect.
_NO_ANSWER = {502, 503, 504}
_FIRST_WAIT, _LONGEST_BACKOFF = 0.5, 8.0


@dataclass(frozen=True)
class RetryPolicy:
    """How often a request is sent at most, and the longest wait before the next time, in seconds.

    A desk that asks for a longer wait is not asked again: its refusal is raised at once.
    """

    attempts: int = 5
    longest_wait: float = 60.0
    jitter: Callable[[], float] = random.random

    def wait_after_status(
        self, attempt: int, status: int, headers: Mapping[str, str], *, is_repeatable: bool, now: datetime
    ) -> float | None:
        """Return the seconds to wait before the request is sent again, or None if it must not be.

        429 comes before any effect, so every request can be repeated. After 502, 503 and 504 only what is repeatable:
        reads, and what has an idempotency key. 409 with `Retry-After` answers a repetition while the first request is
        still in progress.
        """
        asked = _seconds_asked_for(headers, now)
        can_repeat = (
            status == _TOO_MANY_REQUESTS
            or (status in _NO_ANSWER and is_repeatable)
            or (status == _CONFLICT and is_repeatable and "retry-after" in headers)
        )
        return self._wait(attempt, asked) if can_repeat else None

    def wait_after_failure(self, attempt: int, *, was_sent: bool, is_repeatable: bool) -> float | None:
        """Return the seconds to wait after a failed connection, or None if the request may have had its effect."""
        return self._wait(attempt, None) if is_repeatable or not was_sent else None

    def _wait(self, attempt: int, asked: float | None) -> float | None:
        if attempt >= self.attempts:
            return None
        backoff = min(_FIRST_WAIT * 2 ** (attempt - 1), _LONGEST_BACKOFF) * (0.5 + self.jitter() / 2)
        wait = backoff if asked is None else asked
        return wait if wait <= self.longest_wait else None


def _seconds_asked_for(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return what `Retry-After` asks for, or the time until the budget is full again."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    if value:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        return max(0.0, (date - now).total_seconds()) if date.tzinfo else None
    if headers.get("x-ratelimit-remaining") == "0" and (reset := headers.get("x-ratelimit-reset", "")).isdecimal():
        return max(0.0, (datetime.fromtimestamp(int(reset), UTC) - now).total_seconds())
    return None
