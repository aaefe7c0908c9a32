"""The inbox: its query and page, and what open connections are told of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chalicelib.domain.clicks import Click, Outcome
from chalicelib.domain.deliveries import Delivery, ListedDelivery, Supplement, listed
from chalicelib.domain.events import Severity
from chalicelib.domain.fields import Omittable, Out, Query
from chalicelib.domain.frames import FrameType, News


@dataclass(frozen=True)
class Position:
    """Where a page ended: the last delivery looked at."""

    delivery_id: str
    created_at: str


class InboxStatus(StrEnum):
    """Which deliveries to list."""

    OPEN = "open"
    RESOLVED = "resolved"
    ALL = "all"


class InboxQuery(Query):
    """A page of one's deliveries."""

    limit: int = Field(50, ge=1, le=100)
    cursor: Omittable[str] = Field(None, description="`nextCursor` of the page before, with the same filters.")
    status: InboxStatus = InboxStatus.ALL
    event_type: Omittable[Annotated[str, Field(min_length=1, max_length=60)]] = None
    severity: Omittable[Severity] = None


class InboxPage(Out):
    """Deliveries, newest first. `nextCursor` is null on the last page; a page may be short before that."""

    items: list[ListedDelivery]
    next_cursor: str | None
    request_id: str


def arrived(delivery: Delivery) -> News:
    """What the recipient's open connections are told of a new delivery: what the inbox's list shows of it."""
    shown = ListedDelivery(**listed(delivery)).model_dump(mode="json", by_alias=True, exclude_unset=True)
    return News(FrameType.DELIVERY, shown)


def resolved(delivery: Delivery) -> News:
    members = {
        "deliveryId": delivery.delivery_id,
        "resolvedAt": delivery.resolved_at,
        "resolutionNote": delivery.resolution_note,
    }
    return News(FrameType.DELIVERY_RESOLVED, members)


def supplemented(delivery_id: str, added: Supplement) -> News:
    members = {"deliveryId": delivery_id, "supplementId": added.supplement_id, "createdAt": added.created_at}
    return News(FrameType.DELIVERY_SUPPLEMENTED, members)


def acted(click: Click, outcome: Outcome) -> News:
    """What the recipient's open connections are told when a button's callback was accepted, or given up."""
    members = {
        "deliveryId": click.delivery_id,
        "index": click.index,
        "actionId": click.action_id,
        "outcome": outcome.value,
    }
    return News(FrameType.ACTION_RESULT, members)
