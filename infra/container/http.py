"""API Gateway's HTTP behaviour as a WSGI application, for any WSGI server."""

import base64
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from chalice.app import Chalice
from chalice.config import Config

from chalicelib import ids
from chalicelib.core.domain.errors import Refusal, TooLarge
from chalicelib.edge.streaming import PIECES
from infra.local import gateway, management_api
from infra.local.streaming import OpenReply, StreamSlots

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Wsgi = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class _Gateway(gateway.Gateway):
    """As on a developer's machine, but for what only a real gateway has: decoded paths, and an id of its own."""

    def _generate_lambda_event(self, method: str, path: str, headers: Any, body: bytes | None) -> Any:
        event: dict[str, Any] = super()._generate_lambda_event(method, path, headers, body)
        event["pathParameters"] = {name: unquote(value) for name, value in (event["pathParameters"] or {}).items()}
        event["requestContext"]["requestId"] = ids.new_request_id()
        return event


def application(app: Chalice, streams: int) -> Wsgi:
    """Return a WSGI application that serves every route of `app`, with the events of API Gateway.

    It keeps so many event streams open at a time.
    """
    routed = _Gateway(app, Config(config_from_disk={"app_name": app.app_name}))
    routed.slots = StreamSlots(streams)

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], _raw_path(environ)
        try:
            headers, peer = _headers(environ), environ.get("REMOTE_ADDR")
            response = routed.handle_request(method, path, headers, _body(environ), peer)
        except Refusal as refusal:
            response = gateway.error_response(refusal, path)
        status = int(response["statusCode"])
        listed = _to_header_list({**response["headers"], **response["multiValueHeaders"]})
        if PIECES in response:
            start_response(_status_line(status), listed)
            return _Streaming(response[PIECES], environ)
        body = _bytes(response)
        if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            body = b""
        else:
            listed.append(("Content-Length", str(len(body))))
        start_response(_status_line(status), listed)
        return [b"" if method == "HEAD" else body]

    return serve


class _Streaming:
    """An open reply that ends when its client has left."""

    def __init__(self, reply: OpenReply, environ: dict[str, Any]) -> None:
        self._reply, self._has_left = reply, environ.get("waitress.client_disconnected", lambda: False)
        self.close = reply.close

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._reply:
            if piece:
                yield piece
            elif self._has_left():
                return


def management(open_connections: management_api.Connections) -> Wsgi:
    """Return a WSGI application that serves the management API. It has no authentication: keep it internal."""

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        connection_id = management_api.parse_connection_id(_raw_path(environ))
        if connection_id is None:
            start_response(_status_line(HTTPStatus.NOT_FOUND), [("Content-Length", "0")])
            return []
        method, sent = environ["REQUEST_METHOD"], environ["wsgi.input"].read()
        status, headers, body = management_api.handle_request(open_connections, method, connection_id, sent)
        start_response(_status_line(status), list(headers.items()))
        return [body]

    return serve


def _raw_path(environ: dict[str, Any]) -> str:
    # The path as it was sent: a quoted slash is not a separator.
    return str(environ["REQUEST_URI"])


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    named = {name[5:]: value for name, value in environ.items() if name.startswith("HTTP_")}
    plain = {name: environ[name] for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(name)}
    return {name.replace("_", "-").lower(): value for name, value in (named | plain).items()}


def _body(environ: dict[str, Any]) -> bytes | None:
    if int(environ.get("CONTENT_LENGTH") or 0) > gateway.LARGEST_REQUEST:
        raise TooLarge(f"The request is larger than {gateway.LARGEST_REQUEST} bytes.")
    return environ["wsgi.input"].read() or None


def _bytes(response: dict[str, Any]) -> bytes:
    body = response["body"]
    if response.get("isBase64Encoded"):
        return base64.b64decode(body)
    return body if isinstance(body, bytes) else body.encode()


def _to_header_list(headers: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, str(each))
        for name, value in headers.items()
        for each in (value if isinstance(value, list) else [value])
        if name.lower() != "content-length"
    ]


def _status_line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"
