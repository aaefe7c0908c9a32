"""FastAPI set up for this contract: problems as errors, a request's id and line, and the budget in each reply.

As its own documentation does these, but for the middleware, which is plain ASGI: `@app.middleware` costs more.
"""

import json
import logging
import time
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bench.budget import budget_headers
from chalicelib.core.domain.errors import Refusal
from chalicelib.edge.problem import problem_json, status_of, to_invalid
from chalicelib.ids import new_request_id
from chalicelib.tokens.domain.tokens import Admission

log = logging.getLogger("bench")


class RequestLog:
    """Middleware that gives each request an id and logs its response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, known = time.perf_counter(), new_request_id()
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = known
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = known
            await send(message)

        await self.app(scope, receive, answer)
        line = {"path": scope["path"], "requestId": known, "status": status, "caller": state.get("caller")}
        log.info(json.dumps(line | {"milliseconds": round((time.perf_counter() - started) * 1000, 1)}))


def new_service() -> FastAPI:
    """Return an application whose operations raise refusals and report their caller with `note_admission`."""
    app = FastAPI()
    app.add_middleware(RequestLog)
    app.add_exception_handler(Refusal, _error_response)
    app.add_exception_handler(ValidationError, _error_response)
    return app


def note_admission(request: Request, response: Response, admission: Admission) -> None:
    """Add the caller to the log line, and the rate-limit headers to the response."""
    request.state.caller = admission.caller.identity
    response.headers.update(budget_headers(admission))


def _error_response(request: Request, error: Exception) -> Response:
    refusal = to_invalid(error) if isinstance(error, ValidationError) else error
    assert isinstance(refusal, Refusal)
    body = problem_json(refusal, request.state.request_id, request.url.path)
    return JSONResponse(body, status_of(type(refusal)), media_type="application/problem+json")
