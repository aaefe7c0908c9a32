"""Who of other desks is let in: strangers who ask for a connection, and peers by its token."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from chalicelib.core.domain.budgets import Spent
from chalicelib.core.domain.call import Sent
from chalicelib.core.domain.errors import Forbidden, NotFound, RateLimited, Unauthorized, Unavailable
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.domain.signatures import is_body_digest
from chalicelib.federation.connections.domain.connections import (
    Connection,
    ConnectionStatus,
    Initiator,
    PeerKey,
    UnknownKey,
)
from chalicelib.federation.connections.domain.federation_settings import FederationMode, FederationSettings
from chalicelib.federation.connections.domain.handshake import DIGEST_HEADER, TOKEN_HEADER
from chalicelib.federation.connections.services.ports import Connections, Federation, PublishedKeys

Together = Callable[..., list[Any]]

# Till then keys that were asked for are there.
_SOON = timedelta(minutes=2)
_ACTIVE = (ConnectionStatus.ACTIVE,)
_PENDING = (ConnectionStatus.ACTIVE, ConnectionStatus.PENDING)
_ENDING = (*_PENDING, ConnectionStatus.DECLINED, ConnectionStatus.EXPIRED)


class Spend(Protocol):
    def __call__(self, token: str, *, now: datetime) -> Spent | None: ...


class RefuseSignature(Protocol):
    def __call__(self, sent: Sent, *, base_url: str, keys: Sequence[PeerKey]) -> str | None: ...


def admit_stranger(_: Sent, *, settings: Federation) -> FederationSettings:
    """What a desk that nobody here is connected with may do. Store calls: 1.

    Raises:
        Forbidden: nothing.
    """
    found = settings.find_settings()
    if not found.inbound:
        raise Forbidden("This desk takes nothing from other desks.")
    if found.mode is FederationMode.CLOSED:
        raise Forbidden("This desk takes no connection requests.")
    return found


def admit_peer(
    sent: Sent,
    *,
    settings: Federation,
    connections: Connections,
    refuse_signature: RefuseSignature,
    together: Together,
    spend: Spend,
    base_url: str,
    peer_keys: PublishedKeys,
    statuses: Sequence[ConnectionStatus] = _ACTIVE,
) -> Connection:
    """The connection whose token the request shows, and by which it is signed where that is on.

    Of several it is one in the first of `statuses` that there is one in. The call is charged to the token, whatever
    else is wrong with it. `base_url` is where others reach this desk; empty when nobody has said, and then it is what
    the request names.

    A signature that names an unknown key has the peer's keys asked for, now and then; till then it may try again.
    Store calls in sequence: 1; 1 more for the first call of a minute, and 1 more for the first such signature.

    Raises:
        Unauthorized: there is no token, or what must be signed is not.
        Unavailable: it is signed by a key that is being asked for.
        Forbidden: nothing is let in.
        NotFound: the token is of no connection that lets anything in.
        RateLimited: its minute is used up.
    """
    token = sent.headers.get(TOKEN_HEADER.lower(), "").strip()
    if not token:
        raise Unauthorized(f"The header {TOKEN_HEADER} is missing.")
    rules, known, spent = together(
        settings.find_settings, lambda: connections.find_by_token(token), lambda: spend(token, now=sent.now)
    )
    if not rules.inbound:
        raise Forbidden("This desk takes nothing from other desks.")
    connection: Connection | None = next((each for status in statuses for each in known if each.status is status), None)
    if connection is None:
        raise NotFound("No active connection for this token.")
    if spent is not None:
        _check_budget(spent, sent)
    if connection.hmac_enabled and not is_body_digest(sent.headers.get(DIGEST_HEADER.lower(), ""), sent.body, token):
        raise Unauthorized(f"The header {DIGEST_HEADER} does not sign this body.")
    if connection.peer_key is not None or (connection.keys and "signature-input" in sent.headers):
        own = base_url or f"https://{sent.headers.get('host', '')}"
        try:
            reason = refuse_signature(sent, base_url=own, keys=connection.keys)
        except UnknownKey:
            reason = _unknown_key(connection, peer_keys, now=sent.now)
        if reason is not None:
            raise Unauthorized(f"The request was refused by its HTTP message signature: {reason}.")
    return connection


def _check_budget(spent: Spent, sent: Sent) -> None:
    sent.tell(spent.window)
    if not spent.taken:
        limit = f"The connection's budget of {spent.window.limit} a minute is used up."
        raise RateLimited(limit, retry_after=spent.wait(sent.now))


def _unknown_key(connection: Connection, peer_keys: PublishedKeys, *, now: datetime) -> str:
    asked = connection.keys_due_at is not None and parse_timestamp(connection.keys_due_at) <= now + _SOON
    if asked or peer_keys.request_keys(connection, now=now):
        refusal = Unavailable("The request is signed by a key that is not known yet; it is being asked for.")
        refusal.retry_after = int(_SOON.total_seconds())
        raise refusal
    return "it names a key that its desk does not publish"


def admit_accepting_peer(sent: Sent, **ports: Any) -> Connection:
    """The connection, asked for from here, that its peer has word of: `admit_peer`, but it may be pending.

    Raises:
        Unauthorized, Forbidden: as there.
        NotFound: it is none of ours to be accepted by the peer.
    """
    connection = admit_peer(sent, **ports, statuses=_PENDING)
    # Else whoever asks could accept in the name of the person asked.
    if connection.initiator is not Initiator.US:
        raise NotFound("No connection that waits for this desk.")
    return connection


def admit_ending_peer(sent: Sent, **ports: Any) -> Connection:
    """The connection that its peer has ended, in whatever state: `admit_peer`, but it may be over already.

    Raises:
        Unauthorized, Forbidden, NotFound: as there.
    """
    return admit_peer(sent, **ports, statuses=_ENDING)
