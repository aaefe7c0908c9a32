"""API Gateway's management API for connections: who may be written to, by HTTP under `/@connections/`."""

import json
import logging
import re
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

log = logging.getLogger("fluxden")

# The most that one message may have, either way.
LARGEST_MESSAGE = 128 * 1024

# A stage may come first, and what is quoted differs between clients.
_PATH = re.compile(r"(?:/[^/]*)?/@connections/([^/]+)/?")


class ConnectionGone(Exception):
    """There is no such connection, or none any more."""


class Connections(Protocol):
    """Clients' connections; each method raises `Gone` for one that is not open."""

    def post(self, connection_id: str, data: bytes) -> None:
        """Send one text message; ValueError when it isn't text."""

    def about(self, connection_id: str) -> dict[str, Any]:
        """Since when it is open, when it was last used, and whose it is."""

    def end(self, connection_id: str) -> None:
        """Close it."""


class NoConnections:
    """What there is while no gateway runs."""

    def post(self, connection_id: str, data: bytes) -> None:  # noqa: ARG002 - the port's
        raise ConnectionGone

    def about(self, connection_id: str) -> dict[str, Any]:  # noqa: ARG002 - the port's
        raise ConnectionGone

    def end(self, connection_id: str) -> None:  # noqa: ARG002 - the port's
        raise ConnectionGone


def parse_connection_id(url: str) -> str | None:
    """The connection that a request to this URL is about; None when it isn't a request about one."""
    if "connections/" not in url:
        return None
    path = urlsplit(url).path.replace("%40", "@", 1)
    found = _PATH.fullmatch(path)
    return unquote(found[1]) if found else None


def handle_request(
    connections: Connections, method: str | None, connection_id: str, body: bytes
) -> tuple[int, dict[str, str], bytes]:
    """The status, headers and body for one request about a connection."""
    try:
        return _dispatch(connections, method, connection_id, body)
    except ConnectionGone:
        return _error_response(HTTPStatus.GONE, "GoneException", "The connection is not open.")
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
        return _error_response(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowedException", "There is no such method.")
    if len(body) > LARGEST_MESSAGE:
        return _error_response(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "PayloadTooLargeException",
            f"A message may have at most {LARGEST_MESSAGE} bytes.",
        )
    try:
        connections.post(connection_id, body)
    except ValueError:
        return _error_response(HTTPStatus.BAD_REQUEST, "BadRequestException", "A message must be text in UTF-8.")
    return int(HTTPStatus.OK), {"Content-Length": "0"}, b""


def _error_response(status: HTTPStatus, code: str, message: str) -> tuple[int, dict[str, str], bytes]:
    return _json_response(status, {"message": message}, {"x-amzn-ErrorType": code})


def _json_response(
    status: HTTPStatus, content: dict[str, Any], headers: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    body = json.dumps(content).encode()
    return int(status), {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}, body
