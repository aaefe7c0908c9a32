"""Ports of connections: services depend on them, stores and gateways provide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from chalicelib.chat.domain.chat import Message
    from chalicelib.core.domain.idempotency import Claim, StoredReply
    from chalicelib.core.domain.requests import RawRequest
    from chalicelib.federation.connections.domain.connection_notices import ConnectionNotice, ConnectionNoticeJob
    from chalicelib.federation.connections.domain.connections import (
        Connection,
        ConnectionState,
        ConnectionStatus,
        PeerKey,
    )
    from chalicelib.federation.connections.domain.federation_settings import FederationSettings
    from chalicelib.federation.connections.domain.peer_keys import KeysOutcome


class ConnectionTokens(Protocol):
    """Finds connections by the hash of their token."""

    def find_by_token_hash(self, hashed: str) -> list[Connection]: ...


class Connections(Protocol):
    """Reads and changes connections with people of other installations."""

    def save(
        self,
        connection: Connection,
        *,
        over: Connection,
        notices: Sequence[ConnectionNotice] = (),
        message: Message | None = None,
        instead_of: Connection | None = None,
        claim: Claim | None = None,
        reply: StoredReply | None = None,
    ) -> bool: ...
    def find(self, connection_id: str) -> Connection | None: ...
    def find_with_removed(self, connection_id: str) -> Connection | None: ...
    def remove(
        self, connection: Connection, *, over: Connection, notice: ConnectionNotice, message: Message | None
    ) -> bool: ...
    def delete_removed(self, connection: Connection, job: ConnectionNoticeJob) -> None: ...
    def meet(self, connection: Connection, *, over: Connection, keys: Sequence[PeerKey]) -> bool: ...
    def is_current(self, connection: Connection) -> bool: ...
    def add(
        self,
        connection: Connection,
        token: str,
        *,
        after: ConnectionStatus | None,
        message: Message | None,
        notices: Sequence[ConnectionNotice] = (),
        claimed_from: str | None = None,
        claim: Claim | None = None,
        reply: StoredReply | None = None,
    ) -> Connection | ConnectionState: ...
    def list_own(self, user_id: str) -> list[Connection]: ...
    def find_pair(self, user_id: str, peer_url: str, asked_as: str) -> Connection | None: ...
    def token_of(self, connection: Connection) -> str | None: ...
    def list_unanswered(self, *, now: datetime, limit: int) -> Sequence[str]: ...
    def unwatch(self, connection_id: str) -> None: ...
    def find_by_token(self, token: str) -> list[Connection]: ...
    def is_connected(self, user_id: str, peer_url: str) -> bool: ...


class HeldRequests(Protocol):
    """Keeps connection requests that their desk has not confirmed."""

    def hold(
        self, connection: Connection, token: str, *, notice: ConnectionNotice, network: str | None = None
    ) -> Connection: ...
    def release(
        self,
        connection: Connection,
        *,
        over: Connection,
        keys: Sequence[PeerKey],
        instead_of: Connection | None,
        ended: Connection | None,
        notices: Sequence[ConnectionNotice],
        message: Message | None,
    ) -> bool: ...
    def end(self, connection: Connection, *, over: Connection, notice: ConnectionNotice | None) -> bool: ...
    def drop(self, connection: Connection) -> None: ...
    def confirm(self, connection: Connection, *, over: Connection, keys: Sequence[PeerKey]) -> bool: ...


class KnownDesks(Protocol):
    """Remembers desks that publish keys."""

    def note(self, origin: str, *, now: datetime) -> None: ...
    def find_last_seen(self, origins: Sequence[str]) -> datetime | None: ...


class RefuseSignature(Protocol):
    """Returns why a request is not properly signed by one of the keys."""

    def __call__(
        self, sent: RawRequest, *, base_url: str, keys: Sequence[PeerKey], checked_body: bool = False
    ) -> str | None: ...


class ConnectionNotices(Protocol):
    """Finds notices over connections."""

    def find(self, job: ConnectionNoticeJob) -> ConnectionNotice | None: ...


class Federation(Protocol):
    """Reads the keys and the settings of federation."""

    def find_key(self) -> Any: ...
    def find_settings(self) -> FederationSettings: ...
    def list_public_keys(self) -> list[PeerKey]: ...


class PublishedKeys(Protocol):
    """Finds connections whose peer's published keys are wanted, and records them."""

    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[Any, str]]: ...
    def take(self, key: Any, due_at: str, *, now: datetime, until: datetime) -> tuple[Connection, int] | None: ...
    def record(self, connection: Connection, outcome: KeysOutcome, *, now: datetime) -> None: ...
    def request_keys(self, connection: Connection, *, now: datetime) -> bool: ...
