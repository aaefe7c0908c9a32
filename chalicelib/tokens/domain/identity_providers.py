"""Providers of identities, as OpenID Connect names them: what they must say of a person who signs in."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from chalicelib.core.domain.fields import Out

# Of what a provider signs. `none` and shared secrets are not among them.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
SCOPES = "openid email profile"
ATTEMPT_COOKIE = "__Host-fluxden-sign-in"
ATTEMPT_SECONDS = 600
_LEEWAY_SECONDS = 60
_LONGEST_SUBJECT = 255
_LONGEST_NAME = 200


class SignInError(StrEnum):
    """Why nobody was signed in; the sign-in page has words for each."""

    UNKNOWN_PROVIDER = "unknown-provider"
    STOPPED = "stopped"
    EXPIRED = "expired"
    UNREACHABLE = "unreachable"
    INVALID = "invalid"
    UNVERIFIED = "unverified"
    DOMAIN = "domain"
    NO_ACCOUNT = "no-account"
    INACTIVE = "inactive"
    OTHER_ACCOUNT = "other-account"
    BUSY = "busy"


class SignInRefused(Exception):
    """Nobody is signed in. `detail` is for the log: it may name what the provider said, and no secret."""

    def __init__(self, error: SignInError, detail: str) -> None:
        super().__init__(detail)
        self.error, self.detail = error, detail


@dataclass(frozen=True)
class Provider:
    """A provider as an operator set it up.

    Only addresses of `domains` sign in; with none, all do. `creates_people` registers who is not an employee yet.
    Members of `operator_group`, found in the claim `groups_claim`, are operators, and others are not. With
    `trusts_emails` addresses count without `email_verified`, for providers that only the company writes to.
    """

    provider_id: str
    name: str
    issuer: str
    client_id: str
    domains: frozenset[str] = frozenset()
    creates_people: bool = False
    operator_group: str | None = None
    groups_claim: str = "groups"
    trusts_emails: bool = False


@dataclass(frozen=True)
class Discovery:
    """What a provider publishes about itself (OpenID Connect Discovery 1.0), with its keys (RFC 7517)."""

    authorization_endpoint: str
    token_endpoint: str
    takes_secret_in_body: bool
    jwks_uri: str
    user_info_endpoint: str | None
    keys: Mapping[str, Any]
    read_at: int


@dataclass(frozen=True)
class Tokens:
    """What a code stands for."""

    id_token: str
    access_token: str = field(repr=False)


@dataclass(frozen=True)
class Identity:
    """A person as their provider knows them. `email` is lower-case."""

    issuer: str
    subject: str
    email: str
    name: str
    groups: frozenset[str]


@dataclass(frozen=True)
class Attempt:
    """One attempt to sign in. All of it follows from the secret that only the browser has, in a cookie."""

    secret: str

    @property
    def state(self) -> str:
        return self._derive("state")

    @property
    def nonce(self) -> str:
        return self._derive("nonce")

    @property
    def verifier(self) -> str:
        """The code verifier (RFC 7636)."""
        return self._derive("verifier")

    @property
    def challenge(self) -> str:
        """The code challenge, by S256."""
        return _encode(hashlib.sha256(self.verifier.encode()).digest())

    def is_of(self, state: str) -> bool:
        return hmac.compare_digest(self.state.encode(), state.encode("utf-8", "replace"))

    def _derive(self, use: str) -> str:
        return _encode(hmac.digest(self.secret.encode(), use.encode(), "sha256"))


class SignInProviderOut(Out):
    """A provider that people can sign in with."""

    id: str
    name: str = Field(description="What the button says.")


def attempt_cookie(attempt: Attempt) -> str:
    return f"{ATTEMPT_COOKIE}={attempt.secret}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={ATTEMPT_SECONDS}"


def ended_attempt_cookie() -> str:
    return f"{ATTEMPT_COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"


def read_discovery(document: Mapping[str, Any], issuer: str) -> dict[str, Any]:
    """Return the members of a discovery document that signing in needs.

    Raises:
        SignInRefused: one is missing, or the document is of another issuer.
    """
    if document.get("issuer") != issuer:
        raise SignInRefused(SignInError.INVALID, f"the provider calls itself {document.get('issuer')!r}")
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    if missing := [name for name in names if not isinstance(document.get(name), str)]:
        raise SignInRefused(SignInError.INVALID, f"the discovery document has no {', '.join(missing)}")
    methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    user_info = document.get("userinfo_endpoint")
    return {name: document[name] for name in names} | {
        "takes_secret_in_body": "client_secret_basic" not in methods,
        "user_info_endpoint": user_info if isinstance(user_info, str) else None,
    }


def check_claims(claims: Mapping[str, Any], provider: Provider, *, nonce: str, now: datetime) -> None:
    """Check that a verified ID token is for this desk and this attempt (OpenID Connect Core 1.0, 3.1.3.7).

    Raises:
        SignInRefused: it is not.
    """
    seconds = now.timestamp()
    audiences = claims.get("aud")
    audiences = audiences if isinstance(audiences, list) else [audiences]
    flaw = (
        "issuer"
        if claims.get("iss") != provider.issuer
        else "audience"
        if provider.client_id not in audiences or claims.get("azp", provider.client_id) != provider.client_id
        else "nonce"
        if not hmac.compare_digest(str(claims.get("nonce")).encode(), nonce.encode())
        else "expiry"
        if not _is_time(claims.get("exp")) or claims["exp"] + _LEEWAY_SECONDS <= seconds
        else "time of issue"
        if not _is_time(claims.get("iat")) or claims["iat"] - _LEEWAY_SECONDS > seconds
        else "subject"
        if not _is_subject(claims.get("sub"))
        else None
    )
    if flaw:
        raise SignInRefused(SignInError.INVALID, f"the ID token has a wrong {flaw}")


def read_identity(claims: Mapping[str, Any], provider: Provider) -> Identity:
    """Return whom checked claims name.

    Raises:
        SignInRefused: they say too little, or the address is not let in.
    """
    email = claims.get("email")
    if not isinstance(email, str) or "@" not in email:
        raise SignInRefused(SignInError.UNVERIFIED, "the ID token has no address")
    # Some providers send the boolean as a text.
    verified = claims.get("email_verified", "absent")
    if verified not in (True, "true") and not (provider.trusts_emails and verified == "absent"):
        raise SignInRefused(SignInError.UNVERIFIED, "the address is not verified")
    if provider.domains and email.lower().rpartition("@")[2] not in provider.domains:
        raise SignInRefused(SignInError.DOMAIN, "the address is of another domain")
    groups = claims.get(provider.groups_claim)
    named = frozenset(each for each in groups if isinstance(each, str)) if isinstance(groups, list) else frozenset()
    return Identity(provider.issuer, claims["sub"], email.lower(), _name(claims.get("name"), email), named)


def _name(stated: Any, email: str) -> str:
    text = re.sub(
        r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+", " ", stated if isinstance(stated, str) else ""
    )
    return text.strip()[:_LONGEST_NAME] or email.partition("@")[0]


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_subject(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= _LONGEST_SUBJECT


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
