"""The local WebSocket gateway, with real clients and test functions."""

import base64
import json
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from chalice.app import Blueprint, Chalice
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as dial

from chalicelib import aws
from infra import catalog
from infra.local import engine
from infra.local.socket_link import Limits
from infra.local.sockets import Gateway, start
from tests.support.concurrency import run_concurrently
from tests.support.sockets import Sockets

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

HOST = "127.0.0.1"
LARGEST, FRAME = 131_072, 32_768
QUICK = Limits(close_seconds=0.3)
DONE = {"statusCode": 200}


class Functions:
    """Test functions whose answers can be set, and whose events are recorded by route."""

    def __init__(self) -> None:
        self.on_connect: Callable[[dict[str, Any]], Any] = lambda _: DONE
        self.on_message: Callable[[dict[str, Any]], Any] = lambda _: DONE
        self.connected: Queue[dict[str, Any]] = Queue()
        self.messages: Queue[dict[str, Any]] = Queue()
        self.ended: Queue[dict[str, Any]] = Queue()

    @property
    def by_route(self) -> dict[str, Callable[[dict[str, Any], Any], Any]]:
        return {"$connect": self.connect, "$default": self.message, "$disconnect": self.disconnect}

    def connect(self, event: dict[str, Any], context: Any) -> Any:
        assert context.aws_request_id
        self.connected.put(event)
        return self.on_connect(event)

    def message(self, event: dict[str, Any], _: Any) -> Any:
        self.messages.put(event)
        return self.on_message(event)

    def disconnect(self, event: dict[str, Any], _: Any) -> Any:
        self.ended.put(event)
        raise RuntimeError("nobody is left to hear of this")

    def end(self) -> tuple[int, str]:
        """Return the close code and reason of the only connection that ended."""
        context = self.ended.get(timeout=60)["requestContext"]
        with pytest.raises(Empty):
            self.ended.get(timeout=0.05)
        return context["disconnectStatusCode"], context["disconnectReason"]


@pytest.fixture
def functions() -> Functions:
    return Functions()


@contextmanager
def serving(functions: Functions | dict[str, Any], limits: Limits = QUICK) -> Iterator[Gateway]:
    handlers = functions.by_route if isinstance(functions, Functions) else functions
    gateway = start(handlers, socket.create_server((HOST, 0), backlog=256), limits)
    try:
        yield gateway
    finally:
        gateway.stop()


@pytest.fixture
def gateway(functions: Functions) -> Iterator[Gateway]:
    with serving(functions) as made:
        yield made


@contextmanager
def client(gateway: Gateway, path: str = "/", **more: Any) -> Iterator[ClientConnection]:
    with dial(f"ws://{HOST}:{gateway.port}{path}", close_timeout=1, proxy=None, **more) as connection:
        yield connection


def connection_id(event: dict[str, Any]) -> str:
    found: str = event["requestContext"]["connectionId"]
    return found


def echo(event: dict[str, Any]) -> Any:
    post(event, event["body"])
    return DONE


def post(event: dict[str, Any], text: str) -> None:
    aws.sockets().post_to_connection(ConnectionId=connection_id(event), Data=text.encode())


@contextmanager
def mute(gateway: Gateway) -> Iterator[socket.socket]:
    """A client that completes the handshake, and then neither reads nor writes."""
    with closing(socket.socket()) as connection:
        # Otherwise the system would buffer megabytes for it.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((HOST, gateway.port))
        connection.settimeout(3)
        connection.sendall(HANDSHAKE)
        assert connection.recv(12) == b"HTTP/1.1 101"
        yield connection


HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: desk\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n\r\n"
)


def test_connections_beyond_the_most_are_closed(functions: Functions) -> None:
    with serving(functions, replace(QUICK, connections=2)) as gateway, client(gateway) as first:
        with mute(gateway), closing(socket.create_connection((HOST, gateway.port), timeout=5)) as third:
            with suppress(ConnectionResetError):
                assert third.recv(1) == b""
            first.ping().wait(5)
        # The mute client has left.
        functions.ended.get(timeout=5)
        with client(gateway) as other:
            other.ping().wait(5)


