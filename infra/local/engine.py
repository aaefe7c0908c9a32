"""The embedded engine: moto inside this process, one request at a time; or engines that run beside it.

moto's conditional writes are not atomic under threads, so every request, from this process or from
outside, goes through one lock. Those about clients' connections are the WebSocket gateway's, and pass it by.
"""

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse

from chalicelib import aws
from infra.local import (
    management_api,
    moto_expressions,
    moto_queries,
    moto_queues,
    moto_replies,
    moto_transactions,
    moto_values,
    socket_events,
)

REGION = "us-east-1"
ACCOUNT = "123456789012"  # the one moto serves when nothing names another
ACCESS_KEY = "local"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Endpoints:
    """Where engines that run beside this process are reached."""

    dynamodb: str
    sqs: str

    @property
    def environment(self) -> dict[str, str]:
        """The usual AWS settings for them."""
        return {"AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb, "AWS_ENDPOINT_URL_SQS": self.sqs}


_lock = threading.RLock()
_moto = BotocoreStubber()
_gateways: list[management_api.Connections] = []
_external: list[Endpoints] = []


def embed() -> None:
    """Answer every AWS call of this process from memory; nothing can leave the machine."""
    os.environ["FLUXDEN_QUEUES_URL"] = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}"
    moto_transactions.install()
    moto_replies.install()
    moto_expressions.install()
    moto_queries.install()
    moto_values.install()
    moto_queues.install()
    _configure_session(ignore_configured_endpoint_urls=True)


def attach(endpoints: Endpoints) -> None:
    """Send every call of this process about tables and queues there; nothing can leave the machine."""
    _external.append(endpoints)
    os.environ.update(endpoints.environment)
    os.environ["FLUXDEN_QUEUES_URL"] = f"{endpoints.sqs}/{ACCOUNT}"
    _configure_session(ignore_configured_endpoint_urls=False)


def _configure_session(*, ignore_configured_endpoint_urls: bool) -> None:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(name, None)
    session = aws.session()
    session.set_credentials(ACCESS_KEY, ACCESS_KEY)
    session.set_config_variable("region", REGION)
    os.environ["FLUXDEN_SOCKETS_URL"] = f"https://{socket_events.DOMAIN}/{socket_events.STAGE}"
    session.set_config_variable("ignore_configured_endpoint_urls", value=ignore_configured_endpoint_urls)
    for name in ("use_fips_endpoint", "use_dualstack_endpoint", "endpoint_discovery_enabled"):
        session.set_config_variable(name, value=False)
    session.register("before-send", answer_request, unique_id="engine")  # type: ignore[arg-type]


def reset() -> None:
    """Forget every table and queue."""
    with _lock:
        BackendDict.reset()


def route_sockets(gateway: management_api.Connections) -> None:
    """Let requests about connections be answered by `gateway`, from now on."""
    _gateways.append(gateway)


def unroute_sockets(gateway: management_api.Connections) -> None:
    """Let `gateway` answer no more, but the one before it, if any."""
    if gateway in _gateways:
        _gateways.remove(gateway)


def serve() -> int:
    """Answer AWS clients of other processes on a loopback port, as this process is answered; returns the port.

    Engines that run beside this process have ports of their own: then only connections can be asked about here.
    """
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_: object) -> None: ...

    server = make_server(HOST, 0, _serve_wsgi, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True, name="engine").start()
    return server.server_port


def environment() -> dict[str, str]:
    """The settings with which another process reaches what this one does; opens a port for it."""
    served = f"http://{HOST}:{serve()}"
    return {
        **(_external[-1].environment if _external else {"AWS_ENDPOINT_URL": served}),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "FLUXDEN_SOCKETS_URL": served,
    }


def answer_request(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
    """Answer one request of botocore's; None when it may go on its way, to an engine beside this process."""
    answered: Any
    if connection_id := management_api.parse_connection_id(request.url):
        answered = _handle_management_request(connection_id, request.method, request.body or b"")
    elif _external:
        if request.url.startswith((f"{_external[-1].dynamodb}/", f"{_external[-1].sqs}/")):
            return None
        answered = None
    else:
        with _lock:
            answered = _moto.process_request(request)
    if answered is None:
        raise RuntimeError(f"the local engine does not know {request.url}")
    status, headers, body = answered
    return AWSResponse(request.url, status, headers, MockRawResponse(body))


def _handle_management_request(connection_id: str, method: str | None, body: Any) -> tuple[int, dict[str, str], bytes]:
    gateway = _gateways[-1] if _gateways else management_api.NoConnections()
    sent = body.encode() if isinstance(body, str) else bytes(body)
    return management_api.handle_request(gateway, method, connection_id, sent)


@cache
def _moto_app() -> Any:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    return DomainDispatcherApplication(create_backend_app)


def _serve_wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    # Read before the lock is taken, so that a client that stalls holds up nobody but itself.
    length = environ.get("CONTENT_LENGTH") or "0"
    body = environ["wsgi.input"].read(int(length))
    if connection_id := management_api.parse_connection_id(environ["REQUEST_URI"]):
        status, headers, answered = _handle_management_request(connection_id, environ["REQUEST_METHOD"], body)
        start_response(f"{status} {HTTPStatus(status).phrase}", list(headers.items()))
        return [answered]
    if _external:
        start_response(f"{HTTPStatus.NOT_FOUND.value} {HTTPStatus.NOT_FOUND.phrase}", [])
        return []
    environ["wsgi.input"] = BytesIO(body)
    with _lock:
        return list(_moto_app()(environ, start_response))
