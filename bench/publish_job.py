"""Publishing without a framework: authentication, rate limit, use case and stores, as in our own function."""

from datetime import UTC, datetime
from typing import Any

from chalicelib import ids
from chalicelib.core.domain.callers import PersonalToken
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.delivery_responses import DeliveryOut
from chalicelib.inbox.domain.events import InboundEvent
from chalicelib.inbox.services import events
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.inbox.stores.sends import DynamoSends
from chalicelib.inbox.stores.sent import DynamoSent
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.gateways.web_push import PUSH_JOBS, REACH_JOBS
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.people.stores.directory_rows import DynamoProjectAccess, has_relaxed_event_types
from chalicelib.tokens.domain.tokens import Admission
from chalicelib.tokens.stores.token_budgets import DynamoTokenBudgets

# The context that our edge passes to the models.
CONTEXT = {"allow_loopback": False}


def _queue_held(delivery: Delivery, **_: Any) -> None:
    raise AssertionError(f"{delivery} is held, and no event that is measured is")


_PORTS = events.Ports(
    sends=DynamoSends(returns_read=lambda _: False),
    deliveries=DynamoDeliveries(),
    labels=DynamoSent(),
    projects=DynamoProjectAccess(),
    has_relaxed_event_types=has_relaxed_event_types,
    queue_held=_queue_held,
    replies=DynamoIdempotency(),
    notifier=Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS, PUSH_JOBS, REACH_JOBS),
    gather=gather,
)


def publish(body: InboundEvent, authorization: str, request_id: str) -> tuple[DeliveryOut, Admission]:
    """Publish `body` with the token of the Authorization header, as `POST /api/v1/events` does."""
    token = ids.parse_token(authorization.removeprefix("Bearer "))
    assert token is not None
    now = datetime.now(UTC)
    admission = DynamoTokenBudgets().spend(token, events.publishing_charge(body), now=now)
    assert isinstance(admission.caller, PersonalToken)
    context = RequestContext(request_id, now)
    return events.publish(body, sender=admission.caller, context=context, fire=ids.new_nonce(), ports=_PORTS), admission
