"""Responses with deliveries, and the snapshots from which a replay rebuilds a response."""

from dataclasses import replace
from operator import attrgetter
from typing import Annotated, Any

from pydantic import Field

from chalicelib.core.domain.fields import Omittable, Out, TimeOut, UuidOut
from chalicelib.core.domain.retries import Outcome
from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.clicks import AttemptOut, Click
from chalicelib.inbox.domain.deliveries import Delivery, DeliveryDetail, Moderation, ModerationStatus
from chalicelib.inbox.domain.events import ActionType, Actor, ExternalStatus, MarkdownRendering, Tone


class SupplementOut(Out):
    """A follow-up to a delivery."""

    id: UuidOut
    markdown_body: str
    created_at: TimeOut


class ModerationOut(Out):
    """The moderation status of a held delivery, and since when it has it."""

    status: ModerationStatus
    at: TimeOut


class ActionOut(Out):
    """A button, with the outcome of its click and all callback attempts."""

    index: int
    label: str
    action_type: ActionType
    url: Omittable[str] = None
    webhook_url: Omittable[str] = None
    outcome: Outcome | None
    attempts: list[AttemptOut]


class HintOut(Out):
    """The recipient that the sender suggested."""

    email: Omittable[str] = None
    user_id: Omittable[UuidOut] = None
    display_hint: Omittable[str] = None


class ListedDelivery(Out):
    """The fields of a delivery that lists include."""

    delivery_id: UuidOut
    event_type: str
    severity: Severity
    title: str
    occurred_at: TimeOut
    created_at: TimeOut
    resolved_at: TimeOut | None = None
    fire_count: Annotated[int, Field(ge=1, description="How many times the event was sent.")]
    # Replies that an earlier release has kept don't have it.
    last_fired_at: Omittable[TimeOut] = Field(None, description="When the event was sent last.")
    tone: Omittable[Tone] = None
    summary: Omittable[str] = None
    external_status: Omittable[ExternalStatus] = None
    recipient_user_id: Omittable[UuidOut] = None


class DeliveryOut(ListedDelivery):
    """A delivery with the whole event, its supplements and its callback attempts."""

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
    deduped: Omittable[bool] = Field(None, description="True if the event was already delivered.")
    pushed: Omittable[bool] = Field(
        None, description="True if an open connection of the recipient received the event, or surely does in a moment."
    )
    push_pending: Omittable[bool] = Field(
        None,
        description="True where `pushed` is false only because a message to the recipient's browsers is on its way.",
    )
    ok: Omittable[bool] = Field(None, description="Always true, for older clients.")
    deprecation: Omittable[str] = Field(None, description="Warns about a deprecated field in the request.")
    request_id: Omittable[str] = None


_LISTED = tuple(ListedDelivery.model_fields)
_read_listed = attrgetter(*_LISTED)


def listed_fields(delivery: Delivery) -> dict[str, Any]:
    """Return the values of the fields that lists include, by name. Each is a field of `Delivery` with the same name.

    What was resolved does not fire any more, whatever its event said when it was published.
    """
    values = zip(_LISTED, _read_listed(delivery), strict=True)
    found = {name: value for name, value in values if value is not None or name == "resolved_at"}
    if delivery.resolved_at is not None and delivery.external_status == ExternalStatus.FIRING:
        found["external_status"] = ExternalStatus.RESOLVED.value
    return found


def to_response(detail: DeliveryDetail, **extra: Any) -> DeliveryOut:
    """Return the response with the whole delivery; `extra` are the fields of this response only."""
    delivery = detail.delivery
    content = dict(delivery.content)
    if "markdown_body" in content:
        content.setdefault("markdown_body_rendering", MarkdownRendering.COLLAPSED)
    content["actions"] = [
        {"index": index, **_click_fields(detail.find_click(index)), **button}
        for index, button in enumerate(delivery.buttons)
    ]
    if delivery.moderation:
        content["moderation"] = {"status": delivery.moderation.status, "at": delivery.moderation.at}
    return DeliveryOut(
        **content | listed_fields(delivery),
        project_id=delivery.project_id,
        resolution_note=delivery.resolution_note,
        supplements=[
            SupplementOut(id=each.supplement_id, markdown_body=each.markdown_body, created_at=each.created_at)
            for each in detail.supplements
        ],
        **extra,
    )


def _click_fields(click: Click | None) -> dict[str, Any]:
    if click is None:
        return {"outcome": None, "attempts": []}
    return {"outcome": click.outcome, "attempts": [AttemptOut(**vars(each)) for each in click.attempts]}


_CHANGING = ("fire_count", "resolved_at", "resolution_note", "recipient_user_id")


def to_snapshot(detail: DeliveryDetail, **extra: Any) -> dict[str, Any]:
    """Return what may change of a response later. With the stored delivery, a replay rebuilds the response from it."""
    delivery = detail.delivery
    return {
        "delivery_id": delivery.delivery_id,
        "changing": {name: getattr(delivery, name) for name in _CHANGING},
        # Beside those, because functions of an earlier release set all of them.
        "fired_at": delivery.fired_at,
        "moderation": [delivery.moderation.status, delivery.moderation.at] if delivery.moderation else None,
        "supplements": [each.supplement_id for each in detail.supplements],
        # Attempts are only ever added, so their number tells which there were.
        "clicks": [[each.index, each.outcome, len(each.attempts)] for each in detail.clicks],
        "more": extra,
    }


def from_snapshot(snapshot: dict[str, Any], detail: DeliveryDetail) -> DeliveryOut:
    """Rebuild the response that the snapshot was taken of, from the delivery as it is now."""
    status, at = snapshot["moderation"] or (None, "")
    moderation = Moderation(ModerationStatus(status), at) if status else None
    supplement_ids = set(snapshot["supplements"])
    clicks = {index: (Outcome(outcome), attempts) for index, outcome, attempts in snapshot["clicks"]}
    detail_then = DeliveryDetail(
        replace(detail.delivery, **snapshot["changing"], fired_at=snapshot.get("fired_at"), moderation=moderation),
        [each for each in detail.supplements if each.supplement_id in supplement_ids],
        [_rewind_click(each, *clicks[each.index]) for each in detail.clicks if each.index in clicks],
    )
    return to_response(detail_then, **snapshot["more"])


def _rewind_click(click: Click, outcome: Outcome, attempts: int) -> Click:
    return replace(click, outcome=outcome, attempts=click.attempts[:attempts])
