"""The inbox list: its query, its items, its summary."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from chalicelib.core.domain.fields import Omittable, Out, Query, TimeOut, Timestamp
from chalicelib.core.domain.severity import Severity
from chalicelib.core.domain.text import normalize_text
from chalicelib.inbox.domain.deliveries import Delivery, DeliveryDetail
from chalicelib.inbox.domain.delivery_responses import DeliveryOut, ListedDelivery, listed_fields, to_response
from chalicelib.inbox.domain.inbox_states import View, is_snoozed

# The summary counts at most this many unread and this many snoozed deliveries.
MOST_COUNTED = 1000


class Position(NamedTuple):
    """A delivery's position in the order of an inbox: the time it is listed by, then its id."""

    listed_at: str
    delivery_id: str

    @classmethod
    def of(cls, delivery: Delivery) -> "Position":
        return cls(delivery.listed_at or delivery.created_at, delivery.delivery_id)


class InboxStatus(StrEnum):
    """Which deliveries to list, by whether they are resolved."""

    OPEN = "open"
    RESOLVED = "resolved"
    ALL = "all"


class InboxFilter(Query):
    """Selects deliveries of an inbox."""

    view: View = View.INBOX
    status: InboxStatus = InboxStatus.ALL
    event_type: Omittable[Annotated[str, Field(min_length=1, max_length=60)]] = None
    severity: Omittable[Severity] = None
    q: Omittable[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        None,
        description="Words to find in title, event type, summary, actor and labels, in any case and order.",
    )
    label: Omittable[Annotated[str, Field(min_length=1, max_length=500)]] = Field(
        None, description="A label's name, such as `repo`, or name and value, such as `repo=widget-pro`."
    )
    integrator: Omittable[Annotated[str, Field(min_length=1, max_length=60)]] = Field(
        None, description="The prefix of the event types, such as `fd1`."
    )
    since: Omittable[Timestamp] = Field(None, description="Deliveries that were published at this time or later.")
    before: Omittable[Timestamp] = Field(
        None,
        description="Deliveries that were published at this time or earlier, and did not return to the inbox later.",
    )

    @property
    def words(self) -> list[str]:
        return normalize_text(self.q or "").split()

    @property
    def reads_whole_rows(self) -> bool:
        """Whether the filters need fields that the index does not have."""
        return bool(self.words) or self.label is not None

    def matches(self, delivery: Delivery) -> bool:
        """Whether the delivery, given with its content, has the words and the label."""
        labels: dict[str, str] = delivery.content.get("labels") or {}
        if self.label is not None and self.label not in {*labels, *(f"{name}={text}" for name, text in labels.items())}:
            return False
        actor = delivery.content.get("actor") or {}
        texts = [
            delivery.title,
            delivery.event_type,
            delivery.summary or "",
            *actor.values(),
            *labels,
            *labels.values(),
        ]
        text = normalize_text("\n".join(texts))
        return all(word in text for word in self.words)


class InboxQuery(InboxFilter):
    """Selects a page of your deliveries."""

    limit: int = Field(50, ge=1, le=100)
    cursor: Omittable[str] = Field(None, description="The `nextCursor` of the previous page. Keep the same filters.")
    labels: bool = Field(default=False, description="Whether each item has its labels.")

    @property
    def reads_whole_rows(self) -> bool:
        return self.labels or super().reads_whole_rows


class StateOut(Out):
    """The state of a delivery in the inbox: when it was read and archived, until when it is snoozed; null if not."""

    read_at: TimeOut | None
    archived_at: TimeOut | None
    snoozed_until: TimeOut | None


class InboxItem(ListedDelivery, StateOut):
    """A delivery in its recipient's inbox list."""

    labels: Omittable[dict[str, str]] = Field(None, description="Only in a list that was asked for them.")


class InboxDelivery(DeliveryOut, StateOut):
    """A delivery in full, with its state in the inbox."""


class InboxPage(Out):
    """A page of deliveries, newest first. `nextCursor` is null on the last page. Earlier pages may be short."""

    items: list[InboxItem]
    next_cursor: str | None
    request_id: str


class InboxSummary(Out):
    """How many deliveries are unread, urgent and snoozed. Each number stops at 1000."""

    unread: int = Field(ge=0, le=MOST_COUNTED, description="Unread deliveries in the inbox.")
    urgent: int = Field(ge=0, le=MOST_COUNTED, description="Unread deliveries that are critical.")
    snoozed: int = Field(ge=0, le=MOST_COUNTED, description="Snoozed deliveries that have not come back yet.")


def state_fields(delivery: Delivery, *, now: datetime) -> dict[str, Any]:
    """Return the values of `StateOut` by name; a snooze that is over is None."""
    return {
        "read_at": delivery.read_at,
        "archived_at": delivery.archived_at,
        "snoozed_until": delivery.snoozed_until if is_snoozed(delivery, now=now) else None,
    }


def to_inbox_item(delivery: Delivery, *, now: datetime, with_labels: bool = False) -> InboxItem:
    labels = delivery.content.get("labels") if with_labels else None
    more = {"labels": labels} if labels else {}
    return InboxItem(**listed_fields(delivery), **state_fields(delivery, now=now), **more)


def to_inbox_delivery(detail: DeliveryDetail, *, now: datetime) -> InboxDelivery:
    delivery = to_response(detail).model_dump(mode="python", exclude_unset=True)
    return InboxDelivery(**delivery, **state_fields(detail.delivery, now=now))
