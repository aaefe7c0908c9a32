"""Serve one operation, worker or schedule: `python -m infra.container --only publish_event`.

For a platform that starts a container for each function and stops it when it is idle. The platform's proxy is the only
client: it limits connections and time, so a thread for each connection is enough here. An operation is served at its
own paths. Workers and schedules take CloudEvents by POST.
"""

import argparse
import base64
import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote

from chalicelib import ids
from chalicelib.core.domain.errors import Invalid, MethodNotAllowed, NotFound, Refusal, TooLarge
from chalicelib.edge.rendering import with_charset
from chalicelib.edge.route import Route
from chalicelib.telemetry import logs
from infra.container.cloud_events import check_event, to_queue_event
from infra.container.functions import UnknownFunction, find_function

log = logging.getLogger("fluxden")

HEALTH_PATH = "/healthz"
_LARGEST_BODY = 10 * 1024 * 1024
_IDLE_SECONDS = 75
_LINE = 1024


@dataclass(frozen=True)
class Reply:
    """An HTTP reply; `headers` may have lists of values."""

    status: int
    headers: Mapping[str, Any]
    body: bytes


@dataclass(frozen=True)
class Run:
    """What a function is told about its run, as Lambda tells it."""

    function_name: str
    aws_request_id: str
    memory_limit_in_mb: int = 0
    invoked_function_arn: str = ""

    def get_remaining_time_in_millis(self) -> int:
        """Return a time that is long enough, because the platform limits it."""
        return 60_000


class Operation:
    """Serves an operation with the events of API Gateway."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._patterns = [path.split("/") for path in route.paths]

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes, peer: str) -> Reply:
        path, _, query = target.partition("?")
        found = next((captured for each in self._patterns if (captured := _match(each, path)) is not None), None)
        if found is None:
            return self._error(NotFound("There is nothing at this path."), HTTPStatus.NOT_FOUND, path)
        resource, parameters = found
        cors = self._route.cors_config
        if method == "OPTIONS" and cors:
            allowed = {**cors.get_access_control_headers(), "Access-Control-Allow-Methods": self._route.method}
            return Reply(HTTPStatus.NO_CONTENT, {**allowed, "X-Request-Id": ids.new_request_id()}, b"")
        if method != self._route.method and not (method == "HEAD" and self._route.method == "GET"):
            refusal = MethodNotAllowed(f"This path answers to {self._route.method} here.")
            return self._error(refusal, HTTPStatus.METHOD_NOT_ALLOWED, path, Allow=self._route.method)
        request_id = ids.new_request_id()
        event = {
            "resource": resource,
            "path": path,
            "httpMethod": method,
            "headers": dict(headers),
            "multiValueQueryStringParameters": parse_qs(query, keep_blank_values=True) or None,
            "pathParameters": parameters,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": resource,
                "httpMethod": method,
                "path": path,
                "requestId": request_id,
                "identity": {"sourceIp": peer},
            },
            "body": base64.b64encode(body).decode() if body else None,
            "isBase64Encoded": bool(body),
        }
        response = self._route(event, Run(self._route.__name__, request_id))
        sent = response["body"]
        raw = base64.b64decode(sent) if response.get("isBase64Encoded") else sent
        headers = {**response["headers"], **(response.get("multiValueHeaders") or {})}
        return Reply(response["statusCode"], headers, raw if isinstance(raw, bytes) else raw.encode())

    def refuse(self, refusal: Refusal, status: int) -> Reply:
        """Return an error of the server itself, in the shape of the operation's errors."""
        return self._error(refusal, status, "/")

    def _error(self, refusal: Refusal, status: int, path: str, **headers: str) -> Reply:
        request_id, family = ids.new_request_id(), self._route.family
        named = {"Content-Type": with_charset(family.error_type), "X-Request-Id": request_id, **headers}
        return Reply(status, named, json.dumps(family.shape(refusal, request_id, path)).encode())


class Sink:
    """Serves a worker or a schedule with CloudEvents. After a failure (500) the source tries again."""

    def __init__(self, function: Any) -> None:
        self._function, self._is_worker = function, hasattr(function, "queue")

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes, peer: str) -> Reply:  # noqa: ARG002
        if method != "POST":
            return self.refuse(MethodNotAllowed("CloudEvents come by POST."), HTTPStatus.METHOD_NOT_ALLOWED)
        run = Run(self._function.__name__, headers.get("ce-id") or ids.new_request_id())
        try:
            if not self._is_worker:
                check_event(headers, body)
                self._function({}, run)
                return Reply(HTTPStatus.NO_CONTENT, {}, b"")
            failed = self._function(to_queue_event(headers, body), run)["batchItemFailures"]
        except Invalid as refusal:
            return self.refuse(refusal, HTTPStatus.BAD_REQUEST)
        return Reply(HTTPStatus.INTERNAL_SERVER_ERROR if failed else HTTPStatus.NO_CONTENT, {}, b"")

    def refuse(self, refusal: Refusal, status: int) -> Reply:
        """Return an error."""
        body = json.dumps({"error": refusal.detail}).encode()
        return Reply(status, {"Content-Type": "application/json; charset=utf-8"}, body)


