"""Events as senders publish them (fluxdesk-v1, InboundEvent), and what senders add to them later."""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import Email, In, Line, Omittable, Timestamp, UuidText
from chalicelib.core.domain.links import credential_parameters, link_error
from chalicelib.core.domain.severity import Severity

OLDEST = timedelta(hours=24)
NEWEST = timedelta(minutes=5)


class Tone(StrEnum):
    """The color of the event in the inbox, independent of its severity."""

    NEUTRAL = "neutral"
    POSITIVE = "positive"
    NEGATIVE = "negative"


class MarkdownRendering(StrEnum):
    """How the inbox first shows the markdown body: collapsed, in full, or only its beginning."""

    COLLAPSED = "collapsed"
    EXPANDED = "expanded"
    PREVIEW = "preview"


class ExternalStatus(StrEnum):
    """The state of the entity in the source system."""

    FIRING = "firing"
    RESOLVED = "resolved"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class ActionType(StrEnum):
    """The effect of a click: open a link, or send a signed callback to the source system."""

    URL = "url"
    WEBHOOK = "webhook"


def _link(text: str) -> str:
    return _checked(text, link_error(text))


def _target(text: str, info: ValidationInfo) -> str:
    # A setting may allow loopback addresses; the context of the validation passes it on.
    allow_loopback = bool(info.context and info.context.get("allow_loopback"))
    return _checked(text, link_error(text, allow_loopback=allow_loopback))


def _checked(text: str, reason: str | None) -> str:
    if reason:
        raise PydanticCustomError("link", "{reason}", {"reason": reason})
    return text


def _plain_link(text: str) -> str:
    if names := credential_parameters(_link(text)):
        raise PydanticCustomError(
            "link", "must not carry credentials in its parameters: {names}", {"names": ", ".join(names)[:200]}
        )
    return text


def _locale(text: str) -> str:
    if not _LANGUAGE_TAG.fullmatch(text):
        raise PydanticCustomError("locale", "Must be a BCP 47 language tag, such as zh-Hans-CN")
    return text


# RFC 5646, section 2.1: language, script, region, variants, extensions and private use; or one of the older forms.
_LANGUAGE_TAG = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
    r"|[ix](?:-[a-z0-9]{1,8})+|en-gb-oed|sgn-(?:be-fr|be-nl|ch-de)",
    re.ASCII | re.IGNORECASE,
)
_Label = Annotated[Line, Field(max_length=80)]
Target = Annotated[str, Field(max_length=2000), AfterValidator(_target)]
PlainLink = Annotated[str, Field(max_length=2000), AfterValidator(_plain_link)]


class Actor(In):
    """The person who caused the event."""

    email: Email
    name: Omittable[Annotated[Line, Field(max_length=80)]] = None


class ActionButton(In):
    """A button under the event."""

    label: Line = Field(min_length=1, max_length=40)
    action_type: ActionType
    url: Omittable[Target] = Field(None, description="The link that a `url` button opens. HTTPS, to a public host.")
    webhook_url: Omittable[Target] = Field(
        None,
        description="The endpoint for the signed callback of a `webhook` button. HTTPS, to a public host.",
    )

    @model_validator(mode="after")
    def _has_its_target(self) -> Self:
        needed = "url" if self.action_type is ActionType.URL else "webhook_url"
        if getattr(self, needed) is None:
            raise PydanticCustomError(
                "missing_target",
                "{needed} is required when action_type is {type}",
                {"needed": needed, "type": self.action_type.value, "at": needed},
            )
        return self


class RecipientHint(In):
    """The suggested recipient of a moderated event. Set at least one field."""

    email: Omittable[Email] = None
    user_id: Omittable[UuidText] = None
    display_hint: Omittable[Annotated[Line, Field(max_length=80)]] = None

    @model_validator(mode="after")
    def _hints_at_someone(self) -> Self:
        if self.email is None and self.user_id is None and self.display_hint is None:
            raise PydanticCustomError("empty_hint", "Set at least one of email, user_id, display_hint")
        return self


