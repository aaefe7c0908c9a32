"""Rate budgets: units per minute of the clock, and deliveries per UTC day."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from chalicelib.core.domain.errors import RateLimited

WINDOW_SECONDS = 60


@dataclass(frozen=True)
class Charge:
    """The cost of a request: units of the minute, and deliveries of the day."""

    units: int = 1
    deliveries: int = 0


@dataclass(frozen=True)
class Window:
    """A caller's budget for the minute, as replies show it; `reset` is in epoch seconds."""

    limit: int
    remaining: int
    reset: int


@dataclass(frozen=True)
class SpendResult:
    """The budget after an attempt to take a unit; `taken` is False when none was left."""

    window: Window
    taken: bool

    def wait(self, now: datetime) -> int:
        """Seconds until the next minute; at least 1."""
        return max(1, self.window.reset - int(now.timestamp()))


def minute_of(now: datetime) -> int:
    return int(now.timestamp()) // WINDOW_SECONDS


def day_of(now: datetime) -> str:
    return now.astimezone(UTC).date().isoformat()


def new_window(*, limit: int, used: int, minute: int) -> Window:
    return Window(limit, max(0, limit - used), (minute + 1) * WINDOW_SECONDS)


def seconds_to_midnight(now: datetime) -> int:
    """Whole seconds until the next UTC day, rounded up; at least 1."""
    utc = now.astimezone(UTC)
    midnight = utc.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return max(1, -(-(midnight - utc) // timedelta(seconds=1)))


def daily_limit_reached(detail: str, *, now: datetime) -> RateLimited:
    """Return the refusal of a call beyond the day's limit, which holds until midnight."""
    wait = seconds_to_midnight(now)
    return RateLimited(detail, retry_after=wait, resets_at=(int(now.timestamp()) // 86_400 + 1) * 86_400)
