"""v1 "events": publish an event; read, resolve and supplement its delivery."""

from typing import Any
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.publishing import (
    PUBLISH,
    PUBLISH_PORTS,
    READ,
    RESOLVE,
    SUPPLEMENT,
    delivery_finder,
    new_notifier,
)
from chalicelib.api.v1.contract import operation
from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.callers import PersonalToken, ToolsToken
from chalicelib.core.domain.errors import Conflict, IdempotencyConflict, NotFound, TooLarge
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import OperationReply
from chalicelib.inbox.domain.deliveries import Supplement
from chalicelib.inbox.domain.delivery_responses import DeliveryOut
from chalicelib.inbox.domain.events import InboundEvent, ResolveIn, SupplementIn
from chalicelib.inbox.services import deliveries, events
from chalicelib.inbox.stores.deliveries import DynamoDeliveries

bp = Blueprint(__name__)


def _replay_published(stored: dict[str, Any]) -> OperationReply:
    return _published(deliveries.replay(stored, find=DynamoDeliveries().find))


def _replay(stored: dict[str, Any]) -> DeliveryOut:
    return deliveries.replay(stored, find=DynamoDeliveries().find)


def _published(delivery: DeliveryOut) -> OperationReply:
    # The daily limit counts new deliveries only.
    return OperationReply(delivery, 200, unspent=Charge(0, 1)) if delivery.deduped else OperationReply(delivery, 202)


@operation(
    bp,
    "POST",
    "/api/v1/events",
    checks_request_id=True,
    tag="events",
    status=202,
    answer=DeliveryOut,
    answers={
        200: "The event is a repeat. The reply is its first delivery.",
        202: "The event was delivered, or held for moderation.",
    },
    refusals=(IdempotencyConflict, TooLarge),
    hint="Publish with a tools token to recipients of your choice: POST /api/v1/events/bulk.",
    charge=events.publishing_charge,
    replay=_replay_published,
    grants=PUBLISH,
)
def publish_event(body: InboundEvent, caller: PersonalToken, context: RequestContext) -> OperationReply:
    """Publish an event to the token's owner.

    `event_type` is the integrator's prefix, an entity and an action, such as `fd1.build.failed`. An event is
    identified by integrator, owner and `event_id`. Sending it again returns 200 with the first delivery and
    increments `fireCount`. A token in moderation mode holds the event until a moderator decides. Publishing uses 2 rate
    units for the severities info and success, and 1 for warn and critical.
    """
    return _published(
        events.publish(
            body,
            sender=caller,
            context=context,
            fire=ids.new_nonce(),
            ports=PUBLISH_PORTS,
        )
    )


@operation(
    bp,
    "GET",
    "/api/v1/events/{deliveryId}",
    tag="events",
    answers={200: "The delivery."},
    refusals=(NotFound,),
    grants=READ,
)
def get_event(deliveryId: str, caller: PersonalToken | ToolsToken, context: RequestContext) -> DeliveryOut:  # noqa: N803 - contract
    """Retrieve a delivery that you sent.

    A delivery is visible to its sender only: the personal token that published it, including rotated versions; the
    tools token that claimed that token; and, for bulk deliveries, the integrator.
    """
    return deliveries.read(deliveryId, caller=caller, context=context, find=delivery_finder(caller, context))


@operation(
    bp,
    "POST",
    "/api/v1/events/{deliveryId}/resolve",
    tag="events",
    answers={200: "The resolved delivery."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=_replay,
    grants=RESOLVE,
)
def resolve_event(
    deliveryId: str,  # noqa: N803 - contract
    caller: PersonalToken | ToolsToken,
    context: RequestContext,
    body: ResolveIn = ResolveIn(),  # noqa: B008 - frozen
) -> DeliveryOut:
    """Mark a delivery as resolved.

    The first call sets the time and the note. Later calls return these values and notify no one.
    """
    return deliveries.resolve(
        deliveryId,
        body.resolution_note,
        caller=caller,
        context=context,
        find=delivery_finder(caller, context),
        deliveries=DynamoDeliveries(),
        notifier=new_notifier(),
    )


@operation(
    bp,
    "POST",
    "/api/v1/events/{deliveryId}/supplement",
    tag="events",
    status=201,
    answers={201: "The delivery, with the new supplement."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=_replay,
    grants=SUPPLEMENT,
)
def supplement_event(
    deliveryId: str,  # noqa: N803 - contract
    body: SupplementIn,
    caller: PersonalToken | ToolsToken,
    context: RequestContext,
) -> DeliveryOut:
    """Add a follow-up to a delivery.

    The delivery itself does not change. It shows up to 100 supplements, in the order in which they were added.
    """
    added = Supplement(str(uuid4()), body.markdown_body, timestamp(context.now))
    return deliveries.add_supplement(
        deliveryId,
        added,
        caller=caller,
        context=context,
        find=delivery_finder(caller, context),
        deliveries=DynamoDeliveries(),
        notifier=new_notifier(),
    )
