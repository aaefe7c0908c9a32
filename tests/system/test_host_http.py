"""HTTP connections of the container host: what a client may send, how slowly, and how many may wait."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from infra.container import http as host_http
from infra.container.server import Limits
from infra.local.gateway import LARGEST_HEAD, LARGEST_REQUEST
from tests.conftest import Desk
from tests.support import inputs
from tests.support.served_host import ServedHost, serve_host
from tests.support.started_desk import HEALTH_PATH, Answer, send_request

pytestmark = pytest.mark.engine("embedded")

_GET = f"GET {HEALTH_PATH} HTTP/1.1\r\nHost: desk\r\n".encode()
# A phase whose deadline is not tested takes as long as it likes.
_NEVER = Limits(head_seconds=600, idle_seconds=600, stall_seconds=600)
EVENTS = "/api/v1/events"


@pytest.fixture
def host(desk: Desk) -> Iterator[ServedHost]:
    with serve_host(_NEVER) as served:
        yield served


def call(host: ServedHost, method: str, path: str, body: Any = None, token: str = "") -> Answer:
    with closing(HTTPConnection(*host.address, timeout=20)) as connection:
        return send_request(connection, method, path, body, token)


def read_all(client: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def is_closed(client: socket.socket) -> bool:
    """Wait until the server has closed the connection."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def read_answer(client: socket.socket) -> Answer:
    response = HTTPResponse(client)
    response.begin()
    return Answer(response.status, response.headers, response.read())


def wait_until(is_so: Any) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_connection_serves_one_request_after_the_other(host: ServedHost, desk: Desk) -> None:
    with closing(HTTPConnection(*host.address, timeout=20)) as connection:
        for _ in range(3):
            answer = send_request(connection, "POST", EVENTS, inputs.new_event(), desk.alice)
            assert (answer.status, "Connection" in answer.headers) == (202, False)
            assert answer.headers["Date"].endswith("GMT")
            assert answer.headers["Server"] is None
        head = send_request(connection, "HEAD", HEALTH_PATH)
        assert (head.status, head.body, int(head.headers["Content-Length"]) > 0) == (200, b"", True)
        assert send_request(connection, "OPTIONS", EVENTS).status == 405


def test_no_piece_of_a_reply_waits_for_an_acknowledgement(host: ServedHost) -> None:
    with closing(host.connect()) as client:
        client.sendall(_GET)
        wait_until(lambda: host.server.connections == 1)
        (connection,) = host.server.server_state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_pipelined_requests_are_answered_in_order(host: ServedHost) -> None:
    with closing(host.connect()) as client:
        client.sendall(_GET + b"\r\n" + b"GET /api/v2/nothing HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n")
        received = read_all(client)
    first, second = received.index(b"HTTP/1.1 200"), received.index(b"HTTP/1.1 404")
    assert first < second


