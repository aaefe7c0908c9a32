"""Add, list, rename and remove passkeys, and sign in with one."""

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim, StoredReply
from chalicelib.core.domain.person_refs import person_ref
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Action
from chalicelib.ids import MintedToken, PresentedToken
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import People
from chalicelib.tokens.domain.passkeys import (
    Challenge,
    Claimed,
    CredentialIn,
    NewCredential,
    NewCredentialIn,
    Passkey,
    PasskeyIn,
    PasskeyOptionsOut,
    PasskeyOut,
    PasskeyRefused,
    PasskeyRename,
    Used,
    to_transports,
)
from chalicelib.tokens.services.sessions import moment_of

log = logging.getLogger("fluxden")

NOT_ACCEPTED = "This passkey was not accepted. Try again, or sign in another way."
_TOO_LATE = "This took too long, or was done already. Try again."
_NO_PASSKEY = "Passkey not found."


class Passkeys(Protocol):
    """Stores passkeys and challenges."""

    def add_challenge(self, challenge: MintedToken, browser: str, user_id: str | None, *, now: datetime) -> None: ...
    def find_challenge(self, challenge: PresentedToken) -> Challenge | None: ...
    def find_both(self, challenge: PresentedToken, credential_id: bytes) -> tuple[Challenge | None, Passkey | None]: ...
    def drop_challenge(self, challenge: PresentedToken) -> None: ...
    def add(self, passkey: Passkey, challenge: PresentedToken, browser: str, *, now: datetime) -> None: ...
    def use_actions(
        self, passkey: Passkey, used: Used, challenge: PresentedToken, browser: str, *, now: datetime
    ) -> list[Action]: ...
    def note_counted_back(self, passkey: Passkey, *, now: datetime) -> None: ...
    def list_of(self, user_id: str) -> list[Passkey]: ...
    def rename(self, passkey_id: str, name: str, *, user_id: str, claim: Claim | None, reply: StoredReply) -> bool: ...
    def remove(self, passkey_id: str, *, user_id: str, claim: Claim | None = None) -> bool: ...


class Authenticators(Protocol):
    """Asks authenticators, and verifies what they answer."""

    def ask_for_new(self, challenge: str, person: Person, known: Iterable[Passkey]) -> PasskeyOptionsOut: ...
    def ask(self, challenge: str) -> PasskeyOptionsOut: ...
    def read_new(self, credential: NewCredentialIn) -> Claimed: ...
    def read(self, credential: CredentialIn) -> Claimed: ...
    def verify_new(self, credential: NewCredentialIn, challenge: str) -> NewCredential: ...
    def verify(self, credential: CredentialIn, challenge: str, passkey: Passkey) -> Used: ...


@dataclass(frozen=True)
class Ceremony:
    """One exchange with an authenticator. `browser` is the cookie of the browser that asks or answers.

    `parse_challenge` returns a challenge of ours; None for any other text.
    """

    browser: str
    parse_challenge: Callable[[str], PresentedToken | None]
    authenticators: Authenticators
    passkeys: Passkeys

    @property
    def browser_hash(self) -> str:
        return hashlib.sha256(self.browser.encode()).hexdigest()


def ask_for_passkey(
    ceremony: Ceremony, challenge: MintedToken, *, owner: ApiKey, people: People, now: datetime
) -> PasskeyOptionsOut:
    """Store a challenge for a new passkey of the owner. Store calls after authentication: 3; 4 if they have passkeys.

    Raises:
        Forbidden: the key expires, and a passkey would outlive it; or its owner is not active.
    """
    _check_lasting(owner)
    person = people.find_person(owner.user_id)
    if person is None or not person.active:
        raise Forbidden("You are not an active employee.")
    known = ceremony.passkeys.list_of(owner.user_id)
    ceremony.passkeys.add_challenge(challenge, ceremony.browser_hash, owner.user_id, now=now)
    return ceremony.authenticators.ask_for_new(challenge.text, person, known)


def add_passkey(
    request: PasskeyIn, ceremony: Ceremony, *, owner: ApiKey, hash_of: Callable[[bytes], str], now: datetime
) -> PasskeyOut:
    """Add a passkey of the owner, if it answers a challenge of theirs in the same browser.

    Store calls after authentication: 2.

    Raises:
        Invalid: the answer is not good.
        Conflict: the challenge is not open, the passkey is known, or the owner has as many as they may.
        Forbidden: the key expires, or its owner is not active.
    """
    _check_lasting(owner)
    try:
        claimed = ceremony.authenticators.read_new(request.credential)
        challenge = ceremony.parse_challenge(claimed.challenge)
        found = ceremony.passkeys.find_challenge(challenge) if challenge else None
        if not (challenge and found and found.is_open(ceremony.browser_hash, owner.user_id, now=now.timestamp())):
            raise Conflict(_TOO_LATE)
        try:
            made = ceremony.authenticators.verify_new(request.credential, claimed.challenge)
        except PasskeyRefused:
            ceremony.passkeys.drop_challenge(challenge)
            raise
    except PasskeyRefused as refused:
        log.warning("passkey not added: %s", refused.detail, extra={"person": person_ref(owner.user_id)})
        reason = "The authenticator's answer was not accepted."
        raise Invalid(reason, {"credential": [reason]}) from refused
    passkey = Passkey(
        hash_of(made.credential_id),
        owner.user_id,
        made.credential_id,
        made.public_key,
        made.sign_count,
        request.name,
        to_transports(request.credential.response.transports),
        made.backed_up,
        timestamp(now),
    )
    ceremony.passkeys.add(passkey, challenge, ceremony.browser_hash, now=now)
    return to_response(passkey)


