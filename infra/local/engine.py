"""The engine behind the AWS SDK: moto embedded in this process, or external engines (DynamoDB Local, ElasticMQ).

moto's conditional writes are not atomic under threads, so one lock covers every request to it, from this process and
from others. Requests about WebSocket connections go to the WebSocket gateway and don't take the lock.
"""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from io import BytesIO
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import moto.settings
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse
from moto.core.utils import unix_time
from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import sqs_backends

from chalicelib import aws
from infra.local import direct, indexes, long_polls, management_api, moto_queues, packed_rows, socket_events

REGION = "us-east-1"
ACCOUNT = "123456789012"  # moto's default account
ACCESS_KEY = "local"
HOST = "127.0.0.1"
_AWS_URLS = tuple(f"https://{service}.{REGION}.amazonaws.com/" for service in ("dynamodb", "sqs"))
# Requests after which a message may be visible that was not before.
_MAKE_VISIBLE = {"SendMessage", "SendMessageBatch", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch"}
_READS = {"GetItem", "BatchGetItem", "Query", "Scan", "DescribeTable", "DescribeTimeToLive", "ListTables"}


@dataclass(frozen=True)
class Endpoints:
    """URLs of external engines."""

    dynamodb: str
    sqs: str

    @property
    def environment(self) -> dict[str, str]:
        """The AWS settings for these URLs."""
        return {"AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb, "AWS_ENDPOINT_URL_SQS": self.sqs}


_lock = threading.RLock()
_moto = BotocoreStubber()
_watchers: dict[str, list[Callable[[], None]]] = {}
_gateways: list[management_api.Connections] = []
_external: list[Endpoints] = []


def embed() -> None:
    """Answer every AWS request of this process from memory. No request leaves the machine."""
    os.environ["FLUXDEN_QUEUES_URL"] = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}"
    moto_queues.install()
    _configure_session(ignore_configured_endpoint_urls=True)


def attach(endpoints: Endpoints) -> None:
    """Send every request about tables and queues to external engines. No request leaves the machine."""
    _external.append(endpoints)
    os.environ.update(endpoints.environment)
    os.environ["FLUXDEN_QUEUES_URL"] = f"{endpoints.sqs}/{ACCOUNT}"
    _configure_session(ignore_configured_endpoint_urls=False)


def _configure_session(*, ignore_configured_endpoint_urls: bool) -> None:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(name, None)
    session = aws.configure_session()
    session.set_credentials(ACCESS_KEY, ACCESS_KEY)
    session.set_config_variable("region", REGION)
    os.environ["FLUXDEN_SOCKETS_URL"] = f"https://{socket_events.DOMAIN}/{socket_events.STAGE}"
    session.set_config_variable("ignore_configured_endpoint_urls", value=ignore_configured_endpoint_urls)
    for name in ("use_fips_endpoint", "use_dualstack_endpoint", "endpoint_discovery_enabled"):
        session.set_config_variable(name, value=False)
    session.register("before-send", answer_request, unique_id="engine")  # type: ignore[arg-type]


def reset() -> None:
    """Delete every table and queue."""
    with _lock:
        BackendDict.reset()


def route_sockets(gateway: management_api.Connections) -> None:
    """Send requests about connections to `gateway` from now on."""
    _gateways.append(gateway)


def unroute_sockets(gateway: management_api.Connections) -> None:
    """Stop sending requests to `gateway`. The gateway before it, if any, takes over."""
    if gateway in _gateways:
        _gateways.remove(gateway)


def serve(listener: socket.socket | None = None) -> int:
    """Serve this engine to other processes on a loopback port, or on `listener`, and return the port.

    External engines have ports of their own. Then this port only serves requests about connections.
    """
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_: object) -> None: ...

    fd = listener.fileno() if listener else None
    server = make_server(HOST, 0, _serve_wsgi, threaded=True, request_handler=Quiet, fd=fd)
    threading.Thread(target=server.serve_forever, daemon=True, name="engine").start()
    port: int = server.socket.getsockname()[1]
    return port


def environment(listener: socket.socket | None = None) -> dict[str, str]:
    """Return the settings with which another process reaches this engine. Serves it as `serve` does."""
    served = f"http://{HOST}:{serve(listener)}"
    return {
        **(_external[-1].environment if _external else {"AWS_ENDPOINT_URL": served}),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "FLUXDEN_SOCKETS_URL": served,
    }


