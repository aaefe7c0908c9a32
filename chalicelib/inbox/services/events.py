"""What senders do: publish an event, read it back, resolve it, add to it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from chalicelib.core.domain.budgets import Charge, seconds_to_midnight
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import PersonalToken, ToolsToken
from chalicelib.core.domain.errors import (
    CrossProjectBlocked,
    Forbidden,
    NotFound,
    RateLimited,
    Refusal,
    SupplementLimit,
)
from chalicelib.core.domain.fields import is_uuid, timestamp
from chalicelib.core.domain.idempotency import AlreadyAnswered, Claim
from chalicelib.inbox.domain.deliveries import (
    MOST_SUPPLEMENTS,
    Delivery,
    DeliveryDetail,
    ModerationStatus,
    RecordedDelivery,
    Supplement,
)
from chalicelib.inbox.domain.delivery_responses import DeliveryOut, from_snapshot, to_response, to_snapshot
from chalicelib.inbox.domain.events import InboundEvent, check_namespace, check_occurrence
from chalicelib.inbox.domain.live_events import (
    delivery_resolved_event,
    delivery_returned_event,
    delivery_supplemented_event,
    new_delivery_event,
)
from chalicelib.live.domain.frames import FrameType, News, Standing
from chalicelib.people.domain.project_access import ProjectAccess

Reply = dict[str, Any]
Find = Callable[[str], DeliveryDetail | None]

_HINT_DEPRECATED = "recipient_hint is deprecated: only moderation-mode tokens still use it."
_NO_DELIVERY = "No such delivery."


class Send(Protocol):
    def __call__(
        self,
        delivery: Delivery,
        /,
        *,
        fire: str,
        now: datetime,
        claim: Claim | None,
        reply: Callable[[RecordedDelivery], Reply],
    ) -> RecordedDelivery: ...


class Deliveries(Protocol):
    @property
    def record(self) -> Send: ...
    @property
    def repeat(self) -> Send: ...
    def find(self, delivery_id: str) -> DeliveryDetail | None: ...
    def resolve(self, resolved: Delivery, *, claim: Claim | None, reply: Reply) -> bool: ...
    def add_supplement(self, delivery_id: str, added: Supplement, *, claim: Claim | None, reply: Reply) -> bool: ...


class EventTypes(Protocol):
    def count(self, delivery: Delivery) -> None: ...


class QueueHeld(Protocol):
    def __call__(self, delivery: Delivery, /, *, owner_id: str, standing: Standing | None, now: datetime) -> None: ...


class Replies(Protocol):
    def amend(self, claim: Claim, *, reply: Reply) -> None: ...


class Notifier(Protocol):
    def standing(self, user_id: str, *, now: datetime) -> Standing | None: ...
    def notify(self, user_id: str, *news: News, standing: Standing | None, now: datetime) -> bool: ...


class Projects(Protocol):
    def find_access(self, slug: str, *, sender_id: str, recipient_id: str | None) -> ProjectAccess | None: ...


def publishing_charge(event: InboundEvent) -> Charge:
    """What publishing `event` costs its token."""
    return Charge(units=event.severity.units, deliveries=1)


class Keep(Protocol):
    def __call__(self, *, pushed: bool) -> None: ...


@dataclass(frozen=True)
class Ports:
    """What publishing reaches: the stores, the people who are told, and simultaneous calls."""

    deliveries: Deliveries
    event_types: EventTypes
    projects: Projects
    queue_held: QueueHeld
    replies: Replies
    notifier: Notifier
    together: Callable[..., list[Any]]


def publish(event: InboundEvent, *, sender: PersonalToken, call: Call, fire: str, ports: Ports) -> DeliveryOut:
    """Deliver `event` to the token's owner, or hold it when the token is moderated; once, however often it is sent.

    A repeat changes nothing but the count of sends. With the day's limit used up, repeats of known
    events are still answered. A held event waits in the queue of whoever owns the tools token behind it.

    Store calls after authentication, in sequence: 2 when new (also with an idempotency key), 1 for a repeat; one
    more for a repeat with a key, for a repeat of a delivery with supplements or buttons that call back, for a
    project, and for an event that is held; 2 more for a replay while it is held. A repeat that brings an archived
    delivery back to the inbox takes 1 more, and 1 to tell of it.

    Raises:
        Invalid: the event is outside the allowed time or the integrator's namespace.
        Forbidden: its severity is above the token's ceiling, or its project is closed to it.
        RateLimited: the day's limit is used up and the event is new.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    detail: DeliveryDetail | None = None

    def told(recorded: RecordedDelivery, *, pushed: bool = False) -> Reply:
        members: Reply = {"deduped": not recorded.is_new, "pushed": pushed, "ok": True, "request_id": call.request_id}
        # Reading the member itself would warn whoever calls this of its deprecation.
        return members | ({"deprecation": _HINT_DEPRECATED} if "recipient_hint" in event.model_fields_set else {})

    def reply(recorded: RecordedDelivery) -> Reply:
        # What is kept for a replay and what is answered now must be one reading.
        nonlocal detail
        detail = _thread(recorded, ports.deliveries)
        return to_snapshot(detail, **told(recorded))

    store = ports.deliveries.repeat if sender.over_daily_limit else ports.deliveries.record
    listener = sender.tools_owner_id if sender.moderated else sender.user_id
    try:
        delivery = _admit(event, sender=sender, now=call.now, projects=ports.projects)
        recorded, standing = ports.together(
            lambda: store(delivery, fire=fire, now=call.now, claim=call.claim, reply=reply),
            lambda: ports.notifier.standing(listener, now=call.now),
        )
    except Refusal as refusal:
        if not sender.over_daily_limit:
            raise
        wait = seconds_to_midnight(call.now)
        raise RateLimited("The token's deliveries of today are used up.", retry_after=wait) from refusal
    except AlreadyAnswered:
        if sender.moderated and (known := ports.deliveries.find(delivery.delivery_id)):
            _queue_held(known.delivery, owner_id=sender.tools_owner_id, standing=None, call=call, ports=ports)
        raise
    if detail is None:
        detail = _thread(recorded, ports.deliveries)
    shown_thread = detail

    def keep(*, pushed: bool) -> None:
        assert call.claim is not None
        ports.replies.amend(call.claim, reply=to_snapshot(shown_thread, **told(recorded, pushed=pushed)))

    pushed = _announce(recorded, sender=sender, call=call, standing=standing, keep=keep, ports=ports)
    return to_response(
        DeliveryDetail(recorded.delivery, detail.supplements, detail.clicks), **told(recorded, pushed=pushed)
    )


