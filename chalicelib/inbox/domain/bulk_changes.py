"""Bulk changes: one change of state for many deliveries of an inbox, and its undoing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.fields import In, Omittable, Out, TimeOut, Timestamp, Uuid, UuidOut, timestamp
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.inbox import InboxFilter, InboxQuery, Position
from chalicelib.inbox.domain.inbox_states import StateIn, apply_state, end_snooze, is_snoozed

MOST_IDS = 1_000
# A step is one transaction of at most 100 members: two for each of these, the job, its part, and the reply under an
# idempotency key. Its frame stays under 32 KB.
PER_STEP = 48


class BulkAction(StrEnum):
    """What to do with each delivery."""

    READ = "read"
    UNREAD = "unread"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    SNOOZE = "snooze"
    UNSNOOZE = "unsnooze"
    RESOLVE = "resolve"


class BulkStatus(StrEnum):
    """How far a bulk change is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


class BulkFilter(InboxFilter):
    """Selects the deliveries to change, as the filters of the list do. `before` is required."""

    before: Timestamp = Field(
        description="Deliveries that arrive after this time are left as they are. Send the time of your list."
    )


_STATES = {
    BulkAction.READ: {"read": True},
    BulkAction.UNREAD: {"read": False},
    BulkAction.ARCHIVE: {"archived": True},
    BulkAction.UNARCHIVE: {"archived": False},
    BulkAction.UNSNOOZE: {"snoozedUntil": None},
}


class BulkChangeIn(In):
    """A change, and the deliveries that it is for: their ids, or a filter."""

    action: BulkAction
    ids: Omittable[Annotated[list[Uuid], Field(min_length=1, max_length=MOST_IDS)]] = None
    filter: Omittable[BulkFilter] = None
    snoozed_until: Omittable[Timestamp] = Field(
        None, alias="snoozedUntil", description="Until when to snooze, at most 366 days ahead."
    )

    @model_validator(mode="after")
    def _fits_its_action(self) -> Self:
        if (self.snoozed_until is not None) != (self.action is BulkAction.SNOOZE):
            raise PydanticCustomError("snooze", "Set snoozedUntil with the action snooze, and only then")
        if (self.ids is None) == (self.filter is None):
            raise PydanticCustomError("targets", "Set either ids or filter")
        return self


class BulkChangeOut(Out):
    """How far a bulk change is, and how many deliveries it concerned so far."""

    job_id: UuidOut
    action: BulkAction
    undoes: Omittable[UuidOut] = Field(None, description="The `jobId` of the change that this one undoes.")
    status: BulkStatus
    matched: int = Field(description="Deliveries examined: changed, unchanged, not found and not allowed.")
    changed: int
    unchanged: int = Field(description="Deliveries that had this state already; for undo, those changed again since.")
    not_found: int = Field(description="Ids that are not in your inbox.")
    not_allowed: Omittable[int] = Field(
        None, description="For resolve: deliveries that you did not publish, so that only their sender resolves them."
    )
    created_at: TimeOut
    request_id: Omittable[str] = None


class BulkChangeJob(In):
    """A message of the queue: continue the job.

    The parts from `part` on may not have been announced; None stands for the last one.
    """

    job_id: str
    part: int | None = None


class Counts(NamedTuple):
    """How many deliveries were changed, were not, were not found, and may not be changed by their recipient."""

    changed: int = 0
    unchanged: int = 0
    not_found: int = 0
    not_allowed: int = 0

    def plus(self, other: "Counts") -> "Counts":
        return Counts(*(one + two for one, two in zip(self, other, strict=True)))


NO_COUNTS = Counts()


class State(NamedTuple):
    """The state of a delivery in its inbox."""

    read_at: str | None
    archived_at: str | None
    snoozed_until: str | None
    listed_at: str | None

    @classmethod
    def of(cls, delivery: Delivery) -> "State":
        listed_at = delivery.listed_at if delivery.listed_at != delivery.created_at else None
        return cls(delivery.read_at, delivery.archived_at, delivery.snoozed_until, listed_at)

    def apply_to(self, delivery: Delivery) -> Delivery:
        return replace(delivery, **self._asdict() | {"listed_at": self.listed_at or delivery.created_at})


class Changed(NamedTuple):
    """One delivery that a job has changed: its states before and after."""

    delivery_id: str
    before: State
    after: State


@dataclass(frozen=True)
class BulkChange:
    """A bulk change of one person's inbox.

    `parts` is the number of steps taken. A change by ids takes them in order. A change by filter goes on below
    `position`. An undoing takes the parts of the job `undoes`, the last first.
    """

    job_id: str
    user_id: str
    action: BulkAction
    created_at: str
    state: dict[str, Any] | None = None
    ids: Sequence[str] = ()
    filter: dict[str, Any] | None = None
    undoes: str | None = None
    undone_parts: int = 0
    status: BulkStatus = BulkStatus.QUEUED
    parts: int = 0
    position: Position | None = None
    counts: Counts = NO_COUNTS

    @property
    def is_over(self) -> bool:
        return self.status in (BulkStatus.DONE, BulkStatus.STOPPED)

    def query(self) -> InboxQuery:
        return InboxQuery.model_validate({**(self.filter or {}), "limit": PER_STEP})