def test_connect_gets_the_event_of_api_gateway(functions: Functions, gateway: Gateway) -> None:
    before = int(time.time() * 1000)
    headers = [("Authorization", "Bearer one"), ("X-Twice", "1"), ("x-twice", "2"), ("X-Forwarded-For", "10.1.1.1")]
    with client(gateway, "/stage?a=1&a=2&b=%20c&d=", additional_headers=headers, user_agent_header="me/1"):
        event = functions.connected.get(timeout=60)

    assert set(event) == {
        "headers",
        "multiValueHeaders",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "requestContext",
        "isBase64Encoded",
    }
    assert event["isBase64Encoded"] is False
    assert event["queryStringParameters"] == {"a": "2", "b": " c", "d": ""}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [" c"], "d": [""]}
    assert event["headers"]["Authorization"] == "Bearer one"
    assert event["headers"]["X-Twice"] == "2"
    assert event["multiValueHeaders"]["X-Twice"] == ["1", "2"]
    assert event["multiValueHeaders"]["X-Forwarded-For"] == ["10.1.1.1", HOST]
    assert {"Host", "Sec-WebSocket-Key", "Sec-WebSocket-Version"} <= set(event["headers"])
    assert not {"Connection", "Upgrade"} & set(event["headers"])
    context = event["requestContext"]
    assert context["identity"] == {"sourceIp": HOST, "userAgent": "me/1"}
    assert before <= context["connectedAt"] <= context["requestTimeEpoch"] <= time.time() * 1000
    assert time.strptime(context["requestTime"], "%d/%b/%Y:%H:%M:%S +0000")
    assert {name: context[name] for name in ("routeKey", "eventType", "messageDirection", "stage", "domainName")} == {
        "routeKey": "$connect",
        "eventType": "CONNECT",
        "messageDirection": "IN",
        "stage": "local",
        "domainName": "sockets.local",
    }
    assert context["apiId"] and context["requestId"] and context["extendedRequestId"] and context["connectionId"]
    assert "messageId" not in context


@pytest.mark.parametrize("path", ["/", "/local", "/v1/stream?token=%C3%BC", "/?", "//"])
def test_any_path_is_accepted(functions: Functions, gateway: Gateway, path: str) -> None:
    with client(gateway, path):
        assert ("queryStringParameters" in functions.connected.get(timeout=60)) == ("=" in path)


def test_a_non_ascii_header_arrives_as_over_http(functions: Functions, gateway: Gateway) -> None:
    with closing(socket.create_connection((HOST, gateway.port), timeout=60)) as connection:
        connection.sendall(HANDSHAKE[:-2] + "Authorization: Bearer ü\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 101"
    assert functions.connected.get(timeout=60)["headers"]["Authorization"].encode("latin-1").decode() == "Bearer ü"


def test_a_connection_is_not_open_before_connect_has_answered(functions: Functions, gateway: Gateway) -> None:
    asked, answered = threading.Event(), threading.Event()

    def connect(event: dict[str, Any]) -> Any:
        with pytest.raises(aws.sockets().exceptions.GoneException):
            post(event, "too early")
        asked.set()
        answered.wait(60)
        return DONE

    functions.on_connect = connect
    with closing(socket.create_connection((HOST, gateway.port))) as connection:
        connection.settimeout(0.1)
        connection.sendall(HANDSHAKE)
        assert asked.wait(60)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        answered.set()
        connection.settimeout(3)
        assert connection.recv(12) == b"HTTP/1.1 101"
        post(functions.connected.get(timeout=60), "now")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"statusCode": 401, "body": "secret"}, 401),
        ({"statusCode": "403"}, 403),
        ({"statusCode": 429}, 429),
        ({"statusCode": 500}, 500),
        ({"statusCode": 101}, 500),
        ({"statusCode": 777}, 500),
        ({"statusCode": "many"}, 500),
        ({}, 500),
        (None, 500),
    ],
)
def test_a_handshake_fails_with_the_status_of_connect(
    functions: Functions, gateway: Gateway, answer: Any, status: int
) -> None:
    functions.on_connect = lambda _: answer

    refused = _refused(gateway)

    assert refused.status_code == status
    assert refused.headers["Content-Type"] == "application/json; charset=utf-8"
    told = json.loads(refused.body or b"")
    assert told["connectionId"] == connection_id(functions.connected.get(timeout=60))
    assert "secret" not in str(told)
    with pytest.raises(Empty):
        functions.ended.get(timeout=0.05)


