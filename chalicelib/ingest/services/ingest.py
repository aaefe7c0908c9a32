"""Publish, resolve and note what other systems send, one event after another."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.callers import PersonalToken, ToolsToken
from chalicelib.core.domain.errors import Forbidden, Invalid, NotFound, Refusal, Unavailable
from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.domain.bulk import BulkEventRequest, BulkOut, GroupRecipient, Recipient, Target, UserRecipient
from chalicelib.inbox.domain.deliveries import Delivery, ModerationStatus
from chalicelib.inbox.domain.delivery_ids import derive_delivery_id, derive_held_delivery_id
from chalicelib.inbox.domain.delivery_responses import DeliveryOut
from chalicelib.inbox.domain.events import InboundEvent
from chalicelib.inbox.services.deliveries import FindDelivery
from chalicelib.ingest.domain.incoming import Draft, IngestStep, clip, occurrence_id, to_event
from chalicelib.ingest.domain.requests import (
    IngestError,
    IngestOut,
    IngestOutcome,
    IngestRecipient,
    IngestRequest,
    IngestRouting,
    IngestRow,
)
from chalicelib.ingest.domain.routing import Recipients, Routing

Sender = PersonalToken | ToolsToken
# One read of a store finds so many.
MOST_OCCURRENCES = 100
# Of so many each is looked for, also where the delivery is still on its way. Of more, only those who have it.
MOST_FOLLOWERS = 100


@dataclass(frozen=True)
class Ports:
    """The use cases of publishing, for the caller of this request."""

    publish: Callable[[InboundEvent], DeliveryOut]
    preview: Callable[[InboundEvent], Delivery]
    publish_bulk: Callable[[BulkEventRequest], tuple[BulkOut, int]]
    preview_bulk: Callable[[BulkEventRequest], list[Target]]
    resolve: Callable[[str, str | None], object]
    add_note: Callable[[str, str], object]
    find: FindDelivery
    list_stored: Callable[[Sequence[str]], Collection[str]]


@dataclass
class _Ingest:
    request: IngestRequest
    sender: Sender
    context: RequestContext
    ports: Ports
    unused: int = 0  # deliveries that were charged and not made
    _followers: list[Target] | None = None

    def handle(self, draft: Draft) -> IngestRow:
        event, routing = self.to_event(draft), self.request.route(draft)
        if self.request.dry_run:
            return _row(event, draft, self._preview(event, routing), event=event, **self._explain(draft, routing))
        if draft.step is not IngestStep.PUBLISH:
            return self._follow_up(draft, event)
        row = self._publish(draft, event, routing.recipients)
        if row.outcome is IngestOutcome.REPEATED and (again := self._next_occurrence(row)):
            return self._publish(draft, event.model_copy(update={"event_id": again}), routing.recipients)
        return row

    def to_event(self, draft: Draft) -> InboundEvent:
        return to_event(draft, prefix=self.sender.event_prefix, now=self.context.now)

    def _explain(self, draft: Draft, routing: Routing) -> dict[str, Any]:
        if not self.request.rules or draft.step is not IngestStep.PUBLISH:
            return {}
        last = _given(rule=routing.matched[-1] if routing.matched else None)
        return {"routing": IngestRouting(matched=list(routing.matched), **last)}

    def _publish(self, draft: Draft, event: InboundEvent, recipients: Recipients) -> IngestRow:
        if isinstance(self.sender, ToolsToken):
            if not recipients:
                reason = "names nobody for this event, and no rule matches it"
                raise Invalid(f"to {reason}.", {"to": [reason]})
            out, surplus = self.ports.publish_bulk(BulkEventRequest(event=event, recipients=list(recipients)))
            self.unused += surplus
            rows = [
                IngestRecipient(
                    recipient=each.recipient, email=each.email, **_given(delivery_id=each.delivery_id, error=each.error)
                )
                for each in out.results
            ]
            made = [each for each in out.results if each.error is None]
            is_repeat = made and all(each.deduped for each in made)
            outcome = IngestOutcome.REPEATED if is_repeat else IngestOutcome.ACCEPTED if made else IngestOutcome.REFUSED
            return _row(event, draft, rows, outcome=outcome)
        delivery = self.ports.publish(event)
        self.unused += bool(delivery.deduped)
        outcome = IngestOutcome.REPEATED if delivery.deduped else IngestOutcome.DELIVERED
        if not delivery.deduped and delivery.moderation and delivery.moderation.status is ModerationStatus.PENDING:
            outcome = IngestOutcome.HELD
        return _row(event, draft, [self._owner(delivery.delivery_id)], outcome=outcome)

    def _next_occurrence(self, row: IngestRow) -> str | None:
        """Return the id for an event that came again after it was resolved; None if it was not."""
        known = next((each.delivery_id for each in row.recipients if each.delivery_id), None)
        first = self.ports.find(known) if known else None
        if first is None or first.delivery.resolved_at is None or first.delivery.recipient_user_id is None:
            return None
        latest, number = self._latest_occurrence(row.event_id, first.delivery.recipient_user_id)
        found = first if number == 1 else self.ports.find(latest)
        if found is None or found.delivery.resolved_at is None:
            return occurrence_id(row.event_id, number)
        return occurrence_id(row.event_id, min(number + 1, MOST_OCCURRENCES))

    def _latest_occurrence(self, event_id: str, user_id: str) -> tuple[str, int]:
        """Return the delivery of the latest occurrence of an event to a person, and its number. Store calls: 1."""
        numbers = range(1, MOST_OCCURRENCES + 1)
        ids = [derive_delivery_id(self.sender.integrator, user_id, occurrence_id(event_id, each)) for each in numbers]
        stored = self.ports.list_stored(ids)
        number = max((number for number, each in zip(numbers, ids, strict=True) if each in stored), default=1)
        return ids[number - 1], number

    def _follow_up(self, draft: Draft, event: InboundEvent) -> IngestRow:
        """Resolve or note the deliveries of an earlier event."""
        recipients = [
            each if each.delivery_id is None or self._follow_up_one(draft, each.delivery_id) else _without_id(each)
            for each in self._list_followers(draft, event)
        ]
        done = IngestOutcome.RESOLVED if draft.step is IngestStep.RESOLVE else IngestOutcome.NOTED
        outcome = done if any(each.delivery_id for each in recipients) else IngestOutcome.UNKNOWN
        return _row(event, draft, recipients, outcome=outcome)

    def _list_followers(self, draft: Draft, event: InboundEvent) -> list[IngestRecipient]:
        """Return who may have the delivery of an earlier event, with its id."""
        if isinstance(self.sender, PersonalToken):
            derive = derive_held_delivery_id if self.sender.moderated else derive_delivery_id
            return [self._owner(derive(self.sender.integrator, self.sender.user_id, event.event_id))]
        if self._followers is None:
            self._followers = self._look_up_followers(self.request.route(draft).recipients, event)
        ids = {
            each.user_id: derive_delivery_id(self.sender.integrator, each.user_id, event.event_id)
            for each in self._followers
            if each.user_id
        }
        if self.request.rules and len(ids) > MOST_FOLLOWERS:
            # Rules name more people than any one event was for.
            stored = self.ports.list_stored(list(ids.values()))
            ids = {user_id: each for user_id, each in ids.items() if each in stored}
        known = [(each, ids.get(each.user_id or "")) for each in self._followers]
        return [_to_recipient(each, found) for each, found in known if found or not self.request.rules]

    def _look_up_followers(self, recipients: Recipients, event: InboundEvent) -> list[Target]:
        """Look people up at once. Groups that rules name are each as large as one call allows, and looked up alone."""
        if not self.request.rules:
            return self.ports.preview_bulk(BulkEventRequest(event=event, recipients=list(recipients)))
        calls: list[list[Recipient]] = [[each] for each in recipients if isinstance(each, GroupRecipient)]
        if people := [each for each in recipients if not isinstance(each, GroupRecipient)]:
            calls.append([*people])
        found: dict[object, Target] = {}
        for named in calls:
            for target in self.ports.preview_bulk(BulkEventRequest(event=event, recipients=named)):
                found.setdefault(target.identity, target)
        return list(found.values())

    def _follow_up_one(self, draft: Draft, delivery_id: str) -> bool:
        known = self.ports.find(delivery_id)
        if known and known.delivery.resolved_at and (person := known.delivery.recipient_user_id):
            delivery_id, _ = self._latest_occurrence(known.delivery.content["event_id"], person)
        try:
            if draft.step is IngestStep.RESOLVE:
                self.ports.resolve(delivery_id, clip(draft.summary, 500) or None)
            else:
                self.ports.add_note(delivery_id, clip(draft.summary, 8000) or draft.title)
        except NotFound:
            return False
        return True

    def _preview(self, event: InboundEvent, routing: Routing) -> list[IngestRecipient]:
        if isinstance(self.sender, PersonalToken):
            self.ports.preview(event)
            return [self._owner()]
        if not routing.recipients:
            return []
        request = BulkEventRequest(event=event, recipients=list(routing.recipients))
        return [_to_recipient(each) for each in self.ports.preview_bulk(request)]

    def _owner(self, delivery_id: str | None = None) -> IngestRecipient:
        assert isinstance(self.sender, PersonalToken)
        recipient = UserRecipient(type="user_id", user_id=self.sender.user_id)
        return IngestRecipient(recipient=recipient, **_given(delivery_id=delivery_id))


def ingest(
    request: IngestRequest, *, sender: Sender, context: RequestContext, ports: Ports
) -> tuple[IngestOut, Charge]:
    """Do what each event of the request asks for. Events that are refused do not affect the others.

    Also returns the part of the charge to give back. Store calls after authentication, in sequence: those of
    publishing, for each event. Events are identified, so the whole request can be sent again.

    Raises:
        Invalid: a tools token names no recipient, or a personal token names one.
        Refusal: the only event is refused, or every one; this is the refusal of the first.
        Unavailable: a store did not answer. What was not done is done when the request is sent again.
    """
    if isinstance(sender, ToolsToken) and not request.names_recipients:
        reason = "is required with a tools token"
        raise Invalid(f"to {reason}: name the recipients.", {"to": [reason]})
    if isinstance(sender, PersonalToken) and request.names_recipients:
        raise Forbidden("A personal token publishes to its owner. Use a tools token to name recipients.")
    work = _Ingest(request, sender, context, ports)
    first: Refusal | None = None
    rows = []
    for draft in request.reading.drafts:
        try:
            rows.append(work.handle(draft))
        except Unavailable:
            raise
        except Refusal as refusal:
            first = first or refusal
            work.unused += draft.step is IngestStep.PUBLISH and _charged(request, draft)
            rows.append(_refused_row(draft, refusal, work))
    if first and all(each.error for each in rows):
        raise first
    more = _given(ignored=request.reading.ignored)
    if request.reading.key:
        more |= {"status": "success", "message": "Event processed", "dedup_key": request.reading.key}
    out = IngestOut(dry_run=request.dry_run, results=rows, request_id=context.request_id, **more)
    return out, Charge(0) if request.dry_run else Charge(0, work.unused)


def _refused_row(draft: Draft, refusal: Refusal, work: _Ingest) -> IngestRow:
    event = work.to_event(draft)
    error = IngestError(code=refusal.code.replace("-", "_"), detail=refusal.detail)
    return _row(event, draft, [], outcome=IngestOutcome.REFUSED, error=error)


def _row(of: InboundEvent, draft: Draft, recipients: list[IngestRecipient], **more: Any) -> IngestRow:
    return IngestRow(event_id=of.event_id, event_type=of.event_type, step=draft.step, recipients=recipients, **more)


def _charged(request: IngestRequest, draft: Draft) -> int:
    """Return how many deliveries were charged for a draft that is published."""
    return len(request.route(draft).recipients) if request.names_recipients else 1


def _to_recipient(target: Target, delivery_id: str | None = None) -> IngestRecipient:
    known = _given(delivery_id=delivery_id, error=target.error)
    return IngestRecipient(recipient=target.recipient, email=target.email, **known)


def _without_id(recipient: IngestRecipient) -> IngestRecipient:
    return IngestRecipient(**recipient.model_dump(exclude={"delivery_id"}, exclude_unset=True))


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