def answer_request(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
    """Answer a botocore request. Return None to let botocore send it to an external engine."""
    answered: Any
    if connection_id := management_api.parse_connection_id(request.url):
        answered = _handle_management_request(connection_id, request.method, request.body or b"")
    elif _external:
        if request.url.startswith((f"{_external[-1].dynamodb}/", f"{_external[-1].sqs}/")):
            return None
        answered = None
    else:
        answered = _answer_inside(request)
    if answered is None:
        raise RuntimeError(f"The local engine does not serve {request.url}")
    status, headers, body = answered
    return AWSResponse(request.url, status, headers, MockRawResponse(body))


def _answer_inside(request: AWSPreparedRequest) -> Any:
    """Answer a request of this process."""
    target: Any = request.headers.get("X-Amz-Target", "") if request.url.startswith(_AWS_URLS) else ""
    text, sent = target.decode() if isinstance(target, bytes) else target, request.body or b""

    def ask() -> Any:
        with _lock, moto_queues.answer_at_once():
            return _answer_directly(target, request.body) or _moto.process_request(request)

    if poll := long_polls.read(text, sent if isinstance(sent, bytes) else str(sent).encode()):
        return _polls.answer(*poll, ask)
    answered = ask()
    _notify_watchers(text, request.body)
    return answered


def watch_queue(name: str, notify: Callable[[], None]) -> None:
    """Call `notify` after every request that may have made a message of the queue visible."""
    _watchers.setdefault(name, []).append(notify)


def seconds_until_message(name: str) -> float | None:
    """Return how long it takes until the next message of the queue is visible; None when the queue is empty."""
    with _lock:
        messages: Any = sqs_backends[ACCOUNT][REGION].queues[name]._messages
        due = min((max(each.visible_at, each.delayed_until) for each in messages), default=None)
    return None if due is None else max(0.0, due / 1000 - unix_time())


_polls = long_polls.LongPolls(seconds_until_message)


def is_external() -> bool:
    """Say whether tables and queues are on engines beside this process."""
    return bool(_external)


def ask_moto(request: AWSPreparedRequest) -> Any:
    """Let moto answer in its own way: the status, the headers and the body; None when the request is not AWS's."""
    with _lock:
        return _moto.process_request(request)


def _notify_watchers(target: str | bytes, body: Any) -> None:
    service, _, action = (target.decode() if isinstance(target, bytes) else target).partition(".")
    if service == "AmazonSQS" and action in _MAKE_VISIBLE:
        name = json.loads(body).get("QueueUrl", "").rpartition("/")[2]
        _polls.notify(name)
        for notify in _watchers.get(name, ()):
            notify()


def _answer_directly(target: str | bytes, body: Any) -> tuple[int, dict[str, str], bytes] | None:
    """The answer to a request about rows, by its `X-Amz-Target`; None when it is moto's to answer."""
    service, _, action = (target.decode() if isinstance(target, bytes) else target).partition(".")
    packed_rows.keep_unpacked(action not in _READS)
    if not service.startswith("DynamoDB") or float("inf") != moto.settings.INITIAL_NO_AUTH_ACTION_COUNT:
        # Where moto is told to hold callers to their roles, it answers everything.
        return None
    backend = dynamodb_backends[ACCOUNT][REGION]
    if answered := direct.answer(backend, action, body):
        status, content = answered
        return status, {"Content-Type": "application/x-amz-json-1.0"}, content
    if action not in _READS:
        named = body if isinstance(body, bytes) else str(body).encode()
        for table in backend.tables.values():
            if table.name.encode() in named:
                indexes.forget(table)
    return None


def _handle_management_request(connection_id: str, method: str | None, body: Any) -> tuple[int, dict[str, str], bytes]:
    gateway = _gateways[-1] if _gateways else management_api.NoConnections()
    sent = body.encode() if isinstance(body, str) else bytes(body)
    return management_api.handle_request(gateway, method, connection_id, sent)


@cache
def _moto_app() -> Any:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    return DomainDispatcherApplication(create_backend_app)


def _is_from_a_page(environ: dict[str, Any]) -> bool:
    # A web page reaches loopback ports too: openly, or under a name of its own that resolves to loopback. Browsers say
    # so in these headers; the AWS clients that this port is for don't send them, and call it by its address.
    if "HTTP_ORIGIN" in environ or "HTTP_SEC_FETCH_SITE" in environ:
        return True
    try:
        name = urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname or ""
        return name != "localhost" and not ip_address(name).is_loopback
    except ValueError:
        return True


def _serve_wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if _is_from_a_page(environ):
        start_response(f"{HTTPStatus.FORBIDDEN.value} {HTTPStatus.FORBIDDEN.phrase}", [])
        return []
    # The body is read before the lock is taken, so a slow client does not block others.
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or "0"))
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if connection_id := management_api.parse_connection_id(environ["REQUEST_URI"]):
        status, headers, answered = _handle_management_request(connection_id, environ["REQUEST_METHOD"], body)
    elif _external:
        status, headers, answered = HTTPStatus.NOT_FOUND, {}, b""
    elif poll := long_polls.read(target, body):
        name, seconds = poll

        def ask() -> tuple[int, dict[str, str], bytes]:
            with moto_queues.answer_at_once():
                return _answer_outside(environ, target, body)

        status, headers, answered = _polls.answer(name, seconds, ask, lambda: long_polls.has_client(environ))
    else:
        status, headers, answered = _answer_outside(environ, target, body)
        _notify_watchers(target, body)
    start_response(f"{int(status)} {HTTPStatus(status).phrase}", list(headers.items()))
    return [answered]


def _answer_outside(environ: dict[str, Any], target: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Answer the request of another process."""
    started: list[Any] = []
    asked = environ | {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    with _lock:
        if direct_answer := _answer_directly(target, body):
            return direct_answer
        by_moto = b"".join(_moto_app()(asked, lambda *given: started.extend(given)))
    return int(started[0].partition(" ")[0]), dict(started[1]), by_moto
