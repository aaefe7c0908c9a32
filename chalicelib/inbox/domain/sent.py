"""What an integrator has sent: the query, its filters, and a page of deliveries."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import Email, Omittable, Out, Query, TimeOut, Timestamp, timestamp
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.delivery_responses import ListedDelivery, ModerationOut, listed_fields
from chalicelib.inbox.domain.inbox import InboxStatus
from chalicelib.inbox.domain.sent_positions import SentPosition, label_texts


def _label(text: str) -> str:
    if ":" not in text:
        raise PydanticCustomError("label", "Must be a name and a value, such as repo:widget-pro")
    return text


class SentQuery(Query):
    """Selects a page of what was sent. All filters must match."""

    limit: int = Field(50, ge=1, le=100)
    cursor: Omittable[str] = Field(None, description="The `nextCursor` of the previous page. Keep the same filters.")
    label: Omittable[Annotated[str, Field(min_length=2, max_length=161), AfterValidator(_label)]] = Field(
        None, description="A label's name and value, such as `repo:widget-pro`."
    )
    event_type: Omittable[Annotated[str, Field(min_length=1, max_length=60)]] = None
    event_id: Omittable[Annotated[str, Field(min_length=1, max_length=120)]] = Field(
        None, description="Your id of the event. A bulk event has a delivery for each recipient."
    )
    email: Omittable[Email] = Field(None, description="The recipient's address.")
    status: InboxStatus = InboxStatus.ALL
    since: Omittable[Timestamp] = Field(None, description="The earliest `sentAt`.")
    until: Omittable[Timestamp] = Field(None, description="`sentAt` is earlier than this.")

    @property
    def earliest(self) -> str:
        return timestamp(self.since) if self.since else ""

    @property
    def latest(self) -> str:
        return timestamp(self.until) if self.until else "~"


@dataclass(frozen=True)
class SentSelection:
    """The integrator whose deliveries are listed, with the filters; None leaves a filter out."""

    integrator: str
    query: SentQuery
    tools_token_id: str | None = None
    recipient_id: str | None = None

    def matches(self, delivery: Delivery) -> bool:
        """Whether the delivery matches as it is now. The index lags a little, and rows of labels never change."""
        query, resolved = self.query, delivery.resolved_at is not None
        return (
            self.tools_token_id in (None, delivery.tools_token_id)
            and self.recipient_id in (None, delivery.recipient_user_id)
            and query.status in (InboxStatus.ALL, InboxStatus.RESOLVED if resolved else InboxStatus.OPEN)
            and (query.label is None or query.label in label_texts(delivery))
            and query.event_id in (None, delivery.content["event_id"])
        )


class SentDelivery(ListedDelivery):
    """A delivery in the list of what was sent."""

    event_id: str
    sent_at: TimeOut = Field(description="When the desk stored the delivery. The list is in this order.")
    labels: Omittable[dict[str, str]] = None
    moderation: Omittable[ModerationOut] = None


class SentPage(Out):
    """A page of deliveries, newest first. `nextCursor` is null on the last page. Earlier pages may be short."""

    items: list[SentDelivery]
    next_cursor: str | None
    request_id: str


def to_sent_delivery(delivery: Delivery) -> SentDelivery:
    more = {}
    if labels := delivery.content.get("labels"):
        more["labels"] = labels
    if delivery.moderation:
        more["moderation"] = {"status": delivery.moderation.status, "at": delivery.moderation.at}
    return SentDelivery(
        **listed_fields(delivery),
        event_id=delivery.content["event_id"],
        sent_at=SentPosition.of(delivery).sent_at,
        **more,
    )
