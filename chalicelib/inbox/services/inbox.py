"""What recipients do: list their deliveries, read one, and say what is to become of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import NotFound, Unavailable
from chalicelib.core.domain.fields import is_uuid
from chalicelib.core.domain.idempotency import Claim
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
from chalicelib.live.services.ports import Notifier

_ATTEMPTS = 5


class Deliveries(Protocol):
    def find(self, delivery_id: str) -> DeliveryDetail | None: ...


class Inbox(Protocol):
    def list_page(
        self, user_id: str, query: InboxQuery, after: Position | None, *, now: datetime
    ) -> tuple[Sequence[Delivery], Position | None]: ...
    def summary(self, user_id: str, *, now: datetime) -> InboxSummary: ...
    def save(self, seen: Delivery, wanted: Delivery, *, claim: Claim | None, reply: dict[str, Any]) -> bool: ...


def list_page(
    query: InboxQuery, after: Position | None, *, owner: ApiKey, call: Call, inbox: Inbox
) -> tuple[list[InboxItem], Position | None]:
    """A page of the owner's deliveries, newest first, and where the next one starts.

    Store calls in sequence: 1, at most 4; with words or a label at most 8.
    """
    found, position = inbox.list_page(owner.user_id, query, after, now=call.now)
    return [to_inbox_item(delivery, now=call.now) for delivery in found], position


def summary(*, owner: ApiKey, call: Call, inbox: Inbox) -> InboxSummary:
    """How much waits in the owner's inbox. Store calls in sequence: 1."""
    return inbox.summary(owner.user_id, now=call.now)


def read(delivery_id: str, *, owner: ApiKey, call: Call, deliveries: Deliveries) -> InboxDelivery:
    """One of the owner's deliveries, with its supplements. Store calls after authentication: 1.

    Raises:
        NotFound: there is no such delivery, it is held, or it is somebody else's.
    """
    return to_inbox_delivery(_own(delivery_id, owner, deliveries), now=call.now)


def change(
    delivery_id: str,
    wanted: StateIn,
    *,
    owner: ApiKey,
    call: Call,
    deliveries: Deliveries,
    inbox: Inbox,
    notifier: Notifier,
) -> InboxItem:
    """Mark one of the owner's deliveries as read, archive or snooze it, or the contrary; their connections hear of it.

    Store calls after authentication: 2, and 2 more to tell of it; 1 where nothing changes and no key is given.

    Raises:
        Invalid: the snooze is to end in the past, or too late.
        NotFound: there is no such delivery, it is held, or it is somebody else's.
        Unavailable: many others change it at the same time.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    check_snooze(wanted, now=call.now)
    for _ in range(_ATTEMPTS):
        seen = _own(delivery_id, owner, deliveries).delivery
        made = apply_state(seen, wanted, now=call.now)
        shown = to_inbox_item(made, now=call.now)
        if made == seen and call.claim is None:
            return shown
        if inbox.save(seen, made, claim=call.claim, reply=shown.model_dump(mode="json", exclude_unset=True)):
            if made != seen:
                notifier.notify(owner.user_id, delivery_changed_event(made, now=call.now), standing=None, now=call.now)
            return shown
    raise Unavailable("The delivery is being changed by many calls at once.")


def _own(delivery_id: str, owner: ApiKey, deliveries: Deliveries) -> DeliveryDetail:
    detail = deliveries.find(delivery_id.lower()) if is_uuid(delivery_id) else None
    if detail is None or detail.delivery.recipient_user_id != owner.user_id:
        raise NotFound("No such delivery.")
    return detail
