"""Approvals of items, in the table `queue-items` (see queue): comments, and what expires.

dueQueue = PROPOSALS, dueAt: when an item that waits for confirmation expires, or a delegation ends (see delegations)
"""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.actions import update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, get_all, list_due
from chalicelib.core.stores.writes import try_commit
from chalicelib.resources import QUEUE_ITEMS
from chalicelib.tasks.domain.delegations import Delegation
from chalicelib.tasks.domain.proposals import Verdict
from chalicelib.tasks.domain.queue import Change, Item, ItemStatus
from chalicelib.tasks.stores.delegations import delegation_from_row, is_delegation_row
from chalicelib.tasks.stores.queue import (
    ITEM,
    PROPOSALS,
    REJECTED,
    change_items_actions,
    item_from_row,
    item_key,
    read_item,
)

# The changer of what nobody decided.
_BY_EXPIRY = "expiry"


class DynamoApprovals:
    def find_approval(self, user_id: str, item_id: str) -> tuple[Item, bool] | None:
        """Find an item, and whether it was removed; read consistently. One store call."""
        row = get(QUEUE_ITEMS, item_key(user_id, item_id))
        return (read_item(row), row["status"] == REJECTED) if row else None

    def comment(self, before: Item, after: Item, *, claim: Claim | None, reply: Row) -> bool:
        """Store the comments of an item; False if it has changed. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        commented = update(
            QUEUE_ITEMS,
            item_key(before.user_id, before.item_id),
            "SET changes = changes + :one, comments = :comments, updatedAt = :at",
            "#status = :status AND changes = :seen",
            one=1,
            comments=ITEM.to_row(after)["comments"],
            at=after.updated_at,
            status=before.status.value,
            seen=before.changes,
        )
        return try_commit([commented], claim=claim, reply=reply)

    def list_expired(self, *, now: datetime, limit: int) -> tuple[Sequence[Item], Sequence[Delegation]]:
        """List some items whose time to be approved is over, and delegations that are, read consistently.

        Store calls in sequence: 2. A delegation that the store itself has deleted is not found any more: its rows end
        when it does, and the store takes them some time later.
        """
        keys = [{"pk": row["pk"], "sk": row["sk"]} for row in list_due(QUEUE_ITEMS, PROPOSALS, now=now, limit=limit)]
        rows = get_all(QUEUE_ITEMS, keys, with_ended=True) if keys else []
        items = [item_from_row(row) for row in rows if not is_delegation_row(row)]
        waiting = [item for item in items if item and item.status is ItemStatus.PENDING_CONFIRMATION]
        return waiting, [delegation_from_row(row) for row in rows if is_delegation_row(row)]

    def remove_expired(self, item: Item, verdict: Verdict) -> bool:
        """Remove an item from the queue, keeping a record of that; False if it has changed. One store call."""
        return try_commit(change_items_actions([Change(item, None, verdict)], by=_BY_EXPIRY, seen=None))
