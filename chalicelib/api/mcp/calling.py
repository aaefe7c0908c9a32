"""Call an operation as a tool, with the same authentication, limits, idempotency and errors as over HTTP."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalice.app import Request, Response
from pydantic import BaseModel
from pydantic_core import to_json

from chalicelib.core.domain.errors import Invalid
from chalicelib.edge.exchange import handle
from chalicelib.edge.operation import Operation
from chalicelib.edge.parsing import IDEMPOTENCY_KEY

# The argument that carries a mutation's idempotency key.
KEY_ARGUMENT = "idempotency_key"


@dataclass(frozen=True)
class Places:
    """The arguments of an operation that belong to its path and to its query. All others belong to its body."""

    path: tuple[str, ...]
    query: tuple[str, ...]

    @classmethod
    def of(cls, operation: Operation) -> "Places":
        in_body = _members(operation.body)
        query = tuple(name for name in _members(operation.annotations.get("query")) if name not in in_body)
        return cls(tuple(re.findall(r"{(\w+)}", operation.path)), query)


def request(method: str, path: str, headers: Mapping[str, str], *, query: Any = None, body: bytes = b"") -> Request:
    """Build a request as a gateway would send it."""
    return Request(
        {
            "httpMethod": method,
            "headers": dict(headers),
            "multiValueQueryStringParameters": query,
            "pathParameters": None,
            "requestContext": {"resourcePath": path, "httpMethod": method, "path": path},
            "stageVariables": None,
            "body": b64encode(body).decode(),
            "isBase64Encoded": True,
        }
    )


def call(operation: Operation, arguments: Mapping[str, Any], headers: Mapping[str, str], path: str) -> Response:
    """Call the operation with these arguments and return its response. Errors name `path` as their instance."""
    places, rest, reasons = Places.of(operation), dict(arguments), dict[str, str]()
    sent = dict(headers) | {"content-type": "application/json"}
    if operation.accepts_idempotency_key and KEY_ARGUMENT in rest:
        sent[IDEMPOTENCY_KEY] = _text(KEY_ARGUMENT, rest.pop(KEY_ARGUMENT), reasons)
    reasons |= {name: "is required" for name in places.path if rest.get(name, "") == ""}
    in_path = {name: _text(name, rest.pop(name, ""), reasons) for name in places.path}
    query = {name: [_text(name, rest.pop(name), reasons)] for name in places.query if name in rest}
    if "query" in operation.annotations and operation.body is None:
        # The query's model refuses unknown arguments.
        query |= {name: [""] for name in rest}
    elif operation.body is None:
        reasons |= dict.fromkeys(rest, "is not a known member")
    body = to_json(rest) if operation.body is not None and (rest or not operation.body_is_optional) else b""
    flaw = None
    if reasons:
        first, reason = next(iter(reasons.items()))
        flaw = Invalid(f"{first}: {reason}", {name: [each] for name, each in reasons.items()})
    converted = request(operation.method, path, sent, query=query or None, body=body)
    return handle(operation, converted, in_path, input_error=flaw)


def _text(name: str, value: Any, reasons: dict[str, str]) -> str:
    """Convert an argument to text, as URLs and headers have it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str | int | float):
        return str(value)
    reasons[name] = "must be a string, a number or a boolean"
    return ""


def _members(model: Any) -> list[str]:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [field.alias or name for name, field in model.model_fields.items()]