def _announce(
    recorded: RecordedDelivery,
    *,
    sender: PersonalToken,
    call: Call,
    standing: Standing | None,
    keep: Keep,
    ports: Ports,
) -> bool:
    """Count the event's type and tell who it is for, or who decides on it; whether the recipient was told."""
    delivery = recorded.delivery
    _queue_held(delivery, owner_id=sender.tools_owner_id, standing=standing, call=call, ports=ports)
    if recorded.is_returned and (recipient := delivery.recipient_user_id):
        known = standing if recipient == sender.user_id and not sender.moderated else None
        ports.notifier.notify(recipient, delivery_returned_event(delivery, now=call.now), standing=known, now=call.now)
    if not recorded.is_new:
        return False
    if delivery.moderation:
        ports.event_types.count(delivery)
        return False
    if standing is not None and standing.concerns_nobody(FrameType.DELIVERY):
        ports.event_types.count(delivery)
        return False
    news = new_delivery_event(delivery)
    # Known a moment later, when it would take another call; that it may turn out otherwise is rare.
    expected = call.claim is not None and standing is not None and standing.is_heard(news, now=call.now)
    _, pushed, *_ = ports.together(
        lambda: ports.event_types.count(delivery),
        lambda: ports.notifier.notify(sender.user_id, news, standing=standing, now=call.now),
        *([lambda: keep(pushed=True)] if expected else []),
    )
    if call.claim and pushed != expected:
        keep(pushed=pushed)
    return bool(pushed)


def _queue_held(delivery: Delivery, *, owner_id: str, standing: Standing | None, call: Call, ports: Ports) -> None:
    # By a repeat and by a replay too: the send before may have ended between the delivery and its item.
    if delivery.moderation is None or delivery.moderation.status is not ModerationStatus.PENDING:
        return
    ports.queue_held(delivery, owner_id=owner_id, standing=standing, now=call.now)


def _thread(recorded: RecordedDelivery, deliveries: Deliveries) -> DeliveryDetail:
    delivery = recorded.delivery
    known: DeliveryDetail | None = None
    if delivery.supplement_count or (delivery.has_callbacks and not recorded.is_new):
        known = deliveries.find(delivery.delivery_id)
    return replace(known, delivery=delivery) if known else DeliveryDetail(delivery, ())


