"""The HTTP gateway in front of `chalice local`. It answers what API Gateway answers itself, in our error shapes."""

import json
import re
import select
import socket
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import HTTPServer
from typing import Any, ClassVar, Protocol

from chalice import local
from chalice.app import Chalice

from chalicelib import ids
from chalicelib.core.domain.errors import Invalid, MethodNotAllowed, NotFound, Refusal, TooLarge
from chalicelib.edge.problem import status_of
from chalicelib.edge.rendering import with_charset
from chalicelib.edge.route import Route
from chalicelib.edge.streaming import EVENT_STREAM, PIECES, STREAM_SECONDS
from chalicelib.security_headers import SECURITY_HEADERS
from chalicelib.settings import positive_integer
from infra.editions import edition_of
from infra.local.log_watch import watch
from infra.local.streaming import OpenReply, StreamSlots

# API Gateway's limit of 10 MB. Operations enforce the smaller limits of the contracts.
LARGEST_REQUEST = 10 * 1024 * 1024
# API Gateway's limit of the request line and headers together, in bytes.
LARGEST_HEAD = 10_240

MAILBOX_PATH = "/_local/mail"

# How long an event stream stays open.
_OPEN_SECONDS = "FLUXDEN_STREAM_OPEN_SECONDS"
_CHUNKED = {"Transfer-Encoding": "chunked"}
_HEX = re.compile(rb"[0-9a-fA-F]{1,12}")

# Here each open event stream holds a thread.
STREAMS = 100
# How often an open reply looks whether its client is still there.
_LOOK_SECONDS = 1.0


class Mailbox(Protocol):
    def answer(self, method: str, target: str, host: str, peer: str | None) -> dict[str, Any]: ...


class Gateway(local.LocalGateway):
    """Routes a request to its operation, and answers for unknown paths and methods.

    The reply of an event stream has an `OpenReply` under `pieces`, as long as there are slots.
    """

    slots = StreamSlots(STREAMS)
    # The page of the mail that a local desk has sent.
    mailbox: ClassVar[Mailbox | None] = None

    def handle_request(self, method: str, path: str, headers: Any, body: bytes | None, peer: str | None = None) -> Any:
        """Answer a request; `peer` is the network address that the connection comes from."""
        if self.mailbox and path.startswith(MAILBOX_PATH):
            hosts = [str(value) for name, value in dict(headers).items() if name.lower() == "host"]
            return self.mailbox.answer(method, path, hosts[0] if hosts else "", peer)
        try:
            event = self._generate_lambda_event(method, path, headers, body)
        except ValueError:
            return error_response(NotFound("There is nothing at this path."), path)
        if peer:
            event["requestContext"]["identity"]["sourceIp"] = peer
        methods = self._app_object.routes[event["requestContext"]["resourcePath"]]
        if method == "OPTIONS" and any(entry.cors for entry in methods.values()):
            headers = {**self._autogen_options_headers(event), "X-Request-Id": ids.new_request_id()}
            return {"statusCode": HTTPStatus.NO_CONTENT, "headers": headers, "multiValueHeaders": {}, "body": ""}
        is_head = method == "HEAD"
        if is_head and method not in methods and "GET" in methods:
            event["httpMethod"] = event["requestContext"]["httpMethod"] = method = "GET"
        if method not in methods:
            allowed = ", ".join(allowed_methods(methods))
            return error_response(MethodNotAllowed(f"This path answers to {allowed}."), path, {"Allow": allowed})
        served: Route = methods[method].view_function.route  # type: ignore[attr-defined]
        if served.media_type == EVENT_STREAM and not is_head:
            return self._stream(event)
        return self._app_object(event, self._generate_lambda_context())

    def _stream(self, event: dict[str, Any]) -> Any:
        has_slot = self.slots.take()
        event["requestContext"][STREAM_SECONDS] = positive_integer(_OPEN_SECONDS, 300) if has_slot else 0
        response: dict[str, Any] = {}
        try:
            response = self._app_object(event, self._generate_lambda_context())
        finally:
            if has_slot and PIECES not in response:
                self.slots.give_back()
        return response | {PIECES: OpenReply(response[PIECES], self.slots)} if PIECES in response else response


def allowed_methods(entries: Mapping[str, Any]) -> list[str]:
    """Return the methods that a path with these routes answers. A route can also state that its method is not one."""
    routes = {method: entry.view_function.route for method, entry in entries.items()}
    allowed = {method for method, route in routes.items() if route.status != HTTPStatus.METHOD_NOT_ALLOWED}
    if "GET" in allowed:
        allowed.add("HEAD")
    if any(entry.cors for entry in entries.values()):
        allowed.add("OPTIONS")
    return sorted(allowed)


