"""Recipients' own deliveries: list them, count them, read one, change its state."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import is_uuid
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import JobAnnouncer
from chalicelib.inbox.domain.deliveries import Delivery, DeliveryDetail
from chalicelib.inbox.domain.inbox import (
    InboxDelivery,
    InboxItem,
    InboxQuery,
    InboxSummary,
    Position,
    to_inbox_delivery,
    to_inbox_item,
)
from chalicelib.inbox.domain.inbox_states import StateIn, apply_state, check_snooze
from chalicelib.inbox.domain.live_events import delivery_changed_event
from chalicelib.inbox.domain.snoozes import SnoozeJob, delay_if_soon
from chalicelib.inbox.services.ports import Deliveries
from chalicelib.live.services.ports import Notifier


class Inbox(Protocol):
    def list_page(
        self, user_id: str, query: InboxQuery, after: Position | None, *, now: datetime
    ) -> tuple[Sequence[Delivery], Position | None]: ...
    def with_last_fires(self, listed: Sequence[Delivery]) -> Sequence[Delivery]: ...
    def summary(self, user_id: str, *, now: datetime) -> InboxSummary: ...
    def save(self, before: Delivery, after: Delivery, *, claim: Claim | None, reply: dict[str, Any]) -> bool: ...


def list_page(
    query: InboxQuery, after: Position | None, *, owner: ApiKey, context: RequestContext, inbox: Inbox
) -> tuple[list[InboxItem], Position | None]:
    """Return a page of the owner's deliveries, newest first, and the position where the next page starts.

    Store calls in sequence: 1, at most 4; with words or a label at most 8. 1 more if an event of the page was sent more
    than once.
    """
    found, position = inbox.list_page(owner.user_id, query, after, now=context.now)
    listed = inbox.with_last_fires(found)
    return [to_inbox_item(delivery, now=context.now, with_labels=query.labels) for delivery in listed], position


def summary(*, owner: ApiKey, context: RequestContext, inbox: Inbox) -> InboxSummary:
    """Count the unread, urgent and snoozed deliveries in the owner's inbox. Store calls in sequence: 1."""
    return inbox.summary(owner.user_id, now=context.now)


def read(delivery_id: str, *, owner: ApiKey, context: RequestContext, deliveries: Deliveries) -> InboxDelivery:
    """Return one of the owner's deliveries, with its supplements. Store calls after authentication: 1.

    Raises:
        NotFound: there is no such delivery, it is held, or it is somebody else's.
    """
    return to_inbox_delivery(_find_own(delivery_id, owner, deliveries), now=context.now)


def change(
    delivery_id: str,
    state: StateIn,
    *,
    owner: ApiKey,
    context: RequestContext,
    deliveries: Deliveries,
    inbox: Inbox,
    snoozes: JobAnnouncer[SnoozeJob],
    notifier: Notifier,
) -> InboxItem:
    """Mark one of the owner's deliveries as read, archive it or snooze it, or the reverse, and push the change.

    Store calls after authentication: 2, and 2 more to push; 1 where nothing changes and no key is given. A snooze that
    ends within two minutes is announced at once: 1 queue call.

    Raises:
        Invalid: the snooze ends in the past, or too late.
        NotFound: there is no such delivery, it is held, or it is somebody else's.
        Unavailable: too many calls change it at the same time.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    check_snooze(state, now=context.now)
    attempts = Attempts("Too many calls change this delivery at the same time. Try again in a moment.")
    while attempts.again():
        before = _find_own(delivery_id, owner, deliveries).delivery
        after = apply_state(before, state, now=context.now)
        item = to_inbox_item(after, now=context.now)
        if after == before and context.claim is None:
            break
        if inbox.save(before, after, claim=context.claim, reply=item.model_dump(mode="json", exclude_unset=True)):
            if after != before:
                if (delay := delay_if_soon(after.snoozed_until, now=context.now)) is not None:
                    snoozes.announce(SnoozeJob(delivery_id=after.delivery_id), delay=delay)
                notifier.notify(
                    owner.user_id, delivery_changed_event(after, now=context.now), log_state=None, now=context.now
                )
            break
    return item


def _find_own(delivery_id: str, owner: ApiKey, deliveries: Deliveries) -> DeliveryDetail:
    detail = deliveries.find(delivery_id.lower()) if is_uuid(delivery_id) else None
    if detail is None or detail.delivery.recipient_user_id != owner.user_id:
        raise NotFound("Delivery not found.")
    return detail
