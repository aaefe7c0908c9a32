"""Ids and secrets: how they are made, and how a token is read."""

import base64
import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

_SECRET_BYTES = 32
_SECRET_LENGTH = 43
_ID_LENGTH = 22
_CHECKSUM_LENGTH = 6
_ULID_LENGTH = 26
_PLATFORM_TOKEN = re.compile(r"dvd_fed_[0-9a-f]{64}")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class TokenKind(StrEnum):
    """The three bearer tokens of people and integrators, by the prefix that tells them apart."""

    TOOLS = "flux-tools-"
    PERSONAL = "flux-in-pers-"
    KEY = "dvd_"


_KINDS = tuple(TokenKind)


class InstanceCredential(StrEnum):
    """What another instance identifies itself with: a token we gave it, or the key it registered with."""

    PLATFORM = "platform token"
    INSTANCE = "instance key"


@dataclass(frozen=True)
class PresentedToken:
    """A well-formed token as a caller sent it: never its text, only what is derived from it.

    `sealing_key` is no more stored than the text, so what it seals opens for bearers of this token only.
    """

    kind: TokenKind | InstanceCredential
    row_id: str
    secret_hash: str
    sealing_key: bytes = field(repr=False)


@dataclass(frozen=True)
class MintedToken:
    """A new token: `text` is shown once, the rest is what may be stored."""

    kind: TokenKind | InstanceCredential
    text: str
    row_id: str
    secret_hash: str

    @property
    def shown(self) -> str:
        """The beginning that may be shown later, to tell keys apart."""
        return f"{self.text[:12]}..."


def request_id() -> str:
    return f"req_{secrets.token_urlsafe(15)}"


def nonce() -> str:
    """A random word that tells one attempt from the others made at about the same time."""
    return secrets.token_urlsafe(9)


def sortable(now: datetime) -> str:
    """A new ULID: 26 characters that sort by the time they were made at, to the millisecond."""
    number = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def is_sortable(text: str) -> bool:
    return len(text) == _ULID_LENGTH and set(text) <= set(_CROCKFORD)


def known_key(secret_hash: str) -> PresentedToken:
    """A `dvd_` key that was presented before, of which only the hash was kept."""
    return PresentedToken(TokenKind.KEY, secret_hash, secret_hash, b"")


def signing_secret() -> str:
    """A new secret for signing callbacks, of 256 random bits."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def mint_token(kind: TokenKind, grant_id: str | None = None, *, secret: bytes | None = None) -> MintedToken:
    """Make a token of 256 bits: random ones, or the 32 bytes of `secret`.

    Tools and personal tokens carry their grant's id, so that a rotated token finds the same row
    and the same counters; a `dvd_` key has no such id and is found by its hash.
    """
    body = _encode(UUID(grant_id).bytes) if grant_id else ""
    body += _encode(secret or secrets.token_bytes(_SECRET_BYTES))
    text = f"{kind}{body}{_checksum(kind + body)}"
    parsed = parse_token(text)
    assert parsed is not None
    return MintedToken(kind, text, parsed.row_id, parsed.secret_hash)


def platform_token() -> MintedToken:
    """A new token for an instance that registers here, of 256 random bits."""
    text = f"dvd_fed_{secrets.token_hex(_SECRET_BYTES)}"
    presented = _by_hash(InstanceCredential.PLATFORM, text)
    return MintedToken(presented.kind, text, presented.row_id, presented.secret_hash)


def instance_key(text: str) -> PresentedToken:
    """The key of an instance, which has chosen it itself: it may be any text."""
    return _by_hash(InstanceCredential.INSTANCE, text)


def parse_token(text: str) -> PresentedToken | None:
    """Read a token; None when its form or its checksum is wrong, so that typing errors cost no store call."""
    if _PLATFORM_TOKEN.fullmatch(text):
        return _by_hash(InstanceCredential.PLATFORM, text)
    kind = next((kind for kind in _KINDS if text.startswith(kind)), None)
    if kind is None:
        return None
    signed, id_length = text[:-_CHECKSUM_LENGTH], 0 if kind is TokenKind.KEY else _ID_LENGTH
    fits = len(signed) == len(kind) + id_length + _SECRET_LENGTH and text.isascii()
    if not fits or _checksum(signed) != text[-_CHECKSUM_LENGTH:]:
        return None
    if kind is TokenKind.KEY:
        return _by_hash(kind, text)
    try:
        grant_id = UUID(bytes=base64.urlsafe_b64decode(signed[len(kind) :][:_ID_LENGTH] + "=="))
    except ValueError:
        return None
    return _by_hash(kind, text, str(grant_id))


def _by_hash(kind: TokenKind | InstanceCredential, text: str, row_id: str | None = None) -> PresentedToken:
    raw = text.encode("utf-8", "surrogatepass")
    secret_hash = hashlib.sha256(raw).hexdigest()
    return PresentedToken(kind, row_id or secret_hash, secret_hash, hashlib.sha256(b"reply" + raw).digest())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _checksum(text: str) -> str:
    return _encode(zlib.crc32(text.encode()).to_bytes(4))