def error_response(refusal: Refusal | None, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Return an error of the gateway itself, as a proxy integration would; without a refusal, that of a fault."""
    request_id = ids.new_request_id()
    path = path.partition("?")[0]
    family = edition_of(path).family
    return {
        "statusCode": status_of(type(refusal)) if refusal else 500,
        "headers": {
            "Content-Type": with_charset(family.error_type),
            "X-Request-Id": request_id,
            **SECURITY_HEADERS,
            **(headers or {}),
        },
        "multiValueHeaders": {},
        "body": json.dumps(family.shape(refusal, request_id, path)),
    }


class Handler(local.ChaliceRequestHandler):
    """One HTTP connection."""

    # A response is written in two pieces. Without this, the second waits for the client's delayed ACK.
    disable_nagle_algorithm = True

    def __init__(self, request: Any, client_address: Any, server: HTTPServer, app_object: Chalice, config: Any) -> None:
        # chalice's own __init__ would build its own gateway and serve the request at once.
        self.gateway = self.local_gateway = Gateway(app_object, config)
        super(local.ChaliceRequestHandler, self).__init__(request, client_address, server)

    def log_message(self, *_: object) -> None:
        """Log nothing, because each operation logs its own line."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what http.server refuses: unknown methods and malformed requests."""
        self.close_connection = True
        if code == HTTPStatus.NOT_IMPLEMENTED:
            # The path may exist with other methods, so the gateway decides.
            response = self.local_gateway.handle_request(self.command, self.path, dict(self.headers), None)
            headers = response["headers"] | {"Connection": "close"}
            self._send_http_response(response["statusCode"], headers, response["body"])
            return
        refusal = Invalid(f"{message or explain or 'The request is malformed'}.")
        response = error_response(refusal, getattr(self, "path", "/"), {"Connection": "close"})
        self._send_http_response(response["statusCode"], response["headers"], response["body"])

    def _answer(self) -> None:
        try:
            body = self._read_body()
        except Refusal as refusal:
            self.close_connection = True
            response = error_response(refusal, self.path, {"Connection": "close"})
        else:
            headers = dict(self.headers)
            peer = self.client_address[0]
            response = self.gateway.handle_request(self.command, self.path, headers, body, peer)
        response = self._handle_binary(response)
        status, headers = response["statusCode"], response["headers"] | response["multiValueHeaders"]
        if PIECES in response:
            self._send_pieces(status, headers, response[PIECES])
        elif status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            # These have no body, and a Content-Length of 0 would be wrong.
            self.send_response(status)
            self._send_headers(headers)
        elif self.command == "HEAD":
            self.send_response(status)
            body = response["body"]
            self._send_headers(
                {"Content-Length": str(len(body if isinstance(body, bytes) else body.encode())), **headers}
            )
        else:
            self._send_http_response(status, headers, response["body"])

    def _send_pieces(self, status: int, headers: Any, reply: OpenReply) -> None:
        """Send an open reply piece by piece, until it ends or the client leaves."""
        self.close_connection = True
        is_chunked = self.request_version != "HTTP/1.0"
        woken = threading.Event()
        try:
            self.send_response(status)
            self._send_headers(headers | {"Connection": "close"} | _CHUNKED if is_chunked else headers)
            with watch.listen(woken.set) as listener:
                while (piece := reply.read()) is not None:
                    if isinstance(piece, bytes):
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
                        continue
                    watch.pause(listener, piece)
                    if not self._wait(woken, piece.seconds):
                        return
            if is_chunked:
                self.wfile.write(b"0\r\n\r\n")
        finally:
            reply.close()

    def _wait(self, woken: threading.Event, seconds: float) -> bool:
        """Wait until there is something to read; False if the client has left."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not woken.wait(min(left, _LOOK_SECONDS)):
            if self._has_left():
                return False
        woken.clear()
        return True

    def _has_left(self) -> bool:
        connection: socket.socket = self.connection
        readable, _, _ = select.select([connection], [], [], 0)
        try:
            return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = _answer  # noqa: N815 - http.server

    def _read_body(self) -> bytes | None:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return self._read_chunks()
        digits = self.headers.get("content-length", "0").strip()
        if not (digits.isascii() and digits.isdigit()):
            raise Invalid("Content-Length must be a number.")
        # int() refuses numbers of thousands of digits, so only the first 12 are read.
        length = int(digits.lstrip("0")[:12] or "0")
        self._check_size(length)
        return self.rfile.read(length) if length else None

    def _read_chunks(self) -> bytes:
        body = b""
        while True:
            digits = self.rfile.readline(64).partition(b";")[0].strip()
            if not _HEX.fullmatch(digits):
                raise Invalid("The body's chunks are malformed.")
            size = int(digits, 16)
            self._check_size(len(body) + size)
            if size == 0:
                while self.rfile.readline(1024).strip():
                    pass
                return body
            body += self.rfile.read(size)
            if self.rfile.readline(8).strip():
                raise Invalid("The body's chunks are malformed.")

    def _check_size(self, size: int) -> None:
        if size > LARGEST_REQUEST:
            raise TooLarge(f"A request may have at most {LARGEST_REQUEST} bytes.")


class Server(local.ThreadedHTTPServer):
    """Uses a thread for each connection. Bursts of connections wait instead of being refused."""

    request_queue_size = 256
    reserved: ClassVar[socket.socket | None] = None

    def server_bind(self) -> None:
        if self.reserved is None:
            super().server_bind()
            return
        server: Any = self
        server.socket.close()
        server.socket = self.reserved
        server.server_address = self.reserved.getsockname()
        server.server_name, server.server_port = server.server_address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect."""
