"""Share the embedded engine with other processes over a socket, which is faster than HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from moto.core.botocore_stubber import MockRawResponse

from tests.support.embedded_engine import send_to_embedded_engine

_local = threading.local()


@contextmanager
def serve_engine(address: str) -> Iterator[None]:
    """Answer requests of other processes at this address, the path of a socket."""
    with Listener(address, "AF_UNIX", backlog=64) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=_answer_all, args=(listener.accept(),), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield


def send_request(address: str, request: AWSPreparedRequest) -> AWSResponse:
    """Send a request to the engine at this address."""
    connection: Connection | None = getattr(_local, "connection", None)
    if connection is None:
        connection = _local.connection = Client(address, "AF_UNIX")
    connection.send((request.method, request.url, dict(request.headers.items()), request.body))
    status, headers, content = connection.recv()
    return AWSResponse(request.url, status, headers, MockRawResponse(content))


def _answer_all(connection: Connection) -> None:
    while True:
        try:
            method, url, given, body = connection.recv()
        except EOFError:
            return
        headers: Any = HeadersDict(given)
        answer = send_to_embedded_engine(AWSPreparedRequest(method, url, headers, body, stream_output=False))
        connection.send((answer.status_code, dict(answer.headers), answer.content))
