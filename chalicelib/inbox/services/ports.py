"""Ports of inbox: services depend on them, stores and gateways provide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from chalicelib.core.domain.idempotency import Claim, StoredReply
    from chalicelib.inbox.domain.bulk import AcceptedCall
    from chalicelib.inbox.domain.clicks import Click
    from chalicelib.inbox.domain.deliveries import Delivery, DeliveryDetail, Supplement
    from chalicelib.inbox.domain.event_types import CountedType, EventTypeRow


class Deliveries(Protocol):
    """Reads and changes deliveries."""

    def find_buttons(self, delivery_id: str) -> DeliveryDetail | None: ...
    def list_first_fires(self, delivery_ids: Sequence[str]) -> Mapping[str, str]: ...
    def resolve(self, resolved: Delivery, *, claim: Claim | None, reply: StoredReply) -> bool: ...
    def add_supplement(
        self, delivery: Delivery, added: Supplement, *, claim: Claim | None, reply: StoredReply
    ) -> bool: ...
    def find(self, delivery_id: str) -> DeliveryDetail | None: ...


class Labels(Protocol):
    """Indexes deliveries by their labels."""

    def add_labels(self, deliveries: Sequence[Delivery]) -> None: ...
    def try_add_labels(self, delivery: Delivery) -> None: ...


class EventTypes(Protocol):
    """Lists the event types with their counts."""

    def list_types(self, integrator: str, *, now: datetime) -> list[EventTypeRow]: ...
    def list_daily(self, integrator: str, *, now: datetime) -> list[CountedType]: ...


class HourlyCounts(Protocol):
    """Counts what was sent in hours that are over."""

    def count_hours(self, integrator: str, *, now: datetime, most: int) -> int: ...


class AcceptedCalls(Protocol):
    """Keeps accepted bulk calls until their deliveries are made."""

    def add(self, accepted: AcceptedCall, *, now: datetime) -> None: ...
    def mark_seen(self, delivery_ids: list[str], *, fire: str, now: datetime) -> set[str]: ...
    def forget(self, delivery_ids: list[str]) -> None: ...
    def find(self, part: str, fire: str) -> AcceptedCall | None: ...
    def list_calls(self, part: str) -> Sequence[AcceptedCall]: ...


class Clicks(Protocol):
    """Keeps the clicks on action buttons."""

    def add(self, click: Click, delivery: Delivery, *, due_at: datetime) -> Click: ...
    def list_of(self, delivery_id: str) -> Sequence[Click]: ...
    def list_recent(self, days: Sequence[date], *, limit: int) -> Sequence[Click]: ...
