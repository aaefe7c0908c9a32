"""The keys that other desks publish at their own addresses: read, and asked for again when they could not be had."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic_core import ValidationError

from chalicelib.core.domain.fields import OpenIn
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.retries import PEER_KEY_RETRIES
from chalicelib.federation.connections.domain.connections import PeerKey
from chalicelib.federation.connections.domain.handshake import Introduction

PATH = "/.well-known/fluxden"
# An unknown key has the keys asked for again at most this often.
PAUSE = timedelta(minutes=10)

_MOST_KEYS = 2
_OUR_FAULT_BELOW = 500
_ASKED_TOO_MUCH = frozenset((408, 425, 429))


class PublishedKeys(OpenIn):
    """What a Fluxden desk says of itself; of its members those that matter here."""

    software: str
    keys: list[Introduction]


@dataclass(frozen=True)
class KeysOutcome:
    """What came of asking for keys: `keys`, None when they could not be had; `due_in` until it is done again."""

    keys: tuple[PeerKey, ...] | None
    due_in: timedelta | None


def outcome_of(answer: HttpResult, tries: int) -> KeysOutcome:
    """What the answer means, after so many failures before it: a desk that answers anything else publishes none.

    Who is asked too much has not answered.
    """
    if answer.error is None:
        return KeysOutcome(_published(answer.body), None)
    if answer.status is not None and answer.status < _OUR_FAULT_BELOW and answer.status not in _ASKED_TOO_MUCH:
        return KeysOutcome((), None)
    # After the last retry the keys are asked for again when a request is signed by an unknown one.
    waits = PEER_KEY_RETRIES.waits[1:]
    return KeysOutcome(None, waits[tries] if tries < len(waits) else None)


def _published(body: bytes) -> tuple[PeerKey, ...]:
    try:
        said = PublishedKeys.model_validate_json(body)
    except ValidationError:
        return ()
    return tuple(each.key for each in said.keys[:_MOST_KEYS]) if said.software == "fluxden" else ()
