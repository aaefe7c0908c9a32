"""Desks that this desk has seen to publish keys, which nobody can claim without a signature while they are away."""

from datetime import datetime, timedelta

from chalicelib.federation.connections.domain.confirmations import Verdict
from chalicelib.federation.connections.domain.origins import parents_of

# A desk that does not answer is remembered so long after it was seen last; one that answers without a description may
# have become a plain client, and is remembered for a shorter time.
REMEMBERED = timedelta(days=400)
_REMEMBERED_WITHOUT_KEYS = timedelta(days=30)


def addresses_of(origin: str) -> list[str]:
    """Return the addresses at which a desk may be known that is claimed at `origin`: this one, and those above it."""
    return [origin, *parents_of(origin)]


def is_remembered(seen_at: datetime | None, verdict: Verdict, *, now: datetime) -> bool:
    """Whether a desk that was seen to publish keys at that time still must sign, though none are found now."""
    kept = REMEMBERED if verdict is Verdict.UNREACHABLE else _REMEMBERED_WITHOUT_KEYS
    return seen_at is not None and now < seen_at + kept