class InboundEvent(In):
    """One event to publish."""

    spec_version: Literal["2"]
    event_id: str = Field(
        min_length=1,
        max_length=120,
        pattern=r"^[a-zA-Z0-9_-]+$",
        description="Your id for the event. Sending the same id again repeats the event instead of adding one.",
    )
    event_type: str = Field(
        min_length=1,
        max_length=60,
        description="The prefix of your integrator, then at least an entity and an action: `fd1.build.failed`. Each of "
        "them has letters, digits, `_` and `-`.",
    )
    severity: Severity
    title: Line = Field(min_length=1, max_length=200)
    occurred_at: Timestamp = Field(description="At most 24 hours ago, and at most 5 minutes ahead.")
    summary: Omittable[Annotated[str, Field(max_length=500)]] = None
    markdown_body: Omittable[Annotated[str, Field(max_length=8000)]] = None
    markdown_body_rendering: Omittable[MarkdownRendering] = None
    external_url: Omittable[PlainLink] = Field(
        None, description="A link to the entity. HTTPS, without credentials in its parameters."
    )
    external_status: Omittable[ExternalStatus] = None
    actor: Omittable[Actor] = None
    labels: Omittable[Annotated[dict[_Label, _Label], Field(max_length=20)]] = None
    actions: Omittable[Annotated[list[ActionButton], Field(max_length=4)]] = None
    recipient_hint: Omittable[RecipientHint] = Field(
        None,
        description="Only moderation-mode tokens use it. Other tokens store it, and it does not affect routing.",
        deprecated=True,
    )
    project_slug: Omittable[Annotated[str, Field(min_length=1, max_length=80)]] = Field(
        None,
        description="The project that the event belongs to. The recipient must be a member.",
    )
    tone: Omittable[Tone] = None
    locale: Omittable[Annotated[str, Field(max_length=35), AfterValidator(_locale)]] = Field(
        None, description="BCP 47 language tag."
    )


class ResolveIn(In):
    """How the event was resolved."""

    resolution_note: Omittable[Annotated[str, Field(max_length=500)]] = Field(
        None, description="Shown next to the resolved status."
    )


class SupplementIn(In):
    """A follow-up to add to a delivery."""

    markdown_body: str = Field(min_length=1, max_length=8000)


def check_occurrence(event: InboundEvent, *, now: datetime, place: str = "") -> None:
    """Refuse an event that occurred too long ago or too far ahead. Both ends of the window are allowed.

    `place` is the event's path in the body, which its fields' paths start with.

    Raises:
        Invalid: the event is outside the window; the reason says by how much.
    """
    occurred = event.occurred_at.astimezone(UTC)
    if (early := (now - OLDEST) - occurred) > timedelta(0):
        reason = f"is {early.total_seconds():.3f} s older than the 24 hours allowed"
    elif (late := occurred - (now + NEWEST)) > timedelta(0):
        reason = f"is {late.total_seconds():.3f} s beyond the 5 minutes ahead allowed"
    else:
        return
    raise Invalid(f"occurred_at {reason}", {f"{place}occurred_at": [reason]})


# The part of an event type after the integrator's prefix.
_SEGMENTS = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*", re.ASCII)


def has_one_segment(event: InboundEvent, *, prefix: str) -> bool:
    """Whether the event type has one segment after `prefix`, which only some integrators may send."""
    return event.event_type.startswith(prefix) and "." not in event.event_type.removeprefix(prefix)


def check_event_type(event: InboundEvent, *, prefix: str, relaxed: bool, place: str = "") -> None:
    """Refuse an event type outside the integrator's namespace, or without an entity and an action in it.

    One segment is enough if the integrator's event types are `relaxed`.

    Raises:
        Invalid: the type does not start with `prefix`, or what follows is not well-formed.
    """
    if not event.event_type.startswith(prefix):
        reason = f'must start with "{prefix}"'
    elif not _SEGMENTS.fullmatch(rest := event.event_type.removeprefix(prefix)):
        reason = f'after "{prefix}" must have names of letters, digits, _ and -, separated by single dots'
    elif "." not in rest and not relaxed:
        reason = f'after "{prefix}" must have at least an entity and an action, such as "{prefix}build.failed"'
    else:
        return
    raise Invalid(f"event_type {reason}", {f"{place}event_type": [reason]})
