"""How much of something one person can have at the same time, or in a minute.

`docs/limits.md` and `tests/laws/test_bounds.py` have each of these.
"""

import logging
from typing import NamedTuple

from chalicelib.core.domain.measures import BOUNDS_MET
from chalicelib.core.domain.person_refs import person_ref

log = logging.getLogger("fluxden")


class Bound(NamedTuple):
    """The most that one person can have of something, in words for the page of limits, and what is beyond it.

    `name` is the bound's name for operators.
    """

    name: str
    most: int
    of: str
    beyond: str

    def note_met(self, person: str | None) -> None:
        """Count and log that the person with this id wanted more."""
        BOUNDS_MET.add(bound=self.name)
        line = {"bound": self.name, "most": self.most, "person": person_ref(person) if person else None}
        log.warning("bound met", extra=line, stacklevel=2)


# Expired and inactive keys count, until they are deleted.
KEYS = Bound("keys", 50, "API keys a person", "409, until one is deleted")
SESSIONS = Bound("sessions", 20, "sessions a person", "The oldest ends when another one begins.")
PASSKEYS = Bound("passkeys", 20, "passkeys a person", "409, until one is removed")
SOCKETS = Bound("sockets", 20, "WebSockets a person", "The oldest is closed after an `error` event.")
# Streams that wait for events. The client of one that is refused comes back later.
STREAMS = Bound(
    "streams",
    3,
    "waiting event streams a person, 1,000 a host (`--streams`), `StreamsPerDesk` (50) of a deployed desk",
    "The reply ends at once, with `retry: 10000`.",
)
BROWSERS = Bound("browsers", 20, "subscribed browsers a person", "409, until one is unsubscribed")
CHANNELS = Bound("channels", 10, "channels a person (webhooks and chat services)", "409, until one is removed")
# Not below what one key may spend, so a desk with larger budgets has a larger bound.
CALLS = Bound("calls", 600, "calls a minute with all API keys of a person", "429 with `Retry-After`")

# Of the whole desk, where functions hold them: each that waits is paid for.
DESK_STREAMS = "desk-streams"

PER_PERSON = (KEYS, SESSIONS, PASSKEYS, SOCKETS, STREAMS, BROWSERS, CHANNELS, CALLS)
