"""The lean client sends what boto3's sends, and returns and raises the same, for every request of every operation."""

import base64
import json
import os
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import hypothesis
import hypothesis.strategies as st
import pytest
import time_machine
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.retries.quota import RetryQuota

from bench.certificates import write_certificates
from chalicelib import aws
from chalicelib.store_client import ACTIONS, StoreClient
from tests.conftest import Desk
from tests.support import engine_state
from tests.support.api import Api
from tests.support.fault_sweep import SEED, WHOLE
from tests.support.sample_data import SampleData
from tests.support.sample_requests import SAMPLE_REQUESTS, sample_request
from tests.support.sockets import Sockets

pytestmark = pytest.mark.engine("embedded")
_NOW = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)
# boto3 numbers the attempts of each call by an id of its own, and says the protocol of queues in another order.
_VARYING = {"amz-sdk-invocation-id", "authorization"}


# An answer that never comes.
_SILENCE: tuple[int, dict[str, str], bytes] = (0, {}, b"")


class Wire:
    """A server over TLS that answers what it is told, and keeps what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.authority = write_certificates(folder)
        self.asked: list[tuple[dict[str, str], bytes]] = []
        self.invocations: list[str] = []
        self.closed = threading.Event()
        # Reply with the key that is asked for.
        self.echo = False
        self.answers: list[tuple[int, dict[str, str], bytes] | None] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._answer(connection)
        except (ssl.SSLError, ConnectionError):
            pass
        finally:
            connection.close()
            self.closed.set()

    def _answer(self, connection: socket.socket) -> None:
        with self._context.wrap_socket(connection, server_side=True) as secured, secured.makefile("rb") as lines:
            while line := lines.readline():
                assert line == b"POST / HTTP/1.1\r\n"
                headers = {}
                while line := lines.readline().strip():
                    name, _, value = line.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = lines.read(int(headers["content-length"]))
                self.asked.append((headers, body))
                self.invocations.append(headers["amz-sdk-invocation-id"])
                answer = (
                    (200, {}, json.dumps({"Item": json.loads(body)["Key"]}).encode())
                    if self.echo
                    else self.answers.pop(0)
                )
                if answer is None:
                    return
                if answer is _SILENCE:
                    lines.readline()
                    return
                status, more, body = answer
                sent = {"Content-Length": str(len(body)), "x-amzn-RequestId": "R1"} | more
                head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
                secured.sendall(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + body)
                if "Close" in sent or len(body) < int(sent["Content-Length"]):
                    return


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Wire:
    return Wire(tmp_path_factory.mktemp("wire"))


Clients = dict[str, tuple[Any, Any]]


@contextmanager
def _made_clients(wire: Wire) -> Iterator[Clients]:
    """Make boto3's client and the lean one of each service, as in a function of the cloud."""
    aws.dynamodb(), aws.sqs()
    core = aws.core_session.__wrapped__()
    with pytest.MonkeyPatch.context() as patch:
        for name in [each for each in os.environ if each.startswith("AWS_") or each == "REQUESTS_CA_BUNDLE"]:
            patch.delenv(name)
        for name, value in {"ACCESS_KEY_ID": "AKID", "SECRET_ACCESS_KEY": "secret", "SESSION_TOKEN": "token"}.items():
            patch.setenv(f"AWS_{name}", value)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        # In the test's process the session is that of the engine.
        patch.setattr(aws, "core_session", lambda: core)
        patch.setattr(aws, "_configured", [])
        patch.setattr(aws, "session", lambda: boto3.Session(botocore_session=core))
        patch.setattr(aws, "CLOUD_ROOTS", wire.authority)
        patch.setitem(aws._SETTINGS, "read_timeout", 0.5)
        made = {}
        for service in ("dynamodb", "sqs"):
            lean = aws._lean(service)
            assert isinstance(lean, StoreClient)
            make = lean._make_boto3
            lean._make_boto3 = cache(make)
            made[service] = (make(), lean)
            lean._make_boto3()
    yield made
    for each in [*made["dynamodb"], *made["sqs"]]:
        each.close()


