"""Deliveries as replies show them, and the snapshots from which a reply can be given again."""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from chalicelib.core.domain.fields import Omittable, Out, TimeOut, UuidOut
from chalicelib.core.domain.retries import Outcome
from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.clicks import AttemptOut, Click
from chalicelib.inbox.domain.deliveries import Delivery, DeliveryDetail, Moderation, ModerationStatus
from chalicelib.inbox.domain.events import ActionType, Actor, ExternalStatus, MarkdownRendering, Tone


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


def listed_fields(delivery: Delivery) -> dict[str, Any]:
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


def to_response(detail: DeliveryDetail, **more: Any) -> DeliveryOut:
    """The whole delivery as its sender and its recipient see it, with the reply's own members in `more`."""
    delivery = detail.delivery
    content = dict(delivery.content)
    content["actions"] = [
        {"index": index, **_clicked(detail.find_click(index)), **button}
        for index, button in enumerate(delivery.buttons)
    ]
    if delivery.moderation:
        content["moderation"] = {"status": delivery.moderation.status, "at": delivery.moderation.at}
    return DeliveryOut(
        **listed_fields(delivery),
        **content,
        project_id=delivery.project_id,
        resolution_note=delivery.resolution_note,
        supplements=[
            SupplementOut(id=each.supplement_id, markdown_body=each.markdown_body, created_at=each.created_at)
            for each in detail.supplements
        ],
        **more,
    )


def _clicked(click: Click | None) -> dict[str, Any]:
    if click is None:
        return {"outcome": None, "attempts": []}
    return {"outcome": click.outcome, "attempts": [AttemptOut(**vars(each)) for each in click.attempts]}


_CHANGING = ("fire_count", "resolved_at", "resolution_note", "recipient_user_id")


def to_snapshot(detail: DeliveryDetail, **more: Any) -> dict[str, Any]:
    """What of a reply may change later: with the delivery itself, enough to give the same reply again."""
    delivery = detail.delivery
    return {
        "delivery_id": delivery.delivery_id,
        "changing": {name: getattr(delivery, name) for name in _CHANGING},
        "moderation": [delivery.moderation.status, delivery.moderation.at] if delivery.moderation else None,
        "supplements": [each.supplement_id for each in detail.supplements],
        # Attempts are only ever added, so their number tells which there were.
        "clicks": [[each.index, each.outcome, len(each.attempts)] for each in detail.clicks],
        "more": more,
    }


def from_snapshot(taken: dict[str, Any], detail: DeliveryDetail) -> DeliveryOut:
    """The reply of which `taken` is the snapshot."""
    moderation = (
        Moderation(ModerationStatus(taken["moderation"][0]), taken["moderation"][1]) if taken["moderation"] else None
    )
    known = set(taken["supplements"])
    clicks = {index: (Outcome(outcome), attempts) for index, outcome, attempts in taken["clicks"]}
    then = DeliveryDetail(
        replace(detail.delivery, **taken["changing"], moderation=moderation),
        [each for each in detail.supplements if each.supplement_id in known],
        [_as_it_was(each, *clicks[each.index]) for each in detail.clicks if each.index in clicks],
    )
    return to_response(then, **taken["more"])


def _as_it_was(click: Click, outcome: Outcome, attempts: int) -> Click:
    return replace(click, outcome=outcome, attempts=click.attempts[:attempts])
