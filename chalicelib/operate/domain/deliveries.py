"""The delivery log as administrators see it: who was sent what, the steps of each delivery, and why one did not arrive.

It has neither the body nor the summary of an event: administrators see that something was sent, not what it says.
"""

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from chalicelib.core.domain.fields import Omittable, Out, TimeOut, UuidOut
from chalicelib.core.domain.retries import Outcome as CallbackOutcome
from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.callbacks import callback_body
from chalicelib.inbox.domain.clicks import AttemptOut, Click
from chalicelib.inbox.domain.deliveries import Delivery, DeliveryDetail, ModerationStatus
from chalicelib.inbox.domain.sent import SentQuery
from chalicelib.inbox.domain.sent_positions import SentPosition
from chalicelib.people.domain.directory import Person
from chalicelib.reach.domain.outcomes import Outcome, SendState, SkipReason


class OwnDeliveryLogQuery(SentQuery):
    """Selects a page of the deliveries of your integrator. All filters must match."""

    event_type: Omittable[Annotated[str, Field(min_length=1, max_length=60)]] = Field(None, alias="eventType")
    event_id: Omittable[Annotated[str, Field(min_length=1, max_length=120)]] = Field(None, alias="eventId")


class DeliveryLogQuery(OwnDeliveryLogQuery):
    """Selects a page of the deliveries of one integrator. All filters must match."""

    integrator: str = Field(min_length=1, max_length=60, description="The slug of the integrator.")


class DeliveryStep(StrEnum):
    """What happened to a delivery."""

    ACCEPTED = "accepted"
    HELD = "held"
    APPROVED = "approved"
    REJECTED = "rejected"
    STORED = "stored"
    PUSHED = "pushed"
    PUSH_REFUSED = "push_refused"
    CHANNEL_SENT = "channel_sent"
    CHANNEL_FAILED = "channel_failed"
    CHANNEL_SKIPPED = "channel_skipped"
    READ = "read"
    ARCHIVED = "archived"
    RESOLVED = "resolved"
    CLICKED = "clicked"
    CALLBACK_DELIVERED = "callback_delivered"
    CALLBACK_FAILED = "callback_failed"


class NotArrived(StrEnum):
    """Why a delivery is not in its recipient's inbox, or cannot be seen there."""

    HELD = "held"
    REJECTED = "rejected"
    RECIPIENT_DEACTIVATED = "recipient_deactivated"
    RECIPIENT_UNKNOWN = "recipient_unknown"


class RecipientOut(Out):
    """The recipient of a delivery."""

    id: UuidOut
    email: str
    name: str
    active: bool


class LoggedDelivery(Out):
    """A delivery in the log."""

    delivery_id: UuidOut
    event_id: str
    event_type: str
    integrator: str
    severity: Severity
    title: str
    sent_at: TimeOut = Field(description="When the desk stored the delivery. The list is in this order.")
    fire_count: Annotated[int, Field(ge=1, description="How many times the event was sent.")]
    last_fired_at: TimeOut = Field(description="When the event was sent last.")
    recipient: RecipientOut | None = Field(description="Null while the event is held, and if the person is unknown.")
    not_arrived: NotArrived | None = Field(description="Why the recipient doesn't see it; null if it arrived.")


class DeliveryLogPage(Out):
    """A page of the log, newest first. `nextCursor` is null on the last page. Earlier pages may be short."""

    items: list[LoggedDelivery]
    next_cursor: str | None


class StepOut(Out):
    """One step of a delivery. `index` is the position of the button, of steps that concern one."""

    step: DeliveryStep
    at: TimeOut
    index: Omittable[int] = None
    detail: Omittable[str] = Field(
        None,
        description="The button's label, how the attempt ended, or to which "
        "push service or channel a message went, and why it refused it.",
    )
    skipped: Omittable[SkipReason] = Field(None, description="Why a channel was sent nothing.")
    next_attempt_at: Omittable[TimeOut] = Field(None, description="When the channel is sent the message again.")


class LoggedCallback(Out):
    """The callback of a button: what is sent to where, and what came of it."""

    action_id: UuidOut
    index: int
    label: str
    url: str
    outcome: CallbackOutcome
    next_attempt_at: TimeOut | None
    request_body: str = Field(description="The JSON body of each attempt.")
    attempts: list[AttemptOut]


class DeliveryLogEntry(LoggedDelivery):
    """A delivery with its steps, oldest first, and the callbacks of its buttons."""

    steps: list[StepOut]
    callbacks: list[LoggedCallback]


# What a recipient does with a delivery is theirs, and not its sender's to know.
_OF_THE_RECIPIENT = frozenset((DeliveryStep.READ, DeliveryStep.ARCHIVED, DeliveryStep.CHANNEL_SKIPPED))
# Steps of which an integrator is shown one: one of the first kind, or else of the second.
_REACHED = (
    (DeliveryStep.PUSHED, DeliveryStep.PUSH_REFUSED),
    (DeliveryStep.CHANNEL_SENT, DeliveryStep.CHANNEL_FAILED),
)
# How many messages to channels the log shows of one delivery, the latest ones.
_MOST_MESSAGES = 40


def for_integrator(entry: DeliveryLogEntry) -> DeliveryLogEntry:
    """Return the entry as its integrator may see it: without what the recipient did in their inbox.

    Which browsers and channels somebody has, how many, and which services they use, is theirs. So one step without
    details says whether a message was pushed to a browser, and one whether a channel took it.
    """
    hidden = _OF_THE_RECIPIENT.union(*_REACHED)
    steps = [each for each in entry.steps if each.step not in hidden]
    for kinds in _REACHED:
        taken, refused = ([each for each in entry.steps if each.step is kind] for kind in kinds)
        steps += [StepOut(step=each.step, at=each.at) for each in (taken or refused)[:1]]
    return entry.model_copy(update={"steps": sorted(steps, key=lambda each: each.at)})


