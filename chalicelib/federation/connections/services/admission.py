"""Admission of everything that other desks send: requests for a connection, what comes over one, and hubs' events.

An address is a claim until the desk at that address confirms it. A refusal of an incoming request by its sender is
decided here and nowhere else. `Admission.admit` makes the checks in order: the token, the settings, the connection and
its desk, its budget, the digest of the body, the signature. `admit_claim` decides how a connection request is taken.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from chalicelib.core.domain.addresses import network_of
from chalicelib.core.domain.budgets import SpendResult
from chalicelib.core.domain.callers import InstanceKey, PlatformToken
from chalicelib.core.domain.errors import Forbidden, NotFound, RateLimited, Unauthorized, Unavailable
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.domain.guesses import can_be_guessed, credential_hash
from chalicelib.core.domain.requests import RawRequest
from chalicelib.core.domain.signatures import is_body_digest, is_content_digest
from chalicelib.core.services.guesses import Guesses, Trial, try_credential
from chalicelib.federation.connections.domain.connections import (
    Connection,
    ConnectionStatus,
    Proof,
    Relation,
    UnknownKey,
)
from chalicelib.federation.connections.domain.federation_settings import LEAST_TOKEN, FederationMode, FederationSettings
from chalicelib.federation.connections.domain.handshake import DESTINATION_HEADER, DIGEST_HEADER, TOKEN_HEADER
from chalicelib.federation.connections.services.ports import Connections, Federation, PublishedKeys, RefuseSignature

log = logging.getLogger("fluxden")

# A worker fetches requested keys within this time.
_KEYS_WITHIN = timedelta(minutes=2)

# The states in which a connection lets each kind of request in. If several share a token, the first state wins.
_RELAYS = (ConnectionStatus.ACTIVE,)
_CONFIRMATIONS = (ConnectionStatus.ACTIVE, ConnectionStatus.PENDING)
_SIGNED_HEADERS = ("signature-input", "signature", "content-digest", DESTINATION_HEADER.lower())
_LONGEST_HEADER = 2000
# Wrong federation tokens count together, since each may open any connection.
_TARGET = "federation token"
_ENDS = (*_CONFIRMATIONS, ConnectionStatus.DECLINED, ConnectionStatus.EXPIRED)


class Spend(Protocol):
    def __call__(self, token: str, *, now: datetime) -> SpendResult | None: ...


@dataclass(frozen=True)
class AdmittedStranger:
    """The settings, where a connection request arrived, what its signature covers, and whose credential it shows.

    These are None without a signature, or without a credential that is accepted. `network` is the network address that
    limits count by.
    """

    settings: FederationSettings
    own_url: str
    signed: Mapping[str, Any] | None
    caller: PlatformToken | InstanceKey | None = None
    network: str | None = None


Identify = Callable[[RawRequest], PlatformToken | InstanceKey | None]


class Admittance(StrEnum):
    """How a connection request is taken: at once, or only after its desk was asked."""

    NOW = "now"
    HELD = "held"


def admit_stranger(sent: RawRequest, settings: Federation, *, base_url: str, identify: Identify) -> AdmittedStranger:
    """Admit a connection request, which needs no credentials. Store calls: 1; 2 more with a bearer token.

    Raises:
        Forbidden: this desk takes no requests, or the request is signed, but has another body.
    """
    found = admit_inbound(settings, base_url=base_url)
    if found.mode is FederationMode.CLOSED:
        raise Forbidden("This desk does not accept connection requests.")
    signed = _signed_parts(sent)
    return AdmittedStranger(found, base_url, signed, identify(sent), network_of(sent.address))


def admit_claim(
    settings: FederationSettings,
    origin: str,
    token: str,
    *,
    proof: Proof | None,
    publishes_keys: bool,
    is_approved_instance: Callable[[str], bool],
    signs: Callable[[str], bool],
) -> Admittance:
    """Decide how a request in the name of the desk at `origin` is taken.

    `proof` is what the request itself proves. Without one, its desk is asked first, unless claims are trusted and it is
    not known that the desk `signs`. Store calls: 1 with an allowlist, 1 where claims are trusted.

    Raises:
        Forbidden: the desk is suspended or not on the allowlist, or its token is too short.
    """
    if settings.cuts(origin):
        raise Forbidden("This desk accepts nothing from your desk.")
    if settings.mode is FederationMode.ALLOWLIST and not is_approved_instance(origin):
        raise Forbidden("This desk accepts connection requests from approved instances only.")
    if not settings.takes_token(token, publishes_keys=publishes_keys):
        raise Forbidden(f"federationToken must have at least {LEAST_TOKEN} characters.")
    is_trusted = proof is None and settings.trusts_claims and not signs(origin)
    if is_trusted:
        log.warning("claim_trusted", extra={"origin": origin})
    return Admittance.NOW if proof or is_trusted else Admittance.HELD


def relation_of(connection: Connection, settings: FederationSettings) -> Relation:
    """Return what this desk believes of the desk at the other end."""
    if settings.cuts(connection.peer_url):
        return Relation.SUSPENDED
    return Relation.CONFIRMED if connection.is_confirmed else Relation.CLAIMED


def admit_inbound(settings: Federation, *, base_url: str) -> FederationSettings:
    """Admit what comes in without a connection, such as an instance's report; return the settings. Store calls: 1.

    `base_url` is the public URL of this desk.

    Raises:
        Forbidden: this desk lets nothing in, or has no public URL.
    """
    found = settings.find_settings()
    _check_inbound(found, base_url)
    return found


def admit_hub(caller: InstanceKey, settings: FederationSettings) -> None:
    """Admit an event of a hub that this desk has joined.

    Raises:
        Forbidden: the key is a member's. What members say changes nothing here. Or this desk lets nothing in from that
            hub.
    """
    if not caller.is_of_a_hub:
        raise Forbidden("Only a hub that this desk has joined can send this event.")
    if all(settings.cuts(holder) for holder in caller.holders if "://" in holder):
        raise Forbidden("This desk accepts nothing from your desk.")


def admit_registration(settings: FederationSettings, origin: str) -> None:
    """Admit a registration in the name of the desk at `origin`.

    A suspended instance may register again, and stays suspended.

    Raises:
        Forbidden: an operator blocked the desk.
    """
    if origin in settings.blocked:
        raise Forbidden("This desk accepts nothing from your desk.")


@dataclass(frozen=True)
class AdmittedRelay:
    """The connection that a relay came over. `proof` is the signature that a replay repeats; None without one."""

    connection: Connection
    proof: str | None


@dataclass(frozen=True)
class Admission:
    """Admits what comes over a connection, by the connection's token and signatures.

    `base_url` is the public URL of this desk, against which signatures are checked. Without one nothing comes in.

    Store calls in sequence: 1; 1 more for a wrong token, for the first request of a minute, and for the first signature
    with an unknown key. A token that can be guessed takes 1 more on its first request from an address in a day.
    """

    settings: Federation
    connections: Connections
    peer_keys: PublishedKeys
    spend: Spend
    refuse_signature: RefuseSignature
    base_url: str
    guesses: Guesses
    gather: Callable[..., list[Any]]

    def admit_relay(self, sent: RawRequest) -> Connection:
        """Admit a relay or an acknowledgement; return its connection.

        Raises:
            Unauthorized, Unavailable, Forbidden, NotFound, RateLimited: see `admit`.
        """
        return self.admit(sent, _RELAYS)

    def admit_new_relay(self, sent: RawRequest) -> AdmittedRelay:
        """Admit a relay; return its connection, and what identifies it if it has no id.

        Raises:
            Unauthorized, Unavailable, Forbidden, NotFound, RateLimited: see `admit`.
        """
        connection = self.admit_relay(sent)
        if connection.hmac_enabled:
            return AdmittedRelay(connection, sent.headers[DIGEST_HEADER.lower()])
        return AdmittedRelay(connection, sent.headers["signature"] if connection.must_sign else None)

    def admit_confirmation(self, sent: RawRequest) -> Connection:
        """Admit a message that a request of this desk was accepted; return the connection, which may be pending.

        Raises:
            Unauthorized, Unavailable, Forbidden, NotFound, RateLimited: see `admit`.
        """
        connection = self.admit(sent, _CONFIRMATIONS)
        # Otherwise the desk that asks could accept in the name of the person asked.
        if not connection.is_ours:
            raise NotFound("No connection request of this desk waits for you.")
        return connection

    def admit_end(self, sent: RawRequest) -> Connection:
        """Admit a message that a request or a connection has ended; return the connection, which may have ended.

        Raises:
            Unauthorized, Unavailable, Forbidden, NotFound, RateLimited: see `admit`.
        """
        return self.admit(sent, _ENDS)

    def admit(self, sent: RawRequest, statuses: Sequence[ConnectionStatus]) -> Connection:
        """Return the connection whose token the request shows, if it is in one of these states and signed as it must.

        The request is charged to the token's budget, whatever else is wrong with it.

        Raises:
            Unauthorized: the token is missing or unknown, or a signature that is required does not fit.
            Unavailable: the signature is made with a key that is not known yet, and is being fetched.
            Forbidden: this desk lets nothing in.
            NotFound: the connections with this token are in other states, or their desk is suspended.
            RateLimited: the token's budget for this minute is used up, or there were too many wrong tokens.
        """
        token = sent.headers.get(TOKEN_HEADER.lower(), "").strip()
        if not token:
            raise Unauthorized(f"The header {TOKEN_HEADER} is missing.")
        settings, known, spent = try_credential(
            Trial(network_of(sent.address), _TARGET, credential_hash(token), can_be_guessed(token), sent.now),
            lambda: self.gather(
                self.settings.find_settings,
                lambda: self.connections.find_by_token(token),
                lambda: self.spend(token, now=sent.now),
            ),
            lambda found: bool(found[1]),
            guesses=self.guesses,
            gather=self.gather,
        )
        _check_inbound(settings, self.base_url)
        if not known:
            raise Unauthorized("The federation token is not known here.")
        connection = _first_in(statuses, [each for each in known if _lets_in(each, settings)])
        _check_budget(spent, sent)
        if connection.hmac_enabled:
            _check_digest(sent, token)
        if connection.must_sign:
            self._check_signature(sent, connection)
        return connection

    def _check_signature(self, sent: RawRequest, connection: Connection) -> None:
        try:
            reason = self.refuse_signature(sent, base_url=self.base_url, keys=connection.keys)
        except UnknownKey:
            reason = self._request_keys(connection, now=sent.now)
        if reason is not None:
            raise Unauthorized(f"The HTTP message signature was refused: {reason}.")

    def _request_keys(self, connection: Connection, *, now: datetime) -> str:
        """Have the peer's keys fetched, now and then, and ask it to try again; otherwise return why it is refused."""
        due_at = connection.keys_due_at
        is_due = due_at is not None and parse_timestamp(due_at) <= now + _KEYS_WITHIN
        if is_due or self.peer_keys.request_keys(connection, now=now):
            refusal = Unavailable("The signature's key is not known yet. It is being fetched; try again later.")
            refusal.retry_after = int(_KEYS_WITHIN.total_seconds())
            raise refusal
        return "it names a key that its desk does not publish"


