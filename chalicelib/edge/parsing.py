"""Read a request, and parse its query, headers and body into the models of an operation."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from chalice.app import MultiDict, Request
from pydantic import ValidationError

from chalicelib import ids
from chalicelib.core.domain.addresses import client_address
from chalicelib.core.domain.errors import Invalid, NotFound, Refusal, TooLarge, UnsupportedMediaType
from chalicelib.core.domain.requests import RawRequest
from chalicelib.edge import problem
from chalicelib.edge.header_text import decode_header
from chalicelib.edge.json_text import check_json
from chalicelib.edge.operation import Operation
from chalicelib.settings import settings

IDEMPOTENCY_KEY = "Idempotency-Key"
LONGEST_IDEMPOTENCY_KEY = 200

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,120}")
# In bytes. No name is longer, and stores limit the length of keys.
_LONGEST_NAME = 900


# Named tuples are defined several times as fast as dataclasses, and every function that starts defines these.
class IncomingRequest(NamedTuple):
    """A request for an operation. Names of `headers` are in lower case."""

    operation: Operation
    http: Request
    path: Mapping[str, str]
    headers: Mapping[str, str]
    request_id: str
    now: datetime

    @property
    def address(self) -> str | None:
        """The network address of the caller, as the gateway or the last trusted proxy saw it."""
        identity = self.http.context.get("identity") or {}
        peer = str(identity["sourceIp"]) if identity.get("sourceIp") else None
        forwarded_for = self.headers.get("x-forwarded-for", "")
        return client_address(peer, forwarded_for, trusted_proxies=settings().trusted_proxies)


class Input(NamedTuple):
    """The parsed arguments of an operation, and the `error` that prevents it from running."""

    arguments: dict[str, Any]
    idempotency_key: str | None
    error: Refusal | None

    def checked_arguments(self) -> dict[str, Any]:
        """Return the arguments.

        Raises:
            Refusal: they have an error.
        """
        if self.error is not None:
            raise self.error
        return self.arguments


def receive(operation: Operation, http: Request, path: Mapping[str, str]) -> IncomingRequest:
    """Read the headers, the time, and the request's id; a request without a valid id gets a new one."""
    sent = http.to_original_event()["headers"] or {}
    headers = {name.lower(): decode_header(value) for name, value in sent.items()}
    request_id = headers.get("x-request-id", "")
    if not (request_id and _REQUEST_ID.fullmatch(request_id)):
        request_id = ids.new_request_id()
    return IncomingRequest(operation, http, path, headers, request_id, datetime.now(UTC))


def read_body(request: IncomingRequest) -> bytes:
    """Read the bytes of the body.

    Raises:
        TooLarge: the body has, or declares, more bytes than the operation takes.
    """
    declared = request.headers.get("content-length", "")
    body = request.http.raw_body
    raw = body.encode() if isinstance(body, str) else body
    most = request.operation.largest_body
    if len(raw) > most or (declared.isdecimal() and int(declared[:12]) > most):
        raise TooLarge(f"The body may have at most {most} bytes.")
    return raw


def raw_request(request: IncomingRequest, raw: bytes, *report: Any) -> RawRequest:
    """Return the request as gates and readers see it; `report` is how they report the budget that it uses."""
    http, now = request.http, request.now
    made = RawRequest(http.method, http.path, request.headers, raw, now, request.address, *report)
    return replace(made, request_id=request.request_id)


def parse(request: IncomingRequest, raw: bytes, input_error: Refusal | None = None, *report: Any) -> Input:
    """Parse query, headers and body; the first error is returned with what was parsed before it.

    `input_error` is an error of the arguments that was found earlier, and comes first. `report` is as in `raw_request`.
    """
    operation, annotations = request.operation, request.operation.annotations
    arguments: dict[str, Any] = {}
    key: str | None = None
    error: Refusal | None = None
    model: Any = None
    try:
        sent_id = request.headers.get("x-request-id", request.request_id)
        if operation.checks_request_id and sent_id != request.request_id:
            reason = "must have 1 to 120 characters of A-Z a-z 0-9 _ -"
            raise Invalid(f"X-Request-Id {reason}.", {"X-Request-Id": [reason]})
        if any(len(name.encode(errors="replace")) > _LONGEST_NAME for name in request.path.values()):
            raise NotFound("No resource has this name.")
        if operation.accepts_idempotency_key:
            key = _idempotency_key(request.headers)
        if (query := annotations.get("query")) is not None:
            model = query
            arguments["query"] = query.model_validate_strings(_query_parameters(request.http))
        if (headers := annotations.get("headers")) is not None:
            names = [each.alias for each in headers.model_fields.values()]
            named = {name: request.headers[name.lower()] for name in names if name.lower() in request.headers}
            model = headers
            arguments["headers"] = headers.model_validate_strings(named)
        if operation.reader:
            seen = raw_request(request, raw, *report)
            arguments["body"] = operation.reader(seen, request.path, arguments.get("query"))
        elif (body := operation.body) is not None and (raw or not operation.body_is_optional):
            _check_media_type(request.headers)
            check_json(raw)
            model = body
            arguments["body"] = body.model_validate_json(raw, context={"allow_loopback": settings().allow_loopback})
    except ValidationError as invalid:
        error = problem.to_invalid(invalid, model.__pydantic_core_schema__)
    except Refusal as refusal:
        error = refusal
    return Input(arguments, key, input_error or error)


def _idempotency_key(headers: Mapping[str, str]) -> str | None:
    key = headers.get(IDEMPOTENCY_KEY.lower())
    if key is not None and not 1 <= len(key) <= LONGEST_IDEMPOTENCY_KEY:
        reason = f"must have 1 to {LONGEST_IDEMPOTENCY_KEY} characters"
        raise Invalid(f"{IDEMPOTENCY_KEY} {reason}.", {IDEMPOTENCY_KEY: [reason]})
    return key


def _query_parameters(http: Request) -> dict[str, str]:
    params = http.query_params or MultiDict({})
    repeated = [name for name in params if len(params.getlist(name)) > 1]
    if repeated:
        raise Invalid(f"{repeated[0]}: is given more than once", {name: ["is given once"] for name in repeated})
    return {name: params[name] for name in params}


def _check_media_type(headers: Mapping[str, str]) -> None:
    kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMediaType("The body must be sent as application/json.")
