"""Call an operation as a tool, with the same authentication, limits, idempotency and errors as over HTTP."""

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalice.app import Request, Response
from pydantic_core import to_json

from chalicelib.api.mcp.arguments import member_names, without_nulls
from chalicelib.core.domain.errors import Invalid
from chalicelib.edge.exchange import handle
from chalicelib.edge.operation import Operation
from chalicelib.edge.parsing import IDEMPOTENCY_KEY, LONGEST_IDEMPOTENCY_KEY

# The argument that carries a mutation's idempotency key.
KEY_ARGUMENT = "idempotency_key"

_Reasons = dict[str, str]


@dataclass(frozen=True)
class Places:
    """The arguments of an operation that belong to its path and to its query. All others belong to its body."""

    path: tuple[str, ...]
    query: tuple[str, ...]

    @classmethod
    def of(cls, operation: Operation) -> "Places":
        in_body = member_names(operation.body)
        query = tuple(name for name in member_names(operation.annotations.get("query")) if name not in in_body)
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
    """Call the operation with these arguments and return its response. Errors name `path` as their instance.

    An optional argument that is null counts as left out, and so does an empty filter.
    """
    places, rest, reasons = Places.of(operation), without_nulls(operation.body, arguments, operation.method), _Reasons()
    sent = dict(headers) | {"content-type": "application/json"}
    if operation.accepts_idempotency_key and (key := rest.pop(KEY_ARGUMENT, None)) is not None:
        sent[IDEMPOTENCY_KEY] = _key(key, reasons)
    in_path = {name: _text(name, rest.pop(name, None), reasons) for name in places.path}
    reasons |= {name: "is required" for name, value in in_path.items() if value == "" and name not in reasons}
    given = {name: rest.pop(name) for name in places.query if name in rest}
    query = {name: [_text(name, value, reasons)] for name, value in given.items() if value not in (None, "")}
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


def _key(value: Any, reasons: _Reasons) -> str:
    text = _text(KEY_ARGUMENT, value, reasons)
    if not 1 <= len(text) <= LONGEST_IDEMPOTENCY_KEY:
        reasons[KEY_ARGUMENT] = f"must have 1 to {LONGEST_IDEMPOTENCY_KEY} characters"
    return text


def _text(name: str, value: Any, reasons: _Reasons) -> str:
    """Convert an argument to text, as URLs have it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str | int | float):
        return str(value)
    reasons[name] = "must be a string, a number or a boolean"
    return ""
