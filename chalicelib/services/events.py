"""What senders do: publish an event, read it back, resolve it, add to it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from chalicelib.domain.budgets import Charge, seconds_to_midnight
from chalicelib.domain.call import Call
from chalicelib.domain.callers import PersonalToken, ToolsToken
from chalicelib.domain.deliveries import (
    MOST_SUPPLEMENTS,
    Delivery,
    DeliveryOut,
    Recorded,
    Supplement,
    Thread,
    restored,
    shown,
    snapshot,
)
from chalicelib.domain.errors import (
    CrossProjectBlocked,
    Forbidden,
    NotFound,
    RateLimited,
    Refusal,
    SupplementLimit,
)
from chalicelib.domain.events import InboundEvent, check_namespace, check_occurrence
from chalicelib.domain.fields import is_uuid, timestamp
from chalicelib.domain.idempotency import Claim
from chalicelib.domain.projects import ProjectAccess

Reply = dict[str, Any]
Find = Callable[[str], Thread | None]

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
        reply: Callable[[Recorded], Reply],
    ) -> Recorded: ...


class Deliveries(Protocol):
    @property
    def record(self) -> Send: ...
    @property
    def repeat(self) -> Send: ...
    def find(self, delivery_id: str) -> Thread | None: ...
    def resolve(self, resolved: Delivery, *, claim: Claim | None, reply: Reply) -> bool: ...
    def add_supplement(self, delivery_id: str, added: Supplement, *, claim: Claim | None, reply: Reply) -> bool: ...


class EventTypes(Protocol):
    def count(self, delivery: Delivery) -> None: ...


class Projects(Protocol):
    def find_access(self, slug: str, *, sender_id: str, recipient_id: str | None) -> ProjectAccess | None: ...


def publishing_charge(event: InboundEvent) -> Charge:
    """What publishing `event` costs its token."""
    return Charge(units=event.severity.units, deliveries=1)


def publish(
    event: InboundEvent,
    *,
    sender: PersonalToken,
    call: Call,
    fire: str,
    deliveries: Deliveries,
    event_types: EventTypes,
    projects: Projects,
) -> DeliveryOut:
    """Deliver `event` to the token's owner, or hold it when the token is moderated; once, however often it is sent.

    A repeat changes nothing but the count of sends. With the day's limit used up, repeats of known
    events are still answered.

    Store calls after authentication: 2 when new (also with an idempotency key), 1 for a repeat; one more for
    a repeat with a key, for a repeat of a delivery with supplements or buttons that call back, and for a project.

    Raises:
        Invalid: the event is outside the allowed time or the integrator's namespace.
        Forbidden: its severity is above the token's ceiling, or its project is closed to it.
        RateLimited: the day's limit is used up and the event is new.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """

    def told(recorded: Recorded) -> Reply:
        members: Reply = {"deduped": not recorded.first, "pushed": False, "ok": True, "request_id": call.request_id}
        return members | ({"deprecation": _HINT_DEPRECATED} if event.recipient_hint else {})

    thread: Thread | None = None

    def reply(recorded: Recorded) -> Reply:
        # What is kept for a replay and what is answered now must be one reading.
        nonlocal thread
        thread = _thread(recorded, deliveries)
        return snapshot(thread, **told(recorded))

    store = deliveries.repeat if sender.over_daily_limit else deliveries.record
    try:
        delivery = _admit(event, sender=sender, now=call.now, projects=projects)
        recorded = store(delivery, fire=fire, now=call.now, claim=call.claim, reply=reply)
    except Refusal as refusal:
        if not sender.over_daily_limit:
            raise
        wait = seconds_to_midnight(call.now)
        raise RateLimited("The token's deliveries of today are used up.", retry_after=wait) from refusal
    if recorded.first:
        event_types.count(recorded.delivery)
    if thread is None:
        thread = _thread(recorded, deliveries)
    return shown(replace(thread, delivery=recorded.delivery), **told(recorded))


def _thread(recorded: Recorded, deliveries: Deliveries) -> Thread:
    delivery = recorded.delivery
    known: Thread | None = None
    if delivery.supplement_count or (delivery.has_callbacks and not recorded.first):
        known = deliveries.find(delivery.delivery_id)
    return replace(known, delivery=delivery) if known else Thread(delivery, ())


def _admit(event: InboundEvent, *, sender: PersonalToken, now: datetime, projects: Projects) -> Delivery:
    check_occurrence(event, now=now)
    check_namespace(event, prefix=sender.event_prefix)
    if sender.severity_ceiling and event.severity.rank > sender.severity_ceiling.rank:
        raise Forbidden(f"The token may publish events up to severity {sender.severity_ceiling}.")
    delivery = Delivery.of(event, sender=sender, now=now)
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
    thread = _sent_by(caller, delivery_id, find)
    return shown(thread, ok=True, request_id=call.request_id)


def resolve(
    delivery_id: str,
    note: str | None,
    *,
    caller: PersonalToken | ToolsToken,
    call: Call,
    find: Find,
    deliveries: Deliveries,
) -> DeliveryOut:
    """Stamp the delivery as dealt with; the first stamp and note stay. Store calls after authentication: 2.

    Raises:
        NotFound: there is no such delivery, or the caller did not send it.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    told: Reply = {"ok": True, "request_id": call.request_id}
    while True:
        thread = _sent_by(caller, delivery_id, find)
        if thread.delivery.resolved_at is None:
            stamped = replace(thread.delivery, resolved_at=timestamp(call.now), resolution_note=note)
            thread = replace(thread, delivery=stamped)
        elif call.claim is None:
            break
        if deliveries.resolve(thread.delivery, claim=call.claim, reply=snapshot(thread, **told)):
            break
    return shown(thread, **told)


def supplement(
    delivery_id: str,
    added: Supplement,
    *,
    caller: PersonalToken | ToolsToken,
    call: Call,
    find: Find,
    deliveries: Deliveries,
) -> DeliveryOut:
    """Append a follow-up to the delivery. Store calls after authentication: 2.

    Raises:
        NotFound: there is no such delivery, or the caller did not send it.
        SupplementLimit: it has all the supplements it may have.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    told: Reply = {"ok": True, "request_id": call.request_id}
    thread = _sent_by(caller, delivery_id, find)
    thread = replace(thread, supplements=[*thread.supplements, added])
    known_id = thread.delivery.delivery_id
    if not deliveries.add_supplement(known_id, added, claim=call.claim, reply=snapshot(thread, **told)):
        raise SupplementLimit(f"A delivery has at most {MOST_SUPPLEMENTS} supplements.")
    return shown(thread, **told)


def replay(stored: Reply, *, deliveries: Deliveries) -> DeliveryOut:
    """The reply that an earlier call was given, from what was kept of it and the unchanging rest. Store calls: 1.

    Raises:
        NotFound: the delivery no longer exists.
    """
    thread = deliveries.find(stored["delivery_id"])
    if thread is None:
        raise NotFound(_NO_DELIVERY)
    return restored(stored, thread)


def _sent_by(caller: PersonalToken | ToolsToken, delivery_id: str, find: Find) -> Thread:
    thread = find(delivery_id.lower()) if is_uuid(delivery_id) else None
    if thread is None or not thread.delivery.was_sent_by(caller):
        raise NotFound(_NO_DELIVERY)
    return thread