def _lets_in(connection: Connection, settings: FederationSettings) -> bool:
    # Otherwise the sender of a claim could tell by what comes of it whether it is listed, and so who is here.
    return not connection.is_mere_claim and relation_of(connection, settings) is not Relation.SUSPENDED


def _signed_parts(sent: RawRequest) -> Mapping[str, Any] | None:
    """Return what the signature of a request covers, after comparing the body with its digest; None if unsigned."""
    if "signature-input" not in sent.headers:
        return None
    headers = {name: sent.headers.get(name, "") for name in _SIGNED_HEADERS}
    if any(len(value) > _LONGEST_HEADER for value in headers.values()):
        raise Forbidden("The HTTP message signature was refused: a header of it is too long.")
    if not is_content_digest(headers["content-digest"], sent.body):
        raise Forbidden("The HTTP message signature was refused: Content-Digest is not that of the body.")
    return {"method": sent.method, "path": sent.path, "headers": headers}


def _check_inbound(settings: FederationSettings, base_url: str) -> None:
    # Without its own URL, a sender could choose by a header which desk a signature or a question is meant for.
    if not (settings.inbound and base_url):
        raise Forbidden("This desk accepts nothing from other desks.")


def _first_in(statuses: Sequence[ConnectionStatus], known: Sequence[Connection]) -> Connection:
    for status in statuses:
        for connection in known:
            if connection.status is status:
                return connection
    raise NotFound("No active connection for this token.")


def _check_budget(spent: SpendResult | None, sent: RawRequest) -> None:
    if spent is None:
        return
    sent.report_window(spent.window)
    if not spent.taken:
        wait = spent.wait(sent.now)
        raise RateLimited(
            f"Rate limit of {spent.window.limit} requests a minute reached. Try again in {wait} s.", retry_after=wait
        )


def _check_digest(sent: RawRequest, token: str) -> None:
    if not is_body_digest(sent.headers.get(DIGEST_HEADER.lower(), ""), sent.body, token):
        raise Unauthorized(f"The header {DIGEST_HEADER} does not sign this body.")
