"""Live events of the inbox: pushed to a person's open connections when a delivery changes."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from pydantic.alias_generators import to_camel

from chalicelib.core.domain.retries import Outcome
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.deliveries import Delivery, Supplement
from chalicelib.inbox.domain.delivery_responses import listed_fields
from chalicelib.inbox.domain.inbox import InboxItem, StateOut, state_fields
from chalicelib.live.domain.frames import FrameType, LiveEvent
from chalicelib.live.domain.push import Urgency

_NEW_STATE = {"read_at": None, "archived_at": None, "snoozed_until": None}
_WIRE_NAMES = {name: to_camel(name) for name in InboxItem.model_fields}


def new_delivery_event(delivery: Delivery) -> LiveEvent:
    """Announces a new delivery, with all fields of the inbox list."""
    members = {_WIRE_NAMES[name]: value for name, value in (listed_fields(delivery) | _NEW_STATE).items()}
    return LiveEvent(FrameType.DELIVERY, members, Urgency.of(delivery.severity), _kind_of(delivery))


def delivery_returned_event(delivery: Delivery, *, now: datetime) -> LiveEvent:
    """Announces a delivery that a repeat of its event has brought back to the inbox."""
    event = delivery_changed_event(delivery, now=now)
    return replace(event, urgency=Urgency.of(delivery.severity), event_kind=_kind_of(delivery))


def delivery_changed_event(delivery: Delivery, *, now: datetime) -> LiveEvent:
    """Announces a change of the delivery's state: read, archived, snoozed."""
    fields = StateOut(**state_fields(delivery, now=now)).model_dump(mode="json", by_alias=True)
    fields |= {
        "deliveryId": delivery.delivery_id,
        "fireCount": delivery.fire_count,
        "lastFiredAt": delivery.last_fired_at,
    }
    return LiveEvent(FrameType.DELIVERY_CHANGED, fields)


def deliveries_changed_event(deliveries: Iterable[Delivery], *, job_id: str, now: datetime) -> LiveEvent:
    """Announces what one bulk change did to many deliveries."""
    changes = []
    for each in deliveries:
        resolved = {"resolvedAt": each.resolved_at} if each.resolved_at else {}
        changes.append({**delivery_changed_event(each, now=now).members, **resolved})
    return LiveEvent(FrameType.DELIVERIES_CHANGED, {"jobId": job_id, "changes": changes})


def delivery_resolved_event(delivery: Delivery) -> LiveEvent:
    members = {
        "deliveryId": delivery.delivery_id,
        "resolvedAt": delivery.resolved_at,
        "resolutionNote": delivery.resolution_note,
    }
    return LiveEvent(FrameType.DELIVERY_RESOLVED, members)


def delivery_supplemented_event(delivery_id: str, added: Supplement) -> LiveEvent:
    members = {"deliveryId": delivery_id, "supplementId": added.supplement_id, "createdAt": added.created_at}
    return LiveEvent(FrameType.DELIVERY_SUPPLEMENTED, members)


def action_result_event(click: Click, outcome: Outcome) -> LiveEvent:
    """Announces the outcome of a button's callback to the person who clicked it."""
    members = {
        "deliveryId": click.delivery_id,
        "index": click.index,
        "actionId": click.action_id,
        "outcome": outcome.value,
    }
    return LiveEvent(FrameType.ACTION_RESULT, members)


def _kind_of(delivery: Delivery) -> tuple[str, str]:
    return delivery.integrator, delivery.event_type
