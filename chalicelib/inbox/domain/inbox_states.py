"""The state of a delivery in its recipient's inbox: read, archived, snoozed; and how a repeat brings it back."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import In, Omittable, Timestamp, timestamp
from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.deliveries import Delivery

# Whether a repeat of its event brings back a delivery that its recipient has read.
ReturnsRead = Callable[[Delivery], bool]

LONGEST_SNOOZE = timedelta(days=366)


class Shelf(StrEnum):
    """The part of an inbox that a delivery is stored in. One whose snooze is over stays in SNOOZED until it changes."""

    UNREAD = "u"
    READ = "r"
    SNOOZED = "s"
    ARCHIVED = "a"


class View(StrEnum):
    """Which deliveries to list, by their state. `inbox` has those that are neither archived nor snoozed."""

    INBOX = "inbox"
    UNREAD = "unread"
    ARCHIVED = "archived"
    SNOOZED = "snoozed"
    ALL = "all"


class StateIn(In):
    """The state to set. Fields you leave out stay as they are."""

    read: Omittable[bool] = None
    archived: Omittable[bool] = None
    snoozed_until: Timestamp | None = Field(
        None,
        alias="snoozedUntil",
        description="Removes the delivery from the inbox until this time, at most 366 days ahead. It comes back "
        "unread. Null brings it back now.",
    )

    @property
    def changes_snooze(self) -> bool:
        return "snoozed_until" in self.model_fields_set

    @model_validator(mode="after")
    def _sets_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("empty_state", "Set at least one of read, archived, snoozedUntil")
        if self.archived and self.snoozed_until is not None:
            raise PydanticCustomError("two_places", "Archive a delivery or snooze it, not both")
        return self


def check_snooze(state: StateIn, *, now: datetime) -> None:
    """Refuse a snooze that ends in the past or too far ahead.

    Raises:
        Invalid: it does.
    """
    until = state.snoozed_until
    if until is None or now < until <= now + LONGEST_SNOOZE:
        return
    reason = "must be in the future" if until <= now else "must be within 366 days"
    raise Invalid(f"snoozedUntil: {reason}", {"snoozedUntil": [reason]})


def shelf_of(delivery: Delivery) -> Shelf:
    if delivery.archived_at:
        return Shelf.ARCHIVED
    if delivery.snoozed_until:
        return Shelf.SNOOZED
    return Shelf.READ if delivery.read_at else Shelf.UNREAD


def is_snoozed(delivery: Delivery, *, now: datetime) -> bool:
    return delivery.snoozed_until is not None and delivery.snoozed_until > timestamp(now)


def apply_state(delivery: Delivery, state: StateIn, *, now: datetime) -> Delivery:
    """Return the delivery with the state that its recipient sets.

    Snoozing unarchives a delivery, and archiving ends its snooze. A snoozed delivery becomes unread, because it comes
    back unread. It is listed by the time when it comes back, also after that time.
    """
    if not is_snoozed(delivery, now=now):
        delivery = replace(delivery, snoozed_until=None)
    if state.read is not None:
        delivery = replace(delivery, read_at=(delivery.read_at or timestamp(now)) if state.read else None)
    if state.archived is not None:
        delivery = replace(delivery, archived_at=(delivery.archived_at or timestamp(now)) if state.archived else None)
    if state.snoozed_until is not None:
        until = timestamp(state.snoozed_until)
        read_at = delivery.read_at if state.read else None
        return replace(delivery, snoozed_until=until, listed_at=until, archived_at=None, read_at=read_at)
    if delivery.snoozed_until and (state.changes_snooze or delivery.archived_at):
        return replace(delivery, snoozed_until=None, listed_at=delivery.created_at)
    return delivery


def end_snooze(delivery: Delivery) -> Delivery:
    """Return the delivery as the end of its snooze brings it back: unread, listed by that time."""
    return replace(delivery, snoozed_until=None, read_at=None)


def return_to_inbox(delivery: Delivery, *, now: datetime, returns_read: ReturnsRead) -> Delivery | None:
    """Return the delivery as a repeat of its event brings it back to the inbox; None if it stays where it is.

    An archived delivery comes back unread, on top, and so does a read one if its recipient wants that. A snoozed one
    stays snoozed unless it is critical: its owner did not know that the event goes on.
    """
    if is_snoozed(delivery, now=now):
        returns = delivery.severity == Severity.CRITICAL
    else:
        returns = bool(delivery.archived_at or (delivery.read_at and returns_read(delivery)))
    if not returns:
        return None
    return replace(delivery, read_at=None, archived_at=None, snoozed_until=None, listed_at=timestamp(now))
