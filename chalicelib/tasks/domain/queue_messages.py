"""Requests and responses of the task queue."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import (
    Clamped,
    Filter,
    In,
    Line,
    Omittable,
    OpenIn,
    Out,
    Query,
    TimeOut,
    not_blank,
    timestamp,
)
from chalicelib.core.domain.pages import Cursor, CursorPagination, Offset
from chalicelib.tasks.domain.proposals import (
    CommentOut,
    Metadata,
    Outcome,
    Verdict,
    VerdictOut,
    is_over,
    parse_object,
    to_comment_response,
    to_verdict_response,
)
from chalicelib.tasks.domain.queue import Item, ItemStatus, ItemType, Priority

MOST_ITEMS_A_PAGE = 100
# Gateways end requests after 29 seconds.
MOST_WAIT_SECONDS = 25


class ItemIn(In):
    """A new task."""

    type: Annotated[ItemType, Field(strict=False)] = ItemType.TASK
    title: Annotated[Line, Field(min_length=1, max_length=500)]
    description: Annotated[str, Field(max_length=10_000)] | None = None
    priority: Annotated[Priority, Field(strict=False)] = Priority.MEDIUM
    source: Annotated[Line, Field(min_length=1, max_length=50)] | None = Field(
        "agent", description="Who adds the task: user, agent, system, or a name of your choice."
    )
    metadata: Metadata | None = Field(None, description="An object, or a JSON object as a string.")


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
    arguments: Omittable[Annotated[dict[str, Any], BeforeValidator(parse_object)]] = Field(
        None,
        description="Arguments of the task's proposal to change before it is approved, by name, each of the type that "
        "was proposed. The agent reads them in the metadata.",
    )
    reason: Omittable[Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(not_blank)]] = Field(
        None, description="Why, for the agent to read."
    )


class ItemFilter(Query):
    """Filters tasks. An unknown status, priority or type matches nothing."""

    status: Omittable[Annotated[str, Filter(ItemStatus)]] = None
    priority: Omittable[Annotated[str, Filter(Priority)]] = None
    type: Omittable[str] = Field(None, description="Lists tasks of this type: " + ", ".join(ItemType) + ".")

    @property
    def is_known(self) -> bool:
        """Whether any item can match."""
        return (
            self.status in (None, *ItemStatus) and self.priority in (None, *Priority) and self.type in (None, *ItemType)
        )


class ItemQuery(ItemFilter):
    """Filters and selects a page of tasks. An unknown status, priority or type matches nothing."""

    limit: Annotated[int, Field(ge=1), Clamped(MOST_ITEMS_A_PAGE)] = Field(
        50, description="The number of tasks, up to 100. Larger values count as 100."
    )
    offset: Offset = 0
    cursor: Cursor = None


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
    claimed_by: str | None = Field(
        None, description="The agent that took the task up: its name, or the name of its key. Null if none has."
    )
    claimed_at: TimeOut | None = None
    expires_at: TimeOut | None = Field(None, description="Until when the task's proposal can be approved.")
    decision: VerdictOut | None = Field(None, description="The decision about the task. Null if none was needed yet.")
    proposed_by: str | None = Field(
        None, description="The name of the key whose agent proposed the task. Null if it came without a proposal."
    )


class AddedOut(ItemOut):
    """A new task."""

    auto_dispatched: ItemOut | None = Field(
        None, description="The task that is in progress now, in `chief_of_staff` mode. It can be the new one."
    )


class MovedOut(ItemOut):
    """A task after a change."""

    auto_dispatched: ItemOut | None = Field(
        None, description="The task that is in progress now, in `chief_of_staff` mode. It can be the changed one."
    )
    claimed_by_caller: bool | None = Field(
        None,
        description="Whether you are the agent that works on the task. False if another agent took it up before: then "
        "nothing has changed. Null if the task is not in progress.",
    )


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
    claimed_by: str | None = None
    claimed_at: TimeOut | None = None
    expires_at: TimeOut | None = None
    decision: VerdictOut | None = None
    proposed_by: str | None = None
    auto_dispatched: ItemOut | None = Field(
        None, description="The task that is in progress now, in `chief_of_staff` mode. It can be the approved one."
    )
    message: str


class ApprovalQuery(Query):
    """How long to wait for what."""

    wait_seconds: Annotated[int, Field(ge=0), Clamped(MOST_WAIT_SECONDS)] = Field(
        0, alias="waitSeconds", description="How long to wait for a decision or a comment, up to 25."
    )
    seen_comments: Omittable[Annotated[int, Field(ge=0)]] = Field(
        None,
        alias="seenComments",
        description="The number of comments that you know. The reply comes as soon as there are more.",
    )


class TaskApprovalOut(Out):
    """Whether a task may be done, and what was said about it."""

    state: Literal["waiting", "approved", "rejected", "expired"]
    decision: VerdictOut | None = Field(description="Null while the task waits, and if it needed no approval.")
    task: ItemOut | None = Field(description="The task, with the arguments as approved. Null once it was removed.")
    comments: list[CommentOut] = Field(description="The oldest first.")


class ItemsOut(Out):
    """A page of items: by status, then the most urgent first, then the oldest."""

    items: list[ItemOut]
    pagination: CursorPagination


def new_item(request: ItemIn, *, item_id: str, user_id: str, status: ItemStatus, now: datetime) -> Item:
    """Create an item from a request.

    Raises:
        Invalid: its proposal has expired already.
    """
    metadata = request.metadata
    expires_at = metadata.proposal.expires_at if metadata and metadata.proposal else None
    if expires_at is not None and expires_at <= now:
        path = "metadata.proposal.expiresAt"
        raise Invalid(f"{path}: must be in the future", {path: ["must be in the future"]})
    return Item(
        item_id=item_id,
        user_id=user_id,
        type=request.type,
        title=request.title,
        description=request.description,
        priority=request.priority,
        status=status,
        source=request.source,
        metadata=json.dumps(metadata.to_object(), ensure_ascii=False) if metadata is not None else None,
        created_at=timestamp(now),
        updated_at=timestamp(now),
        expires_at=timestamp(expires_at) if expires_at else None,
    )


def to_item_response(item: Item) -> ItemOut:
    return ItemOut(**item_fields(item))


def to_approval_response(item: Item, *, is_removed: bool, now: datetime) -> TaskApprovalOut:
    """Return how it stands with the approval of an item, which may have been removed since."""
    verdict = item.verdict
    if is_removed and verdict is None:
        # Rejected by an earlier version of the desk, which kept no more of it.
        verdict = Verdict(Outcome.REJECTED, item.updated_at)
    waits = item.status is ItemStatus.PENDING_CONFIRMATION and not is_removed
    if waits and is_over(item.expires_at, now=now):
        verdict, waits, is_removed = Verdict(Outcome.EXPIRED, str(item.expires_at)), False, True
    return TaskApprovalOut(
        state="waiting" if waits else verdict.outcome.value if verdict else "approved",
        decision=to_verdict_response(verdict) if verdict else None,
        task=None if is_removed else to_item_response(item),
        comments=[to_comment_response(each) for each in item.comments],
    )


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
        "claimed_by": item.claimant.name if item.claimant else None,
        "claimed_at": item.claimant.at if item.claimant else None,
        "expires_at": item.expires_at,
        "decision": to_verdict_response(item.verdict) if item.verdict else None,
        "proposed_by": item.proposer.name if item.proposer else None,
    }