def test_a_connect_that_raises_fails_the_handshake(
    functions: Functions, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    functions.on_connect = lambda _: 1 / 0
    assert _refused(gateway).status_code == 500
    assert "ZeroDivisionError" in caplog.text


def test_a_connect_that_takes_too_long_fails_the_handshake(functions: Functions) -> None:
    ended = threading.Event()
    functions.on_connect = lambda _: ended.wait(60)
    with serving(functions, replace(QUICK, handshake_seconds=0.1)) as gateway:
        assert _refused(gateway).status_code == 504
        ended.set()


def test_without_a_connect_function_every_handshake_is_refused() -> None:
    with serving({}) as gateway:
        assert _refused(gateway).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"headers": {"Sec-WebSocket-Protocol": "two"}},
        {"headers": {"sec-websocket-protocol": "two"}},
        {"multiValueHeaders": {"Sec-WebSocket-Protocol": ["two"]}},
    ],
)
def test_connect_selects_the_subprotocol(functions: Functions, gateway: Gateway, headers: Any) -> None:
    functions.on_connect = lambda _: DONE | headers
    with client(gateway, subprotocols=["one", "two"]) as connection:
        assert connection.subprotocol == "two"
        assert functions.connected.get(timeout=60)["headers"]["Sec-WebSocket-Protocol"] == "one, two"


def test_no_subprotocol_is_returned_if_none_is_selected(gateway: Gateway) -> None:
    with client(gateway, subprotocols=["one"]) as connection:
        assert connection.subprotocol is None


def test_a_message_reaches_default_as_it_was_sent(functions: Functions, gateway: Gateway) -> None:
    with client(gateway) as connection:
        connection.send('{"action": "$connect", "text": "你好"}')
        text = functions.messages.get(timeout=60)
        connection.send(b"\x00\xff")
        data = functions.messages.get(timeout=60)
        connection.send(["in ", "pieces"])
        pieces = functions.messages.get(timeout=60)

    assert set(text) == {"requestContext", "body", "isBase64Encoded"}
    assert (text["body"], text["isBase64Encoded"]) == ('{"action": "$connect", "text": "你好"}', False)
    assert (data["body"], data["isBase64Encoded"]) == ("AP8=", True)
    assert pieces["body"] == "in pieces"
    context = text["requestContext"]
    assert (context["routeKey"], context["eventType"]) == ("$default", "MESSAGE")
    assert connection_id(text) == connection_id(data) == connection_id(functions.connected.get(timeout=60))
    assert context["messageId"] != data["requestContext"]["messageId"]
    assert context["requestId"] != data["requestContext"]["requestId"]


def test_messages_of_one_connection_are_handled_in_order_and_one_at_a_time(
    functions: Functions, gateway: Gateway
) -> None:
    steps: list[str] = []

    def message(event: dict[str, Any]) -> Any:
        steps.append(f"begin {event['body']}")
        time.sleep(0.002)
        steps.append(f"end {event['body']}")
        post(event, event["body"])
        return DONE

    functions.on_message = message
    with client(gateway) as connection:
        for number in range(50):
            connection.send(str(number))
        assert [connection.recv(60) for _ in range(50)] == [str(number) for number in range(50)]
    assert steps == [f"{step} {number}" for number in range(50) for step in ("begin", "end")]


def test_messages_of_different_connections_are_handled_at_the_same_time(functions: Functions, gateway: Gateway) -> None:
    both = threading.Barrier(2)

    def message(event: dict[str, Any]) -> Any:
        both.wait(60)
        post(event, "met")
        return DONE

    functions.on_message = message
    with client(gateway) as one, client(gateway) as two:
        one.send("?")
        two.send("?")
        assert (one.recv(60), two.recv(60)) == ("met", "met")


def test_messages_before_closing_are_handled_before_disconnect(functions: Functions, gateway: Gateway) -> None:
    handled: list[bool] = []

    def message(_: dict[str, Any]) -> Any:
        time.sleep(0.02)
        handled.append(functions.ended.empty())
        return DONE

    functions.on_message = message
    with client(gateway) as connection:
        for _ in range(5):
            connection.send("last words")
    assert functions.end() == (1000, "")
    assert handled == [True] * 5


