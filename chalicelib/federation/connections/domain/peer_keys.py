"""The keys that peers publish at their own addresses, and when they are fetched again."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic_core import ValidationError

from chalicelib.core.domain.fields import OpenIn
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.retries import PEER_KEY_RETRIES
from chalicelib.federation.connections.domain.connections import PeerKey
from chalicelib.federation.connections.domain.handshake import Introduction

PATH = "/.well-known/fluxden"
# An unknown key causes another fetch at most this often.
PAUSE = timedelta(minutes=10)

_MOST_KEYS = 2
_OUR_FAULT_BELOW = 500
_ASKED_TOO_MUCH = frozenset((408, 425, 429))


class PublishedKeys(OpenIn):
    """The description that a Fluxden desk publishes, as far as it is needed here."""

    software: str
    keys: list[Introduction]


@dataclass(frozen=True)
class KeysOutcome:
    """The outcome of fetching keys. `keys` is None after a failure; `due_in` is the time until the next fetch."""

    keys: tuple[PeerKey, ...] | None
    due_in: timedelta | None


def outcome_of(answer: HttpResult, tries: int) -> KeysOutcome:
    """Return the outcome of a fetch after `tries` failures in a row.

    A desk that answers anything but its description publishes no keys. A rate limit counts as a failure.
    """
    if answer.error is None:
        return KeysOutcome(_published(answer.body), None)
    if answer.status is not None and answer.status < _OUR_FAULT_BELOW and answer.status not in _ASKED_TOO_MUCH:
        return KeysOutcome((), None)
    # After the last retry, only a request that is signed with an unknown key causes another fetch.
    waits = PEER_KEY_RETRIES.waits[1:]
    return KeysOutcome(None, waits[tries] if tries < len(waits) else None)


def _published(body: bytes) -> tuple[PeerKey, ...]:
    try:
        said = PublishedKeys.model_validate_json(body)
    except ValidationError:
        return ()
    return tuple(each.key for each in said.keys[:_MOST_KEYS]) if said.software == "fluxden" else ()
