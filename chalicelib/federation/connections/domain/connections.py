"""Connections between a person here and a person of another desk."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chalicelib import retention
from chalicelib.core.domain.fields import timestamp

# A request that nobody answers within this time ends.
ANSWERED_WITHIN = timedelta(days=30)

# A request in the name of a desk that did not confirm it ends after this time, whether a person sees it or not.
HELD_FOR = retention.REQUESTS.kept

# Anybody can send requests in any name, so a person receives at most this many in an hour.
MOST_REQUESTS_AN_HOUR = 200
# So many requests an hour may claim one origin without proof. Each makes this desk call that origin.
MOST_CLAIMS_AN_HOUR = 60


@dataclass(frozen=True)
class PeerKey:
    """The public key with which a peer signs its requests: Ed25519, in base64."""

    key_id: str
    public_key: str


class Proof(StrEnum):
    """How the desk at a connection's origin showed that the connection is its own."""

    # It confirmed the token's digest at its own address, or answered our request there.
    CALLBACK = "callback"
    # It signed the request with a key that it publishes at its own address.
    SIGNATURE = "signature"
    # It sent the platform token or the instance key of the approved instance of that address.
    CREDENTIAL = "credential"


class Relation(StrEnum):
    """What this desk believes of the desk at the other end of a connection."""

    CLAIMED = "claimed"
    CONFIRMED = "confirmed"
    SUSPENDED = "suspended"


class UnknownKey(Exception):
    """A signature names a key that is not among the known keys of its desk."""


class ConnectionStatus(StrEnum):
    """The state of a connection. Relays pass only while it is active. A request that nobody answers expires."""

    # Its name in the published document, which clients are generated from.
    __qualname__ = "PeeringStatus"

    PENDING = "pending"
    ACTIVE = "active"
    BLOCKED = "blocked"
    DECLINED = "declined"
    EXPIRED = "expired"


class Initiator(StrEnum):
    """The side that asked for a connection; the other side accepts it."""

    US = "us"
    PEER = "peer"


@dataclass(frozen=True)
class ConnectionState:
    """The part of a connection that decides what may happen next; stored with the pair, so it is read without it."""

    connection_id: str
    status: ConnectionStatus
    initiator: Initiator

    @property
    def awaits_peer(self) -> bool:
        """Whether this desk asked for it, and the peer has not answered."""
        return self.initiator is Initiator.US and self.status is ConnectionStatus.PENDING


@dataclass(frozen=True)
class Connection:
    """A connection of a local user with a person of another desk, the peer.

    Both desks share one token. The sender shows it with every request, and while `hmac_enabled` its digest signs the
    body. Here the token is found by its hash, and stored sealed.

    `peer_url` is the origin that the peer claims until there is a `proof`. A request is `held` until its desk was
    asked: it is in no list and lets nothing in. A connection that an operator `removed` counts for nobody, and its rows
    are deleted.

    `peer_key` is the key that the peer sent with its request, if it did. A peer that sent a key, or whose desk
    `published` keys at its own address, must sign. Its requests are verified with the published keys, or with
    `peer_key` if there are none. The published keys are fetched next at `keys_due_at`, and were fetched last at
    `keys_tried_at`.

    `asked_as` is the peer's address when the connection was made; it identifies the pair. `reason` says why a request
    of this desk failed. `contact_id` is the peer among the user's contacts. `version` grows with every change.
    """

    connection_id: str
    user_id: str
    user_email: str
    user_name: str
    peer_url: str
    peer_email: str
    asked_as: str
    peer_name: str | None
    peer_instance_name: str | None
    peer_connection_id: str | None
    token_hash: str
    status: ConnectionStatus
    initiator: Initiator
    hmac_enabled: bool
    peer_key: PeerKey | None
    created_at: str
    updated_at: str
    nickname: str | None = None
    peer_nickname: str | None = None
    reason: str | None = None
    contact_id: str | None = None
    version: int = 1
    proof: Proof | None = None
    held: bool = False
    removed: bool = False
    published: tuple[PeerKey, ...] = ()
    keys_due_at: str | None = None
    keys_tried_at: str | None = None

    @property
    def state(self) -> ConnectionState:
        return ConnectionState(self.connection_id, self.status, self.initiator)

    @property
    def keys(self) -> tuple[PeerKey, ...]:
        """The keys that verify the peer's signatures; empty if the peer is not known to sign."""
        return self.published or ((self.peer_key,) if self.peer_key else ())

    @property
    def must_sign(self) -> bool:
        """Whether the peer's requests must have a signature: its desk publishes keys, or it sent one."""
        return bool(self.keys)

    @property
    def is_confirmed(self) -> bool:
        """Whether the desk at the peer's address showed that the connection is its own."""
        return self.proof is not None

    @property
    def is_mere_claim(self) -> bool:
        """Whether it is a request that its desk has not confirmed and nobody has accepted."""
        is_open = self.status is ConnectionStatus.PENDING and not self.is_ours
        return self.held or (is_open and not self.is_confirmed)

    @property
    def answered_within(self) -> timedelta:
        """How long a request waits for an answer."""
        return ANSWERED_WITHIN if self.is_ours or self.is_confirmed else HELD_FOR

    @property
    def is_ours(self) -> bool:
        """Whether this desk asked for the connection."""
        return self.initiator is Initiator.US

    @property
    def awaits_peer(self) -> bool:
        """Whether this desk asked for it, and the peer has not answered."""
        return self.state.awaits_peer

    @property
    def peer_label(self) -> str:
        return self.peer_name or self.peer_email

    def changed(self, *, now: datetime, **changes: Any) -> "Connection":
        """Return the connection with these changes, as its next version."""
        return replace(self, **changes, updated_at=timestamp(now), version=self.version + 1)
