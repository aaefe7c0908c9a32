"""An idle desk asks its engines for next to nothing, and a long poll ends with a message or with its client."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import moto.settings
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib import aws
from chalicelib.resources import CALLBACKS, FAN_OUT, Queue
from infra.local import engine, pump
from infra.queues import DEFINITIONS, visibility_timeout
from tests.system.test_pump import Worker, send

_SECONDS = 20


class EmptyQueues:
    """An engine whose queues are empty, and which answers long polls at once. It records its requests."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.changed = threading.Condition()
        engine_of_handler = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None: ...

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with engine_of_handler.changed:
                    engine_of_handler.requests.append((self.headers["X-Amz-Target"].partition(".")[2], body))
                    engine_of_handler.changed.notify_all()
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= count, _SECONDS)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def empty_queues(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmptyQueues]:
    served = EmptyQueues()
    session = boto3.Session("x", "x", region_name="us-east-1")
    client: Any = session.client("sqs", endpoint_url=served.url, config=Config(retries={"total_max_attempts": 1}))
    monkeypatch.setattr(aws, "_clients", {"sqs": client})
    monkeypatch.setattr(pump, "_polling_client", lambda: client)
    monkeypatch.setattr(pump, "queue_url", lambda name: f"{served.url}/123456789012/{name}")
    with closing(client):
        yield served
    served.stop()


@contextmanager
def running(*workers: Worker, **options: Any) -> Iterator[list[pump.Pump]]:
    pumps = pump.start(workers, **options)
    try:
        yield pumps
    finally:
        assert pump.stop(pumps, _SECONDS)


def test_an_idle_queue_costs_at_most_two_requests_a_minute() -> None:
    assert pump.WAIT_SECONDS <= 20, "SQS refuses longer polls"
    assert 60 / (pump.WAIT_SECONDS + pump.PAUSE_SECONDS) < 2


def test_a_pump_pauses_after_a_long_poll_without_messages(empty_queues: EmptyQueues) -> None:
    """Also on an engine that ends polls early: each pump has asked once, until something is sent to its queue."""
    workers = [Worker(queue=each.queue) for each in DEFINITIONS]
    with running(*workers):
        empty_queues.wait_for(len(workers))
        asked = [body for name, body in empty_queues.requests if name == "ReceiveMessage"]
        assert {each["QueueUrl"].rpartition("/")[2] for each in asked} == {each.queue.physical_name for each in workers}
        assert len(asked) == len(workers)
        assert {each["WaitTimeSeconds"] for each in asked} == {pump.WAIT_SECONDS}
        # A message that an engine gives to a process that has ended is hidden for less time than a batch may take.
        assert {each["VisibilityTimeout"] for each in asked} == {pump.CLAIM_SECONDS}
        assert all(visibility_timeout(each.queue) > pump.CLAIM_SECONDS for each in workers)

        aws.sqs().send_message(QueueUrl=f"{empty_queues.url}/1/{CALLBACKS.physical_name}", MessageBody="x")
        empty_queues.wait_for(len(workers) + 2)
        again = [body["QueueUrl"] for name, body in empty_queues.requests if name == "ReceiveMessage"][len(workers) :]
        assert [each.rpartition("/")[2] for each in again] == [CALLBACKS.physical_name]