class Server(ThreadingHTTPServer):
    """Serves one function until SIGTERM. Requests that have begun are answered then."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], served: Operation | Sink) -> None:
        self.served, self.is_draining = served, False
        self._busy, self._changed = 0, threading.Condition()
        super().__init__(address, Handler)

    def count(self, change: int) -> None:
        with self._changed:
            self._busy += change
            self._changed.notify_all()

    def drain(self, seconds: float) -> bool:
        """Wait until every request that has begun is answered; False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, seconds)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect."""


class Handler(BaseHTTPRequestHandler):
    """One connection of the platform's proxy."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS
    _is_counted = False

    def handle_one_request(self) -> None:
        """Count the request from its first line to the end of its reply."""
        try:
            super().handle_one_request()
        finally:
            if self._is_counted:
                self._is_counted = False
                self.server.count(-1)

    def parse_request(self) -> bool:
        self._is_counted = True
        self.server.count(1)
        return super().parse_request()

    def log_message(self, *_: object) -> None:
        """Log nothing, because each function logs its own line."""

    def _answer(self) -> None:
        if self.path == HEALTH_PATH:
            self._send(Reply(HTTPStatus.OK, {"Content-Type": "text/plain"}, b"ok\n"))
            return
        self._send(self._serve())

    def _serve(self) -> Reply:
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
        served = self.server.served
        try:
            body = self._read_body(headers)
        except TooLarge as refusal:
            self.close_connection = True
            return served.refuse(refusal, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        except Invalid as refusal:
            self.close_connection = True
            return served.refuse(refusal, HTTPStatus.BAD_REQUEST)
        try:
            return served.answer(self.command, self.path, headers, body, self.client_address[0])
        except Exception:
            log.exception("a request failed outside of its function")
            return served.refuse(Invalid("An unexpected error occurred."), HTTPStatus.INTERNAL_SERVER_ERROR)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            if name.lower() != "content-length":
                for each in value if isinstance(value, list) else [value]:
                    self.send_header(name, str(each))
        if reply.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            self.send_header("Content-Length", str(len(reply.body)))
        if self.server.is_draining or self.close_connection:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD" and reply.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            self.wfile.write(reply.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815 - http.server

    def _read_body(self, headers: Mapping[str, str]) -> bytes:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._read_chunks()
        digits = headers.get("content-length", "0").strip()
        if not (digits.isascii() and digits.isdigit()):
            raise Invalid("Content-Length must be a number.")
        return self._read(int(digits[:12]))

    def _read_chunks(self) -> bytes:
        body = bytearray()
        while True:
            digits = self.rfile.readline(_LINE).partition(b";")[0].strip()
            try:
                size = int(digits[:12] or b"x", 16)
            except ValueError:
                raise Invalid("The body's chunks are malformed.") from None
            body += self._read(size, len(body))
            if not size:
                while self.rfile.readline(_LINE).strip():
                    pass
                return bytes(body)
            if self.rfile.readline(_LINE).strip():
                raise Invalid("The body's chunks are malformed.")

    def _read(self, size: int, before: int = 0) -> bytes:
        if before + size > _LARGEST_BODY:
            raise TooLarge(f"A request may have at most {_LARGEST_BODY} bytes.")
        body = self.rfile.read(size) if size else b""
        if len(body) < size:
            raise Invalid("The body is not complete.")
        return body


def _match(pattern: list[str], path: str) -> tuple[str, dict[str, str] | None] | None:
    """Return the pattern that a path fits, and its decoded parameters."""
    parts = path.split("/")
    if len(parts) > 1 and len(parts) == len(pattern) + 1 and not parts[-1]:
        parts.pop()
    if len(parts) != len(pattern):
        return None
    captured = {}
    for expected, part in zip(pattern, parts, strict=True):
        if expected.startswith("{"):
            captured[expected.strip("{}")] = unquote(part)
        elif expected != part:
            return None
    return "/".join(pattern), captured or None


def main(arguments: list[str]) -> None:
    """Serve the function that the arguments name, until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m infra.container")
    parser.add_argument("--only", required=True, metavar="NAME", help="Name of an operation, worker or schedule.")
    parser.add_argument("--host", default="127.0.0.1", help="Address for HTTP.")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8080")), help="HTTP port.")
    options = parser.parse_args(arguments)
    logs.install(with_metrics=False)
    try:
        function = find_function(options.only)
    except UnknownFunction as error:
        sys.exit(f"{error} WebSockets are served with --serve sockets.")
    server = Server(
        (options.host, options.port), Operation(function) if isinstance(function, Route) else Sink(function)
    )
    serve(server, float(os.environ.get("FLUXDEN_DRAIN_SECONDS", "25")), function.__name__)


def serve(server: Server, drain_seconds: float, name: str) -> None:
    """Serve until SIGTERM or SIGINT, then answer what has begun and return."""
    ending = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: ending.set())
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True, name="http").start()
    host, port = server.server_address[:2]
    print(f"{name}  http://{host!s}:{port}", flush=True)
    ending.wait()
    server.is_draining = True
    server.shutdown()
    with contextlib.suppress(OSError):
        server.socket.close()
    print(f"{name}  answers what has begun, and ends", flush=True)
    until = time.monotonic() + drain_seconds
    if not server.drain(max(0.0, until - time.monotonic())):
        print(f"not everything had ended after {drain_seconds:.0f} seconds", file=sys.stderr)
