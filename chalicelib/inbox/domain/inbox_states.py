"""What recipients make of their deliveries: read, archived, snoozed; and what of it a sender's next fire undoes."""

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

LONGEST_SNOOZE = timedelta(days=366)


class Shelf(StrEnum):
    """Where a delivery lies in its recipient's inbox. One whose snooze is over lies where it was until it changes."""

    UNREAD = "u"
    READ = "r"
    SNOOZED = "s"
    ARCHIVED = "a"


class View(StrEnum):
    """Which deliveries to look at. `inbox` has those that are neither archived nor still snoozed."""

    INBOX = "inbox"
    UNREAD = "unread"
    ARCHIVED = "archived"
    SNOOZED = "snoozed"
    ALL = "all"


class StateIn(In):
    """What to make of a delivery; what is left out stays as it is."""

    read: Omittable[bool] = None
    archived: Omittable[bool] = None
    snoozed_until: Timestamp | None = Field(
        None,
        alias="snoozedUntil",
        description="Takes the delivery out of the inbox until then, at most 366 days ahead; it comes back unread. "
        "Null brings it back now.",
    )

    @property
    def changes_snooze(self) -> bool:
        return "snoozed_until" in self.model_fields_set

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("empty_state", "One of read, archived, snoozedUntil is required")
        if self.archived and self.snoozed_until is not None:
            raise PydanticCustomError("two_places", "A delivery is archived or snoozed, not both")
        return self


def check_snooze(wanted: StateIn, *, now: datetime) -> None:
    """Refuse a snooze that ends before it begins, or too late.

    Raises:
        Invalid: it does.
    """
    until = wanted.snoozed_until
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


def apply_state(delivery: Delivery, wanted: StateIn, *, now: datetime) -> Delivery:
    """The delivery as its recipient wants it.

    A snooze ends an archiving and the other way round. One that is snoozed is to come back unread, so what was read
    before does not count; and it is listed by the time when it comes back, also when that has passed.
    """
    if not is_snoozed(delivery, now=now):
        delivery = replace(delivery, snoozed_until=None)
    if wanted.read is not None:
        delivery = replace(delivery, read_at=(delivery.read_at or timestamp(now)) if wanted.read else None)
    if wanted.archived is not None:
        delivery = replace(delivery, archived_at=(delivery.archived_at or timestamp(now)) if wanted.archived else None)
    if wanted.snoozed_until is not None:
        until = timestamp(wanted.snoozed_until)
        read_at = delivery.read_at if wanted.read else None
        return replace(delivery, snoozed_until=until, listed_at=until, archived_at=None, read_at=read_at)
    if delivery.snoozed_until and (wanted.changes_snooze or delivery.archived_at):
        return replace(delivery, snoozed_until=None, listed_at=delivery.created_at)
    return delivery


def return_to_inbox(delivery: Delivery, *, now: datetime) -> Delivery | None:
    """The delivery as a further fire of its event brings it back to the inbox; None where it changes nothing.

    An archived one comes back unread, on top. A snooze is its owner's explicit wish and outlasts a fire, unless the
    event is critical: whoever put that off did not know that it goes on.
    """
    urgent = delivery.severity == Severity.CRITICAL and is_snoozed(delivery, now=now)
    if not delivery.archived_at and not urgent:
        return None
    return replace(delivery, read_at=None, archived_at=None, snoozed_until=None, listed_at=timestamp(now))
