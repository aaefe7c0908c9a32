"""Passkeys, as Web Authentication (W3C, level 3) has them: who they are for, and what is kept and shown of them."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.fields import In, Line, Omittable, OpenIn, Out, Query, TimeOut

# Names the browser that got a challenge, so that no other can answer it.
BROWSER_COOKIE = "__Host-fluxden-passkey"
CHALLENGE_LIFETIME = timedelta(minutes=5)
_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_LONGEST_TRANSPORT = 32
_MOST_TRANSPORTS = 8

_Encoded = Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9_-]+={0,2}$")]
# A credential id has 1023 bytes at most.
_Id = Annotated[_Encoded, Field(max_length=1400)]
_Part = Annotated[_Encoded, Field(max_length=8000)]


@dataclass(frozen=True)
class RelyingParty:
    """This desk, as authenticators know it: the domain that passkeys are for, and the origin of its pages."""

    id: str
    origin: str


@dataclass(frozen=True)
class Challenge:
    """A challenge that waits for its answer. `browser` is the hash of the browser's cookie.

    A passkey is added for `user_id`; without it somebody signs in. It ends at `expires_at`, in epoch seconds.
    """

    browser: str
    expires_at: int
    user_id: str | None = None

    def is_open(self, browser: str, user_id: str | None, *, now: float) -> bool:
        """Whether this browser may answer it now, for this person."""
        return (self.browser, self.user_id) == (browser, user_id) and self.expires_at > now


@dataclass(frozen=True)
class NewCredential:
    """What an authenticator made. The public key is in COSE form (RFC 9052)."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    backed_up: bool


@dataclass(frozen=True)
class Passkey:
    """A passkey of a person. `passkey_id` is the SHA-256 of its credential's id. Times are in epoch seconds.

    `sign_count` is what the authenticator counted; those that share a passkey between devices don't count.
    `counted_back_at` is when somebody signed with a smaller count, as a copy would.
    """

    passkey_id: str
    user_id: str
    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    name: str
    transports: tuple[str, ...]
    backed_up: bool
    created_at: str
    last_used_at: int | None = None
    counted_back_at: int | None = None


@dataclass(frozen=True)
class Claimed:
    """What an answer says of itself before anything of it is verified."""

    challenge: str
    credential_id: bytes
    user_handle: bytes | None = None


@dataclass(frozen=True)
class Used:
    """What a verified answer says of the use of a passkey."""

    sign_count: int
    backed_up: bool


class PasskeyRefused(Exception):
    """An answer of an authenticator is not good. `detail` is for the log."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class _Attestation(OpenIn):
    client_data: _Part = Field(alias="clientDataJSON")
    attestation_object: Annotated[_Encoded, Field(max_length=40_000)] = Field(alias="attestationObject")
    transports: Omittable[
        Annotated[list[Annotated[Line, Field(max_length=_LONGEST_TRANSPORT)]], Field(max_length=_MOST_TRANSPORTS)]
    ] = Field(None)


class _Assertion(OpenIn):
    client_data: _Part = Field(alias="clientDataJSON")
    authenticator_data: _Part = Field(alias="authenticatorData")
    signature: _Part
    user_handle: _Id | None = Field(None, alias="userHandle")


class NewCredentialIn(OpenIn):
    """What `navigator.credentials.create` gave, as its `toJSON` writes it."""

    id: _Id
    raw_id: _Id = Field(alias="rawId")
    type: Literal["public-key"]
    response: _Attestation


class CredentialIn(OpenIn):
    """What `navigator.credentials.get` gave, as its `toJSON` writes it."""

    id: _Id
    raw_id: _Id = Field(alias="rawId")
    type: Literal["public-key"]
    response: _Assertion


class PasskeyIn(In):
    """A new passkey."""

    name: Line = Field(min_length=1, max_length=100, description="A name to recognise it by.")
    credential: NewCredentialIn


class PasskeyRename(In):
    """Another name for a passkey."""

    id: str = Field(min_length=1, max_length=100)
    name: Line = Field(min_length=1, max_length=100)


class PasskeyQuery(Query):
    """The passkey to remove."""

    id: str = Field(min_length=1, max_length=100)


class PasskeySignInIn(In):
    """The answer of a passkey to a challenge."""

    credential: CredentialIn


class PasskeyOptionsOut(Out):
    """What a browser asks an authenticator for. Pages parse `publicKey` with `PublicKeyCredential`."""

    public_key: dict[str, Any] = Field(description="The options, in the JSON form of Web Authentication.")


class PasskeyOut(Out):
    """A passkey of yours."""

    id: str
    name: str
    transports: list[str] = Field(description="How browsers reach it, such as `internal`, `hybrid` or `usb`.")
    is_backed_up: bool = Field(description="Whether it was copied to an account, and survives the loss of a device.")
    created_at: TimeOut
    last_used_at: TimeOut | None
    counted_back_at: TimeOut | None = Field(
        description="When a use was refused because its counter went back, as with a copy. Remove such a passkey."
    )


def relying_party(base_url: str, host: str) -> RelyingParty:
    """Return whom passkeys are for: the desk at its URL, or on this machine the `host` that the browser asked.

    Browsers have passkeys for names only, and with https only, unless the desk is on their own machine.

    Raises:
        Conflict: the desk has no address that browsers accept.
    """
    own = urlsplit(base_url)
    name = own.hostname or ""
    is_local = not name or name == "localhost" or _is_loopback(name)
    if not is_local and not _is_address(name):
        return RelyingParty(name, f"https://{own.netloc}")
    if is_local and re.fullmatch(r"localhost(:[0-9]{1,5})?", host, re.ASCII):
        return RelyingParty("localhost", f"http://{host}")
    if is_local and name:
        raise Conflict(f"Passkeys need a name. Open this desk at http://localhost:{own.port or 80} instead.")
    raise Conflict("Passkeys need an address with a name. Ask an operator to set FLUXDEN_BASE_URL.")


def browser_cookie(browser: str) -> str:
    seconds = int(CHALLENGE_LIFETIME.total_seconds())
    return f"{BROWSER_COOKIE}={browser}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={seconds}"


def is_browser(text: str) -> bool:
    """Whether a cookie can be one of ours."""
    return _BROWSER.fullmatch(text) is not None


def to_transports(stated: list[str] | None) -> tuple[str, ...]:
    """Keep what an authenticator says of how it is reached, where it is a plain word."""
    return tuple(sorted({each for each in stated or () if re.fullmatch(r"[a-z-]+", each)}))


def to_json(credential: NewCredentialIn | CredentialIn) -> Mapping[str, Any]:
    """Convert back to the JSON form of Web Authentication."""
    return credential.model_dump(mode="json", by_alias=True, exclude_none=True)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_address(name) and ipaddress.ip_address(name).is_loopback
