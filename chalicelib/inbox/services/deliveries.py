"""Senders' own deliveries: read one back, resolve it, add a supplement, replay an earlier reply."""

from collections.abc import Callable
from dataclasses import replace

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import PersonalToken, ToolsToken
from chalicelib.core.domain.errors import NotFound, SupplementLimit
from chalicelib.core.domain.fields import is_uuid, timestamp
from chalicelib.core.domain.idempotency import StoredReply
from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.domain.deliveries import MOST_SUPPLEMENTS, DeliveryDetail, Supplement
from chalicelib.inbox.domain.delivery_responses import DeliveryOut, from_snapshot, to_response, to_snapshot
from chalicelib.inbox.domain.live_events import delivery_resolved_event, delivery_supplemented_event
from chalicelib.inbox.services.ports import Deliveries
from chalicelib.live.services.ports import Notifier

FindDelivery = Callable[[str], DeliveryDetail | None]

_NO_DELIVERY = "Delivery not found."


def read(
    delivery_id: str, *, caller: PersonalToken | ToolsToken, context: RequestContext, find: FindDelivery
) -> DeliveryOut:
    """Return the delivery with its supplements to its sender. Store calls after authentication: 1.

    Raises:
        NotFound: there is no such delivery, or the caller did not send it.
    """
    detail = _find_own(delivery_id, caller, find)
    return to_response(detail, ok=True, request_id=context.request_id)


def resolve(
    delivery_id: str,
    note: str | None,
    *,
    caller: PersonalToken | ToolsToken,
    context: RequestContext,
    find: FindDelivery,
    deliveries: Deliveries,
    notifier: Notifier,
) -> DeliveryOut:
    """Mark the delivery as resolved. The first call sets time and note for good.

    Store calls after authentication, in sequence: 2, and 2 more to notify the recipient.

    Raises:
        NotFound: there is no such delivery, or the caller did not send it.
        Unavailable: too many calls resolve it at the same time.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    fields: StoredReply = {"ok": True, "request_id": context.request_id}
    attempts = Attempts("Too many calls resolve this delivery at the same time. Try again in a moment.")
    while attempts.again():
        detail = _find_own(delivery_id, caller, find)
        is_first = detail.delivery.resolved_at is None
        if is_first:
            resolved = replace(detail.delivery, resolved_at=timestamp(context.now), resolution_note=note)
            detail = replace(detail, delivery=resolved)
        elif context.claim is None:
            break
        if deliveries.resolve(detail.delivery, claim=context.claim, reply=to_snapshot(detail, **fields)):
            if is_first and (recipient := detail.delivery.recipient_user_id):
                notifier.notify(recipient, delivery_resolved_event(detail.delivery), log_state=None, now=context.now)
            break
    return to_response(detail, **fields)


def add_supplement(
    delivery_id: str,
    added: Supplement,
    *,
    caller: PersonalToken | ToolsToken,
    context: RequestContext,
    find: FindDelivery,
    deliveries: Deliveries,
    notifier: Notifier,
) -> DeliveryOut:
    """Add a supplement to the delivery. Store calls after authentication, in sequence: 2, and 2 to notify.

    Raises:
        NotFound: there is no such delivery, or the caller did not send it.
        SupplementLimit: the delivery has as many supplements as it may have.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    fields: StoredReply = {"ok": True, "request_id": context.request_id}
    detail = _find_own(delivery_id, caller, find)
    detail = replace(detail, supplements=[*detail.supplements, added])
    if not deliveries.add_supplement(detail.delivery, added, claim=context.claim, reply=to_snapshot(detail, **fields)):
        raise SupplementLimit(f"The delivery already has {MOST_SUPPLEMENTS} supplements, the maximum.")
    if recipient := detail.delivery.recipient_user_id:
        notifier.notify(
            recipient, delivery_supplemented_event(detail.delivery.delivery_id, added), log_state=None, now=context.now
        )
    return to_response(detail, **fields)


def replay(stored: StoredReply, *, find: FindDelivery) -> DeliveryOut:
    """Rebuild the reply of an earlier call from its stored snapshot and the delivery. Store calls: 1.

    Raises:
        NotFound: the delivery no longer exists.
    """
    detail = find(stored["delivery_id"])
    if detail is None:
        raise NotFound(_NO_DELIVERY)
    return from_snapshot(stored, detail)


def _find_own(delivery_id: str, caller: PersonalToken | ToolsToken, find: FindDelivery) -> DeliveryDetail:
    detail = find(delivery_id.lower()) if is_uuid(delivery_id) else None
    if detail is None or not detail.delivery.was_sent_by(caller):
        raise NotFound(_NO_DELIVERY)
    return detail