@pytest.fixture(scope="module")
def clients(wire: Wire) -> Iterator[Clients]:
    with _made_clients(wire) as made:
        yield made


@pytest.fixture
def new_clients(wire: Wire) -> Iterator[Clients]:
    """Return clients whose quotas of retries are full."""
    with _made_clients(wire) as made:
        yield made


@pytest.fixture(autouse=True)
def _reach_the_server(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    at = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", wire.port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [at])
    monkeypatch.setattr("time.sleep", lambda _: None)


def _outcome(wire: Wire, client: Any, name: str, params: dict[str, Any], answers: list[Any]) -> tuple[Any, Any]:
    wire.answers[:], wire.asked[:], wire.invocations[:] = answers, [], []
    wire.closed.clear()
    with time_machine.travel(_NOW, tick=False):
        try:
            found = getattr(client, name)(**params)
        except ClientError as error:
            code = error.response["Error"].get("QueryErrorCode", error.response["Error"]["Code"])
            named = client.exceptions.from_code(code)
            classes = (type(error) is named, named is getattr(client.exceptions, named.__name__))
            bases = [each.__name__ for each in type(error).__mro__]
            found = (classes, bases, vars(error).keys(), error.operation_name, error.response, str(error))
        except BotoCoreError as error:
            # What the connection said of itself is of urllib3 or of http.client.
            found = (type(error), error.kwargs.get("endpoint_url"))
        except (AttributeError, ValueError) as error:
            # Of boto3's parser.
            found = type(error)
    return found, [_sent(*each) for each in wire.asked]


def _sent(headers: dict[str, str], body: bytes) -> Any:
    _check_signature(headers, body)
    parsed = json.loads(body)
    if "ClientRequestToken" in parsed:
        assert len(parsed["ClientRequestToken"]) == 36
        parsed["ClientRequestToken"] = "a token"
    kept = {name: value for name, value in headers.items() if name not in _VARYING | {"content-length"}}
    # Powertools adds itself to the user agent of every session of boto3, once it is imported.
    kept["user-agent"] = kept["user-agent"].partition(" PT/")[0]
    return kept, parsed, len(headers["amz-sdk-invocation-id"])


def _check_signature(headers: dict[str, str], body: bytes) -> None:
    credential, signed, signature = headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(", ")
    service = credential.split("/")[3]
    names = signed.removeprefix("SignedHeaders=").split(";")
    assert {"host", "x-amz-date", "x-amz-target", "x-amz-security-token"} <= set(names)
    request = AWSRequest("POST", f"https://{headers['host']}/", {name: headers[name] for name in names}, body)
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials("AKID", "secret", "token"), service, "us-east-1")
    text = auth.string_to_sign(request, auth.canonical_request(request))
    assert signature == f"Signature={auth.signature(text, request)}"


def _recorded(name: str) -> list[tuple[str, str, dict[str, Any], tuple[int, dict[str, str], bytes]]]:
    """Return service, action, parameters and reply of each call of the operation's sample request."""
    made: list[Any] = []

    def note_params(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["sentParams"] = params

    def note_reply(http_response: Any, model: Any, context: dict[str, Any], **_: object) -> None:
        body = http_response.content
        more = {name: value for name, value in http_response.headers.items() if "query" in name.lower()}
        answer = (http_response.status_code, more | {"x-amz-crc32": str(zlib.crc32(body))}, body)
        made.append((model.service_model.service_name, model.name, context["sentParams"], answer))

    for client in (aws.dynamodb(), aws.sqs()):
        client.meta.events.register("before-parameter-build", note_params)
        client.meta.events.register("after-call", note_reply)
    try:
        api = Api()
        route, request = sample_request(name, SampleData(api, Desk(engine_state.restore_demo_organisation())))
        request.send(api, route)
    finally:
        for client in (aws.dynamodb(), aws.sqs()):
            client.meta.events.unregister("before-parameter-build", note_params)
            client.meta.events.unregister("after-call", note_reply)
    return made


def _sampled() -> list[str]:
    """Return the operations of this run: a tenth chosen by the seed, and all of them in a whole sweep."""
    names = sorted(SAMPLE_REQUESTS)
    return names if WHOLE else [each for each in names if zlib.crc32(f"{SEED}{each}".encode()) % 10 == 0]


@pytest.mark.parametrize("name", _sampled())
def test_every_request_of_an_operation_is_the_same(
    name: str, clients: Any, wire: Wire, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "1")
    # What is recorded is what boto3's clients send and receive.
    monkeypatch.setattr(aws, "_clients", {})
    for service, action, params, answer in _recorded(name):
        method = next((each for each, of in ACTIONS[service].items() if of == action), None)
        if method is None:
            continue
        plain, lean = (_outcome(wire, each, method, dict(params), [answer] * 4) for each in clients[service])
        assert plain == lean, (service, action)


_PUT = {"TableName": "t", "Item": {"pk": {"S": "A"}, "b": {"B": b"\x00\xff"}, "s": {"BS": [b"1"]}}}
Answer = tuple[int, dict[str, str], bytes]
_OK: Answer = (
    200,
    {},
    b'{"Attributes": {"B": {"B": "AP8="}, "l": {"L": [{"B": "AA=="}, {"BS": ["AA=="]}]}, "n": {"N": "1"}}}',
)


def _error(code: str, status: int = 400, **more: Any) -> tuple[int, dict[str, str], bytes]:
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "No.", **more}
    return status, {}, json.dumps(body).encode()