@dataclass(frozen=True)
class Step:
    """The next deliveries of a job. For an undoing `earlier` has what was done to each."""

    ids: Sequence[str]
    is_last: bool
    position: Position | None = None
    earlier: Sequence[Changed] = ()


def new_change(body: BulkChangeIn, *, job_id: str, user_id: str, now: datetime) -> BulkChange:
    """Return the job of a request."""
    chosen = body.filter.model_dump(mode="json", exclude_unset=True) if body.filter else None
    state = state_of(body)
    return BulkChange(
        job_id=job_id,
        user_id=user_id,
        action=body.action,
        created_at=timestamp(now),
        state=state.model_dump(mode="json", by_alias=True, exclude_unset=True) if state else None,
        ids=list(dict.fromkeys(body.ids or ())),
        filter=chosen,
    )


def check_undoable(earlier: BulkChange) -> None:
    """Refuse to undo what is for good.

    Raises:
        Conflict: the change resolves deliveries.
    """
    if earlier.action is BulkAction.RESOLVE:
        raise Conflict("Resolving can't be undone.")


def new_undoing(earlier: BulkChange, *, job_id: str, now: datetime) -> BulkChange:
    """Return the job that undoes a change which is over."""
    return BulkChange(
        job_id=job_id,
        user_id=earlier.user_id,
        action=earlier.action,
        created_at=timestamp(now),
        undoes=earlier.job_id,
        undone_parts=earlier.parts,
    )


def state_of(body: BulkChangeIn) -> StateIn | None:
    """Return the state to set; None for an action that changes none."""
    if body.action is BulkAction.RESOLVE:
        return None
    if body.snoozed_until is not None:
        return StateIn.model_validate({"snoozedUntil": timestamp(body.snoozed_until)})
    return StateIn.model_validate(_STATES[body.action])


def change_deliveries(
    job: BulkChange, step: Step, found: Collection[Delivery], *, now: datetime
) -> tuple[list[tuple[Delivery, Delivery]], Counts]:
    """Return the deliveries to change, each before and after, and the counts of the step."""
    own = {each.delivery_id: each for each in found if each.recipient_user_id == job.user_id}
    not_allowed = 0
    if job.action is BulkAction.RESOLVE:
        # The sender of what a personal token publishes is its owner. Others' events are theirs to resolve.
        unresolved = [each for each in own.values() if each.resolved_at is None]
        pairs = [
            (each, replace(each, resolved_at=timestamp(now)))
            for each in unresolved
            if each.sender_user_id == job.user_id
        ]
        not_allowed = len(unresolved) - len(pairs)
    elif job.undoes:
        done = {each.delivery_id: each for each in step.earlier}
        pairs = [
            (each, _restore(each, done[each.delivery_id].before, now=now))
            for each in own.values()
            # What was changed again since stays as it is.
            if State.of(each) == done[each.delivery_id].after
        ]
    else:
        state = StateIn.model_validate(job.state or {})
        pairs = [(each, after) for each in own.values() if (after := apply_state(each, state, now=now)) != each]
    counts = Counts(len(pairs), len(own) - len(pairs) - not_allowed, len(step.ids) - len(own), not_allowed)
    return pairs, counts


def _restore(delivery: Delivery, state: State, *, now: datetime) -> Delivery:
    restored = state.apply_to(delivery)
    # A snooze that ended meanwhile is not begun again.
    return end_snooze(restored) if restored.snoozed_until and not is_snoozed(restored, now=now) else restored


def advance(job: BulkChange, step: Step, counts: Counts) -> BulkChange:
    """Return the job after the step."""
    status = BulkStatus.DONE if step.is_last else BulkStatus.RUNNING
    return replace(job, status=status, parts=job.parts + 1, position=step.position, counts=job.counts.plus(counts))


def to_bulk_out(job: BulkChange, *, request_id: str) -> BulkChangeOut:
    more: dict[str, Any] = {"undoes": job.undoes} if job.undoes else {}
    if job.action is BulkAction.RESOLVE:
        more["not_allowed"] = job.counts.not_allowed
    return BulkChangeOut(
        **more,
        job_id=job.job_id,
        action=job.action,
        status=job.status,
        matched=sum(job.counts),
        changed=job.counts.changed,
        unchanged=job.counts.unchanged,
        not_found=job.counts.not_found,
        created_at=job.created_at,
        request_id=request_id,
    )
