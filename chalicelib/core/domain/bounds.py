"""How much of something one person can have at the same time, or in a minute.

`docs/limits.md` and `tests/laws/test_bounds.py` have each of these.
"""

from typing import NamedTuple


class Bound(NamedTuple):
    """The most that one person can have of something, in words for the page of limits, and what is beyond it."""

    most: int
    of: str
    beyond: str


# Expired and inactive keys count, until they are deleted.
KEYS = Bound(50, "API keys a person", "409, until one is deleted")
SESSIONS = Bound(20, "sessions a person", "The oldest ends when another one begins.")
SOCKETS = Bound(20, "WebSockets a person", "The oldest is closed after an `error` event.")
# Streams that wait for events. The client of one that is refused comes back later.
STREAMS = Bound(
    3, "waiting event streams a person, 1,000 a host (`--streams`)", "The reply ends at once, with `retry: 10000`."
)
BROWSERS = Bound(20, "subscribed browsers a person", "409, until one is unsubscribed")
# Not below what one key may spend, so a desk with larger budgets has a larger bound.
CALLS = Bound(600, "calls a minute with all API keys of a person", "429 with `Retry-After`")

PER_PERSON = (KEYS, SESSIONS, SOCKETS, STREAMS, BROWSERS, CALLS)