@pytest.mark.parametrize(
    "answers",
    [
        [_OK],
        [_error("ThrottlingException"), _OK],
        [_error("ProvisionedThroughputExceededException"), _OK],
        [_error("InternalServerError", 500), _error("InternalServerError", 500), _OK],
        [_error("InternalServerError", 500)] * 4,
        [(503, {}, b"<html>"), _OK],
        [(500, {}, b"")] * 4,
        [(200, {"x-amz-crc32": "1"}, b"{}"), _OK],
        [(200, {"x-amz-crc32": "1"}, b"{}")] * 4,
        [(200, {"x-amz-crc32": "1", "Content-Length": "9"}, b"{}"), _OK],
        [(200, {"Content-Length": "9"}, b'{"Item"')],
        [(200, {}, b"")],
        [(200, {}, b"[]")],
        [(200, {}, b'{"Attributes": null, "ConsumedCapacity": {"CapacityUnits": 1.5, "TableName": "t"}}')],
        [(200, {"Set-Cookie": "a"}, b"{}")],
        [(301, {"Location": "https://elsewhere.test/"}, b"")],
        [(413, {}, b"too large")],
        [(429, {}, b""), _OK],
        [None, _OK],
        [None] * 4,
        [_SILENCE, _OK],
        [_error("TransactionConflictException")] * 7 + [_OK],
        [_error("TransactionConflictException")] * 9,
        [_error("ConditionalCheckFailedException", Item={"pk": {"S": "A"}, "b": {"B": "AP8="}})],
        [_error("TransactionCanceledException", CancellationReasons=[{"Code": "None"}, {"Code": "X", "Message": "m"}])],
        [_error("ValidationException")],
        [_error("AccessDeniedException")],
        [_error("ExpiredTokenException")],
        [_error("InvalidSignatureException", 403)],
        [_error("RequestTimeoutException"), _OK],
        [_error("ItemCollectionSizeLimitExceededException")],
        [_error("ConditionalCheckFailedException", 500), _error("ConditionalCheckFailedException")],
        [_error("ThrottlingException"), _error("ConditionalCheckFailedException", Item={"b": {"B": "AP8="}})],
        [(400, {"x-amz-crc32": "1"}, b'{"__type": "a#ConditionalCheckFailedException"}'), _OK],
        [(400, {}, b'{"__type": "a#ConditionalCheckFailedException:http://internal"}')],
        [(400, {}, b'{"__type": "ConditionalCheckFailedException", "Message": null, "Item": null}')],
        [(400, {}, b'{"Message": "No type."}')],
        [_error("ThrottlingException", 400, Message="x")] * 4,
    ],
    ids=str,
)
def test_faults_have_the_same_attempts_and_results(
    answers: list[Any], clients: Clients, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other cases have spent some.
    monkeypatch.setattr(RetryQuota, "acquire", lambda *_: True)
    plain, lean = (_outcome(wire, each, "put_item", dict(_PUT), list(answers)) for each in clients["dynamodb"])
    assert plain == lean
    assert 1 <= len(plain[1]) <= 8
    assert [len(set(wire.invocations))] == [1]


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b'{"MessageId": "1", "MD5OfMessageBody": "x"}'),
        (
            400,
            {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"},
            b'{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "No."}',
        ),
    ],
    ids=str,
)
def test_answers_of_queues_are_the_same(answer: Any, clients: Clients, wire: Wire) -> None:
    params = {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/1/q", "MessageBody": "\u00e9\u4e2d\U0001f600 '\"\\\n"}
    plain, lean = (_outcome(wire, each, "send_message", dict(params), [answer]) for each in clients["sqs"])
    assert plain == lean


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
_VALUES = st.recursive(
    st.builds(lambda each: {"S": each}, _TEXTS)
    | st.builds(lambda each: {"B": each}, st.binary(max_size=20))
    | st.builds(lambda each: {"BS": each}, st.lists(st.binary(max_size=5), min_size=1, max_size=3))
    | st.sampled_from([{"N": "1.5"}, {"NULL": True}, {"BOOL": False}, {"SS": ["a", "B"]}]),
    lambda each: (
        st.builds(lambda value: {"M": value}, st.dictionaries(_TEXTS | st.sampled_from(["B", "BS", "M"]), each))
        | st.builds(lambda value: {"L": value}, st.lists(each))
    ),
    max_leaves=8,
)


@hypothesis.given(item=st.dictionaries(_TEXTS | st.sampled_from(["B", "BS", "S"]), _VALUES, max_size=4))
@hypothesis.settings(max_examples=50, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_every_row_is_sent_and_read_the_same(item: dict[str, Any], clients: Clients, wire: Wire) -> None:
    answer: Answer = (
        200,
        {},
        json.dumps({"Attributes": item}, default=lambda raw: base64.b64encode(raw).decode()).encode(),
    )
    params = {"TableName": "t", "Item": item}
    plain, lean = (_outcome(wire, each, "put_item", dict(params), [answer]) for each in clients["dynamodb"])
    assert plain == lean
    assert plain[0]["Attributes"] == item


def test_a_request_that_only_boto3_can_write_is_left_to_it(clients: Clients, wire: Wire) -> None:
    params = {"TableName": "t", "Item": {"b": {"B": memoryview(b"x")}}}
    plain, lean = (_outcome(wire, each, "put_item", dict(params), [_OK]) for each in clients["dynamodb"])
    assert plain == lean
    assert plain[1][0][1]["Item"] == {"b": {"B": "eA=="}}


def test_a_connection_that_was_closed_while_it_waited_is_not_used_again(new_clients: Clients, wire: Wire) -> None:
    """A write that is sent over it would be lost or made twice, and nobody could say which."""
    closing = (200, {"Close": "1"}, b"{}")
    for client in new_clients["dynamodb"]:
        _, first = _outcome(wire, client, "put_item", dict(_PUT), [closing])
        wire.closed.wait()
        found, then = _outcome(wire, client, "put_item", dict(_PUT), [_OK])
        assert found["ResponseMetadata"]["RetryAttempts"] == 0
        assert len(first) == len(then) == 1


def test_threads_share_connections_and_never_replies(new_clients: Clients, wire: Wire) -> None:
    _, lean = new_clients["dynamodb"]
    wire.echo = True
    try:
        with ThreadPoolExecutor(16) as pool:
            keys = [f"row-{number}" for number in range(400)]
            found = pool.map(lambda key: lean.get_item(TableName="t", Key={"pk": {"S": key}}), keys)
            assert [each["Item"]["pk"]["S"] for each in found] == keys
    finally:
        wire.echo = False
    assert 1 <= len(lean._idle) <= 16


@pytest.mark.parametrize("fault", [ConnectionRefusedError, socket.gaierror, TimeoutError])
def test_a_service_that_can_not_be_reached_is_the_same(
    fault: type[OSError], new_clients: Clients, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(socket.socket, "connect", refuse)
    plain, lean = (_outcome(wire, each, "put_item", dict(_PUT), []) for each in new_clients["dynamodb"])
    assert plain == lean


def test_a_certificate_of_somebody_else_is_the_same(new_clients: Clients, wire: Wire) -> None:
    outcomes = []
    for client in new_clients["dynamodb"]:
        if isinstance(client, StoreClient):
            client._name, made = "elsewhere.amazonaws.com.test", client.boto3
            made._endpoint.http_session._verify = str(Path(ssl.get_default_verify_paths().openssl_cafile))
        else:
            client._endpoint.http_session._verify = str(Path(ssl.get_default_verify_paths().openssl_cafile))
        outcomes.append(_outcome(wire, client, "put_item", dict(_PUT), []))
    assert outcomes[0] == outcomes[1]


def test_quota_of_retries_is_the_same(new_clients: Clients, wire: Wire) -> None:
    attempts = []
    for client in new_clients["dynamodb"]:
        made = []
        for _ in range(40):
            _, asked = _outcome(wire, client, "put_item", dict(_PUT), [_error("InternalServerError", 500)] * 4)
            made.append(len(asked))
        attempts.append(made)
    assert attempts[0] == attempts[1]
    assert attempts[0][-1] == 1


_CLOUD = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "eu-central-1"}
_HOST = {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000", "AWS_ENDPOINT_URL_SQS": "http://queues:9324"}


@pytest.fixture
def choose(wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[dict[str, str]], bool]:
    """Return a function that says whether the lean client is used in an environment."""

    def chosen(environment: dict[str, str]) -> bool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "environ", {"HOME": str(tmp_path)} | environment)
            patch.setattr(aws, "_configured", [])
            patch.setattr(aws, "CLOUD_ROOTS", wire.authority)
            clients = [aws._lean(each) for each in ("dynamodb", "sqs")]
        assert len({each is None for each in clients}) == 1
        return clients[0] is not None

    return chosen


@pytest.mark.parametrize(
    "more",
    [
        {},
        _HOST,
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
        _HOST | {"AWS_DEFAULT_REGION": "cn-north-1"},
        {"AWS_SESSION_TOKEN": "t", "AWS_REGION": "eu-central-1", "AWS_LAMBDA_FUNCTION_NAME": "f", "no_proxy": "*"},
    ],
    ids=str,
)
def test_functions_of_the_cloud_and_local_engines_are_called_by_the_lean_client(
    choose: Callable[[dict[str, str]], bool], more: dict[str, str]
) -> None:
    assert choose(_CLOUD | more)


@pytest.mark.parametrize(
    "more",
    [
        {"FLUXDEN_STORE_CLIENT": "boto3"},
        {"FLUXDEN_TRACING": "1"},
        {"AWS_ACCESS_KEY_ID": ""},
        {"AWS_DEFAULT_REGION": ""},
        {"AWS_DEFAULT_REGION": "cn-north-1"},
        {"AWS_DEFAULT_REGION": "us-gov-west-1"},
        {"AWS_REGION": "us-east-1"},
        {"AWS_PROFILE": "desk"},
        {"AWS_ACCOUNT_ID": "1"},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_CA_BUNDLE": "/roots.pem"},
        {"REQUESTS_CA_BUNDLE": "/roots.pem"},
        {"AWS_SOMETHING_NEW": "1"},
        {"HTTPS_PROXY": "http://proxy:3128"},
        {"AWS_ENDPOINT_URL": "https://stores.example.com"},
        {"AWS_ENDPOINT_URL": "http://stores.example.com/path"},
        {"AWS_ENDPOINT_URL": "http://stores.example.com:80"},
    ],
    ids=str,
)
def test_whatever_else_is_set_boto3_is_used(choose: Callable[[dict[str, str]], bool], more: dict[str, str]) -> None:
    assert not choose(_CLOUD | more)


def test_with_a_shared_file_of_the_sdk_boto3_is_used(choose: Callable[[dict[str, str]], bool], tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").touch()
    assert not choose(_CLOUD)
