"""The task queue: its items, and the rules of their statuses."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError, from_json

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import In, Line, Omittable, OpenIn, Out, Query, TimeOut, not_blank, timestamp
from chalicelib.core.domain.pages import Pagination
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.live.domain.frames import FrameType, LiveEvent

MOST_ITEMS_A_PAGE = 100
_LARGEST_METADATA = 65_536
# Of an item with its result, in bytes. A row can have up to 400 KB, some engines count both values of a replaced
# attribute, and a stored reply contains two items.
_LARGEST_WITH_RESULT = 180_000


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


class ItemStatus(StrEnum):
    """Statuses of items."""

    PENDING_CONFIRMATION = "pending_confirmation"
    READY = "ready"
    IN_PROGRESS = "in_progress"
    DONE_TODAY = "done_today"
    BLOCKED = "blocked"


_UNDER_WAY = frozenset({ItemStatus.READY, ItemStatus.IN_PROGRESS})


@dataclass(frozen=True)
class Item:
    """One item of a person's queue.

    `metadata` is a JSON object as text. `held_delivery_id` is set if the item stands for an event that is held for
    moderation. `changes` counts the updates of the item.
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

    @property
    def facets(self) -> tuple[str, str, str]:
        return (self.status.value, self.priority.value, self.type.value)

    def with_status(self, status: ItemStatus, *, now: datetime) -> "Item":
        return replace(self, status=status, updated_at=timestamp(now))

    def with_metadata(self, **notes: Any) -> "Item":
        """Return the item with these members added to its metadata.

        Raises:
            Invalid: the metadata would be too large.
        """
        known = json.loads(self.metadata) if self.metadata else {}
        metadata = json.dumps(known | notes, ensure_ascii=False)
        if len(metadata.encode()) > _LARGEST_WITH_RESULT:
            raise Invalid(f"The task's metadata can have up to {_LARGEST_WITH_RESULT} bytes.")
        return replace(self, metadata=metadata)


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


def queue_event(item: Item, change: Literal["added", "status_changed", "removed"], new_status: str) -> LiveEvent:
    """Build the live event about a change of the queue."""
    members = {"changeType": change, "itemId": item.item_id, "itemTitle": item.title, "newStatus": new_status}
    return LiveEvent(FrameType.QUEUE_CHANGED, members)


def wake_events(item: Item) -> Sequence[LiveEvent]:
    """Build the event that wakes agents, if the item is urgent and ready or in progress."""
    if item.priority is not Priority.URGENT or item.status not in _UNDER_WAY:
        return ()
    about = {"itemId": item.item_id, "title": item.title, "priority": item.priority.value, "status": item.status.value}
    return (LiveEvent(FrameType.WAKE, {"reason": "urgent_task", "metadata": about}),)


@dataclass(frozen=True)
class Change:
    """An item before and after a change. `after` is None if the item is rejected."""

    before: Item
    after: Item | None


def _is_finite(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def _object(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = from_json(value, allow_inf_nan=False)
        except ValueError:
            value = None
    if not isinstance(value, dict) or not _is_finite(value):
        raise PydanticCustomError("metadata", "Must be an object, or an object as JSON")
    if len(json.dumps(value)) > _LARGEST_METADATA:
        raise PydanticCustomError("too_large", "Must have at most 65,536 characters as JSON")
    return value


class ItemIn(In):
    """A new task."""

    type: Annotated[ItemType, Field(strict=False)] = ItemType.TASK
    title: Annotated[Line, Field(min_length=1, max_length=500)]
    description: Annotated[str, Field(max_length=10_000)] | None = None
    priority: Annotated[Priority, Field(strict=False)] = Priority.MEDIUM
    source: Annotated[str, Field(min_length=1, max_length=50)] | None = Field(
        "agent", description="Who adds the task: user, agent, system, or a name of your choice."
    )
    metadata: Annotated[dict[str, Any], BeforeValidator(_object)] | None = Field(
        None, description="An object, or a JSON object as a string."
    )


class ResultIn(OpenIn):
    """The result of a task."""

    result: Annotated[str, Field(min_length=1, max_length=100_000), AfterValidator(not_blank)]
    status: Annotated[Literal["done_today", "blocked"], Field(description="The new status of the task.")] = "done_today"


class StatusIn(OpenIn):
    """The new status of a task."""

    status: Annotated[ItemStatus, Field(strict=False)]


class ConfirmIn(OpenIn):
    """The decision about a task that waits for confirmation."""

    action: Literal["approve", "reject"]
    recipient: Omittable[Annotated[str, Field(min_length=1, max_length=120)]] = Field(
        None,
        description="The email address or user id to deliver a held event to. Needed if the sender's hint matches "
        "no employee.",
    )


class ItemQuery(Query):
    """Filters and selects a page of tasks. An unknown status, priority or type matches nothing."""

    status: Omittable[str] = None
    priority: Omittable[str] = None
    type: Omittable[str] = None
    limit: Annotated[int, Field(ge=1)] = Field(
        50, description="The number of tasks, up to 100. Larger values count as 100."
    )
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0

    @property
    def count(self) -> int:
        return min(self.limit, MOST_ITEMS_A_PAGE)

    @property
    def is_known(self) -> bool:
        """Whether any item can match."""
        return (
            self.status in (None, *ItemStatus) and self.priority in (None, *Priority) and self.type in (None, *ItemType)
        )


class ItemOut(Out):
    """A task. `metadata` is a JSON object as a string."""

    id: str
    type: ItemType
    title: str
    description: str | None
    priority: Priority
    status: ItemStatus
    source: str | None
    user_id: str
    project_id: str | None
    team_id: str | None
    metadata: str | None
    created_at: TimeOut
    updated_at: TimeOut


class MovedOut(ItemOut):
    """An item after a change, and the one that was handed out next, if one was."""

    auto_dispatched: ItemOut | None


class ConfirmedOut(Out):
    """The confirmed item, or of a rejected one only the message."""

    id: Omittable[str] = None
    type: Omittable[ItemType] = None
    title: Omittable[str] = None
    description: str | None = None
    priority: Omittable[Priority] = None
    status: Omittable[ItemStatus] = None
    source: str | None = None
    user_id: Omittable[str] = None
    project_id: str | None = None
    team_id: str | None = None
    metadata: str | None = None
    created_at: Omittable[TimeOut] = None
    updated_at: Omittable[TimeOut] = None
    message: str


class ItemsOut(Out):
    """A page of items: by status, then the most urgent first, then the oldest."""

    items: list[ItemOut]
    pagination: Pagination


def new_item(request: ItemIn, *, item_id: str, user_id: str, status: ItemStatus, now: datetime) -> Item:
    """Create an item from a request."""
    return Item(
        item_id=item_id,
        user_id=user_id,
        type=request.type,
        title=request.title,
        description=request.description,
        priority=request.priority,
        status=status,
        source=request.source,
        metadata=json.dumps(request.metadata, ensure_ascii=False) if request.metadata is not None else None,
        created_at=timestamp(now),
        updated_at=timestamp(now),
    )


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


def to_item_response(item: Item) -> ItemOut:
    return ItemOut(**item_fields(item))


def item_fields(item: Item) -> dict[str, Any]:
    """Return the fields that all responses with an item have."""
    return {
        "id": item.item_id,
        "type": item.type,
        "title": item.title,
        "description": item.description,
        "priority": item.priority,
        "status": item.status,
        "source": item.source,
        "user_id": item.user_id,
        "project_id": item.project_id,
        "team_id": item.team_id,
        "metadata": item.metadata,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }
