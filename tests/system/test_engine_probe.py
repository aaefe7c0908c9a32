"""The container host asks its engines for what the desk needs, and names the call that one lacks."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from chalicelib import aws
from infra.container import probe
from infra.local import engine
from tests.conftest import Desk
from tests.support import engine_state
from tests.support.faults import action_of, error_response
from tests.support.started_desk import HOST, ROOT, SHELL, free_ports

pytestmark = pytest.mark.engine("embedded")

Change = Callable[[str, dict[str, Any]], None]


@contextmanager
def lacking(*calls: str, change: Change = lambda *_: None) -> Iterator[None]:
    """Answer as an engine that does not know these calls, and to which `change` happens to every request."""

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        action = action_of(request)
        if action in calls:
            return error_response(request, 400, "UnknownOperationException")
        parameters = json.loads(request.body)  # type: ignore[arg-type]
        change(action, parameters)
        request.body = json.dumps(parameters).encode()
        return engine.answer_request(request)

    for client in (aws.dynamodb(), aws.sqs()):
        client.meta.events.unregister("before-send", unique_id="engine")
        client.meta.events.register("before-send", answer, unique_id="lacking")  # type: ignore[arg-type]
    try:
        yield
    finally:
        for client in (aws.dynamodb(), aws.sqs()):
            client.meta.events.unregister("before-send", unique_id="lacking")
            client.meta.events.register("before-send", engine.answer_request, unique_id="engine")  # type: ignore[arg-type]


def drop(action: str, *members: str) -> Change:
    """Ignore these members of a call, as an engine that does not know them."""

    def change(asked: str, parameters: dict[str, Any]) -> None:
        if asked == action:
            for each in members:
                parameters.pop(each, None)

    return change


def test_our_engines_have_what_the_desk_needs_and_nothing_is_left(tables: None) -> None:
    before = list(engine_state.engine().rows())
    assert probe.find_unknown_calls() == []
    assert probe.find_missing_calls() == []
    assert probe.find_missing_queue_calls() == []
    assert probe.find_missing_redrives() == []
    assert list(engine_state.engine().rows()) == before
    assert not [each for each in aws.sqs().list_queues()["QueueUrls"] if "probe" in each]


@pytest.mark.parametrize("call", ["TransactWriteItems", "DescribeTimeToLive", "UpdateTimeToLive"])
def test_an_unknown_call_is_named_before_tables_exist(tables: None, call: str) -> None:
    engine.reset()
    with lacking(call):
        (missing,) = probe.find_unknown_calls()
    assert missing.startswith(f"{call}: ")
    assert "UnknownOperationException" in missing


@pytest.mark.parametrize(
    "call",
    ["PutItem", "UpdateItem", "BatchGetItem", "BatchWriteItem", "TransactWriteItems", "Query", "DescribeTimeToLive"],
)
def test_every_unknown_call_of_the_store_is_named(tables: None, call: str) -> None:
    with lacking(call):
        assert any(call in each for each in probe.find_missing_calls())


@pytest.mark.parametrize(
    ("action", "members", "named", "reason"),
    [
        ("PutItem", ["ConditionExpression"], "PutItem with a condition", "the condition is ignored"),
        ("PutItem", ["ReturnValuesOnConditionCheckFailure"], "PutItem with a condition", "ALL_OLD"),
        ("UpdateItem", ["ReturnValues"], "UpdateItem", "is not returned"),
        ("Query", ["ScanIndexForward"], "Query", "in its order"),
        ("Query", ["FilterExpression", "ScanIndexForward"], "Query", "in its order"),
    ],
)
def test_a_call_that_ignores_a_part_is_named(
    tables: None, action: str, members: list[str], named: str, reason: str
) -> None:
    with lacking(change=drop(action, *members)):
        missing = probe.find_missing_calls()
    assert any(each.startswith(f"{named}: ") and reason in each for each in missing), missing


def test_a_transaction_that_ignores_its_conditions_is_named(tables: None) -> None:
    def change(action: str, parameters: dict[str, Any]) -> None:
        if action == "TransactWriteItems":
            parameters["TransactItems"] = [each for each in parameters["TransactItems"] if "ConditionCheck" not in each]

    with lacking(change=change):
        (missing,) = probe.find_missing_calls()
    assert missing == "TransactWriteItems with a condition that fails: the condition is ignored."


@pytest.mark.parametrize(
    ("action", "members", "named"),
    [
        ("ReceiveMessage", ["WaitTimeSeconds"], "ReceiveMessage with WaitTimeSeconds"),
        ("CreateQueue", ["Attributes"], "RedrivePolicy"),
        ("ReceiveMessage", ["MessageSystemAttributeNames"], "SendMessageBatch and ReceiveMessage"),
    ],
)
def test_a_queue_that_ignores_a_part_is_named(tables: None, action: str, members: list[str], named: str) -> None:
    with lacking(change=drop(action, *members)):
        (missing,) = probe.find_missing_queue_calls()
    assert missing.startswith(f"{named}: ")


@pytest.mark.parametrize("call", ["SendMessageBatch", "ChangeMessageVisibility", "CreateQueue"])
def test_an_unknown_call_of_the_queues_is_named(tables: None, call: str) -> None:
    with lacking(call):
        (missing,) = probe.find_missing_queue_calls()
    assert call in missing


def test_queues_without_dead_letters_are_named(tables: None) -> None:
    for url in aws.sqs().list_queues()["QueueUrls"]:
        aws.sqs().set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert [each.partition(":")[0] for each in probe.find_missing_redrives()][:1] == ["RedrivePolicy of fan-out"]


class _Alternator(BaseHTTPRequestHandler):
    """Knows every call but transactions, and has no table yet."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        known = not self.headers["X-Amz-Target"].endswith(".TransactWriteItems")
        code = "ResourceNotFoundException" if known else "UnknownOperationException"
        body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no"}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def start(tmp_path: Path, store: str, queues: str) -> subprocess.CompletedProcess[str]:
    environment = SHELL | engine.environment()
    del environment["AWS_ENDPOINT_URL"]
    environment |= {"AWS_ENDPOINT_URL_DYNAMODB": store, "AWS_ENDPOINT_URL_SQS": queues}
    environment |= {"FLUXDEN_SECRET_KEY": os.environ["FLUXDEN_SECRET_KEY"]}
    return subprocess.run(
        [sys.executable, "-m", "infra.container"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_container_does_not_start_on_a_store_without_transactions(desk: Desk, tmp_path: Path) -> None:
    server = ThreadingHTTPServer((HOST, 0), _Alternator)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        url = f"http://{HOST}:{server.server_port}"
        done = start(tmp_path, url, url)
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 1
    assert "Error: The engines lack what the desk needs" in done.stderr
    assert "TransactWriteItems: " in done.stderr
    assert "DescribeTimeToLive" not in done.stderr


def test_a_container_does_not_start_without_engines(desk: Desk, tmp_path: Path) -> None:
    port, _ = free_ports()
    done = start(tmp_path, f"http://{HOST}:{port}", f"http://{HOST}:{port}")
    assert done.returncode == 1
    assert "Error: Can't use the engines: " in done.stderr
    assert "Traceback" not in done.stderr
