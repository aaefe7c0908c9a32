"""Sign people in with a provider of identities (OpenID Connect Core 1.0, authorization code with PKCE)."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast
from urllib.parse import urlencode

from chalicelib.core.domain.errors import Conflict, RateLimited
from chalicelib.core.ports import Gather
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import Employees
from chalicelib.tokens.domain.identity_providers import (
    SCOPES,
    Attempt,
    Discovery,
    Identity,
    Provider,
    SignInError,
    SignInRefused,
    Tokens,
    check_claims,
    read_identity,
)

# After this time what a provider publishes is read again.
_KEPT_SECONDS = 24 * 3600
# A provider with new keys is read again at once, but not by every token with an unknown key.
_READ_AGAIN_SECONDS = 60


class Providers(Protocol):
    """Stores providers, and whom their subjects are."""

    def find_provider(self, provider_id: str) -> Provider | None: ...
    def read_secret(self, provider_id: str) -> str: ...
    def find_discovery(self, provider_id: str) -> Discovery | None: ...
    def save_discovery(self, provider_id: str, discovery: Discovery) -> None: ...
    def find_subject(self, identity: Identity) -> str | None: ...
    def link_subject(self, identity: Identity, user_id: str) -> bool: ...


class Caller(Protocol):
    """Calls providers."""

    def discover(self, provider: Provider, *, now: datetime) -> Discovery: ...
    def exchange(
        self, provider: Provider, discovery: Discovery, secret: str, *, code: str, verifier: str, redirect_uri: str
    ) -> Tokens: ...
    def read_user_info(self, discovery: Discovery, access_token: str) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Return:
    """How a provider sends a browser back."""

    code: str
    state: str
    issuer: str | None
    error: str | None


@dataclass(frozen=True)
class SingleSignOn:
    """Signs people in with one provider.

    `take_share` counts what makes this desk call a provider, by network address, or raises `RateLimited`.
    """

    providers: Providers
    calls: Caller
    verify: Callable[[str, Discovery], dict[str, Any]]
    redirect_uri: Callable[[str], str]
    take_share: Callable[[], None]
    gather: Gather

    def start(self, provider_id: str, attempt: Attempt, *, now: datetime) -> str:
        """Return the address at which the provider asks the person.

        Store calls in sequence: 2, and 1 a day to keep what it publishes.

        Raises:
            SignInRefused: the provider is unknown or can't be reached, or many sign in from the same network.
        """
        provider = self._find(provider_id)
        asked = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": self.redirect_uri(provider_id),
            "scope": SCOPES,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        endpoint = self._discover(provider, self._find_kept(provider), now=now).authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    def identify(self, provider_id: str, attempt: Attempt | None, back: Return, *, now: datetime) -> Identity:
        """Return who came back from the provider. Store calls in sequence: 3, and 1 when its data is read again.

        Raises:
            SignInRefused: it was another browser's attempt, the person stopped, the provider's answer is not good, or
                many sign in from the same network.
        """
        provider = self._find(provider_id)
        if attempt is None or not attempt.is_of(back.state):
            raise SignInRefused(SignInError.EXPIRED, "the state is of another attempt")
        if back.issuer is not None and back.issuer != provider.issuer:
            raise SignInRefused(SignInError.INVALID, "another issuer sent the browser back")
        if back.error is not None or not back.code:
            raise SignInRefused(SignInError.STOPPED, f"the provider sent {back.error!r}")
        discovery = self._discover(provider, self._find_kept(provider), now=now)
        secret = self.providers.read_secret(provider_id)
        tokens = self.calls.exchange(
            provider,
            discovery,
            secret,
            code=back.code,
            verifier=attempt.verifier,
            redirect_uri=self.redirect_uri(provider_id),
        )
        claims = self._verify(tokens.id_token, provider, discovery, now)
        check_claims(claims, provider, nonce=attempt.nonce, now=now)
        return read_identity(self._complete(claims, tokens, discovery), provider)

    def person_of(self, identity: Identity, *, provider_id: str, people: Employees, user_id: str) -> Person:
        """Return the employee of an identity: by subject, and the first time by verified address.

        A person who is not registered becomes `user_id`, if the provider may create people. Store calls: 3 for a
        known subject; at most 8 for a new one, and 2 more if operators change.

        Raises:
            SignInRefused: there is no such employee, they are not active, or they signed in as another subject before.
        """
        provider = self._find(provider_id)
        found = self.providers.find_subject(identity)
        person = people.find_person(found) if found else self._link(identity, provider, people, user_id)
        if person is None or not person.active:
            raise SignInRefused(SignInError.INACTIVE, "the employee is not active")
        is_operator = provider.operator_group in identity.groups
        if provider.operator_group is not None and person.operator != is_operator:
            return people.change_person(person.user_id, operator=is_operator)
        return person

    def _link(self, identity: Identity, provider: Provider, people: Employees, user_id: str) -> Person:
        person = people.find_person_by_email(identity.email)
        if person is None and provider.creates_people:
            # Another attempt of the same person may have registered them.
            with suppress(Conflict):
                people.add_person(Person(user_id, identity.email, identity.name))
            person = people.find_person_by_email(identity.email)
        if person is None:
            raise SignInRefused(SignInError.NO_ACCOUNT, "there is no employee with this address")
        # Another attempt of the same person may have linked them.
        is_linked = self.providers.link_subject(identity, person.user_id)
        if not is_linked and self.providers.find_subject(identity) != person.user_id:
            raise SignInRefused(SignInError.OTHER_ACCOUNT, "the employee signed in as another subject before")
        return person

    def _find(self, provider_id: str) -> Provider:
        provider = self.providers.find_provider(provider_id)
        if provider is None:
            raise SignInRefused(SignInError.UNKNOWN_PROVIDER, "the provider is not set up")
        return provider

    def _find_kept(self, provider: Provider) -> Discovery | None:
        """Find what the provider published when it was last read, and count the attempt beside that."""
        try:
            kept, _ = self.gather(lambda: self.providers.find_discovery(provider.provider_id), self.take_share)
        except RateLimited as refused:
            raise SignInRefused(SignInError.BUSY, "there were too many attempts from this network") from refused
        return cast("Discovery | None", kept)

    def _discover(self, provider: Provider, kept: Discovery | None, *, now: datetime, after: int = 0) -> Discovery:
        if kept and kept.read_at > max(now.timestamp() - _KEPT_SECONDS, after):
            return kept
        try:
            found = self.calls.discover(provider, now=now)
        except SignInRefused:
            # What is kept is good for longer than a provider is away.
            if kept and not after:
                return kept
            raise
        self.providers.save_discovery(provider.provider_id, found)
        return found

    def _complete(self, claims: dict[str, Any], tokens: Tokens, discovery: Discovery) -> dict[str, Any]:
        """Add what a provider says only when it is asked with the access token, as Okta and Keycloak may."""
        if "email" in claims or not (discovery.user_info_endpoint and tokens.access_token):
            return claims
        more = self.calls.read_user_info(discovery, tokens.access_token)
        if more.get("sub") != claims["sub"]:
            raise SignInRefused(SignInError.INVALID, "the user info is about another subject")
        return more | claims

    def _verify(self, token: str, provider: Provider, discovery: Discovery, now: datetime) -> dict[str, Any]:
        try:
            return self.verify(token, discovery)
        except LookupError:
            if discovery.read_at > now.timestamp() - _READ_AGAIN_SECONDS:
                raise SignInRefused(SignInError.INVALID, "the ID token has an unknown key") from None
        try:
            kept = self.providers.find_discovery(provider.provider_id)
            return self.verify(token, self._discover(provider, kept, now=now, after=discovery.read_at))
        except LookupError:
            raise SignInRefused(SignInError.INVALID, "the ID token has an unknown key") from None
