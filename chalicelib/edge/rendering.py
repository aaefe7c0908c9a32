"""Render replies and errors as HTTP responses."""

import json
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

from chalice.app import Response
from pydantic import BaseModel

from chalicelib import caching, ids
from chalicelib.core.domain.budgets import Window
from chalicelib.core.domain.envelope import Data, envelope_json
from chalicelib.core.domain.errors import RateLimited, Refusal
from chalicelib.edge.operation import Operation, OperationReply
from chalicelib.edge.parsing import IncomingRequest
from chalicelib.edge.streaming import EVENT_STREAM, Pieces, StreamedResponse, is_refused_as_stream, refused_stream
from chalicelib.tokens.domain.tokens import PRIOR_SECRET_LIFETIME


def render(request: IncomingRequest, result: Data | OperationReply) -> Response:
    """Render a reply; 304 without a body where the client has the current one."""
    operation = request.operation
    headers: Mapping[str, Any]
    if isinstance(result, OperationReply):
        body, status, headers = result.body, result.status, result.headers
    else:
        body, status, headers = result, operation.status, {}
    if isinstance(body, Pieces):
        return StreamedResponse(body, {"Content-Type": with_charset(operation.media_type), **headers}, status)
    text = body if isinstance(body, str) else _to_json(operation, body)
    cache_headers = caching.cache_headers(text, operation.max_age) if operation.max_age else {}
    if cache_headers and caching.has_current(request.headers.get("if-none-match", ""), cache_headers["ETag"]):
        return Response("", {**cache_headers}, HTTPStatus.NOT_MODIFIED)
    return Response(text, {"Content-Type": with_charset(operation.media_type), **headers, **cache_headers}, status)


def render_error(request: IncomingRequest, refusal: Refusal | None) -> Response:
    """Render a refusal, or with None a fault, in the shape of the operation's family."""
    family, path = request.operation.family, ids.mask_path(request.http.context.get("path") or request.http.path)
    status = family.status_of(type(refusal)) if refusal else 500
    headers: dict[str, str | list[str]] = {"Content-Type": with_charset(family.error_type)}
    if refusal is not None and refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    if isinstance(refusal, RateLimited) and refusal.resets_at is not None:
        headers |= {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(refusal.resets_at)}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="Fluxden"'
    if is_refused_as_stream(request.operation.media_type, request.headers.get("accept", ""), status):
        headers["Content-Type"] = with_charset(EVENT_STREAM)
        return refused_stream(refusal, status, headers, request.headers.get("last-event-id", ""), request.now)
    return Response(json.dumps(family.shape(refusal, request.request_id, path)), headers, status)


def with_charset(media_type: str) -> str:
    """Add the encoding to JSON and event streams, which are texts in UTF-8."""
    is_plain = media_type.endswith("json") or media_type == EVENT_STREAM
    return f"{media_type}; charset=utf-8" if is_plain else media_type


def _to_json(operation: Operation, data: Data) -> str:
    if operation.envelope:
        return envelope_json(data)
    assert isinstance(data, BaseModel)
    return data.model_dump_json(by_alias=True, exclude_unset=True)


def window_headers(window: Window) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(window.limit),
        "X-RateLimit-Remaining": str(window.remaining),
        "X-RateLimit-Reset": str(window.reset),
    }


def sunset_headers(superseded_until: datetime) -> dict[str, str]:
    """The start of a superseded secret's deprecation (RFC 9745), and its end (RFC 8594)."""
    since = int((superseded_until - PRIOR_SECRET_LIFETIME).timestamp())
    return {"Deprecation": f"@{since}", "Sunset": format_datetime(superseded_until, usegmt=True)}
