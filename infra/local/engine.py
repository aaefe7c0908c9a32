"""The embedded engine: moto inside this process, one request at a time.

moto's conditional writes are not atomic under threads, so every request, from this process or from
outside, goes through one lock.
"""

import os
import threading
from collections.abc import Callable, Iterable
from functools import cache
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse

from chalicelib import aws

REGION = "us-east-1"
ACCOUNT = "123456789012"  # the one moto serves when nothing names another
ACCESS_KEY = "local"

_lock = threading.RLock()
_moto = BotocoreStubber()


def embed() -> None:
    """Answer every AWS call of this process from memory; nothing can leave the machine."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(name, None)
    session = aws.session()
    session.set_credentials(ACCESS_KEY, ACCESS_KEY)
    session.set_config_variable("region", REGION)
    os.environ["FLUXDEN_QUEUES_URL"] = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}"
    session.set_config_variable("ignore_configured_endpoint_urls", value=True)
    for name in ("use_fips_endpoint", "use_dualstack_endpoint", "endpoint_discovery_enabled"):
        session.set_config_variable(name, value=False)
    session.register("before-send", answer, unique_id="embedded-engine")  # type: ignore[arg-type]


def reset() -> None:
    """Forget every table and queue."""
    with _lock:
        BackendDict.reset()


def serve() -> int:
    """Answer AWS clients of other processes on a loopback port, from the same memory; returns the port."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_: object) -> None: ...

    server = make_server("127.0.0.1", 0, _outside, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True, name="engine").start()
    return server.server_port


def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
    """Answer one request of botocore's."""
    with _lock:
        answered: Any = _moto.process_request(request)
    if answered is None:
        raise RuntimeError(f"the embedded engine does not know {request.url}")
    status, headers, body = answered
    return AWSResponse(request.url, status, headers, MockRawResponse(body))


@cache
def _server_app() -> Any:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    return DomainDispatcherApplication(create_backend_app)


def _outside(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    # Read before the lock is taken, so that a client that stalls holds up nobody but itself.
    length = environ.get("CONTENT_LENGTH") or "0"
    environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read(int(length)))
    with _lock:
        return list(_server_app()(environ, start_response))
