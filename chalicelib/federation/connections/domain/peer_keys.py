"""The keys that peers publish at their own addresses, and when they are fetched again."""

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.retries import PEER_KEY_RETRIES
from chalicelib.federation.connections.domain.confirmations import is_no_description, parse_description
from chalicelib.federation.connections.domain.connections import PeerKey

# An unknown key causes another fetch at most this often.
PAUSE = timedelta(minutes=10)
_AGAIN = timedelta(hours=1)


@dataclass(frozen=True)
class KeysOutcome:
    """The outcome of fetching keys. `keys` is None after a failure; `due_in` is the time until the next fetch.

    What was not sent is no failure, and counts as none.
    """

    keys: tuple[PeerKey, ...] | None
    due_in: timedelta | None
    is_failure: bool = False


def signs(answer: HttpResult) -> bool:
    """Whether the answer is a description of a desk that publishes keys."""
    description = parse_description(answer.body) if answer.error is None else None
    return description is not None and description.signs


def outcome_of(answer: HttpResult, tries: int) -> KeysOutcome:
    """Return the outcome of a fetch after `tries` failures in a row.

    A desk that answers anything but its description publishes no keys. A rate limit counts as a failure.
    """
    if not answer.sent:
        # Whether a desk that is cut off publishes keys must be known when it is let in again.
        return KeysOutcome(None, _AGAIN)
    if is_no_description(answer):
        description = parse_description(answer.body) if answer.error is None else None
        return KeysOutcome(description.keys if description else (), None)
    # After the last retry, only a request that is signed with an unknown key causes another fetch.
    waits = PEER_KEY_RETRIES.waits[1:]
    return KeysOutcome(None, waits[tries] if tries < len(waits) else None, is_failure=True)