def ask_to_sign_in(ceremony: Ceremony, challenge: MintedToken, *, now: datetime) -> PasskeyOptionsOut:
    """Store a challenge for whoever signs in with this browser. Store calls: 1."""
    ceremony.passkeys.add_challenge(challenge, ceremony.browser_hash, None, now=now)
    return ceremony.authenticators.ask(challenge.text)


@dataclass(frozen=True)
class Proof:
    """Who signs in, and the actions that use up what proves it, which are written with the session."""

    person: Person
    actions: list[Action]


def prove(credential: CredentialIn, ceremony: Ceremony, *, people: People, now: datetime) -> Proof:
    """Verify the answer to a challenge, and return who gave it. Store calls: 2; 1 more for a refused answer.

    Raises:
        Unauthorized: the answer is not good, its challenge is not open in this browser, or its person is not active.
    """
    try:
        claimed = ceremony.authenticators.read(credential)
    except PasskeyRefused as refused:
        raise _refusal(refused.detail) from refused
    if not (challenge := ceremony.parse_challenge(claimed.challenge)):
        raise _refusal("the challenge is not of this desk")
    found, passkey = ceremony.passkeys.find_both(challenge, claimed.credential_id)
    if not (found and found.is_open(ceremony.browser_hash, None, now=now.timestamp())):
        log.warning("sign-in with a passkey refused: the challenge is not open in this browser")
        raise Unauthorized(_TOO_LATE)
    try:
        used = _verify(credential, claimed, passkey, ceremony, now)
    except PasskeyRefused as refused:
        ceremony.passkeys.drop_challenge(challenge)
        raise _refusal(refused.detail) from refused
    assert passkey is not None
    person = people.find_person(passkey.user_id)
    if person is None or not person.active:
        raise Unauthorized("Your account is not active. Ask an operator.")
    browser = ceremony.browser_hash
    return Proof(person, ceremony.passkeys.use_actions(passkey, used, challenge, browser, now=now))


def list_passkeys(*, owner: ApiKey, passkeys: Passkeys) -> list[PasskeyOut]:
    """List the owner's passkeys, newest first. Store calls after authentication: 2; one when there are none."""
    return [to_response(each) for each in passkeys.list_of(owner.user_id)]


def rename_passkey(request: PasskeyRename, *, owner: ApiKey, context: RequestContext, passkeys: Passkeys) -> None:
    """Give one of the owner's passkeys another name. Store calls after authentication: 1.

    Raises:
        NotFound: the passkey is unknown, or another person's.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    if not passkeys.rename(request.id, request.name, user_id=owner.user_id, claim=context.claim, reply={}):
        raise NotFound(_NO_PASSKEY)


def remove_passkey(passkey_id: str, *, owner: ApiKey, context: RequestContext, passkeys: Passkeys) -> None:
    """Remove one of the owner's passkeys. Sessions that it began go on. Store calls after authentication: 1.

    Raises:
        NotFound: the passkey is unknown, or another person's.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    if not passkeys.remove(passkey_id, user_id=owner.user_id, claim=context.claim):
        raise NotFound(_NO_PASSKEY)


def to_response(passkey: Passkey) -> PasskeyOut:
    used, back = passkey.last_used_at, passkey.counted_back_at
    return PasskeyOut(
        id=passkey.passkey_id,
        name=passkey.name,
        transports=list(passkey.transports),
        is_backed_up=passkey.backed_up,
        created_at=passkey.created_at,
        last_used_at=None if used is None else moment_of(used),
        counted_back_at=None if back is None else moment_of(back),
    )


def _verify(
    credential: CredentialIn, claimed: Claimed, passkey: Passkey | None, ceremony: Ceremony, now: datetime
) -> Used:
    if passkey is None:
        raise PasskeyRefused("the passkey is not known")
    if claimed.user_handle != passkey.user_id.encode():
        raise PasskeyRefused("the passkey is another person's")
    used = ceremony.authenticators.verify(credential, claimed.challenge, passkey)
    if (used.sign_count or passkey.sign_count) and used.sign_count <= passkey.sign_count:
        ceremony.passkeys.note_counted_back(passkey, now=now)
        raise PasskeyRefused(
            f"the count of {passkey.user_id}'s passkey went from {passkey.sign_count} to {used.sign_count}"
        )
    return used


def _check_lasting(owner: ApiKey) -> None:
    # A passkey has no end, so who has a key for an hour would have access for ever.
    if owner.expires_at is not None:
        raise Forbidden("An API key that expires can't add a passkey. Sign in, or use a key that does not expire.")


def _refusal(detail: str) -> Unauthorized:
    log.warning("sign-in with a passkey refused: %s", detail)
    return Unauthorized(NOT_ACCEPTED)
