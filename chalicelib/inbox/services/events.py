"""Publishing: deliver an event to its recipient, once, and tell everyone who listens."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from chalicelib.core.domain.budgets import Charge, daily_limit_reached
from chalicelib.core.domain.callers import PersonalToken
from chalicelib.core.domain.errors import CrossProjectBlocked, Forbidden, Refusal
from chalicelib.core.domain.idempotency import AlreadyAnswered, Claim, StoredReply
from chalicelib.core.domain.measures import DELIVERIES, PUBLISHES
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Replays
from chalicelib.inbox.domain.deliveries import Delivery, ModerationStatus, RecordedDelivery
from chalicelib.inbox.domain.delivery_responses import DeliveryOut, to_response, to_snapshot
from chalicelib.inbox.domain.events import InboundEvent, check_event_type, check_occurrence, has_one_segment
from chalicelib.inbox.domain.live_events import delivery_returned_event, new_delivery_event
from chalicelib.inbox.domain.sent_positions import owes_labels
from chalicelib.inbox.services.ports import Deliveries, Labels
from chalicelib.live.domain.frames import FrameType, LogState, PushOutcome
from chalicelib.live.services.ports import Notifier
from chalicelib.people.services.ports import ProjectAccessReader

_HINT_DEPRECATED = "recipient_hint is deprecated: only moderation-mode tokens still use it."


class Record(Protocol):
    def __call__(
        self,
        delivery: Delivery,
        /,
        *,
        fire: str,
        now: datetime,
        claim: Claim | None,
        reply: Callable[[RecordedDelivery], StoredReply],
    ) -> RecordedDelivery: ...


class Sends(Protocol):
    @property
    def record(self) -> Record: ...
    @property
    def repeat(self) -> Record: ...


class QueueHeld(Protocol):
    def __call__(self, delivery: Delivery, /, *, owner_id: str, log_state: LogState | None, now: datetime) -> None: ...


@dataclass(frozen=True)
class Ports:
    """The stores, the notifier and the simultaneous calls that publishing needs."""

    sends: Sends
    deliveries: Deliveries
    labels: Labels
    projects: ProjectAccessReader
    has_relaxed_event_types: Callable[[str], bool]
    queue_held: QueueHeld
    replies: Replays
    notifier: Notifier
    gather: Callable[..., list[Any]]


def publishing_charge(event: InboundEvent) -> Charge:
    """Return the charge for publishing `event`."""
    return Charge(units=event.severity.units, deliveries=1)


def publish(
    event: InboundEvent, *, sender: PersonalToken, context: RequestContext, fire: str, ports: Ports
) -> DeliveryOut:
    """Deliver `event` to the token's owner, or hold it if the token is moderated. Repeats deliver nothing new.

    A repeat only adds to the count of sends. When today's limit is used up, repeats of known events are still
    answered. A held event waits in the queue of the tools token's owner. `fire` is the id of this send.

    Store calls after authentication, in sequence: 2 when new (also with an idempotency key), 1 for a repeat. One
    more for each of these: a repeat with a key, a repeat of a delivery with supplements or `webhook` buttons, a
    project, an event type of one segment, an event that is held. 2 more for a replay while it is held. A repeat that
    brings a delivery back to the inbox takes 1 more, and 1 to push it; of a read one, 1 more to ask whether it does.

    Raises:
        Invalid: the event is outside the allowed time, or its type is outside the integrator's namespace.
        Forbidden: its severity is above the token's ceiling, or its project is closed to it.
        RateLimited: today's limit is used up and the event is new.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    record = ports.sends.repeat if sender.over_daily_limit else ports.sends.record
    listener_id = sender.tools_owner_id if sender.moderated else sender.user_id
    to_reply = partial(_to_reply, event=event, context=context)
    try:
        delivery = _admit(event, sender=sender, now=context.now, ports=ports)
        recorded, log_state = ports.gather(
            partial(record, delivery, fire=fire, now=context.now, claim=context.claim, reply=to_reply),
            partial(ports.notifier.find_log_state, listener_id, now=context.now),
        )
    except Refusal as refusal:
        if not sender.over_daily_limit:
            raise
        detail = "Daily limit reached: the token has no deliveries left today."
        raise daily_limit_reached(detail, now=context.now) from refusal
    except AlreadyAnswered:
        if sender.moderated and (known := ports.deliveries.find(delivery.delivery_id)):
            _queue_if_held(known.delivery, sender=sender, log_state=None, context=context, ports=ports)
        raise
    PUBLISHES.add(kind="event")
    DELIVERIES.add(outcome=recorded.outcome)
    outcome = _announce(recorded, sender=sender, context=context, log_state=log_state, to_reply=to_reply, ports=ports)
    return to_response(recorded.detail, **_reply_fields(recorded, event, context, outcome))