@pytest.mark.parametrize(
    ("sent", "status", "error"),
    [
        (b"nonsense\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "malformed"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400, "malformed"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "malformed"),
        (_GET + b"bad header: x\r\n\r\n", 400, "malformed"),
        (_GET + b"X: " + b"x" * LARGEST_HEAD + b"\r\n\r\n", 413, "headers may have at most 10240 bytes"),
        (_GET + b"X: " + b"x" * LARGEST_HEAD, 413, "headers may have at most 10240 bytes"),
        (b"GET /" + b"x" * LARGEST_HEAD, 413, "headers may have at most 10240 bytes"),
        (_GET + b"A: b\r\n" * 3000 + b"\r\n", 413, "headers may have at most 10240 bytes"),
    ],
    ids=range(12),
)
def test_a_malformed_or_large_head_is_refused_and_closes(
    host: ServedHost, sent: bytes, status: int, error: str
) -> None:
    with closing(host.connect()) as client:
        client.sendall(sent)
        answer = read_answer(client)
        assert (answer.status, answer.headers["Connection"]) == (status, "close")
        assert answer.headers["X-Request-Id"]
        assert error in (answer.json.get("detail") or answer.json["error"])
        assert client.recv(1) == b""


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v2/queue"])
def test_a_body_above_ten_megabytes_is_refused_before_it_is_sent(host: ServedHost, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGEST_REQUEST + 1}\r\n\r\n".encode()
    with closing(host.connect()) as client:
        client.sendall(head)
        answer = read_answer(client)
    assert (answer.status, answer.headers["Connection"]) == (413, "close")
    assert answer.json.get("code", "payload_too_large") == "payload_too_large"


def test_a_client_that_sends_a_large_body_first_reads_the_refusal(host: ServedHost) -> None:
    head = f"POST {EVENTS} HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGEST_REQUEST + 1}\r\n\r\n".encode()
    with closing(host.connect()) as client:
        client.sendall(head + b"x" * (LARGEST_REQUEST + 1))
        assert read_answer(client).status == 413


def test_a_body_in_chunks_is_bounded_as_it_comes(host: ServedHost, desk: Desk) -> None:
    head = (
        f"POST {EVENTS} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {desk.alice}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    body = json.dumps(inputs.new_event()).encode()
    with closing(host.connect()) as client:
        client.sendall(head + b"".join(b"1\r\n%c\r\n" % each for each in body) + b"0\r\n\r\n")
        assert read_answer(client).status == 202
        client.sendall(head)
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        for _ in range(11):
            client.sendall(chunk)
        assert read_answer(client).status == 413


def test_a_client_that_asks_before_it_sends_is_told_to_continue(host: ServedHost, desk: Desk) -> None:
    body = json.dumps(inputs.new_event()).encode()
    head = (
        f"POST {EVENTS} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {desk.alice}\r\nExpect: 100-continue\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with closing(host.connect()) as client:
        client.sendall(head.encode())
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(body)
        assert read_answer(client).status == 202


def test_bodies_that_find_no_room_are_refused(host: ServedHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host.application._body_room = 1000
    head = f"POST {EVENTS} HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n".encode()
    with closing(host.connect()) as held, closing(host.connect()) as other:
        held.sendall(head)
        wait_until(lambda: host.application._body_room == 100)
        other.sendall(head)
        answer = read_answer(other)
        assert (answer.status, answer.headers["Retry-After"], answer.json["code"]) == (503, "1", "unavailable")
        held.sendall(b"x" * 900)
        assert read_answer(held).status in (400, 401, 415)
    wait_until(lambda: host.application._body_room == 1000)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", _GET, _GET + b"\r\n"], ids=["nothing", "line", "head", "request"])
def test_a_client_that_sends_no_more_is_closed(desk: Desk, sent: bytes) -> None:
    """Whether it has begun a request or waits after one."""
    limits = replace(_NEVER, idle_seconds=1) if sent.endswith(b"\r\n\r\n") else replace(_NEVER, head_seconds=0.3)
    with serve_host(limits) as host, closing(host.connect()) as client:
        client.sendall(sent)
        received = read_all(client)
    assert received.startswith(b"HTTP/1.1 200") if sent.endswith(b"\r\n\r\n") else received == b""


def test_a_head_that_comes_byte_by_byte_does_not_extend_its_time(desk: Desk) -> None:
    with serve_host(replace(_NEVER, head_seconds=0.3)) as host, closing(host.connect()) as client:

        def drip() -> None:
            for each in _GET * 1000:
                client.sendall(bytes([each]))
                time.sleep(0.02)

        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            drip()


def test_a_body_that_comes_too_slowly_is_refused(host: ServedHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_http, "_BODY_SECONDS", 0.2)
    with closing(host.connect()) as client:
        client.sendall(f"POST {EVENTS} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx".encode())
        answer = read_answer(client)
    assert (answer.status, answer.headers["Connection"]) == (400, "close")
    assert "in time" in answer.json["detail"]


def test_a_client_that_reads_nothing_is_closed(desk: Desk) -> None:
    left = threading.Event()

    def wrap(_: Any) -> Any:
        async def endless(_: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while not left.is_set():
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
                if endless_is_left(await _peek(receive)):
                    left.set()

        return endless

    with serve_host(replace(_NEVER, stall_seconds=0.3), wrap=wrap) as host, closing(host.connect()) as client:
        client.sendall(_GET + b"\r\n")
        assert left.wait(20)


def test_a_client_that_reads_slowly_gets_everything(desk: Desk) -> None:
    size = 200 * 1024

    def wrap(_: Any) -> Any:
        async def large(_: Any, receive: Any, send: Any) -> None:
            listed = [(b"content-length", b"%d" % size), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 200, "headers": listed})
            await send({"type": "http.response.body", "body": b"x" * size})

        return large

    with serve_host(replace(_NEVER, stall_seconds=1, read_bytes=1024), wrap=wrap) as host:
        # So that most of it waits in the host, and not in the system's buffers.
        host.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        with closing(host.connect()) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(_GET + b"\r\n")
            received = 0
            while more := client.recv(4096):
                received += len(more)
                time.sleep(0.02)
        assert received > size


async def _peek(receive: Any) -> Any:
    try:
        return await asyncio.wait_for(receive(), 0.01)
    except TimeoutError:
        return None


def endless_is_left(message: Any) -> bool:
    return message is not None and message["type"] == "http.disconnect"


def test_half_open_requests_leave_room_for_others(desk: Desk) -> None:
    """The connection that has waited longest gives way."""
    with serve_host(Limits(head_seconds=600, connections=20)) as host, ExitStack() as opened:
        half_open = [opened.enter_context(closing(host.connect())) for _ in range(20)]
        for each in half_open:
            each.sendall(_GET)
        wait_until(lambda: host.server.connections == 20)
        assert call(host, "GET", HEALTH_PATH).status == 200
        assert is_closed(half_open[0])
        half_open[-1].sendall(b"\r\n")
        assert read_answer(half_open[-1]).status == 200


def test_requests_in_work_are_not_closed_for_others(desk: Desk) -> None:
    release, begun = threading.Event(), threading.Semaphore(0)

    def wrap(inner: Any) -> Any:
        async def held(scope: Any, receive: Any, send: Any) -> None:
            if scope["raw_path"] == b"/held":
                begun.release()
                await asyncio.to_thread(release.wait, 20)
            await inner(scope, receive, send)

        return held

    with serve_host(Limits(connections=2), wrap=wrap) as host, ExitStack() as opened:
        clients = [opened.enter_context(closing(host.connect())) for _ in range(2)]
        for each in clients:
            each.sendall(b"GET /held HTTP/1.1\r\nHost: desk\r\n\r\n")
            assert begun.acquire(timeout=20)
        late = opened.enter_context(closing(host.connect()))
        assert is_closed(late)
        release.set()
        assert [read_answer(each).status for each in clients] == [404, 404]


def test_a_fault_outside_of_operations_is_a_500_in_their_shape(
    host: ServedHost, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(host.application, "_gateway", None)
    answer = call(host, "GET", HEALTH_PATH)
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert "outside of its operation" in caplog.text


def test_the_peer_is_the_connections_and_not_what_headers_say(host: ServedHost) -> None:
    scope: dict[str, Any] = {
        "raw_path": b"http://desk/api/v1/health%2Fx",
        "query_string": b"a=%20",
        "headers": [(b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"x-y", b"1"), (b"x-y", b"\xe9"), (b"x_y", b"3")],
    }
    assert host_http._raw_path(scope) == "/api/v1/health%2Fx?a=%20"
    assert host_http._headers(scope) == {"cookie": "a=1; b=2", "x-y": "1, é", "x_y": "3"}