def _admit(event: InboundEvent, *, sender: PersonalToken, now: datetime, projects: Projects) -> Delivery:
    check_occurrence(event, now=now)
    check_namespace(event, prefix=sender.event_prefix)
    if sender.severity_ceiling and event.severity.rank > sender.severity_ceiling.rank:
        raise Forbidden(f"The token may publish events up to severity {sender.severity_ceiling}.")
    delivery = Delivery.from_event(event, sender=sender, now=now)
    if event.project_slug is None:
        return delivery
    access = projects.find_access(
        event.project_slug, sender_id=sender.tools_owner_id, recipient_id=delivery.recipient_user_id
    )
    if access is None or not access.sender_is_admin or not access.recipient_is_member:
        raise CrossProjectBlocked(
            "cross_project_blocked: the integrator's owner must administer the project, and the recipient belong to it."
        )
    return replace(delivery, project_id=access.project_id)


def read(delivery_id: str, *, caller: PersonalToken | ToolsToken, call: Call, find: Find) -> DeliveryOut:
    """The delivery with its supplements, for its sender. Store calls after authentication: 1.

    Raises:
        NotFound: there is no such delivery, or the caller did not send it.
    """
    detail = _sent_by(caller, delivery_id, find)
    return to_response(detail, ok=True, request_id=call.request_id)


def resolve(
    delivery_id: str,
    note: str | None,
    *,
    caller: PersonalToken | ToolsToken,
    call: Call,
    find: Find,
    deliveries: Deliveries,
    notifier: Notifier,
) -> DeliveryOut:
    """Stamp the delivery as dealt with; the first stamp and note stay.

    Store calls after authentication, in sequence: 2, and 2 more to tell the recipient.

    Raises:
        NotFound: there is no such delivery, or the caller did not send it.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    told: Reply = {"ok": True, "request_id": call.request_id}
    while True:
        detail = _sent_by(caller, delivery_id, find)
        stamps = detail.delivery.resolved_at is None
        if stamps:
            stamped = replace(detail.delivery, resolved_at=timestamp(call.now), resolution_note=note)
            detail = replace(detail, delivery=stamped)
        elif call.claim is None:
            break
        if deliveries.resolve(detail.delivery, claim=call.claim, reply=to_snapshot(detail, **told)):
            if stamps and detail.delivery.recipient_user_id:
                news = delivery_resolved_event(detail.delivery)
                notifier.notify(detail.delivery.recipient_user_id, news, standing=None, now=call.now)
            break
    return to_response(detail, **told)


def supplement(
    delivery_id: str,
    added: Supplement,
    *,
    caller: PersonalToken | ToolsToken,
    call: Call,
    find: Find,
    deliveries: Deliveries,
    notifier: Notifier,
) -> DeliveryOut:
    """Append a follow-up to the delivery. Store calls after authentication, in sequence: 2, and 2 to tell of it.

    Raises:
        NotFound: there is no such delivery, or the caller did not send it.
        SupplementLimit: it has all the supplements it may have.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    told: Reply = {"ok": True, "request_id": call.request_id}
    detail = _sent_by(caller, delivery_id, find)
    detail = replace(detail, supplements=[*detail.supplements, added])
    known_id = detail.delivery.delivery_id
    if not deliveries.add_supplement(known_id, added, claim=call.claim, reply=to_snapshot(detail, **told)):
        raise SupplementLimit(f"A delivery has at most {MOST_SUPPLEMENTS} supplements.")
    if recipient := detail.delivery.recipient_user_id:
        notifier.notify(recipient, delivery_supplemented_event(known_id, added), standing=None, now=call.now)
    return to_response(detail, **told)


def replay(stored: Reply, *, deliveries: Deliveries) -> DeliveryOut:
    """The reply that an earlier call was given, from what was kept of it and the unchanging rest. Store calls: 1.

    Raises:
        NotFound: the delivery no longer exists.
    """
    detail = deliveries.find(stored["delivery_id"])
    if detail is None:
        raise NotFound(_NO_DELIVERY)
    return from_snapshot(stored, detail)


def _sent_by(caller: PersonalToken | ToolsToken, delivery_id: str, find: Find) -> DeliveryDetail:
    detail = find(delivery_id.lower()) if is_uuid(delivery_id) else None
    if detail is None or not detail.delivery.was_sent_by(caller):
        raise NotFound(_NO_DELIVERY)
    return detail