@pytest.mark.engine("embedded")
def test_idle_queues_of_the_embedded_engine_are_not_polled(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    polled: list[str] = []
    looked = threading.Semaphore(0)
    seconds_until_message = engine.seconds_until_message

    def look(name: str) -> float | None:
        polled.append(name)
        try:
            return seconds_until_message(name)
        finally:
            looked.release()

    monkeypatch.setattr(engine, "seconds_until_message", look)
    workers = [Worker(queue=each.queue) for each in DEFINITIONS]
    with running(*workers, watch=engine):
        for _ in workers:
            assert looked.acquire(timeout=_SECONDS)
        # Each has polled once and sleeps. Only the queue with a message is looked at again.
        send("now")
        assert looked.acquire(timeout=_SECONDS)
        assert sorted(polled[: len(workers)]) == sorted(each.queue.physical_name for each in workers)
        assert set(polled[len(workers) :]) == {FAN_OUT.physical_name}


def test_a_stopped_pump_ends_its_poll_and_its_batches_before_it_is_joined(
    tables: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump, "WAIT_SECONDS", 1)
    release, begun = threading.Event(), threading.Event()

    class Slow(Worker):
        def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
            begun.set()
            release.wait(_SECONDS)
            return super().__call__(event, context)

    worker = Slow()
    (pumping,) = pump.start([worker], watch=None if engine.is_external() else engine)
    send("in work")
    assert begun.wait(_SECONDS)
    pumping.stop()
    assert not pumping.join(0.05)
    release.set()
    assert pumping.join(2 * _SECONDS)
    assert worker.bodies == ["in work"]


def test_messages_that_are_not_finished_in_time_are_given_back(tables: None) -> None:
    release, begun = threading.Event(), threading.Event()

    class Slow(Worker):
        def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
            begun.set()
            release.wait(_SECONDS)
            return super().__call__(event, context)

    (pumping,) = pump.start([Slow()], watch=None if engine.is_external() else engine)
    send("in work")
    assert begun.wait(_SECONDS)
    pumping.stop()
    assert (pumping.is_busy, pumping.finish(time.monotonic())) == (True, False)
    # Another process receives it now, and not after the time of a batch. A last poll may have it for a moment.
    url, until = aws.queue_url(FAN_OUT.physical_name), time.monotonic() + pump.CLAIM_SECONDS
    while not (received := aws.sqs().receive_message(QueueUrl=url).get("Messages", [])):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert [each["Body"] for each in received] == ["in work"]
    release.set()
    assert pumping.finish(time.monotonic() + _SECONDS)
    assert pumping.join(2 * _SECONDS)


@pytest.fixture
def outside() -> Iterator[Any]:
    """Another process's client of the embedded engine."""
    with closing(_client_outside(engine.ACCESS_KEY, engine.ACCESS_KEY)) as client:
        yield client


def _client_outside(key_id: str, secret: str) -> Any:
    session: Any = boto3.Session(key_id, secret, region_name=engine.REGION)
    return session.client(
        "sqs", endpoint_url=f"http://127.0.0.1:{engine.serve()}", config=Config(read_timeout=_SECONDS + 10)
    )


@pytest.mark.engine("embedded")
def test_a_long_poll_of_the_embedded_engine_holds_up_nothing_and_ends_with_a_message(
    tables: None, outside: Any
) -> None:
    received: list[str] = []
    url = outside.get_queue_url(QueueName=FAN_OUT.physical_name)["QueueUrl"]

    def receive() -> None:
        answer = outside.receive_message(QueueUrl=url, WaitTimeSeconds=20)
        received.extend(each["Body"] for each in answer.get("Messages", []))

    polling = threading.Thread(target=receive, daemon=True)
    polling.start()
    _wait_for_polls(FAN_OUT, 1)
    send("now")
    polling.join(_SECONDS - 5)
    assert received == ["now"]
    assert outside.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages") is None


@pytest.mark.engine("embedded")
def test_long_polls_of_this_process_hold_up_nothing_and_end_with_a_message(tables: None) -> None:
    received: list[str] = []

    def receive(queue: Queue) -> None:
        answer = aws.sqs().receive_message(QueueUrl=aws.queue_url(queue.physical_name), WaitTimeSeconds=20)
        received.extend(each["Body"] for each in answer.get("Messages", []))

    polling = [threading.Thread(target=receive, args=(each.queue,), daemon=True) for each in DEFINITIONS]
    for each in polling:
        each.start()
    for definition in DEFINITIONS:
        _wait_for_polls(definition.queue, 1)
    # None of these would be answered before the polls are over if one of them held the engine's lock.
    for number, definition in enumerate(DEFINITIONS):
        aws.sqs().send_message(QueueUrl=aws.queue_url(definition.queue.physical_name), MessageBody=str(number))
    for each in polling:
        each.join(_SECONDS - 5)
    assert sorted(received) == sorted(map(str, range(len(DEFINITIONS))))


@pytest.mark.engine("embedded")
def test_a_long_poll_of_the_embedded_engine_is_checked_as_its_client_signed_it(
    tables: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Any = aws.session()
    iam = made.client("iam")
    statement = {"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}
    iam.create_user(UserName="poller")
    iam.put_user_policy(
        UserName="poller",
        PolicyName="role",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    key = iam.create_access_key(UserName="poller")["AccessKey"]
    url = aws.queue_url(FAN_OUT.physical_name)
    send("for the poller")
    monkeypatch.setattr(moto.settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0)
    with closing(_client_outside(key["AccessKeyId"], key["SecretAccessKey"])) as client:
        assert [each["Body"] for each in client.receive_message(QueueUrl=url, WaitTimeSeconds=1)["Messages"]] == [
            "for the poller"
        ]
        assert client.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages") is None
    with (
        closing(_client_outside(key["AccessKeyId"], "another secret")) as client,
        pytest.raises(ClientError, match="SignatureDoesNotMatch"),
    ):
        client.receive_message(QueueUrl=url, WaitTimeSeconds=1)


@pytest.mark.engine("embedded")
def test_a_long_poll_whose_client_has_left_takes_no_message(tables: None) -> None:
    port = engine.serve()
    client: Any = boto3.Session(engine.ACCESS_KEY, engine.ACCESS_KEY, region_name=engine.REGION).client(
        "sqs",
        endpoint_url=f"http://127.0.0.1:{port}",
        config=Config(read_timeout=1, retries={"total_max_attempts": 1}),
    )
    with closing(client), pytest.raises(Exception, match="timeout"):
        client.receive_message(QueueUrl=aws.queue_url(FAN_OUT.physical_name), WaitTimeSeconds=20)
    send("for the next")
    _wait_for_polls(FAN_OUT, 0)
    received = aws.sqs().receive_message(QueueUrl=aws.queue_url(FAN_OUT.physical_name))["Messages"]
    assert [each["Body"] for each in received] == ["for the next"]


def _wait_for_polls(queue: Queue, count: int) -> None:
    deadline = time.monotonic() + _SECONDS
    while engine._polls.count(queue.physical_name) != count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
