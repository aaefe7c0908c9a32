"""The delivery log: find deliveries of an integrator, show what happened to one, and resend its callback."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.fields import is_uuid
from chalicelib.core.domain.retries import GRACE, is_due
from chalicelib.core.ports import JobAnnouncer
from chalicelib.inbox.domain.callbacks import CallbackJob
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.deliveries import DeliveryDetail
from chalicelib.inbox.domain.endpoints import MOST_ATTEMPTS
from chalicelib.inbox.domain.sent import SentSelection
from chalicelib.inbox.domain.sent_positions import SentPosition
from chalicelib.inbox.services.sent import SentDeliveries
from chalicelib.operate.domain.deliveries import (
    DeliveryLogEntry,
    LoggedDelivery,
    OwnDeliveryLogQuery,
    for_integrator,
    to_log_entry,
    to_logged,
)
from chalicelib.people.services.ports import People
from chalicelib.reach.domain.outcomes import Outcome


class ResentClicks(Protocol):
    def restart(self, click: Click, *, now: datetime, due_at: datetime) -> bool: ...


class LoggedDeliveries(Protocol):
    def find(self, delivery_id: str) -> tuple[DeliveryDetail, Sequence[Outcome]] | None: ...


def list_deliveries(
    query: OwnDeliveryLogQuery, after: SentPosition | None, *, integrator: str, sent: SentDeliveries, people: People
) -> tuple[list[LoggedDelivery], SentPosition | None]:
    """Return a page of the log, newest first, and the position where the next page starts.

    Store calls in sequence: 3, at most 6 with filters; 1 more with an address.
    """
    recipient_id = None
    if query.email is not None:
        recipient_id = people.find_user_ids([query.email.lower()]).get(query.email.lower())
        if recipient_id is None:
            return [], None
    found, position = sent.list_page(SentSelection(integrator, query, recipient_id=recipient_id), after)
    known = people.find_people({each.recipient_user_id for each in found if each.recipient_user_id})
    return [to_logged(each, known.get(each.recipient_user_id or "")) for each in found], position


def get_delivery(delivery_id: str, *, deliveries: LoggedDeliveries, people: People) -> DeliveryLogEntry:
    """Return a delivery with its steps. Store calls: 2.

    Raises:
        NotFound: there is no such delivery.
    """
    return _entry(*_find(delivery_id, deliveries), people)


def get_own_delivery(
    delivery_id: str, *, integrator: str, deliveries: LoggedDeliveries, people: People
) -> DeliveryLogEntry:
    """Return a delivery of an integrator with its steps, without what its recipient did with it. Store calls: 2.

    Raises:
        NotFound: there is no such delivery, or it is another integrator's.
    """
    detail, messages = _find(delivery_id, deliveries)
    if detail.delivery.integrator != integrator:
        raise NotFound("Delivery not found.")
    return for_integrator(_entry(detail, messages, people))


def resend_callback(
    delivery_id: str,
    index: str,
    *,
    now: datetime,
    deliveries: LoggedDeliveries,
    clicks: ResentClicks,
    people: People,
    queue: JobAnnouncer[CallbackJob],
) -> DeliveryLogEntry:
    """Make the next attempt of a callback now, whatever came of the earlier ones. The queue's worker makes it.

    A callback that is due already is only announced again, so repeating the call does no harm. Store and queue
    calls: 5; 4 if the callback is due. At a paused endpoint it is a probe.

    Raises:
        NotFound: there is no such delivery, or nobody pressed this button.
        Conflict: an attempt is under way, or there were as many as there may be.
    """
    detail, _ = _find(delivery_id, deliveries)
    click = next((each for each in detail.clicks if str(each.index) == index), None)
    if click is None:
        raise NotFound("Callback not found.")
    if len(click.attempts) >= MOST_ATTEMPTS:
        raise Conflict(f"This callback was attempted {MOST_ATTEMPTS} times. It can't be resent any more.")
    if not is_due(click.next_attempt_at, now) and not clicks.restart(click, now=now, due_at=now + GRACE):
        raise Conflict("An attempt of this callback is under way. Look at its result before you resend it.")
    queue.announce(CallbackJob(delivery_id=click.delivery_id, index=click.index, is_probe=True))
    return _entry(*_find(delivery_id, deliveries), people)


def _find(delivery_id: str, deliveries: LoggedDeliveries) -> tuple[DeliveryDetail, Sequence[Outcome]]:
    found = deliveries.find(delivery_id.lower()) if is_uuid(delivery_id) else None
    if found is None:
        raise NotFound("Delivery not found.")
    return found


def _entry(detail: DeliveryDetail, messages: Sequence[Outcome], people: People) -> DeliveryLogEntry:
    recipient = detail.delivery.recipient_user_id
    known = people.find_people({each.user_id for each in detail.clicks} | ({recipient} if recipient else set()))
    return to_log_entry(detail, dict(known), messages)