def reason_not_arrived(delivery: Delivery, recipient: Person | None) -> NotArrived | None:
    """Return why the recipient does not see the delivery, or None if it arrived."""
    if delivery.is_held:
        return NotArrived.HELD
    if delivery.moderation and delivery.moderation.status is ModerationStatus.REJECTED:
        return NotArrived.REJECTED
    if recipient is None:
        return NotArrived.RECIPIENT_UNKNOWN
    return None if recipient.active else NotArrived.RECIPIENT_DEACTIVATED


def to_logged(delivery: Delivery, recipient: Person | None) -> LoggedDelivery:
    return LoggedDelivery(**_fields(delivery, recipient))


def to_log_entry(
    detail: DeliveryDetail, people: dict[str, Person], messages: Sequence[Outcome] = ()
) -> DeliveryLogEntry:
    """Return the whole entry. `people` are the recipient and those who clicked."""
    delivery = detail.delivery
    return DeliveryLogEntry(
        **_fields(delivery, people.get(delivery.recipient_user_id or "")),
        steps=sorted([*_steps(detail), *_message_steps(messages)], key=lambda step: step.at),
        callbacks=[_to_callback(click, delivery, people.get(click.user_id)) for click in detail.clicks],
    )


def _fields(delivery: Delivery, recipient: Person | None) -> dict[str, Any]:
    return {
        "delivery_id": delivery.delivery_id,
        "event_id": delivery.content["event_id"],
        "event_type": delivery.event_type,
        "integrator": delivery.integrator,
        "severity": delivery.severity,
        "title": delivery.title,
        "sent_at": SentPosition.of(delivery).sent_at,
        "fire_count": delivery.fire_count,
        "last_fired_at": delivery.last_fired_at,
        "recipient": recipient
        and RecipientOut(id=recipient.user_id, email=recipient.email, name=recipient.name, active=recipient.active),
        "not_arrived": reason_not_arrived(delivery, recipient),
    }


def _steps(detail: DeliveryDetail) -> Iterator[StepOut]:
    delivery = detail.delivery
    yield StepOut(step=DeliveryStep.ACCEPTED, at=delivery.created_at)
    moderation = delivery.moderation
    if moderation is None:
        yield StepOut(step=DeliveryStep.STORED, at=SentPosition.of(delivery).sent_at)
    else:
        yield StepOut(step=DeliveryStep.HELD, at=SentPosition.of(delivery).sent_at)
        if moderation.status is not ModerationStatus.PENDING:
            yield StepOut(step=DeliveryStep(moderation.status.value), at=moderation.at)
    states = (
        (DeliveryStep.READ, delivery.read_at),
        (DeliveryStep.ARCHIVED, delivery.archived_at),
        (DeliveryStep.RESOLVED, delivery.resolved_at),
    )
    for step, at in states:
        if at:
            yield StepOut(step=step, at=at)
    for push in detail.pushes:
        step = DeliveryStep.PUSH_REFUSED if push.error else DeliveryStep.PUSHED
        yield StepOut(step=step, at=push.at, detail=f"{push.host}: {push.error}" if push.error else push.host)
    for click in detail.clicks:
        yield from _click_steps(click, label=_label(click, delivery))


def _message_steps(messages: Sequence[Outcome]) -> Iterator[StepOut]:
    ended = sorted((each for each in messages if each.state is not SendState.SENDING), key=lambda each: each.at)
    for each in ended[-_MOST_MESSAGES:]:
        place = f"{each.channel} ({each.host})" if each.channel != each.host else each.host
        if each.skipped:
            yield StepOut(step=DeliveryStep.CHANNEL_SKIPPED, at=each.at, detail=place, skipped=each.skipped)
        elif each.state is SendState.SENT:
            yield StepOut(step=DeliveryStep.CHANNEL_SENT, at=each.at, detail=place)
        else:
            step = StepOut(step=DeliveryStep.CHANNEL_FAILED, at=each.at, detail=f"{place}: {each.result}")
            waits = {"next_attempt_at": each.next_attempt_at} if each.next_attempt_at else {}
            yield step.model_copy(update=waits)


def _click_steps(click: Click, *, label: str) -> Iterator[StepOut]:
    yield StepOut(step=DeliveryStep.CLICKED, at=click.clicked_at, index=click.index, detail=label)
    for each in click.attempts:
        step = DeliveryStep.CALLBACK_FAILED if each.error else DeliveryStep.CALLBACK_DELIVERED
        yield StepOut(step=step, at=each.at, index=click.index, detail=each.error or f"answered {each.status}")


def _label(click: Click, delivery: Delivery) -> str:
    return str(delivery.buttons[click.index]["label"])


def _to_callback(click: Click, delivery: Delivery, clicker: Person | None) -> LoggedCallback:
    body = json.loads(callback_body(click, delivery, clicker))
    return LoggedCallback(
        action_id=click.action_id,
        index=click.index,
        label=_label(click, delivery),
        url=delivery.buttons[click.index]["webhook_url"],
        outcome=click.outcome,
        next_attempt_at=click.next_attempt_at,
        request_body=json.dumps(body, ensure_ascii=False, indent=2),
        attempts=[AttemptOut(**vars(each)) for each in click.attempts],
    )
