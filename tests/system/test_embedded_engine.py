"""The embedded engine: its writes are atomic, and nothing leaves the machine."""

import functools
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from threading import Thread
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib import aws
from chalicelib.resources import BOARD, TOKENS
from infra.local import engine
from tests.support.concurrency import run_concurrently

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.engine("embedded")

CALLERS = 16


@pytest.fixture
def _frequent_thread_switches() -> Iterator[None]:
    """Switch threads so often that a write in two steps is interrupted."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(usual)


@pytest.fixture(scope="module")
def port() -> int:
    """Return the port on which the engine serves other processes."""
    return engine.serve()


@pytest.fixture
def outside_client(port: int) -> Iterator["DynamoDBClient"]:
    """Return a client as another process uses it."""
    client: Any = boto3.Session().client(
        "dynamodb",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name=engine.REGION,
        aws_access_key_id=engine.ACCESS_KEY,
        aws_secret_access_key=engine.ACCESS_KEY,
    )
    with closing(client):
        yield client


@pytest.fixture
def unreachable_server() -> Iterator[socket.socket]:
    """A server that no request may reach."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        listening.setblocking(False)
        yield listening
        with pytest.raises(BlockingIOError):
            listening.accept()


@pytest.fixture
def _reset_engine_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset the process to the state before the engine was embedded."""
    for name in ("session", "core_session"):
        monkeypatch.setattr(aws, name, functools.cache(getattr(aws, name).__wrapped__))
    monkeypatch.setattr(aws, "_clients", {})
    monkeypatch.setattr(aws, "_configured", [])


@pytest.mark.usefixtures("tables", "_frequent_thread_switches")
def test_exactly_one_of_concurrent_conditional_puts_succeeds() -> None:
    clients = [aws.dynamodb()] * CALLERS
    assert _winners(40, lambda number, key: _put(clients[number], key)) == [1] * 40


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("flaw", ["condition", "twice", "expression"])
def test_a_transaction_that_fails_leaves_every_row_as_it_was(flaw: str) -> None:
    for table, key in ((TOKENS, {"pk": {"S": "kept"}}), (BOARD, {"pk": {"S": "kept"}, "sk": {"S": "kept"}})):
        row: Any = {**key, "list": {"L": [{"N": "1"}]}}
        aws.dynamodb().put_item(TableName=table.physical_name, Item=row)
    before = _all_rows()
    change = {"UpdateExpression": "SET #list[0] = :two", "ExpressionAttributeNames": {"#list": "list"}}
    values: Any = {"ExpressionAttributeValues": {":two": {"N": "2"}}}
    token: Any = {"TableName": TOKENS.physical_name}
    card: Any = {"TableName": BOARD.physical_name}
    last: dict[str, Any] = {
        "condition": {"Put": {**token, "Item": {"pk": {"S": "x"}}, "ConditionExpression": "attribute_exists(pk)"}},
        "twice": {"Delete": {**token, "Key": {"pk": {"S": "kept"}}}},
        "expression": {"Update": {**token, "Key": {"pk": {"S": "x"}}, **change}},
    }
    members: Any = [
        {"Update": {**token, "Key": {"pk": {"S": "kept"}}, **change, **values}},
        {"Delete": {**card, "Key": {"pk": {"S": "kept"}, "sk": {"S": "kept"}}}},
        {"Put": {**card, "Item": {"pk": {"S": "new"}, "sk": {"S": "new"}}}},
        {"Put": {**token, "Item": {"pk": {"S": "new"}}}},
        last[flaw],
    ]
    with pytest.raises(ClientError):
        aws.dynamodb().transact_write_items(TransactItems=members)
    assert _all_rows() == before
    aws.dynamodb().transact_write_items(TransactItems=members[:4])
    assert _all_rows() != before


def _all_rows() -> list[Any]:
    return [aws.dynamodb().scan(TableName=table.physical_name)["Items"] for table in (TOKENS, BOARD)]


@pytest.mark.usefixtures("tables", "_frequent_thread_switches")
def test_exactly_one_of_concurrent_conditional_updates_succeeds() -> None:
    clients = [aws.dynamodb()] * CALLERS
    for number in range(50):
        _put(clients[0], f"row-{number}")
    assert _winners(50, lambda number, key: _claim(clients[number], key, str(number))) == [1] * 50


@pytest.mark.usefixtures("tables", "_frequent_thread_switches")
def test_calls_from_inside_and_from_outside_exclude_each_other(outside_client: "DynamoDBClient") -> None:
    clients = [aws.dynamodb(), outside_client] * (CALLERS // 2)
    assert _winners(20, lambda number, key: _put(clients[number], key)) == [1] * 20
    assert _winners(20, lambda number, key: _claim(clients[number], key, str(number))) == [1] * 20


@pytest.mark.usefixtures("tables", "_frequent_thread_switches")
def test_no_concurrent_count_from_inside_or_outside_is_lost(outside_client: "DynamoDBClient") -> None:
    clients = [aws.dynamodb(), outside_client] * (CALLERS // 2)

    def count(number: int) -> None:
        for _ in range(10):
            clients[number].update_item(
                TableName=TOKENS.physical_name,
                Key={"pk": {"S": "counter"}},
                UpdateExpression="ADD useCount :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    run_concurrently(CALLERS, count)
    for client in (aws.dynamodb(), outside_client):
        row = client.get_item(TableName=TOKENS.physical_name, Key={"pk": {"S": "counter"}}, ConsistentRead=True)
        assert row["Item"]["useCount"] == {"N": str(CALLERS * 10)}


@pytest.mark.usefixtures("tables")
def test_a_stalled_outside_client_does_not_block_others(port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port))) as stalled:
        stalled.sendall(
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 100\r\n"
            b"X-Amz-Target: DynamoDB_20120810.ListTables\r\nAuthorization: AWS4-HMAC-SHA256 "
            b"Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n{"
        )
        call = Thread(target=_send_requests_for_a_while, daemon=True)
        call.start()
        call.join(60)
        held_up = call.is_alive()
    call.join(5)
    assert not held_up


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Host": "10.0.0.7"},
        {"Host": "[::1"},
        {"Host": ""},
    ],
)
def test_a_web_page_reaches_no_row_of_the_engine(port: int, headers: dict[str, str]) -> None:
    assert _list_tables(port, headers) == (403, b"")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:4566", "LOCALHOST", "[::1]:8000", "127.8.0.1:80"])
def test_a_client_that_calls_the_engine_by_a_loopback_address_is_answered(port: int, host: str) -> None:
    status, body = _list_tables(port, {"Host": host})
    assert (status, b"TableNames" in body) == (200, True)


def test_a_call_to_an_address_that_is_not_aws_is_refused(unreachable_server: socket.socket) -> None:
    address = f"http://127.0.0.1:{unreachable_server.getsockname()[1]}"
    client: Any = aws.session().client("dynamodb", endpoint_url=address)
    with pytest.raises(RuntimeError, match="does not serve http://127"):
        client.list_tables()


def test_a_call_to_a_service_the_engine_lacks_fails_without_leaving_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    client: Any = aws.session().client("gamelift")
    monkeypatch.setattr(socket, "create_connection", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    with pytest.raises((RuntimeError, ClientError), match=r"does not know|Not yet implemented"):
        client.list_fleets()


@pytest.mark.usefixtures("_reset_engine_state")
def test_the_endpoint_that_the_environment_names_is_ignored(
    unreachable_server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unreachable_server.getsockname()[1]}")
    engine.embed()
    assert "127.0.0.1" not in aws.dynamodb().meta.endpoint_url
    assert aws.dynamodb().list_tables()["TableNames"] is not None


@pytest.mark.usefixtures("_reset_engine_state")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_PROFILE", "of-somebody-else"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ("AWS_ENDPOINT_DISCOVERY_ENABLED", "true"),
    ],
)
def test_aws_settings_of_the_environment_are_ignored(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    engine.embed()
    assert aws.dynamodb().meta.region_name == engine.REGION
    assert aws.dynamodb().list_tables()["TableNames"] is not None


def _winners(rounds: int, call: Callable[[int, str], bool]) -> list[int]:
    """Return how many concurrent calls succeeded in each round. Each round has its own row."""

    def round_of(key: str) -> int:
        return sum(run_concurrently(CALLERS, lambda number: call(number, key)))

    return [round_of(f"row-{number}") for number in range(rounds)]


def _put(client: "DynamoDBClient", key: str) -> bool:
    try:
        client.put_item(
            TableName=TOKENS.physical_name, Item={"pk": {"S": key}}, ConditionExpression="attribute_not_exists(pk)"
        )
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _claim(client: "DynamoDBClient", key: str, owner: str) -> bool:
    try:
        client.update_item(
            TableName=TOKENS.physical_name,
            Key={"pk": {"S": key}},
            UpdateExpression="SET claimedBy = :owner",
            ConditionExpression="attribute_exists(pk) AND attribute_not_exists(claimedBy)",
            ExpressionAttributeValues={":owner": {"S": owner}},
        )
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _send_requests_for_a_while() -> None:
    for _ in range(10):
        aws.dynamodb().list_tables()
        time.sleep(0.05)


def _list_tables(port: int, headers: dict[str, str]) -> tuple[int, bytes]:
    target = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
    signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential=local/20261130/{engine.REGION}/dynamodb/aws4_request"}
    with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("POST", "/", body=b"{}", headers={**target, **signed, **headers})
        reply = connection.getresponse()
        return reply.status, reply.read()
