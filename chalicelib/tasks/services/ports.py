"""Ports of tasks: services depend on them, stores and gateways provide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from chalicelib.core.domain.idempotency import Claim, StoredReply
    from chalicelib.core.ports import Action
    from chalicelib.inbox.domain.deliveries import Decision
    from chalicelib.tasks.domain.desk_settings import Desk
    from chalicelib.tasks.domain.queue import Change, Item, ItemQuery


class QueueItems(Protocol):
    """Reads and changes a person's queue of tasks and its settings."""

    def find_next(self, user_id: str, *, besides: str | None) -> Item | None: ...
    def add(self, item: Item, *, claim: Claim | None, reply: StoredReply) -> bool: ...
    def find(self, user_id: str, item_id: str) -> Item | None: ...
    def find_with_desk(self, user_id: str, item_id: str) -> tuple[Item | None, Desk]: ...
    def find_desk(self, user_id: str) -> Desk: ...
    def list_page(self, user_id: str, query: ItemQuery) -> tuple[Sequence[Item], int]: ...
    def save(
        self,
        changes: Sequence[Change],
        *,
        by: str,
        seen: Desk | None,
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
        handed_out: Change | None,
        by: str,
        seen: Desk,
        claim: Claim | None,
        reply: StoredReply,
    ) -> bool: ...
