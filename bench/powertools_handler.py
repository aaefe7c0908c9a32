"""The benchmarked operations on Powertools' resolver, with the models, use cases and stores of our operations."""

import json
import logging
import time
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from pydantic import BaseModel, ValidationError

from bench.budget import budget_headers
from bench.inbox_job import list_deliveries, read_delivery
from bench.publish_job import CONTEXT, publish
from chalicelib.core.domain.errors import Refusal
from chalicelib.edge.json_text import check_json
from chalicelib.edge.problem import problem_json, status_of, to_invalid
from chalicelib.ids import new_request_id
from chalicelib.inbox.domain.events import InboundEvent
from chalicelib.inbox.domain.inbox import InboxQuery
from chalicelib.tokens.domain.tokens import Admission

log = logging.getLogger("bench")
app = APIGatewayRestResolver()


@app.post("/api/v1/events")
def publish_event() -> Response[str]:
    """Publish an event to the token's owner."""
    raw = (app.current_event.body or "").encode()
    check_json(raw)
    body = InboundEvent.model_validate_json(raw, context=CONTEXT)
    return _answer(*publish(body, app.current_event.headers["authorization"], app.context["request_id"]), 202)


@app.get("/api/v1/inbox")
def list_inbox() -> Response[str]:
    """List the deliveries of the key's owner."""
    query = InboxQuery.model_validate_strings(dict(app.current_event.query_string_parameters or {}))
    return _answer(*list_deliveries(query, app.current_event.headers["authorization"], app.context["request_id"]))


@app.get("/api/v1/inbox/<delivery_id>")
def get_inbox_delivery(delivery_id: str) -> Response[str]:
    """Read a delivery."""
    return _answer(*read_delivery(delivery_id, app.current_event.headers["authorization"], app.context["request_id"]))


@app.exception_handler([Refusal, ValidationError])  # type: ignore[untyped-decorator]
def error_response(error: Exception) -> Response[str]:
    """Return problem details for an error."""
    refusal = to_invalid(error) if isinstance(error, ValidationError) else error
    assert isinstance(refusal, Refusal)
    body = json.dumps(problem_json(refusal, app.context["request_id"], app.current_event.path))
    return Response(status_of(type(refusal)), "application/problem+json", body)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Give the request an id, answer it, and log the response."""
    started, known = time.perf_counter(), new_request_id()
    app.append_context(request_id=known)  # type: ignore[no-untyped-call]
    reply = app.resolve(event, context)
    line = {"path": event["path"], "requestId": known, "status": reply["statusCode"]}
    log.info(json.dumps(line | {"milliseconds": round((time.perf_counter() - started) * 1000, 1)}))
    return reply


def _answer(made: BaseModel, admission: Admission, status: int = 200) -> Response[str]:
    body = made.model_dump_json(by_alias=True, exclude_unset=True)
    headers: dict[str, str | list[str]] = {"X-Request-Id": app.context["request_id"], **budget_headers(admission)}
    return Response(status, "application/json", body, headers)
