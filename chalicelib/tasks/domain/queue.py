"""The task queue: its items, and the rules of their statuses."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from chalicelib.core.domain.errors import Conflict, Invalid
from chalicelib.core.domain.fields import timestamp
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.live.domain.frames import FrameType, LiveEvent
from chalicelib.live.domain.push import Urgency
from chalicelib.tasks.domain.proposals import Comment, Verdict, to_comment_response, verdict_members

# Of an item with its result, in bytes. A row can have up to 400 KB, some engines count both values of a replaced
# attribute, and a stored reply contains two items.
_LARGEST_WITH_RESULT = 180_000
MOST_COMMENTS = 20

# The source of items that came from another desk.
FEDERATION = "federation"


class ItemType(StrEnum):
    """Kinds of items."""

    TASK = "task"
    NOTIFICATION = "notification"
    REMINDER = "reminder"
    AGENT_SUGGESTION = "agent_suggestion"


class Priority(StrEnum):
    """Priorities of items, highest first."""

    URGENT = "urgent"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        return list(Priority).index(self)

    @property
    def urgency(self) -> Urgency:
        """How urgently a proposal of this priority is pushed to the browsers of those who decide on it."""
        return {Priority.URGENT: Urgency.HIGH, Priority.LOW: Urgency.LOW}.get(self, Urgency.NORMAL)


class ItemStatus(StrEnum):
    """Statuses of items."""

    PENDING_CONFIRMATION = "pending_confirmation"
    READY = "ready"
    IN_PROGRESS = "in_progress"
    DONE_TODAY = "done_today"
    BLOCKED = "blocked"


_UNDER_WAY = frozenset({ItemStatus.READY, ItemStatus.IN_PROGRESS})


@dataclass(frozen=True)
class Claimant:
    """Who took an item up: a key, and the name of the agent that uses it."""

    key_id: str
    name: str
    at: str

    def is_same_as(self, other: "Claimant") -> bool:
        return (self.key_id, self.name) == (other.key_id, other.name)


@dataclass(frozen=True)
class Proposer:
    """The key that proposed an item, and its name."""

    key_id: str
    name: str


@dataclass(frozen=True)
class Item:
    """One item of a person's queue.

    `metadata` is a JSON object as text. `held_delivery_id` is set if the item stands for an event that is held for
    moderation. `changes` counts the updates of the item. A proposal that waits can be approved until `expires_at`, and
    `verdict` is what was decided. `comments` are the oldest first. `claimant` took the item up most recently; a ready
    item, and one that was dispatched but not taken up yet, has none. `integrator` is the one that proposed the item,
    and `proposer` the agent that did so with a proposal.
    """

    item_id: str
    user_id: str
    type: ItemType
    title: str
    description: str | None
    priority: Priority
    status: ItemStatus
    source: str | None
    metadata: str | None
    created_at: str
    updated_at: str
    project_id: str | None = None
    team_id: str | None = None
    held_delivery_id: str | None = None
    changes: int = 0
    claimant: Claimant | None = None
    integrator: str | None = None
    expires_at: str | None = None
    verdict: Verdict | None = None
    comments: tuple[Comment, ...] = ()
    proposer: Proposer | None = None

    @property
    def proposal(self) -> dict[str, Any] | None:
        """What an agent wants to do, if the item says so in the form that requests have."""
        found = json.loads(self.metadata).get("proposal") if self.metadata and self.proposer else None
        return found if isinstance(found, dict) else None

    @property
    def facets(self) -> tuple[str, str, str]:
        return (self.status.value, self.priority.value, self.type.value)

    @property
    def open_for(self) -> str | None:
        """The integrator that proposed the item, until the item is done."""
        return None if self.status is ItemStatus.DONE_TODAY else self.integrator

    @property
    def dispatch_key(self) -> tuple[int, str, str]:
        """The key by which ready items are dispatched: the most urgent first, of equals the oldest."""
        return self.priority.rank, self.created_at, self.item_id

    def with_status(self, status: ItemStatus, *, now: datetime) -> "Item":
        """Return the item with this status. It loses its claimant if it becomes ready again."""
        claimant = None if status is ItemStatus.READY else self.claimant
        return replace(self, status=status, claimant=claimant, updated_at=timestamp(now))

    def dispatched(self, *, now: datetime) -> "Item":
        """Return the ready item as it is when the chief of staff dispatches it, for any agent to claim."""
        return replace(self, status=ItemStatus.IN_PROGRESS, claimant=None, updated_at=timestamp(now))

    def claimed(self, claimant: Claimant) -> "Item":
        """Return the item in progress by this claimant, or the same item if somebody works on it already."""
        if self.status is ItemStatus.IN_PROGRESS and self.claimant is not None:
            return self
        return replace(self, status=ItemStatus.IN_PROGRESS, claimant=claimant, updated_at=claimant.at)

    def with_metadata(self, **notes: Any) -> "Item":
        """Return the item with these members added to its metadata.

        Raises:
            Invalid: the metadata would be too large.
        """
        known = json.loads(self.metadata) if self.metadata else {}
        return replace(self, metadata=json.dumps(known | notes, ensure_ascii=False)).checked()

    def commented(self, comment: Comment) -> "Item":
        """Return the item with another comment.

        Raises:
            Conflict: the item is done, or has as many comments as it can have.
            Invalid: the item would be too large.
        """
        if self.status is ItemStatus.DONE_TODAY:
            raise Conflict("The task is done. Nothing is left to discuss.")
        if len(self.comments) >= MOST_COMMENTS:
            raise Conflict(f"The task has {MOST_COMMENTS} comments, which is the maximum. Decide it, or use the chat.")
        return replace(self, comments=(*self.comments, comment), updated_at=comment.at).checked()

    def checked(self) -> "Item":
        """Return the item, if it can be stored.

        Raises:
            Invalid: it would be too large.
        """
        size = len((self.metadata or "").encode()) + sum(len(each.text.encode()) for each in self.comments)
        if size > _LARGEST_WITH_RESULT:
            raise Invalid(f"The task's metadata and comments can have up to {_LARGEST_WITH_RESULT} bytes.")
        return self


def check_move(item: Item, status: ItemStatus) -> None:
    """Refuse a change of status that the rules of the queue don't allow.

    Raises:
        Invalid: the item is done, waits for confirmation, or would wait for confirmation again.
    """
    if item.status is status:
        return
    if item.status is ItemStatus.DONE_TODAY:
        raise Invalid(f"The task is done. It can't become {status} again.")
    if item.status is ItemStatus.PENDING_CONFIRMATION:
        raise Invalid("The task waits for confirmation. Approve or reject it first.")
    if status is ItemStatus.PENDING_CONFIRMATION:
        raise Invalid("A task can't go back to pending_confirmation.")


def queue_event(
    item: Item,
    change: Literal["added", "status_changed", "removed"],
    new_status: str,
    verdict: Verdict | None = None,
) -> LiveEvent:
    """Build the live event about a change of the queue, with what was decided."""
    members = {"changeType": change, "itemId": item.item_id, "itemTitle": item.title, "newStatus": new_status}
    return LiveEvent(FrameType.QUEUE_CHANGED, members | verdict_members(verdict))


def added_event(item: Item) -> LiveEvent:
    """Build the live event about a new item. One that waits for its owner is pushed to their browsers, too."""
    waits = item.status is ItemStatus.PENDING_CONFIRMATION
    return replace(queue_event(item, "added", item.status), urgency=item.priority.urgency if waits else None)


def comment_event(item: Item) -> LiveEvent:
    """Build the live event about the newest comment on an item."""
    comment = to_comment_response(item.comments[-1]).model_dump(mode="json", by_alias=True)
    members = {"itemId": item.item_id, "itemTitle": item.title, "comments": len(item.comments), "comment": comment}
    return LiveEvent(FrameType.QUEUE_COMMENT, members)


def wake_events(item: Item) -> Sequence[LiveEvent]:
    """Build the event that wakes agents, if the item is urgent and ready or in progress."""
    if item.priority is not Priority.URGENT or item.status not in _UNDER_WAY:
        return ()
    about = {"itemId": item.item_id, "title": item.title, "priority": item.priority.value, "status": item.status.value}
    return (LiveEvent(FrameType.WAKE, {"reason": "urgent_task", "metadata": about}),)


@dataclass(frozen=True)
class Change:
    """An item before and after a change. `after` is None if the item is removed, with the verdict why."""

    before: Item
    after: Item | None
    verdict: Verdict | None = None

    @property
    def decided(self) -> Verdict | None:
        """What the change decides, if anything."""
        if self.after is None:
            return self.verdict
        return None if self.after.verdict == self.before.verdict else self.after.verdict


def moderation_item(delivery: Delivery, *, owner_id: str) -> Item:
    """Create the item for a held event. Its id is the delivery's, and its owner decides about the event."""
    about = {
        "kind": "moderation",
        "deliveryId": delivery.delivery_id,
        "integrator": delivery.integrator,
        "eventType": delivery.event_type,
        "severity": delivery.severity,
        "senderUserId": delivery.sender_user_id,
    }
    hint = delivery.content.get("recipient_hint")
    return Item(
        item_id=delivery.delivery_id,
        user_id=owner_id,
        type=ItemType.NOTIFICATION,
        title=f"Deliver: {delivery.title}",
        description=delivery.summary,
        priority=Priority.MEDIUM,
        status=ItemStatus.PENDING_CONFIRMATION,
        source=delivery.integrator,
        metadata=json.dumps(about | ({"recipientHint": hint} if hint else {}), ensure_ascii=False),
        created_at=delivery.created_at,
        updated_at=delivery.created_at,
        project_id=delivery.project_id,
        held_delivery_id=delivery.delivery_id,
    )
