"""Admission of everything that other desks send: requests for a connection, and what comes over one.

A refusal of an incoming request by its sender is decided here and nowhere else. `Admission.admit` makes the checks in
order: the token, the settings, the connection, its budget, the digest of the body, the signature.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from chalicelib.core.domain.budgets import SpendResult
from chalicelib.core.domain.callers import InstanceKey
from chalicelib.core.domain.errors import Forbidden, NotFound, RateLimited, Unauthorized, Unavailable
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.domain.requests import RawRequest
from chalicelib.core.domain.signatures import is_body_digest
from chalicelib.federation.connections.domain.connections import (
    Connection,
    ConnectionStatus,
    PeerKey,
    UnknownKey,
)
from chalicelib.federation.connections.domain.federation_settings import FederationMode, FederationSettings
from chalicelib.federation.connections.domain.handshake import DIGEST_HEADER, TOKEN_HEADER
from chalicelib.federation.connections.services.ports import Connections, Federation, PublishedKeys

log = logging.getLogger("fluxden")

# A worker fetches requested keys within this time.
_KEYS_WITHIN = timedelta(minutes=2)

# The states in which a connection lets each kind of request in. If several share a token, the first state wins.
_RELAYS = (ConnectionStatus.ACTIVE,)
_CONFIRMATIONS = (ConnectionStatus.ACTIVE, ConnectionStatus.PENDING)
_ENDS = (*_CONFIRMATIONS, ConnectionStatus.DECLINED, ConnectionStatus.EXPIRED)


class Spend(Protocol):
    def __call__(self, token: str, *, now: datetime) -> SpendResult | None: ...


class RefuseSignature(Protocol):
    def __call__(self, sent: RawRequest, *, base_url: str, keys: Sequence[PeerKey]) -> str | None: ...


def admit_stranger(settings: Federation) -> FederationSettings:
    """Admit a connection request, which needs no credentials; return the settings. Store calls: 1.

    Raises:
        Forbidden: this desk takes no requests.
    """
    found = settings.find_settings()
    _check_inbound(found)
    if found.mode is FederationMode.CLOSED:
        raise Forbidden("This desk does not accept connection requests.")
    return found


def admit_hub(caller: InstanceKey, *, request_id: str) -> None:
    """Admit an event of a hub that this desk has joined; log every other caller. Store calls: none.

    Raises:
        Forbidden: the key is a member's. What members say changes nothing here.
    """
    if not caller.is_of_a_hub:
        log.warning("audit", extra={"audit": "hubEvent.refused", "row": caller.identity, "requestId": request_id})
        raise Forbidden("Only a hub that this desk has joined can send this event.")


@dataclass(frozen=True)
class AdmittedRelay:
    """The connection that a relay came over. `proof` is the signature that a replay repeats; None without one."""

    connection: Connection
    proof: str | None


@dataclass(frozen=True)
class Admission:
    """Admits what comes over a connection, by the connection's token and signatures.

    `base_url` is the public URL of this desk. If it is empty, signatures are checked against the host of the request.

    Store calls in sequence: 1; 1 more for the first request of a minute, and 1 more for the first signature with an
    unknown key.
    """

    settings: Federation
    connections: Connections
    peer_keys: PublishedKeys
    spend: Spend
    refuse_signature: RefuseSignature
    base_url: str
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
        signed = connection.must_sign or (connection.keys and "signature" in sent.headers)
        return AdmittedRelay(connection, sent.headers["signature"] if signed else None)

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
            RateLimited: the token's budget for this minute is used up.
        """
        token = sent.headers.get(TOKEN_HEADER.lower(), "").strip()
        if not token:
            raise Unauthorized(f"The header {TOKEN_HEADER} is missing.")
        settings, known, spent = self.gather(
            self.settings.find_settings,
            lambda: self.connections.find_by_token(token),
            lambda: self.spend(token, now=sent.now),
        )
        _check_inbound(settings)
        if not known:
            raise Unauthorized("The federation token is not known here.")
        connection = _first_in(statuses, [each for each in known if not settings.cuts(each.peer_url)])
        _check_budget(spent, sent)
        if connection.hmac_enabled:
            _check_digest(sent, token)
        if connection.must_sign or (connection.keys and "signature-input" in sent.headers):
            self._check_signature(sent, connection)
        return connection

    def _check_signature(self, sent: RawRequest, connection: Connection) -> None:
        own_url = self.base_url or f"https://{sent.headers.get('host', '')}"
        try:
            reason = self.refuse_signature(sent, base_url=own_url, keys=connection.keys)
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


def _check_inbound(settings: FederationSettings) -> None:
    if not settings.inbound:
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
