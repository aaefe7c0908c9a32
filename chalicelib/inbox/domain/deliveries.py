"""Deliveries: one event in one person's inbox, its follow-ups, and who may see it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, Self

from pydantic import Field

from chalicelib.core.domain.callers import PersonalToken, ToolsToken
from chalicelib.core.domain.fields import In, Omittable, Out, TimeOut, UuidOut, timestamp
from chalicelib.core.domain.retries import Outcome
from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.clicks import AttemptOut, Click
from chalicelib.inbox.domain.events import (
    ActionType,
    Actor,
    ExternalStatus,
    InboundEvent,
    MarkdownRendering,
    Tone,
)

MOST_SUPPLEMENTS = 100

_EVENT_PART = 23  # characters of a delivery id that tell the event, before those that tell the recipient


def delivery_id(integrator: str, recipient_id: str, event_id: str, /) -> str:
    """The id of this event in this inbox: the same however and however often it is sent.

    A UUID of version 8 (RFC 9562): 74 bits of a hash of the event, then 48 of a hash of the recipient, so
    that one event's deliveries share their beginning (see `event_part`).
    """
    event = int.from_bytes(sha256(f"event\n{integrator}\n{event_id}".encode()).digest()[:10]) >> 6
    person = int.from_bytes(sha256(f"recipient\n{recipient_id}".encode()).digest()[:6])
    high, middle, low = event >> 26, (event >> 14) & 0xFFF, event & 0x3FFF
    text = f"{high << 80 | 8 << 76 | middle << 64 | 2 << 62 | low << 48 | person:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def held_delivery_id(integrator: str, sender_id: str, event_id: str, /) -> str:
    """The id of an event that waits for a moderator, apart from those that went straight to an inbox."""
    return delivery_id(integrator, f"held by {sender_id}", event_id)


def event_part(of: str, /) -> str:
    """What the ids of all deliveries of one event begin with, of any of them."""
    return of[:_EVENT_PART]


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
    def of(cls, event: InboundEvent, *, sender: PersonalToken, now: datetime) -> Self:
        """The delivery that a personal token's event becomes: to its owner, or held for a moderator."""
        id_of = held_delivery_id if sender.moderated else delivery_id
        return cls(
            delivery_id=id_of(sender.integrator, sender.user_id, event.event_id),
            integrator=sender.integrator,
            tools_token_id=sender.tools_token_id,
            sender_user_id=sender.user_id,
            recipient_user_id=None if sender.moderated else sender.user_id,
            created_at=timestamp(now),
            moderation=Moderation(ModerationStatus.PENDING, timestamp(now)) if sender.moderated else None,
            **told(event),
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


def told(event: InboundEvent) -> dict[str, Any]:
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
class Thread:
    """A delivery with all its supplements, oldest first, and the clicks on its buttons."""

    delivery: Delivery
    supplements: Sequence[Supplement]
    clicks: Sequence[Click] = ()

    def click_on(self, index: int) -> Click | None:
        return next((click for click in self.clicks if click.index == index), None)


@dataclass(frozen=True)
class Recorded:
    """A delivery as stored after a send; whether that was its first, or brought it back to its inbox."""

    delivery: Delivery
    first: bool
    returned: bool = False


class ResolveIn(In):
    """How the event was dealt with."""

    resolution_note: Omittable[Annotated[str, Field(max_length=500)]] = Field(
        None, description="Shown next to the resolved mark."
    )


class SupplementIn(In):
    """A follow-up to a delivery."""

    markdown_body: str = Field(min_length=1, max_length=8000)


class SupplementOut(Out):
    """A follow-up; they are listed oldest first."""

    id: UuidOut
    markdown_body: str
    created_at: TimeOut


class ModerationOut(Out):
    """What the moderator said of a held delivery, and when."""

    status: ModerationStatus
    at: TimeOut


class ActionOut(Out):
    """A button, the outcome of its click, and every attempt to call back."""

    index: int
    label: str
    action_type: ActionType
    url: Omittable[str] = None
    webhook_url: Omittable[str] = None
    outcome: Outcome | None
    attempts: list[AttemptOut]


class HintOut(Out):
    """Whom the sender meant."""

    email: Omittable[str] = None
    user_id: Omittable[UuidOut] = None
    display_hint: Omittable[str] = None


class ListedDelivery(Out):
    """A delivery as lists show it."""

    delivery_id: UuidOut
    event_type: str
    severity: Severity
    title: str
    occurred_at: TimeOut
    created_at: TimeOut
    resolved_at: TimeOut | None = None
    fire_count: Annotated[int, Field(ge=1, description="How often the sender has sent the event.")]
    tone: Omittable[Tone] = None
    summary: Omittable[str] = None
    external_status: Omittable[ExternalStatus] = None
    recipient_user_id: Omittable[UuidOut] = None


class DeliveryOut(ListedDelivery):
    """A delivery with everything that was sent, and everything that happened to it since."""

    event_id: str
    resolution_note: str | None = None
    project_id: UuidOut | None = None
    project_slug: Omittable[str] = None
    external_url: Omittable[str] = None
    locale: Omittable[str] = None
    markdown_body: Omittable[str] = None
    markdown_body_rendering: Omittable[MarkdownRendering] = None
    labels: Omittable[dict[str, str]] = None
    actor: Omittable[Actor] = None
    actions: list[ActionOut]
    recipient_hint: Omittable[HintOut] = None
    moderation: Omittable[ModerationOut] = None
    supplements: list[SupplementOut]
    deduped: Omittable[bool] = Field(None, description="True when the event had been delivered before.")
    pushed: Omittable[bool] = Field(None, description="True when an open connection took the news.")
    ok: Omittable[bool] = Field(None, description="Always true; kept for older clients.")
    deprecation: Omittable[str] = Field(None, description="Names a deprecated member that the call used.")
    request_id: Omittable[str] = None


def listed(delivery: Delivery) -> dict[str, Any]:
    """The members that a list shows."""
    shown: dict[str, Any] = {
        "delivery_id": delivery.delivery_id,
        "event_type": delivery.event_type,
        "severity": delivery.severity,
        "title": delivery.title,
        "occurred_at": delivery.occurred_at,
        "created_at": delivery.created_at,
        "resolved_at": delivery.resolved_at,
        "fire_count": delivery.fire_count,
    }
    optional = {
        "tone": delivery.tone,
        "summary": delivery.summary,
        "external_status": delivery.external_status,
        "recipient_user_id": delivery.recipient_user_id,
    }
    return shown | {name: value for name, value in optional.items() if value is not None}


def shown(thread: Thread, **more: Any) -> DeliveryOut:
    """The whole delivery as its sender and its recipient see it, with the reply's own members in `more`."""
    delivery = thread.delivery
    content = dict(delivery.content)
    content["actions"] = [
        {"index": index, **_clicked(thread.click_on(index)), **button} for index, button in enumerate(delivery.buttons)
    ]
    if delivery.moderation:
        content["moderation"] = {"status": delivery.moderation.status, "at": delivery.moderation.at}
    return DeliveryOut(
        **listed(delivery),
        **content,
        project_id=delivery.project_id,
        resolution_note=delivery.resolution_note,
        supplements=[
            SupplementOut(id=each.supplement_id, markdown_body=each.markdown_body, created_at=each.created_at)
            for each in thread.supplements
        ],
        **more,
    )


def _clicked(click: Click | None) -> dict[str, Any]:
    if click is None:
        return {"outcome": None, "attempts": []}
    return {"outcome": click.outcome, "attempts": [AttemptOut(**vars(each)) for each in click.attempts]}


_CHANGING = ("fire_count", "resolved_at", "resolution_note", "recipient_user_id")


def snapshot(thread: Thread, **more: Any) -> dict[str, Any]:
    """What of a reply may change later: with the delivery itself, enough to give the same reply again."""
    delivery = thread.delivery
    return {
        "delivery_id": delivery.delivery_id,
        "changing": {name: getattr(delivery, name) for name in _CHANGING},
        "moderation": [delivery.moderation.status, delivery.moderation.at] if delivery.moderation else None,
        "supplements": [each.supplement_id for each in thread.supplements],
        # Attempts are only ever added, so their number tells which there were.
        "clicks": [[each.index, each.outcome, len(each.attempts)] for each in thread.clicks],
        "more": more,
    }


def restored(taken: dict[str, Any], thread: Thread) -> DeliveryOut:
    """The reply of which `taken` is the snapshot."""
    moderation = (
        Moderation(ModerationStatus(taken["moderation"][0]), taken["moderation"][1]) if taken["moderation"] else None
    )
    known = set(taken["supplements"])
    clicks = {index: (Outcome(outcome), attempts) for index, outcome, attempts in taken["clicks"]}
    then = Thread(
        replace(thread.delivery, **taken["changing"], moderation=moderation),
        [each for each in thread.supplements if each.supplement_id in known],
        [_as_it_was(each, *clicks[each.index]) for each in thread.clicks if each.index in clicks],
    )
    return shown(then, **taken["more"])


def _as_it_was(click: Click, outcome: Outcome, attempts: int) -> Click:
    return replace(click, outcome=outcome, attempts=click.attempts[:attempts])
