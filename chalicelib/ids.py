"""Create ids, tokens and secrets, and parse tokens."""

import base64
import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from chalicelib.core.domain.guesses import can_be_guessed

_SECRET_BYTES = 32
_SECRET_LENGTH = 43
_ID_LENGTH = 22
_CHECKSUM_LENGTH = 6
_ULID_LENGTH = 26
_PLATFORM_TOKEN = re.compile(r"dvd_fed_[0-9a-f]{64}")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class TokenKind(StrEnum):
    """The bearer tokens of people, integrators and directories, by their prefixes."""

    TOOLS = "flux-tools-"
    PERSONAL = "flux-in-pers-"
    SCIM = "flux-scim-"
    KEY = "dvd_"


_KINDS = tuple(TokenKind)


class SignInSecret(StrEnum):
    """The secrets by which people who sign in are known, by their prefixes. None of them is a bearer token.

    A session is in a cookie. A sign-in code begins one, a ticket opens one socket for one, and a challenge is answered
    by a passkey; these work once.
    """

    SESSION = "fxs_"
    CODE = "fxc_"
    TICKET = "fxt_"
    CHALLENGE = "fxp_"


class PathSecret(StrEnum):
    """The secrets in the path of an address, for senders that can set no header. None of them is a bearer token."""

    INGEST = "flux-ingest-"


class InstanceCredential(StrEnum):
    """The credentials of other instances: the token that we issued, or the key that the instance registered with."""

    PLATFORM = "platform token"
    INSTANCE = "instance key"


CredentialKind = TokenKind | SignInSecret | PathSecret | InstanceCredential


@dataclass(frozen=True)
class PresentedToken:
    """A well-formed token from a request, without its text.

    `sealing_key` derives from the text and is never stored, so only the bearer of the token can open what it seals.
    `can_be_guessed` holds for keys that others chose, and chose short. A session that `stays_idle` is used without its
    person doing something. One that `is_vouched` for was recognised by another secret, which stands for it.
    """

    kind: CredentialKind
    row_id: str
    secret_hash: str
    sealing_key: bytes = field(repr=False)
    can_be_guessed: bool = False
    stays_idle: bool = False
    is_vouched: bool = False


@dataclass(frozen=True)
class MintedToken:
    """A new token. `text` is shown once; the other members may be stored."""

    kind: CredentialKind
    text: str
    row_id: str
    secret_hash: str

    @property
    def visible_prefix(self) -> str:
        """The beginning of the token, which may be shown later to recognise it."""
        return f"{self.text[:12]}..."


def new_request_id() -> str:
    return f"req_{secrets.token_urlsafe(15)}"


def new_nonce() -> str:
    """A random text that identifies one attempt."""
    return secrets.token_urlsafe(9)


def new_ulid(now: datetime) -> str:
    """A new ULID: 26 characters that sort by their time of creation, to the millisecond."""
    number = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def is_ulid(text: str) -> bool:
    return len(text) == _ULID_LENGTH and set(text) <= set(_CROCKFORD)


def key_from_hash(secret_hash: str) -> PresentedToken:
    """The `dvd_` key with this hash, without its sealing key; for requests after the one that presented it."""
    return PresentedToken(TokenKind.KEY, secret_hash, secret_hash, b"")


def session_from_hash(secret_hash: str) -> PresentedToken:
    """The session with this hash, for what happens without its person doing something."""
    return PresentedToken(SignInSecret.SESSION, secret_hash, secret_hash, b"", stays_idle=True)


def new_signing_secret() -> str:
    """A new secret of 256 random bits to sign callbacks with."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def mint_token(kind: TokenKind, grant_id: str | None = None, *, secret: bytes | None = None) -> MintedToken:
    """Create a token with 256 random bits, or with the 32 bytes of `secret`.

    Tokens contain the id of their grant, so a rotated token has the same row and the same
    counters. A `dvd_` key has no such id, and its row is found by the hash.
    """
    body = _encode(UUID(grant_id).bytes) if grant_id else ""
    body += _encode(secret or secrets.token_bytes(_SECRET_BYTES))
    text = f"{kind}{body}{_checksum(kind + body)}"
    parsed = parse_token(text)
    assert parsed is not None
    return MintedToken(kind, text, parsed.row_id, parsed.secret_hash)


def mint_sign_in_secret(kind: SignInSecret | PathSecret, *, secret: bytes | None = None) -> MintedToken:
    """Create a session, a sign-in code, a ticket or a challenge, of 256 random bits or of the 32 bytes of `secret`."""
    text = f"{kind}{_encode(secret or secrets.token_bytes(_SECRET_BYTES))}"
    text += _checksum(text)
    presented = _by_hash(kind, text)
    return MintedToken(kind, text, presented.row_id, presented.secret_hash)


def parse_sign_in_secret(kind: SignInSecret | PathSecret, text: str) -> PresentedToken | None:
    """Parse a session, code, ticket or challenge; None if it is of another kind, or its checksum is wrong."""
    signed = text[:-_CHECKSUM_LENGTH]
    fits = len(signed) == len(kind) + _SECRET_LENGTH and text.startswith(kind) and text.isascii()
    return _by_hash(kind, text) if fits and _checksum(signed) == text[-_CHECKSUM_LENGTH:] else None


def mint_platform_token(*, secret: bytes | None = None) -> MintedToken:
    """Create a token of 256 random bits, or of the 32 bytes of `secret`, for an instance that registers here."""
    text = f"dvd_fed_{(secret or secrets.token_bytes(_SECRET_BYTES)).hex()}"
    presented = _by_hash(InstanceCredential.PLATFORM, text)
    return MintedToken(presented.kind, text, presented.row_id, presented.secret_hash)


def vouched_token(kind: TokenKind, row_id: str) -> PresentedToken:
    """The token of this row, for a sender who was recognised by another secret that stands for it."""
    return PresentedToken(kind, row_id, "", b"", is_vouched=True)


def mask_path(path: str) -> str:
    """Return the path of an address without the secret in it. It stays a URI reference (RFC 3986)."""
    for mark in (PathSecret.INGEST, "/email/unsubscribe/"):
        head, found, rest = path.partition(mark)
        if rest:
            return f"{head}{found}***"
    return path


def instance_key(text: str) -> PresentedToken:
    """The key of an instance, which may be any text, since the instance chose it."""
    return replace(_by_hash(InstanceCredential.INSTANCE, text), can_be_guessed=can_be_guessed(text))


def parse_token(text: str) -> PresentedToken | None:
    """Parse a token; None if its form or its checksum is wrong, so that typing errors cost no store call."""
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


def _by_hash(kind: CredentialKind, text: str, row_id: str | None = None) -> PresentedToken:
    raw = text.encode("utf-8", "surrogatepass")
    secret_hash = hashlib.sha256(raw).hexdigest()
    return PresentedToken(kind, row_id or secret_hash, secret_hash, hashlib.sha256(b"reply" + raw).digest())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _checksum(text: str) -> str:
    return _encode(zlib.crc32(text.encode()).to_bytes(4))
