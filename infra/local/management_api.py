"""API Gateway's management API for WebSocket connections, over HTTP under `/@connections/`."""

import json
import logging
import re
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from chalicelib.edge.rendering import with_charset

log = logging.getLogger("fluxden")

# In bytes, in either direction. Clients send a longer message than a frame may be in several frames.
LARGEST_MESSAGE = 128 * 1024
LARGEST_FRAME = 32 * 1024

# A stage can come first. Clients differ in which characters they quote.
_PATH = re.compile(r"(?:/[^/]*)?/@connections/([^/]+)/?")


class ConnectionGone(Exception):
    """The connection does not exist or is closed."""


class Connections(Protocol):
    """Open connections. Each method raises `ConnectionGone` if the connection is not open."""

    def post(self, connection_id: str, data: bytes) -> None:
        """Send a text message. Raises ValueError if it is not UTF-8."""

    def about(self, connection_id: str) -> dict[str, Any]:
        """Return when the connection was opened and last used, and its client."""

    def end(self, connection_id: str) -> None:
        """Close the connection."""


class NoConnections:
    """The connections of a process without a gateway: none."""

    def post(self, connection_id: str, data: bytes) -> None:  # noqa: ARG002 - of the protocol
        raise ConnectionGone

    def about(self, connection_id: str) -> dict[str, Any]:  # noqa: ARG002 - of the protocol
        raise ConnectionGone

    def end(self, connection_id: str) -> None:  # noqa: ARG002 - of the protocol
        raise ConnectionGone


def parse_connection_id(url: str) -> str | None:
    """Return the connection id in a URL of the management API; None for any other URL."""
    if "connections/" not in url:
        return None
    path = urlsplit(url).path.replace("%40", "@", 1)
    found = _PATH.fullmatch(path)
    return unquote(found[1]) if found else None


def handle_request(
    connections: Connections, method: str | None, connection_id: str, body: bytes
) -> tuple[int, dict[str, str], bytes]:
    """Return the status, headers and body of the response to one request."""
    try:
        return _dispatch(connections, method, connection_id, body)
    except ConnectionGone:
        return GONE
    except Exception:
        log.exception("%s of a connection failed", method)
        return _error_response(
            HTTPStatus.INTERNAL_SERVER_ERROR, "InternalServerErrorException", "Internal server error"
        )


def _dispatch(
    connections: Connections, method: str | None, connection_id: str, body: bytes
) -> tuple[int, dict[str, str], bytes]:
    if method == "GET":
        return _json_response(HTTPStatus.OK, connections.about(connection_id), {})
    if method == "DELETE":
        connections.end(connection_id)
        return int(HTTPStatus.NO_CONTENT), {}, b""
    if method != "POST":
        return _error_response(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowedException", "Method not allowed.")
    if len(body) > LARGEST_MESSAGE:
        return _error_response(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "PayloadTooLargeException",
            f"The message is larger than {LARGEST_MESSAGE} bytes.",
        )
    try:
        connections.post(connection_id, body)
    except ValueError:
        return _error_response(HTTPStatus.BAD_REQUEST, "BadRequestException", "The message is not UTF-8 text.")
    return int(HTTPStatus.OK), {"Content-Length": "0"}, b""


def _error_response(status: HTTPStatus, code: str, message: str) -> tuple[int, dict[str, str], bytes]:
    return _json_response(status, {"message": message}, {"x-amzn-ErrorType": code})


def _json_response(
    status: HTTPStatus, content: dict[str, Any], headers: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    body = json.dumps(content).encode()
    return (
        int(status),
        {"Content-Type": with_charset("application/json"), "Content-Length": str(len(body)), **headers},
        body,
    )


GONE = _error_response(HTTPStatus.GONE, "GoneException", "The connection is not open.")
FORBIDDEN = _error_response(
    HTTPStatus.FORBIDDEN, "ForbiddenException", "This port is for hosts that know the secret, and yours is not it."
)
