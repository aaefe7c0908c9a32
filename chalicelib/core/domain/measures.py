"""What a desk measures: its metrics with their dimensions, and the collection of what happened in a call."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Measure:
    """A metric. `dimensions` has the values that each dimension can take; an empty tuple means names of functions.

    Every combination of values is a series that is paid for, so no value comes from a request.
    """

    name: str
    unit: str
    dimensions: tuple[tuple[str, tuple[str, ...]], ...]

    def add(self, amount: float = 1, **dimensions: str) -> None:
        """Add a count or a value to the present collection, if there is one; name each dimension."""
        if (collected := _collected.get()) is not None and amount:
            collected.append(Measured(self, tuple((name, dimensions[name]) for name, _ in self.dimensions), amount))


class Measured(NamedTuple):
    """An amount of a metric, with the value of each of its dimensions."""

    measure: Measure
    dimensions: tuple[tuple[str, str], ...]
    amount: float


COUNT, MILLISECONDS = "Count", "Milliseconds"

_RECORDED = ("new", "repeated", "held", "approved")
_ATTEMPTED = ("delivered", "retried", "failed", "gone")
_SEVERITIES = ("critical", "warn", "info", "success")

PUBLISHES = Measure("Publishes", COUNT, (("kind", ("event", "bulk")),))
DELIVERIES = Measure("Deliveries", COUNT, (("outcome", _RECORDED),))
# From the acceptance of a bulk call to its deliveries.
FAN_OUT_LAG = Measure("FanOutLag", MILLISECONDS, (("severity", _SEVERITIES),))
PUSHES = Measure(
    "Pushes",
    COUNT,
    (("channel", ("socket", "browser", "webhook", "chat", "email")), ("outcome", ("taken", "gone", "failed"))),
)
# How people are reached beyond their open sockets.
REACHED = Measure("Reached", COUNT, (("way", ("push", "email", "digest", "channel", "mute")),))
CALLBACK_ATTEMPTS = Measure("Callbacks", COUNT, (("outcome", _ATTEMPTED),))
NOTICE_ATTEMPTS = Measure("Notices", COUNT, (("to", ("instance", "connection")), ("outcome", _ATTEMPTED)))
# The first three were received, the others are sent.
_RELAYED = ("received", "repeated", "filtered", "queued", "sent", "retry", "parked", "expired")
RELAYS = Measure("Relays", COUNT, (("outcome", _RELAYED),))
REFUSALS = Measure("Refusals", COUNT, (("code", ()),))
# Lists of a person that have reached the size at which the store refuses more.
FULL_LISTS = Measure("FullLists", COUNT, (("list", ("board", "chat", "contacts", "queue-items", "relays")),))
# How often people had as much of something as they may have (see bounds).
_BOUNDS = ("keys", "sessions", "passkeys", "sockets", "streams", "browsers", "channels", "calls", "desk-streams")
BOUNDS_MET = Measure("BoundsMet", COUNT, (("bound", _BOUNDS),))
FAULTS = Measure("Faults", COUNT, (("kind", ("request", "message", "schedule", "socket")),))
MESSAGES = Measure("Messages", COUNT, (("worker", ()), ("outcome", ("done", "failed"))))
SCHEDULED = Measure("Scheduled", COUNT, (("schedule", ()),))
SOCKET_EVENTS = Measure("SocketEvents", COUNT, (("route", ()),))

MEASURES = (
    PUBLISHES,
    DELIVERIES,
    FAN_OUT_LAG,
    PUSHES,
    REACHED,
    CALLBACK_ATTEMPTS,
    NOTICE_ATTEMPTS,
    RELAYS,
    REFUSALS,
    FULL_LISTS,
    BOUNDS_MET,
    FAULTS,
    MESSAGES,
    SCHEDULED,
    SOCKET_EVENTS,
)

# A list, so that threads which copied the context add to the same one.
_collected: ContextVar[list[Measured] | None] = ContextVar("collected", default=None)


@contextmanager
def collect() -> Iterator[list[Measured]]:
    """Collect what this thread, and the threads that it starts, add meanwhile."""
    collected: list[Measured] = []
    token = _collected.set(collected)
    try:
        yield collected
    finally:
        _collected.reset(token)
