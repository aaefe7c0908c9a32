"""`POST /api/v1/events` on FastAPI behind Mangum: the same models, use case and stores as the operation's own."""

from datetime import UTC, datetime

from fastapi import FastAPI, Request
from mangum import Mangum

from chalicelib import ids
from chalicelib.domain.call import Call
from chalicelib.domain.callers import PersonalToken
from chalicelib.domain.deliveries import DeliveryOut
from chalicelib.domain.events import InboundEvent
from chalicelib.gateways.sockets import ApiGatewaySockets
from chalicelib.parallel import together
from chalicelib.services import events
from chalicelib.services.notifier import Notifier
from chalicelib.stores.connections import DynamoConnections
from chalicelib.stores.deliveries import DynamoDeliveries
from chalicelib.stores.directory import DynamoDirectory
from chalicelib.stores.event_types import DynamoEventTypes
from chalicelib.stores.frames import DynamoFrames
from chalicelib.stores.idempotency import DynamoIdempotency
from chalicelib.stores.ledger import DynamoLedger
from chalicelib.stores.queue import DynamoQueue

app = FastAPI()


@app.post("/api/v1/events", status_code=202, response_model=DeliveryOut, response_model_exclude_unset=True)
async def publish_event(request: Request) -> DeliveryOut:
    """Publish an event to the token's owner."""
    # By hand, since the model is strict and FastAPI hands over parsed JSON, in which times are texts.
    body = InboundEvent.model_validate_json(await request.body(), context={"allow_loopback": False})
    token = ids.parse_token(request.headers["authorization"].removeprefix("Bearer "))
    assert token is not None
    now = datetime.now(UTC)
    admission = DynamoLedger().spend(token, events.publishing_charge(body), now=now)
    assert isinstance(admission.caller, PersonalToken)
    ports = events.Ports(
        deliveries=DynamoDeliveries(),
        event_types=DynamoEventTypes(),
        projects=DynamoDirectory(),
        queue=DynamoQueue(),
        replies=DynamoIdempotency(),
        notifier=Notifier(DynamoFrames(), DynamoConnections(), ApiGatewaySockets(), together),
        together=together,
    )
    return events.publish(
        body, sender=admission.caller, call=Call(ids.request_id(), now), fire=ids.nonce(), ports=ports
    )


handler = Mangum(app, lifespan="off")
