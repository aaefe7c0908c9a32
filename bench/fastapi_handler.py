"""`POST /api/v1/events` on FastAPI behind Mangum: the same models, use case and stores as the operation's own."""

from fastapi import Request, Response
from mangum import Mangum

from bench.fastapi_service import admitted, service
from bench.publish_job import CONTEXT, publish
from chalicelib.edge.json_text import check_json
from chalicelib.inbox.domain.delivery_responses import DeliveryOut
from chalicelib.inbox.domain.events import InboundEvent

app = service()


@app.post("/api/v1/events", status_code=202, response_model=DeliveryOut, response_model_exclude_unset=True)
async def publish_event(request: Request, response: Response) -> DeliveryOut:
    """Publish an event to the token's owner."""
    # By hand, since the model is strict and FastAPI hands over parsed JSON, in which times are texts.
    raw = await request.body()
    check_json(raw)
    body = InboundEvent.model_validate_json(raw, context=CONTEXT)
    delivery, admission = publish(body, request.headers["authorization"], request.state.request_id)
    admitted(request, response, admission)
    return delivery


handler = Mangum(app, lifespan="off")
