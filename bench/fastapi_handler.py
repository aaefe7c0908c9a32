"""`POST /api/v1/events` on FastAPI + Mangum, with the models, use case and stores of our operation."""

from fastapi import Request, Response
from mangum import Mangum

from bench.fastapi_service import new_service, note_admission
from bench.publish_job import CONTEXT, publish
from chalicelib.edge.json_text import check_json
from chalicelib.inbox.domain.delivery_responses import DeliveryOut
from chalicelib.inbox.domain.events import InboundEvent

app = new_service()


@app.post("/api/v1/events", status_code=202, response_model=DeliveryOut, response_model_exclude_unset=True)
async def publish_event(request: Request, response: Response) -> DeliveryOut:
    """Publish an event to the token's owner."""
    # Parsed by hand, because the model is strict and FastAPI passes parsed JSON, in which times are strings.
    raw = await request.body()
    check_json(raw)
    body = InboundEvent.model_validate_json(raw, context=CONTEXT)
    delivery, admission = publish(body, request.headers["authorization"], request.state.request_id)
    note_admission(request, response, admission)
    return delivery


handler = Mangum(app, lifespan="off")
