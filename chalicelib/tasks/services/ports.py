"""Ports of tasks: services depend on them, stores and gateways provide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from chalicelib.core.domain.idempotency import Claim, StoredReply
    from chalicelib.core.domain.pages import Listed, PageRequest
    from chalicelib.core.ports import Action
    from chalicelib.inbox.domain.deliveries import Decision
    from chalicelib.tasks.domain.delegations import Delegation, Delegations
    from chalicelib.tasks.domain.proposals import Verdict
    from chalicelib.tasks.domain.queue import Change, Item
    from chalicelib.tasks.domain.queue_messages import ItemFilter
    from chalicelib.tasks.domain.settings import QueueState
    from chalicelib.tasks.domain.standing_approvals import StandingApproval


class RejectedItems(Protocol):
    """Finds and restores rejected items."""

    def find_rejected(self, user_id: str, item_id: str) -> Item | None: ...
    def restore(self, rejected: Item, item: Item, *, claim: Claim | None, reply: StoredReply) -> bool: ...


class ItemApprovals(Protocol):
    """Reads how it stands with the approval of items, stores comments on them, and removes what has expired."""

    def find_approval(self, user_id: str, item_id: str) -> tuple[Item, bool] | None: ...
    def comment(self, before: Item, after: Item, *, claim: Claim | None, reply: StoredReply) -> bool: ...
    def list_expired(self, *, now: datetime, limit: int) -> tuple[Sequence[Item], Sequence[Delegation]]: ...
    def remove_expired(self, item: Item, verdict: Verdict) -> bool: ...


class StandingApprovals(Protocol):
    """Keeps what agents may do without asking."""

    def list_all(self, user_id: str) -> Sequence[StandingApproval]: ...
    def add(self, standing: StandingApproval, *, seen: QueueState, claim: Claim | None, reply: StoredReply) -> bool: ...
    def end(self, user_id: str, standing_id: str) -> bool: ...
    def use(self, standing: StandingApproval) -> Action: ...


class DelegationRows(Protocol):
    """Keeps who decides on whose proposals."""

    def list_all(self, user_id: str) -> Delegations: ...
    def find_versions(self, user_ids: Iterable[str]) -> dict[str, int]: ...
    def add(
        self, delegation: Delegation, *, seen: Mapping[str, int], claim: Claim | None, reply: StoredReply
    ) -> bool: ...
    def end(self, delegation: Delegation) -> bool: ...
    def remove_expired(self, delegation: Delegation) -> bool: ...
    def require(self, delegation: Delegation) -> Action: ...
    def find_items(self, item_ids: Mapping[str, Sequence[str]]) -> list[Item]: ...


class QueueItems(Protocol):
    """Reads and changes a person's queue of tasks and its settings."""

    def find_next(self, user_id: str, *, excluding: str | None) -> Item | None: ...
    def add(
        self,
        item: Item,
        *,
        further: Sequence[Change],
        by: str,
        seen: QueueState,
        claim: Claim | None,
        reply: StoredReply,
        also: Sequence[Action] = (),
    ) -> bool: ...
    def add_once(self, item: Item) -> bool: ...
    def find(self, user_id: str, item_id: str) -> Item | None: ...
    def find_with_state(self, user_id: str, item_id: str) -> tuple[Item | None, QueueState]: ...
    def find_state(self, user_id: str) -> QueueState: ...
    def list_page(self, user_id: str, query: ItemFilter, page: PageRequest) -> Listed[Item]: ...
    def save(
        self,
        changes: Sequence[Change],
        *,
        by: str,
        seen: QueueState | None,
        claim: Claim | None,
        reply: StoredReply,
        decision: Decision | None = None,
        also: Sequence[Action] = (),
    ) -> bool: ...
    def save_settings(
        self,
        user_id: str,
        settings: dict[str, Any],
        *,
        dispatched: Change | None,
        by: str,
        seen: QueueState,
        claim: Claim | None,
        reply: StoredReply,
    ) -> bool: ...
