"""Confirmations: whether the desk at a claimed address says that a connection is its own."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from pydantic_core import ValidationError

from chalicelib.core.domain.fields import OpenIn
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.federation.connections.domain.connections import PeerKey, Proof
from chalicelib.federation.connections.domain.handshake import Introduction
from chalicelib.federation.connections.domain.origins import canonical_origin

DESCRIPTION_PATH = "/.well-known/fluxden"
# A desk publishes its present key and the one before it.
_MOST_KEYS = 2
# Other kinds of keys may stand before them.
_MOST_KEYS_READ = 20
_OUR_FAULT_BELOW = 500
_ASKED_TOO_MUCH = frozenset((408, 425, 429))


class _Description(OpenIn):
    """The description that a Fluxden desk publishes, as far as other desks need it. Only `software` tells a desk."""

    software: str
    url: Any = None
    keys: Any = None


class _ConnectionAnswer(OpenIn):
    status: str


class _Confirmation(OpenIn):
    """The description with what the desk says of one connection."""

    software: str
    connection: _ConnectionAnswer


@dataclass(frozen=True)
class PeerDescription:
    """What a desk says of itself at its own address: its canonical address, if it names one, and its keys.

    A desk that publishes anything as keys signs, also if none of them can be read here.
    """

    url: str | None
    keys: tuple[PeerKey, ...]
    signs: bool


class Verdict(StrEnum):
    """What asking the claimed desk brought."""

    CONFIRMED = "confirmed"
    # It speaks for itself, and does not know the request; or its signature is not that of the request.
    REFUTED = "refuted"
    # It can't answer such a question, as plain clients of the contract.
    UNVERIFIABLE = "unverifiable"
    # It did not answer now.
    UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Finding:
    """The verdict on a request, and why; with the origin, the keys and the proof that count from now on.

    `result` is the failed look-up of a desk that was not reached. `signs` is whether the desk publishes keys, or did so
    before.
    """

    verdict: Verdict
    origin: str
    reason: str = ""
    keys: tuple[PeerKey, ...] = ()
    proof: Proof | None = None
    result: HttpResult | None = None
    signs: bool = False


def question_url(origin: str, token_hash: str, own_url: str) -> str:
    """Return the URL that asks a desk whether it has a connection with this desk under the token with this hash.

    Only who has the token knows its hash, and the hash opens nothing.
    """
    return f"{origin}{DESCRIPTION_PATH}?{urlencode({'connection': token_hash, 'to': own_url})}"


def parse_description(body: bytes) -> PeerDescription | None:
    """Read what a desk publishes at its own address; None if it is no description."""
    try:
        said = _Description.model_validate_json(body)
    except ValidationError:
        return None
    if said.software != "fluxden":
        return None
    try:
        url = canonical_origin(said.url) if isinstance(said.url, str) and said.url else None
    except ValueError:
        url = None
    published = said.keys if isinstance(said.keys, list) else []
    readable = [key for each in published[:_MOST_KEYS_READ] if (key := _read_key(each))]
    return PeerDescription(url, tuple(readable[:_MOST_KEYS]), signs=bool(said.keys))


def _read_key(published: Any) -> PeerKey | None:
    try:
        return Introduction.model_validate(published).key
    except ValidationError:
        return None


def parse_connection_status(body: bytes) -> str | None:
    """Read what a desk says of the connection it was asked about; None if it says nothing."""
    try:
        said = _Confirmation.model_validate_json(body)
    except ValidationError:
        return None
    return said.connection.status if said.software == "fluxden" else None


def redirected_origin(answer: HttpResult, url: str) -> str | None:
    """Return the origin to which the look-up at `url` was redirected; None if it was not, or to no description.

    Only another https address counts, or the scheme of `url` itself: nobody on the way can have changed it.
    """
    target = answer.location or ""
    if not target.endswith(DESCRIPTION_PATH):
        return None
    try:
        origin = canonical_origin(target.removesuffix(DESCRIPTION_PATH))
    except ValueError:
        return None
    is_safe = origin.startswith("https://") or origin.partition(":")[0] == url.partition(":")[0]
    return origin if is_safe and origin != url else None


def is_no_description(result: HttpResult) -> bool:
    """Whether the answer shows that the desk publishes no description, rather than that it fails now."""
    if result.error is None:
        return True
    if not result.sent:
        return False
    status = result.status
    return status is not None and status < _OUR_FAULT_BELOW and status not in _ASKED_TOO_MUCH
