"""Live events of the inbox: pushed to a person's open connections when a delivery changes."""

from dataclasses import replace
from datetime import datetime

from pydantic.alias_generators import to_camel

from chalicelib.core.domain.retries import Outcome
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.deliveries import Delivery, Supplement
from chalicelib.inbox.domain.delivery_responses import listed_fields
from chalicelib.inbox.domain.inbox import InboxItem, StateOut, state_fields
from chalicelib.live.domain.frames import FrameType, News
from chalicelib.live.domain.push import Urgency

_UNTOUCHED = {"read_at": None, "archived_at": None, "snoozed_until": None}
_ON_THE_WIRE = {name: to_camel(name) for name in InboxItem.model_fields}


def new_delivery_event(delivery: Delivery) -> News:
    """What the recipient's open connections are told of a new delivery: what the inbox's list shows of it."""
    members = {_ON_THE_WIRE[name]: value for name, value in (listed_fields(delivery) | _UNTOUCHED).items()}
    return News(FrameType.DELIVERY, members, Urgency.of(delivery.severity))


def delivery_returned_event(delivery: Delivery, *, now: datetime) -> News:
    """What they are told when a delivery was fired again, and so came back to the inbox."""
    return replace(delivery_changed_event(delivery, now=now), urgency=Urgency.of(delivery.severity))


def delivery_changed_event(delivery: Delivery, *, now: datetime) -> News:
    """What they are told when it was read, archived or snoozed, or the contrary."""
    told = StateOut(**state_fields(delivery, now=now)).model_dump(mode="json", by_alias=True)
    told |= {"deliveryId": delivery.delivery_id, "fireCount": delivery.fire_count}
    return News(FrameType.DELIVERY_CHANGED, told)


def delivery_resolved_event(delivery: Delivery) -> News:
    members = {
        "deliveryId": delivery.delivery_id,
        "resolvedAt": delivery.resolved_at,
        "resolutionNote": delivery.resolution_note,
    }
    return News(FrameType.DELIVERY_RESOLVED, members)


def delivery_supplemented_event(delivery_id: str, added: Supplement) -> News:
    members = {"deliveryId": delivery_id, "supplementId": added.supplement_id, "createdAt": added.created_at}
    return News(FrameType.DELIVERY_SUPPLEMENTED, members)


def action_result_event(click: Click, outcome: Outcome) -> News:
    """What the recipient's open connections are told when a button's callback was accepted, or given up."""
    members = {
        "deliveryId": click.delivery_id,
        "index": click.index,
        "actionId": click.action_id,
        "outcome": outcome.value,
    }
    return News(FrameType.ACTION_RESULT, members)