@pytest.mark.parametrize("answer", [{"statusCode": 500}, {"statusCode": 400}, {}, None, "raised"])
def test_a_message_that_fails_is_reported_and_leaves_the_connection_open(
    functions: Functions, gateway: Gateway, answer: Any
) -> None:
    functions.on_message = lambda _: 1 / 0 if answer == "raised" else answer
    with client(gateway) as connection:
        connection.send("one")
        told = json.loads(connection.recv(60))
        event = functions.messages.get(timeout=60)
        connection.send("two")
        assert json.loads(connection.recv(60))["message"] == told["message"]
    assert told == {
        "message": "Internal server error",
        "connectionId": connection_id(event),
        "requestId": event["requestContext"]["requestId"],
    }


def test_a_message_without_a_function_is_forbidden(functions: Functions) -> None:
    with serving({"$connect": functions.connect}) as gateway, client(gateway) as connection:
        connection.send("anybody?")
        assert json.loads(connection.recv(60))["message"] == "Forbidden"


@pytest.mark.parametrize(
    "sent",
    [
        ["x" * (FRAME + 1)],
        ["é" * (FRAME // 2) + "x"],
        ["x", "x" * (FRAME + 1)],
        ["x" * FRAME] * 4 + ["x"],
    ],
)
def test_a_message_or_frame_over_the_limit_closes_the_connection(
    functions: Functions, gateway: Gateway, sent: list[str]
) -> None:
    with client(gateway) as connection:
        with suppress(ConnectionClosed):
            connection.send(sent)
        assert _closed(connection)[0] == 1009
    assert functions.ended.get(timeout=60)
    assert functions.messages.empty()


def test_the_largest_messages_pass_both_ways(functions: Functions, gateway: Gateway) -> None:
    functions.on_message = echo
    with client(gateway) as connection:
        connection.send(["x" * FRAME] * 4)
        assert connection.recv(60) == "x" * LARGEST


def test_text_that_is_not_utf_8_closes_the_connection(functions: Functions, gateway: Gateway) -> None:
    with client(gateway) as connection:
        connection.send(b"\xff", text=True)
        assert _closed(connection)[0] == 1007
    assert functions.ended.get(timeout=60)


def test_posts_from_several_threads_arrive_whole_and_in_order(functions: Functions, gateway: Gateway) -> None:
    with client(gateway) as connection:
        event = functions.connected.get(timeout=60)

        def say(number: int) -> None:
            for count in range(20):
                post(event, f"{number} 你好 {count}")

        run_concurrently(8, say)
        frames = [str(connection.recv(60)).split() for _ in range(8 * 20)]

    for number in range(8):
        assert [count for who, _, count in frames if who == str(number)] == [str(each) for each in range(20)]


@pytest.fixture(params=["inside", "outside"])
def management(request: pytest.FixtureRequest) -> Iterator["ApiGatewayManagementApiClient"]:
    """The management API, as functions use it and as other processes use it."""
    if request.param == "inside":
        yield aws.sockets()
        return
    made: Any = boto3.Session().client(
        "apigatewaymanagementapi",
        endpoint_url=f"http://{HOST}:{_engine_port()}",
        region_name=engine.REGION,
        aws_access_key_id=engine.ACCESS_KEY,
        aws_secret_access_key=engine.ACCESS_KEY,
    )
    with closing(made):
        yield made


def test_the_management_api_posts_describes_and_closes(
    functions: Functions, gateway: Gateway, management: "ApiGatewayManagementApiClient"
) -> None:
    with client(gateway, user_agent_header="me/1") as connection:
        event = functions.connected.get(timeout=60)
        known = connection_id(event)

        management.post_to_connection(ConnectionId=known, Data='{"text": "你好"}'.encode())
        management.post_to_connection(ConnectionId=known, Data=b"")
        about = management.get_connection(ConnectionId=known)
        management.post_to_connection(ConnectionId=known, Data=b"before the end")
        management.delete_connection(ConnectionId=known)
        _gone(management, known)

        assert [connection.recv(60) for _ in range(3)] == ['{"text": "你好"}', "", "before the end"]
        assert _closed(connection) == (1000, "")
    assert functions.end() == (1000, "")
    assert about["Identity"] == {"SourceIp": HOST, "UserAgent": "me/1"}
    assert int(about["ConnectedAt"].timestamp() * 1000) == event["requestContext"]["connectedAt"]
    assert about["ConnectedAt"] <= about["LastActiveAt"]


def test_the_management_api_answers_410_for_unknown_connections(
    functions: Functions, gateway: Gateway, management: "ApiGatewayManagementApiClient"
) -> None:
    with client(gateway):
        known = connection_id(functions.connected.get(timeout=60))
    functions.end()
    for each in (known, "L0SM9cOFvHcCIhw=", "a/b", "@connections", "%", "x" * 2000, "ü"):
        _gone(management, each)


@pytest.mark.parametrize(
    ("data", "code"), [(b"x" * (LARGEST + 1), "PayloadTooLargeException"), (b"\xff", "BadRequestException")]
)
def test_the_management_api_refuses_invalid_messages(
    functions: Functions, gateway: Gateway, management: "ApiGatewayManagementApiClient", data: bytes, code: str
) -> None:
    with client(gateway) as connection:
        known = connection_id(functions.connected.get(timeout=60))
        with pytest.raises(ClientError) as refused:
            management.post_to_connection(ConnectionId=known, Data=data)
        assert refused.value.response["Error"]["Code"] == code
        management.post_to_connection(ConnectionId=known, Data=b"x" * LARGEST)
        assert connection.recv(60) == "x" * LARGEST


def test_without_a_gateway_every_connection_is_gone(management: "ApiGatewayManagementApiClient") -> None:
    _gone(management, "L0SM9cOFvHcCIhw=")


def test_posts_do_not_wait_for_store_calls(functions: Functions, gateway: Gateway) -> None:
    with client(gateway) as connection:
        event = functions.connected.get(timeout=60)
        with aws.count_calls() as calls, engine._lock:
            poster = threading.Thread(target=post, args=(event, "at once"), daemon=True)
            poster.start()
            assert connection.recv(60) == "at once"
            post(event, "again")
        assert calls == [0]


@pytest.mark.parametrize("limits", [replace(QUICK, idle_seconds=0.15), replace(QUICK, lifetime_seconds=0.15)])
def test_an_idle_or_old_connection_is_closed(functions: Functions, limits: Limits) -> None:
    with serving(functions, limits) as gateway, client(gateway) as connection:
        began = time.monotonic()
        assert _closed(connection) == (1001, "Going away")
        assert time.monotonic() - began > 0.1
        assert functions.end() == (1001, "Going away")


@pytest.mark.parametrize("sender", ["client", "server"])
def test_messages_in_either_direction_restart_the_idle_timeout(functions: Functions, sender: str) -> None:
    for idle in (0.4, 2, 10):
        limits = replace(QUICK, idle_seconds=idle, lifetime_seconds=2.5 * idle)
        with serving(functions, limits) as gateway, client(gateway) as connection:
            event, times = functions.connected.get(timeout=60), [time.monotonic()]

            def talk(
                _: int,
                pause: float = idle / 20,
                connection: Any = connection,
                event: Any = event,
                times: list[float] = times,
            ) -> None:
                time.sleep(pause)
                if sender == "client":
                    connection.send("still here")
                else:
                    post(event, "still here")
                    assert connection.recv(60)
                times.append(time.monotonic())

            _count_until_gone(talk)
            assert functions.end() == (1001, "Going away")
        if max(later - earlier for earlier, later in pairwise(times)) < idle / 2:
            assert times[-1] - times[0] > 2 * idle, "it lived until its lifetime was over"
            return
        # This machine was too slow to talk within the timeout.
    pytest.fail("the machine is too slow")


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (4001, "enough"), (1001, "")])
def test_disconnect_gets_the_close_code_once(functions: Functions, gateway: Gateway, code: int, reason: str) -> None:
    with client(gateway) as connection:
        connected = functions.connected.get(timeout=60)
        connection.close(code, reason)
    event = functions.ended.get(timeout=60)
    context = event["requestContext"]
    assert (context["routeKey"], context["eventType"]) == ("$disconnect", "DISCONNECT")
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == (code, reason)
    assert connection_id(event) == connection_id(connected)
    assert context["connectedAt"] == connected["requestContext"]["connectedAt"]
    assert set(event) == {"headers", "multiValueHeaders", "requestContext", "isBase64Encoded"}
    assert "Authorization" not in event["headers"]
    with pytest.raises(Empty):
        functions.ended.get(timeout=0.05)


