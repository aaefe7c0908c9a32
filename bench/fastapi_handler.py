"""`POST /api/v1/events` on FastAPI behind Mangum: the same models, use case and stores as the operation's own."""

from fastapi import FastAPI, Request
from mangum import Mangum

from bench.publish_job import CONTEXT, publish
from chalicelib.domain.deliveries import DeliveryOut
from chalicelib.domain.events import InboundEvent

app = FastAPI()


@app.post("/api/v1/events", status_code=202, response_model=DeliveryOut, response_model_exclude_unset=True)
async def publish_event(request: Request) -> DeliveryOut:
    """Publish an event to the token's owner."""
    # By hand, since the model is strict and FastAPI hands over parsed JSON, in which times are texts.
    body = InboundEvent.model_validate_json(await request.body(), context=CONTEXT)
    return publish(body, request.headers["authorization"])


handler = Mangum(app, lifespan="off")