def preview(event: InboundEvent, *, sender: PersonalToken, now: datetime, ports: Ports) -> Delivery:
    """Return the delivery that publishing `event` would make, and make nothing. Raises what `publish` raises for it."""
    return _admit(event, sender=sender, now=now, ports=ports)


def _admit(event: InboundEvent, *, sender: PersonalToken, now: datetime, ports: Ports) -> Delivery:
    check_occurrence(event, now=now)
    prefix = sender.event_prefix
    relaxed = has_one_segment(event, prefix=prefix) and ports.has_relaxed_event_types(sender.integrator)
    check_event_type(event, prefix=prefix, relaxed=relaxed)
    if sender.severity_ceiling and event.severity.rank > sender.severity_ceiling.rank:
        raise Forbidden(f"The token can publish events up to severity {sender.severity_ceiling} only.")
    delivery = Delivery.from_event(event, sender=sender, now=now)
    if event.project_slug is None:
        return delivery
    access = ports.projects.find_access(
        event.project_slug, sender_id=sender.tools_owner_id, recipient_id=delivery.recipient_user_id
    )
    if access is None or not access.sender_is_admin or not access.recipient_is_member:
        raise CrossProjectBlocked(
            "cross_project_blocked: the integrator's owner must administer the project, the recipient must be a member."
        )
    return replace(delivery, project_id=access.project_id)


def _announce(
    recorded: RecordedDelivery,
    *,
    sender: PersonalToken,
    context: RequestContext,
    log_state: LogState | None,
    to_reply: Callable[..., StoredReply],
    ports: Ports,
) -> PushOutcome:
    """Queue a held event, index the labels of a new one, and notify its recipient."""
    delivery = recorded.delivery
    _queue_if_held(delivery, sender=sender, log_state=log_state, context=context, ports=ports)
    if recorded.is_returned and (recipient := delivery.recipient_user_id):
        known = None if sender.moderated else log_state
        ports.notifier.notify(
            recipient, delivery_returned_event(delivery, now=context.now), log_state=known, now=context.now
        )
    indexing = [partial(ports.labels.try_add_labels, delivery)] if owes_labels(recorded, now=context.now) else []
    has_no_audience = delivery.moderation or (log_state and log_state.has_no_audience(FrameType.DELIVERY))
    if not recorded.is_new or has_no_audience:
        for index in indexing:
            index()
        return PushOutcome.NONE
    live_event = new_delivery_event(delivery)
    # The kept reply says whether the event was pushed. It is amended beside the push, to spare a call after it, and
    # once more in the rare case that the push ends otherwise.
    expected = log_state.expected_outcome(live_event, now=context.now) if log_state else PushOutcome.NONE
    calls = [
        partial(ports.notifier.notify, sender.user_id, live_event, log_state=log_state, now=context.now),
        *indexing,
    ]
    if context.claim and expected is not PushOutcome.NONE:
        calls.append(partial(ports.replies.amend, context.claim, reply=to_reply(recorded, outcome=expected)))
    outcome: PushOutcome = ports.gather(*calls)[0]
    if context.claim and outcome is not expected:
        ports.replies.amend(context.claim, reply=to_reply(recorded, outcome=outcome))
    return outcome


def _queue_if_held(
    delivery: Delivery, *, sender: PersonalToken, log_state: LogState | None, context: RequestContext, ports: Ports
) -> None:
    # Repeats and replays do this too: the first send may have failed between the delivery and its queue item.
    if delivery.moderation and delivery.moderation.status is ModerationStatus.PENDING:
        ports.queue_held(delivery, owner_id=sender.tools_owner_id, log_state=log_state, now=context.now)


def _to_reply(
    recorded: RecordedDelivery,
    *,
    event: InboundEvent,
    context: RequestContext,
    outcome: PushOutcome = PushOutcome.NONE,
) -> StoredReply:
    return to_snapshot(recorded.detail, **_reply_fields(recorded, event, context, outcome))


def _reply_fields(
    recorded: RecordedDelivery, event: InboundEvent, context: RequestContext, outcome: PushOutcome
) -> StoredReply:
    fields: StoredReply = {
        "deduped": not recorded.is_new,
        "pushed": outcome is PushOutcome.PUSHED,
        "ok": True,
        "request_id": context.request_id,
    }
    if outcome is PushOutcome.PENDING:
        fields["push_pending"] = True
    # Reading the deprecated field itself would issue a warning.
    return fields | ({"deprecation": _HINT_DEPRECATED} if "recipient_hint" in event.model_fields_set else {})