def test_disconnect_is_called_once_if_a_client_drops(functions: Functions, gateway: Gateway) -> None:
    with mute(gateway):
        pass
    assert functions.end() == (1006, "")


def test_a_client_that_leaves_during_the_handshake_is_disconnected(functions: Functions, gateway: Gateway) -> None:
    asked, answered = threading.Event(), threading.Event()

    def connect(_: dict[str, Any]) -> Any:
        asked.set()
        answered.wait(60)
        return DONE

    functions.on_connect = connect
    with closing(socket.create_connection((HOST, gateway.port))) as connection:
        connection.sendall(HANDSHAKE)
        assert asked.wait(60)
    time.sleep(0.05)
    answered.set()
    assert functions.end() == (1006, "")


def test_a_client_that_does_not_answer_pings_is_dropped(functions: Functions) -> None:
    with serving(functions, replace(QUICK, ping_seconds=0.1)) as gateway, mute(gateway):
        assert functions.end()[0] == 1006


def test_a_client_that_does_not_read_is_dropped_and_does_not_block_others(functions: Functions) -> None:
    limits = replace(QUICK, stall_seconds=0.5, waiting_bytes=512 * 1024)
    with serving(functions, limits) as gateway, mute(gateway), client(gateway) as quick:
        stuck, other = (functions.connected.get(timeout=60) for _ in range(2))
        took: list[float] = []

        def post_to_both(number: int) -> None:
            began = time.monotonic()
            post(stuck, "x" * 100_000)
            post(other, str(number))
            assert quick.recv(60) == str(number)
            took.append(time.monotonic() - began)

        assert _count_until_gone(post_to_both) > 5
        assert sorted(took)[len(took) // 2] < limits.stall_seconds
        _gone(aws.sockets(), connection_id(stuck))
        assert functions.end() == (1013, "Too slow")
        post(other, "still served")
        assert quick.recv(60) == "still served"


def test_a_client_that_is_too_many_frames_behind_is_dropped(functions: Functions) -> None:
    limits = replace(QUICK, stall_seconds=0.1, waiting_frames=3)
    with serving(functions, limits) as gateway, mute(gateway):
        stuck = functions.connected.get(timeout=60)
        _count_until_gone(lambda _: post(stuck, "x" * 100_000))
        assert functions.end() == (1013, "Too slow")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: desk\r\n\r\n", b"426 Upgrade Required"),
        (HANDSHAKE.replace(b"GET", b"POST"), b"4"),
        (HANDSHAKE.replace(b"Version: 13", b"Version: 7"), b"400 Bad Request"),
        (HANDSHAKE.replace(b"Key: A", b"Key: "), b"400 Bad Request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"400 Bad Request"),
        (b"GET /\xff HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"POST / HTTP/1.1\r\nHost: desk\r\nContent-Length: 2\r\n\r\n{}", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\n", b""),
        (b"", b""),
    ],
)
def test_a_request_that_is_not_a_handshake_is_refused_silently(
    functions: Functions, gateway: Gateway, capfd: pytest.CaptureFixture[str], sent: bytes, status: bytes
) -> None:
    with closing(socket.create_connection((HOST, gateway.port), timeout=60)) as connection:
        connection.sendall(sent)
        if not status:
            connection.shutdown(socket.SHUT_WR)
        said = b"".join(iter(lambda: connection.recv(65536), b""))
    assert said.partition(b" ")[2].startswith(status)
    with client(gateway):
        functions.connected.get(timeout=60)
        assert functions.connected.empty()
    assert capfd.readouterr() == ("", "")


