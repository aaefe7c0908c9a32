"""How long each kind of data is kept. Nothing else in the code says it."""

from dataclasses import dataclass
from datetime import timedelta

# Longer than the messages and calls that can still make or find what has ended, which rest up to 30 days.
FEWEST_DAYS = 31
# Eighty years: what is kept longer is kept for ever.
MOST_DAYS = 29_999


@dataclass(frozen=True)
class Kind:
    """Data that ends together. `since` says what its time is counted from.

    An operator sets the days of a kind that has a `setting`, an environment variable; 0 means that it never ends.
    """

    name: str
    what: str
    since: str
    kept: timedelta
    setting: str = ""


DELIVERIES = Kind(
    "deliveries",
    "Deliveries with their supplements, labels, clicks and attempts of callbacks",
    "the event was published; a held event, since the decision on it",
    timedelta(days=400),
    "FLUXDEN_KEEP_DELIVERIES_DAYS",
)
CHAT = Kind("chat", "Chat messages", "they were sent", timedelta(days=400), "FLUXDEN_KEEP_CHAT_DAYS")
TASKS = Kind(
    "tasks", "Tasks that are done or were rejected", "their last change", timedelta(days=90), "FLUXDEN_KEEP_TASKS_DAYS"
)
RELAYS = Kind(
    "relays",
    "Relays that have ended, in both directions, with their ids at the peer",
    "their last change",
    timedelta(days=180),
    "FLUXDEN_KEEP_RELAYS_DAYS",
)
FEEDBACK = Kind("feedback", "Feedback", "it was given", timedelta(days=400), "FLUXDEN_KEEP_FEEDBACK_DAYS")

AUDIT = Kind("audit", "Entries of the audit log", "they were written", timedelta(days=730), "FLUXDEN_KEEP_AUDIT_DAYS")

SETTABLE = (DELIVERIES, CHAT, TASKS, RELAYS, FEEDBACK, AUDIT)

# What follows from how the desk works.
REPLIES = Kind("replies", "Replies under an `Idempotency-Key`", "the call", timedelta(hours=24))
# A day during which a client may come back, the two hours that the socket it left may have lived, and one more.
LIVE_EVENTS = Kind("live events", "Live events", "they happened", timedelta(hours=24 + 2 + 1))
# Longer than a message can rest in a queue and then in its dead-letter queue.
BULK_CALLS = Kind("bulk calls", "Accepted bulk calls, and which sends were counted", "the call", timedelta(days=30))
# Undo is offered for seconds; a job of some ten thousand deliveries takes minutes.
BULK_CHANGES = Kind(
    "bulk changes", "Bulk changes of an inbox, with the states before them", "the call", timedelta(days=2)
)
ENDPOINTS = Kind(
    "endpoints", "Endpoints of callbacks that failed and are not paused", "the last failure", timedelta(days=30)
)
REPLAYS = Kind("replays", "Replays of callbacks", "the call", timedelta(days=30))
DIGESTS = Kind("digests", "Digests, with what became of their mail", "their time", timedelta(days=30))
FAILURES = Kind("failures", "Reasons of failed messages", "the last failure", timedelta(days=30))
# Longer than until the last attempt.
NOTICES = Kind("notices", "Notices to other desks", "they were made", timedelta(days=60))
REQUESTS = Kind(
    "requests", "Connection requests and registrations that nobody confirmed", "they came", timedelta(hours=72)
)
SIGNATURES = Kind("signatures", "Signatures of relays without an id", "the relay came", timedelta(hours=24))

FIXED = (
    REPLIES,
    LIVE_EVENTS,
    BULK_CALLS,
    BULK_CHANGES,
    ENDPOINTS,
    REPLAYS,
    DIGESTS,
    FAILURES,
    NOTICES,
    REQUESTS,
    SIGNATURES,
)
