"""Deliveries: one event in one person's inbox, and its supplements."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from chalicelib.core.domain.callers import PersonalToken, ToolsToken
from chalicelib.core.domain.fields import timestamp
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.delivery_ids import derive_delivery_id, derive_held_delivery_id
from chalicelib.inbox.domain.events import ActionType, InboundEvent

MOST_SUPPLEMENTS = 100


class ModerationStatus(StrEnum):
    """Where a held delivery stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Moderation:
    """A moderator's say on a held delivery, and since when."""

    status: ModerationStatus
    at: str


@dataclass(frozen=True)
class Decision:
    """A moderator's say on one held delivery, and whose inbox it goes to when it is let through."""

    delivery_id: str
    moderation: Moderation
    recipient_id: str | None = None


@dataclass(frozen=True)
class Delivery:
    """One stored delivery. `content` holds the event's members that no list shows, as they were sent.

    `sender_user_id` is None for a bulk delivery: then the whole integrator is its sender, as it is when it
    repeated in bulk what a person had sent (`sent_in_bulk`).
    `recipient_user_id` is None while the delivery is held. Times are RFC 3339 in UTC. `listed_at` is the time by which
    its recipient's inbox orders it, where that is not `created_at`; what the recipient made of it no sender is shown.
    """

    delivery_id: str
    integrator: str
    tools_token_id: str
    sender_user_id: str | None
    recipient_user_id: str | None
    event_type: str
    severity: str
    title: str
    occurred_at: str
    created_at: str
    tone: str | None = None
    summary: str | None = None
    external_status: str | None = None
    project_id: str | None = None
    content: dict[str, Any] = field(default_factory=dict)
    fire_count: int = 1
    supplement_count: int = 0
    resolved_at: str | None = None
    resolution_note: str | None = None
    moderation: Moderation | None = None
    sent_in_bulk: bool = False
    read_at: str | None = None
    archived_at: str | None = None
    snoozed_until: str | None = None
    listed_at: str | None = None

    @classmethod
    def from_event(cls, event: InboundEvent, *, sender: PersonalToken, now: datetime) -> Self:
        """The delivery that a personal token's event becomes: to its owner, or held for a moderator."""
        derive_id = derive_held_delivery_id if sender.moderated else derive_delivery_id
        return cls(
            delivery_id=derive_id(sender.integrator, sender.user_id, event.event_id),
            integrator=sender.integrator,
            tools_token_id=sender.tools_token_id,
            sender_user_id=sender.user_id,
            recipient_user_id=None if sender.moderated else sender.user_id,
            created_at=timestamp(now),
            moderation=Moderation(ModerationStatus.PENDING, timestamp(now)) if sender.moderated else None,
            **event_fields(event),
        )

    @property
    def buttons(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.content.get("actions", [])
        return found

    @property
    def has_callbacks(self) -> bool:
        """Whether any of its buttons calls the source system back."""
        return any(button["action_type"] == ActionType.WEBHOOK for button in self.buttons)

    def was_sent_by(self, caller: PersonalToken | ToolsToken) -> bool:
        """Whether `caller` is the sender, or the tools token behind a personal sender."""
        if self.integrator != caller.integrator:
            return False
        if isinstance(caller, PersonalToken):
            return self.sender_user_id == caller.user_id
        return self.sent_in_bulk or self.sender_user_id is None or self.tools_token_id == caller.token_id


# What is no part of a delivery's content: the format's version, and columns of its own.
_OUTSIDE_CONTENT = {
    "spec_version",
    "event_type",
    "severity",
    "title",
    "tone",
    "summary",
    "external_status",
    "occurred_at",
}


def event_fields(event: InboundEvent) -> dict[str, Any]:
    """The members of a delivery that are the event's own."""
    return {
        "event_type": event.event_type,
        "severity": event.severity.value,
        "title": event.title,
        "tone": event.tone and event.tone.value,
        "summary": event.summary,
        "external_status": event.external_status and event.external_status.value,
        "occurred_at": timestamp(event.occurred_at),
        "content": event.model_dump(mode="json", exclude_none=True, exclude=_OUTSIDE_CONTENT),
    }


@dataclass(frozen=True)
class Supplement:
    """A follow-up that the sender added; never changed afterwards."""

    supplement_id: str
    markdown_body: str
    created_at: str


@dataclass(frozen=True)
class DeliveryDetail:
    """A delivery with all its supplements, oldest first, and the clicks on its buttons."""

    delivery: Delivery
    supplements: Sequence[Supplement] = ()
    clicks: Sequence[Click] = ()

    def find_click(self, index: int) -> Click | None:
        return next((click for click in self.clicks if click.index == index), None)


@dataclass(frozen=True)
class RecordedDelivery:
    """A delivery as stored after a send; whether that was its first, or brought it back to its inbox."""

    detail: DeliveryDetail
    is_new: bool
    is_returned: bool = False

    @property
    def delivery(self) -> Delivery:
        return self.detail.delivery