def test_stopping_closes_every_connection_and_frees_the_port(functions: Functions) -> None:
    with serving(functions) as gateway, client(gateway) as connection, mute(gateway):
        events = [functions.connected.get(timeout=60) for _ in range(2)]
        gateway_port = gateway.port
        gateway.stop()
        assert _closed(connection)[0] == 1001
        assert functions.ended.qsize() == 2
        with pytest.raises(aws.sockets().exceptions.GoneException):
            post(events[0], "anybody?")
        socket.create_server((HOST, gateway_port)).close()


def test_200_clients_get_100_frames_each(functions: Functions, gateway: Gateway) -> None:
    with ExitStack() as held:
        connections = [held.enter_context(client(gateway, compression=None)) for _ in range(200)]
        known = [connection_id(functions.connected.get(timeout=60)) for _ in connections]
        for number in range(100):
            for each in known:
                gateway.post(each, f"frame {number}".encode())
        counts = Counter(connection.recv(60) for connection in connections for _ in range(100))
        assert counts == {f"frame {number}": 200 for number in range(100)}


bp = Blueprint(__name__)


@bp.on_ws_connect()
def on_connect(event: Any, _: Any = None) -> Any:
    return DONE


@bp.on_ws_message()
def on_message(event: Any, _: Any = None) -> Any:
    return DONE


