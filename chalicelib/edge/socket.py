"""Turn a function of one socket event into a Lambda function for one route of the WebSocket API."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalice.app import Blueprint

from chalicelib import aws, ids
from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Forbidden, Refusal, Unauthorized
from chalicelib.core.domain.measures import SOCKET_EVENTS
from chalicelib.edge import auth, problem
from chalicelib.edge.header_text import decode_header
from chalicelib.resources import Grant
from chalicelib.telemetry.logs import function_fields, gateway_fields
from chalicelib.telemetry.observe import count_error, observe, report_error

# Browsers can't set headers on a WebSocket. A subprotocol is the only way that keeps the key out of URLs and logs.
SUBPROTOCOL = "bearer"


@dataclass(frozen=True)
class SocketCall:
    """One event of a connection: its opening, a frame from its client, or its end."""

    connection_id: str
    request_id: str
    now: datetime
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class SocketRoute:
    """One route of the WebSocket API; its function may return headers for the reply to `$connect`."""

    function: Callable[[SocketCall], Mapping[str, str] | None]
    route_key: str
    grants: tuple[Grant, ...]

    @property
    def __name__(self) -> str:
        return self.function.__name__

    def __call__(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        """Serve one event of the WebSocket gateway: the entry point of this route's Lambda function."""
        received = event["requestContext"]
        headers = {name.lower(): decode_header(value) for name, value in (event.get("headers") or {}).items()}
        body = event.get("body") or ""
        raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
        call = SocketCall(received["connectionId"], received["requestId"], datetime.now(UTC), headers, raw)
        status, response_headers = 500, dict[str, str]()
        ids = gateway_fields(received) | function_fields(context)
        with observe("socket", self.__name__, requestId=call.request_id, **ids) as line:
            SOCKET_EVENTS.add(route=self.__name__)
            try:
                status, response_headers = 200, dict(self.function(call) or {})
            except Refusal as refusal:
                count_error("socket", refusal)
                status = problem.status_of(type(refusal), problem.KEY_STATUS)
            except Exception as fault:
                report_error("socket", fault, "fault in %s", self.__name__)
                status = 503 if aws.is_transient(fault) else 500
            line["status"] = status
        return {"statusCode": status, "headers": response_headers}


def socket(bp: Blueprint, route_key: str, *, grants: tuple[Grant, ...]) -> Callable[..., SocketRoute]:
    """Declare the function for `$connect`, `$default` (a frame from the client) or `$disconnect`."""
    register = {"$connect": bp.on_ws_connect, "$default": bp.on_ws_message, "$disconnect": bp.on_ws_disconnect}

    def declare(function: Callable[[SocketCall], Mapping[str, str] | None]) -> SocketRoute:
        declared = SocketRoute(function, route_key, grants)
        register[route_key](name=declared.__name__)(declared)
        return declared

    return declare


def find_token(headers: Mapping[str, str]) -> tuple[ids.PresentedToken, str | None]:
    """Find the key or ticket that a connection is opened with, and the subprotocol to confirm if it came in that.

    Raises:
        Unauthorized: the key is missing or malformed.
    """
    offered = [each.strip() for each in headers.get("sec-websocket-protocol", "").split(",")]
    scheme, _, text = headers.get("authorization", "").partition(" ")
    subprotocol = None
    if not text and SUBPROTOCOL in offered:
        scheme, text, subprotocol = SUBPROTOCOL, (offered[offered.index(SUBPROTOCOL) + 1 :] or [""])[0], SUBPROTOCOL
    token = _parse(text.strip()) if scheme.lower() == SUBPROTOCOL else None
    if token is None:
        raise Unauthorized("Missing or invalid key.")
    return token, subprotocol


def _parse(text: str) -> ids.PresentedToken | None:
    return ids.parse_token(text) or ids.parse_sign_in_secret(ids.SignInSecret.TICKET, text)


def admit(
    token: ids.PresentedToken, permissions: frozenset[str], *, now: datetime, tokens: auth.TokenBudgets
) -> ApiKey:
    """Spend a unit of the key's budget, and check that the key has one of `permissions`. Store calls: 1.

    Raises:
        Unauthorized, Inactive: the key is unknown, or has ended.
        Forbidden: it is not an API key, or has none of the permissions.
        RateLimited: the budget of the minute is used up.
    """
    admission = tokens.spend(token, Charge(), now=now)
    caller = admission.caller
    if not isinstance(caller, ApiKey) or not any(caller.has_permission(each) for each in permissions):
        raise Forbidden(f"This needs an API key (dvd_…) with one of the permissions {', '.join(sorted(permissions))}.")
    if admission.refused:
        raise admission.refused
    return caller
