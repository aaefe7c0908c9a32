"""The benchmarked operations on Powertools' resolver: the same models, use cases and stores as the operations' own."""

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from pydantic import BaseModel

from bench.inbox_job import first_page, read
from bench.publish_job import CONTEXT, publish
from chalicelib.domain.events import InboundEvent
from chalicelib.domain.inbox import InboxQuery

app = APIGatewayRestResolver()


@app.post("/api/v1/events")
def publish_event() -> Response[str]:
    """Publish an event to the token's owner."""
    body = InboundEvent.model_validate_json(app.current_event.body or "", context=CONTEXT)
    return _answer(publish(body, app.current_event.headers["authorization"]), 202)


@app.get("/api/v1/inbox")
def list_inbox() -> Response[str]:
    """List the key's owner's deliveries."""
    query = InboxQuery.model_validate_strings(dict(app.current_event.query_string_parameters or {}))
    return _answer(first_page(query, app.current_event.headers["authorization"]))


@app.get("/api/v1/inbox/<delivery_id>")
def get_inbox_delivery(delivery_id: str) -> Response[str]:
    """Read one of them."""
    return _answer(read(delivery_id, app.current_event.headers["authorization"]))


def _answer(made: BaseModel, status: int = 200) -> Response[str]:
    return Response(status, "application/json", made.model_dump_json(by_alias=True, exclude_unset=True))


handler = app.resolve