def test_the_app_has_the_three_socket_routes() -> None:
    walked = Chalice("walked", configure_logs=False)
    walked.register_blueprint(bp)
    assert dict(catalog.sockets(walked)) == {"$connect": on_connect, "$default": on_message}


def test_the_gateway_of_other_tests_behaves_the_same(sockets: Sockets, functions: Functions) -> None:
    functions.on_connect = lambda _: DONE | {"headers": {"Sec-WebSocket-Protocol": "one"}}
    functions.on_message = echo
    stand_in = Sockets(functions.by_route | {"$disconnect": lambda event, _: functions.ended.put(event)})
    engine.route_sockets(stand_in)
    posted: list[str] = []
    stand_in.before_post = posted.append
    try:
        connected = stand_in.connect("token", subprotocols=["one"], query={"a": "b"})
        assert (connected.status, connected.headers) == (101, {"Sec-WebSocket-Protocol": "one"})
        event = functions.connected.get(timeout=60)
        assert event["headers"]["Authorization"] == "Bearer token"
        assert event["queryStringParameters"] == {"a": "b"}
        connected.send({"action": "ping"})
        connected.send("plain")
        functions.on_message = lambda _: {"statusCode": 500}
        connected.send(b"?")
        assert connected.frames[:2] == [{"action": "ping"}, "plain"]
        assert connected.frames[2]["message"] == "Internal server error"
        assert stand_in.frames(connected.connection_id) == connected.frames
        assert posted == [connected.connection_id] * 2
        assert aws.sockets().get_connection(ConnectionId=connected.connection_id)["Identity"]["UserAgent"] == "tests"

        connected.failing = True
        with pytest.raises(ClientError) as failed:
            post(event, "lost")
        assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        connected.failing, connected.gone = False, True
        _gone(aws.sockets(), connected.connection_id)
        connected.close(1001)
        assert functions.end() == (1001, "")
        functions.on_connect = lambda _: {"statusCode": 401}
        refused = stand_in.connect()
        assert refused.status == 401
        _gone(aws.sockets(), refused.connection_id)
    finally:
        engine.unroute_sockets(stand_in)


def test_the_engine_sets_the_url_of_the_management_api() -> None:
    assert os.environ["FLUXDEN_SOCKETS_URL"] == "https://sockets.local/local"
    assert aws.sockets().meta.endpoint_url == "https://sockets.local/local"


def _refused(gateway: Gateway) -> Any:
    with pytest.raises(InvalidStatus) as refused, client(gateway):
        pass
    return refused.value.response


def _closed(connection: ClientConnection) -> tuple[int | None, str | None]:
    """Return the code and reason of the close frame, which must be next."""
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(60)
    received = closed.value.rcvd
    return (received.code, received.reason) if received else (None, None)


def _count_until_gone(call: Callable[[int], None]) -> int:
    """Return how often the call succeeded before the connection was gone."""
    for number in range(1000):
        try:
            call(number)
        except (ConnectionClosed, aws.sockets().exceptions.GoneException):
            return number
    pytest.fail("the connection is still open")


def _gone(management: "ApiGatewayManagementApiClient", each: str) -> None:
    gone = management.exceptions.GoneException
    with pytest.raises(gone):
        management.post_to_connection(ConnectionId=each, Data=b"{}")
    with pytest.raises(gone):
        management.get_connection(ConnectionId=each)
    with pytest.raises(gone):
        management.delete_connection(ConnectionId=each)


_served: list[int] = []


def _engine_port() -> int:
    if not _served:
        _served.append(engine.serve())
    return _served[0]
