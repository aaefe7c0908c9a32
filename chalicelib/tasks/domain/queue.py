"""The task queue: items, and what may become of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError, from_json

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import In, Omittable, OpenIn, Out, Query, TimeOut, not_blank, timestamp
from chalicelib.core.domain.pages import Pagination
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.live.domain.frames import FrameType, LiveEvent

MOST_ITEMS_A_PAGE = 100
_LARGEST_METADATA = 65_536
# With its result, in bytes. A row holds at most 400 KB, some engines count a member that is replaced with both its
# values, and what is kept of a reply holds two items.
_LARGEST_WITH_RESULT = 180_000


class ItemType(StrEnum):
    """What an item is."""

    TASK = "task"
    NOTIFICATION = "notification"
    REMINDER = "reminder"
    AGENT_SUGGESTION = "agent_suggestion"


class Priority(StrEnum):
    """How much an item matters, most first."""

    URGENT = "urgent"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        return list(Priority).index(self)


class ItemStatus(StrEnum):
    """Where an item stands."""

    PENDING_CONFIRMATION = "pending_confirmation"
    READY = "ready"
    IN_PROGRESS = "in_progress"
    DONE_TODAY = "done_today"
    BLOCKED = "blocked"


_UNDER_WAY = frozenset({ItemStatus.READY, ItemStatus.IN_PROGRESS})


@dataclass(frozen=True)
class Item:
    """One item of a person's queue, after so many `changes`.

    `metadata` is an object, as JSON; `held_delivery_id` is of an event that waits for a moderator's say.
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

    def moved(self, status: ItemStatus, *, now: datetime) -> "Item":
        return replace(self, status=status, updated_at=timestamp(now))

    def noted(self, **notes: Any) -> "Item":
        """The item with more in its metadata.

        Raises:
            Invalid: it would be too much.
        """
        known = json.loads(self.metadata) if self.metadata else {}
        metadata = json.dumps(known | notes, ensure_ascii=False)
        if len(metadata.encode()) > _LARGEST_WITH_RESULT:
            raise Invalid(f"The item's metadata would take more than {_LARGEST_WITH_RESULT} bytes.")
        return replace(self, metadata=metadata)


def check_move(item: Item, status: ItemStatus) -> None:
    """Refuse a change of status that the queue's rules rule out.

    Raises:
        Invalid: the item is done, waits for its confirmation, or would wait for one again.
    """
    if item.status is status:
        return
    if item.status is ItemStatus.DONE_TODAY:
        raise Invalid(f"The item is done; it can't become {status} again.")
    if item.status is ItemStatus.PENDING_CONFIRMATION:
        raise Invalid("The item waits for its confirmation; approve or reject it first.")
    if status is ItemStatus.PENDING_CONFIRMATION:
        raise Invalid("Nothing goes back to pending_confirmation.")


def changed(item: Item, change: Literal["added", "status_changed", "removed"], new_status: str) -> LiveEvent:
    """What open connections are told of a change."""
    members = {"changeType": change, "itemId": item.item_id, "itemTitle": item.title, "newStatus": new_status}
    return LiveEvent(FrameType.QUEUE_CHANGED, members)


def wakes(item: Item) -> Sequence[LiveEvent]:
    """What wakes agents: an urgent item that has just become ready or gone into progress."""
    if item.priority is not Priority.URGENT or item.status not in _UNDER_WAY:
        return ()
    about = {"itemId": item.item_id, "title": item.title, "priority": item.priority.value, "status": item.status.value}
    return (LiveEvent(FrameType.WAKE, {"reason": "urgent_task", "metadata": about}),)


@dataclass(frozen=True)
class Change:
    """An item as it was met, and as it is to be; None when it is rejected."""

    met: Item
    to: Item | None


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
    """An item to be queued."""

    type: Annotated[ItemType, Field(strict=False)] = ItemType.TASK
    title: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(not_blank)]
    description: Annotated[str, Field(max_length=10_000)] | None = None
    priority: Annotated[Priority, Field(strict=False)] = Priority.MEDIUM
    source: Annotated[str, Field(min_length=1, max_length=50)] | None = Field(
        "agent", description="Who asks: user, agent, system, or a name of your own."
    )
    metadata: Annotated[dict[str, Any], BeforeValidator(_object)] | None = Field(
        None, description="An object, or an object as JSON."
    )


class ResultIn(OpenIn):
    """What came of an item."""

    result: Annotated[str, Field(min_length=1, max_length=100_000), AfterValidator(not_blank)]
    status: Annotated[Literal["done_today", "blocked"], Field(description="How the item stands now.")] = "done_today"


class StatusIn(OpenIn):
    """Where the item is to go."""

    status: Annotated[ItemStatus, Field(strict=False)]


class ConfirmIn(OpenIn):
    """A say on an item that waits for it."""

    action: Literal["approve", "reject"]
    recipient: Omittable[Annotated[str, Field(min_length=1, max_length=120)]] = Field(
        None, description="For a held event that names nobody known: the e-mail address or user id to deliver it to."
    )


class ItemQuery(Query):
    """A page of items; there are none of a status, priority or type that there is no such thing as."""

    status: Omittable[str] = None
    priority: Omittable[str] = None
    type: Omittable[str] = None
    limit: Annotated[int, Field(ge=1)] = Field(50, description="At most 100; more is read as 100.")
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0

    @property
    def count(self) -> int:
        return min(self.limit, MOST_ITEMS_A_PAGE)

    @property
    def is_known(self) -> bool:
        """Whether there may be anything that fits."""
        return (
            self.status in (None, *ItemStatus) and self.priority in (None, *Priority) and self.type in (None, *ItemType)
        )


class ItemOut(Out):
    """An item of the queue; `metadata` is an object, as JSON."""

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


def queued(given: ItemIn, *, item_id: str, user_id: str, status: ItemStatus, now: datetime) -> Item:
    """The item that a request becomes."""
    return Item(
        item_id=item_id,
        user_id=user_id,
        type=given.type,
        title=given.title,
        description=given.description,
        priority=given.priority,
        status=status,
        source=given.source,
        metadata=json.dumps(given.metadata, ensure_ascii=False) if given.metadata is not None else None,
        created_at=timestamp(now),
        updated_at=timestamp(now),
    )


def held_item(delivery: Delivery, *, owner_id: str) -> Item:
    """The item that stands for a held event in the queue of the person who decides on it; its id is the delivery's."""
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


def shown(item: Item) -> dict[str, Any]:
    """The members of an item on the wire."""
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
