"""Deliveries: one event in one person's inbox, and its supplements."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from chalicelib.core.domain.callers import PersonalToken, ToolsToken
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.push_results import PushResult
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.delivery_ids import derive_delivery_id, derive_held_delivery_id
from chalicelib.inbox.domain.events import ActionType, InboundEvent

MOST_SUPPLEMENTS = 100


class ModerationStatus(StrEnum):
    """The moderator's decision on a held delivery; `pending` until there is one."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Moderation:
    """The moderation status of a held delivery, and since when it has it."""

    status: ModerationStatus
    at: str


@dataclass(frozen=True)
class Decision:
    """A moderator's decision on one held delivery, with the recipient of an approved one."""

    delivery_id: str
    moderation: Moderation
    recipient_id: str | None = None


@dataclass(frozen=True)
class Delivery:
    """One event in one person's inbox. Times are RFC 3339 in UTC.

    `content` holds the event's fields that have no field here, as they were sent. `sender_user_id` is None for a bulk
    delivery: its sender is the integrator as a whole. `sent_in_bulk` says that the integrator repeated in bulk an event
    that a person had sent; it counts as a sender then too. `recipient_user_id` is None while the delivery is held.
    `listed_at` is the time by which the inbox orders it, `sent_at` the time when it was stored, and `fired_at` the time
    of its latest send, where these are not `created_at`. `ends_at` is when it ends, in epoch seconds, if its row says
    so. Senders never see the recipient's state: `read_at`, `archived_at`, `snoozed_until`.
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
    sent_at: str | None = None
    fired_at: str | None = None
    ends_at: int | None = field(default=None, compare=False)

    @property
    def last_fired_at(self) -> str:
        """When its event was sent last. Of repeats that an earlier release counted, no time is known."""
        return self.fired_at or self.created_at

    @property
    def is_held(self) -> bool:
        """Whether it waits for a decision, and does not end before."""
        return self.moderation is not None and self.moderation.status is ModerationStatus.PENDING

    @classmethod
    def from_event(cls, event: InboundEvent, *, sender: PersonalToken, now: datetime) -> Self:
        """Make the delivery of a personal token's event: to the token's owner, or held for a moderator."""
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
        buttons: list[dict[str, Any]] = self.content.get("actions", [])
        return buttons

    @property
    def project_slug(self) -> str | None:
        return self.content.get("project_slug")

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


# The event's fields that a delivery has as fields of its own are not in its content; nor is the format's version.
_NOT_IN_CONTENT = {"spec_version"} | (InboundEvent.model_fields.keys() & {each.name for each in fields(Delivery)})


def event_fields(event: InboundEvent) -> dict[str, Any]:
    """Return the fields of a delivery that come from its event: those named here, and the others as its content."""
    return {
        "event_type": event.event_type,
        "severity": event.severity.value,
        "title": event.title,
        "tone": event.tone and event.tone.value,
        "summary": event.summary,
        "external_status": event.external_status and event.external_status.value,
        "occurred_at": timestamp(event.occurred_at),
        "content": event.model_dump(mode="json", exclude_none=True, exclude=_NOT_IN_CONTENT),
    }


@dataclass(frozen=True)
class Supplement:
    """A follow-up that the sender added. It never changes."""

    supplement_id: str
    markdown_body: str
    created_at: str


@dataclass(frozen=True)
class DeliveryDetail:
    """A delivery with its supplements, oldest first, the clicks on its buttons, and what push services made of it."""

    delivery: Delivery
    supplements: Sequence[Supplement] = ()
    clicks: Sequence[Click] = ()
    pushes: Sequence[PushResult] = ()

    def find_click(self, index: int) -> Click | None:
        return next((click for click in self.clicks if click.index == index), None)


@dataclass(frozen=True)
class RecordedDelivery:
    """A delivery as stored after a send.

    `is_new` for the first send; `is_returned` if this send brought the delivery back to its recipient's inbox.
    """

    detail: DeliveryDetail
    is_new: bool
    is_returned: bool = False

    @property
    def delivery(self) -> Delivery:
        return self.detail.delivery

    @property
    def outcome(self) -> str:
        """What this send did, as it is counted: `new`, `held` or `repeated`."""
        return "repeated" if not self.is_new else "held" if self.delivery.moderation else "new"
