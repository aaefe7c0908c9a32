"""The inbox: its query and page, and what open connections are told of it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from chalicelib.core.domain.fields import Omittable, Out, Query, TimeOut
from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.deliveries import Delivery, DeliveryDetail
from chalicelib.inbox.domain.delivery_responses import DeliveryOut, ListedDelivery, listed_fields, to_response
from chalicelib.inbox.domain.inbox_states import View, is_snoozed

# Of a person's unread and snoozed deliveries so many are counted.
MOST_COUNTED = 1000


class Position(NamedTuple):
    """A delivery's place in the order of an inbox: the time it is listed by, then its id."""

    listed_at: str
    delivery_id: str

    @classmethod
    def of(cls, delivery: Delivery) -> "Position":
        return cls(delivery.listed_at or delivery.created_at, delivery.delivery_id)


class InboxStatus(StrEnum):
    """Which deliveries to list."""

    OPEN = "open"
    RESOLVED = "resolved"
    ALL = "all"


class InboxQuery(Query):
    """A page of one's deliveries."""

    limit: int = Field(50, ge=1, le=100)
    cursor: Omittable[str] = Field(None, description="`nextCursor` of the page before, with the same filters.")
    view: View = View.INBOX
    status: InboxStatus = InboxStatus.ALL
    event_type: Omittable[Annotated[str, Field(min_length=1, max_length=60)]] = None
    severity: Omittable[Severity] = None
    q: Omittable[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        None,
        description="Words that title, event type, summary, actor and labels have among them, in any case and order.",
    )
    label: Omittable[Annotated[str, Field(min_length=1, max_length=500)]] = Field(
        None, description="A label's name, such as `repo`, or its name and value, such as `repo=widget-pro`."
    )

    @property
    def words(self) -> list[str]:
        return (self.q or "").casefold().split()

    @property
    def reads_whole_rows(self) -> bool:
        """Whether it asks for what no list shows."""
        return bool(self.words) or self.label is not None

    def matches(self, delivery: Delivery) -> bool:
        """Whether words and label are those of the delivery, which is given with its content."""
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
        found = "\n".join(texts).casefold()
        return all(word in found for word in self.words)


class StateOut(Out):
    """What the recipient made of a delivery: when it was read and archived, until when it is snoozed; null when not."""

    read_at: TimeOut | None
    archived_at: TimeOut | None
    snoozed_until: TimeOut | None


class InboxItem(ListedDelivery, StateOut):
    """A delivery as its recipient's inbox lists it."""


class InboxDelivery(DeliveryOut, StateOut):
    """A delivery in full, as its recipient reads it."""


class InboxPage(Out):
    """Deliveries, newest first. `nextCursor` is null on the last page; a page may be short before that."""

    items: list[InboxItem]
    next_cursor: str | None
    request_id: str


class InboxSummary(Out):
    """How many deliveries wait; each number stops at 1000."""

    unread: int = Field(ge=0, le=MOST_COUNTED, description="Unread ones in the inbox.")
    urgent: int = Field(ge=0, le=MOST_COUNTED, description="Those of the unread ones that are critical.")
    snoozed: int = Field(ge=0, le=MOST_COUNTED, description="Those whose time has not come yet.")


def state_fields(delivery: Delivery, *, now: datetime) -> dict[str, Any]:
    """What the recipient made of it; a snooze that is over is none."""
    return {
        "read_at": delivery.read_at,
        "archived_at": delivery.archived_at,
        "snoozed_until": delivery.snoozed_until if is_snoozed(delivery, now=now) else None,
    }


def to_inbox_item(delivery: Delivery, *, now: datetime) -> InboxItem:
    return InboxItem(**listed_fields(delivery), **state_fields(delivery, now=now))


def to_inbox_delivery(detail: DeliveryDetail, *, now: datetime) -> InboxDelivery:
    delivery = to_response(detail).model_dump(mode="python", exclude_unset=True)
    return InboxDelivery(**delivery, **state_fields(detail.delivery, now=now))
