"""The worker behind clicks: what it sends, when it tries again, and that it never sends twice at once."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import time_machine
from standardwebhooks import Webhook

from chalicelib import aws
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.domain.retries import CALLBACK_RETRIES, JITTER
from chalicelib.inbox.domain.callbacks import CallbackJob
from chalicelib.inbox.gateways.callbacks import CALLBACK_JOBS
from chalicelib.inbox.stores.signing_secrets import DynamoSigningSecrets
from chalicelib.resources import CALLBACKS, DELIVERIES
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.pump import Pumps, count_messages
from tests.support.raw_server import RawServer
from tests.support.receiver import Receiver

EVENTS, INBOX = "/api/v1/events", "/api/v1/inbox"
NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def _even(monkeypatch: pytest.MonkeyPatch) -> None:
    """No jitter, so that the ladder's steps can be told exactly."""
    monkeypatch.setattr("chalicelib.queues.callbacks.JITTER", 0.0)


def clicked(api: Api, desk: Desk, receiver: Receiver | RawServer, **event: Any) -> str:
    """Publish an event with a button that calls the receiver, and click it; its id."""
    button = {"label": "Approve", "action_type": "webhook", "webhook_url": receiver.url}
    sent = api.post(EVENTS, inputs.new_event(actions=[button], **event), desk.alice)
    delivery = str(sent.json["deliveryId"])
    assert api.post(f"{INBOX}/{delivery}/actions/0", None, desk.alice_key).status == 202
    return delivery


def get_action(api: Api, desk: Desk, delivery: str) -> dict[str, Any]:
    """The button as the recipient sees it, which is as the sender sees it."""
    (action,) = api.get(f"{INBOX}/{delivery}", desk.alice_key).json["actions"]
    assert api.get(f"{EVENTS}/{delivery}", desk.alice).json["actions"] == [action]
    return dict(action)


def row(delivery: str) -> dict[str, Any]:
    key = {"pk": {"S": delivery}, "sk": {"S": "ACTION#0"}}
    return dict(aws.dynamodb().get_item(TableName=DELIVERIES.physical_name, Key=key)["Item"])


def announce(delivery: str) -> None:
    CALLBACK_JOBS.announce(CallbackJob(delivery_id=delivery, index=0))


def test_the_source_system_learns_of_the_click(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    delivery = clicked(api, desk, receiver, event_id="ev-1")
    assert pump.drain(CALLBACKS) == 1

    (sent,) = receiver.received
    assert (sent.method, sent.path) == ("POST", "/hook")
    assert sent.headers["content-type"] == "application/json"
    said = Webhook(DynamoSigningSecrets().get("fd1").current).verify(sent.body, sent.headers)
    assert said.pop("timestamp") == row(delivery)["clickedAt"]["S"]
    assert said == {
        "type": "action.clicked",
        "data": {
            "actionId": sent.headers["webhook-id"],
            "deliveryId": delivery,
            "eventId": "ev-1",
            "eventType": "fd1.repo.access_granted",
            "index": 0,
            "label": "Approve",
            "integrator": "fd1",
            "clickedBy": {"userId": desk.user_id("alice"), "email": "alice@example.com"},
        },
    }
    action = get_action(api, desk, delivery)
    (attempt,) = action["attempts"]
    assert (action["outcome"], attempt["status"], attempt["error"]) == ("delivered", 204, None)
    assert attempt["nextAttemptAt"] is None
    again = api.post(f"{INBOX}/{delivery}/actions/0", None, desk.alice_key)
    assert (again.json["actionId"], again.json["status"]) == (sent.headers["webhook-id"], "delivered")
    assert "dueQueue" not in row(delivery)


def test_callback_has_the_request_id_of_the_click(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    button = {"label": "x", "action_type": "webhook", "webhook_url": f"{receiver.url}?a=%20b&c"}
    delivery = api.post(EVENTS, inputs.new_event(actions=[button]), desk.alice).json["deliveryId"]
    path = f"{INBOX}/{delivery}/actions/0"
    api.post(path, None, desk.alice_key, headers={"X-Request-Id": "click-1"})
    pump.drain(CALLBACKS)
    assert receiver.received[0].headers["x-request-id"] == "click-1"
    assert receiver.received[0].headers["host"] == f"127.0.0.1:{receiver.port}"
    assert receiver.received[0].path == "/hook?a=%20b&c"


def test_after_a_rotation_receivers_with_either_secret_verify(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    before = DynamoSigningSecrets().get("fd1").current
    after = DynamoSigningSecrets().rotate("fd1", now=datetime.now(UTC)).current
    clicked(api, desk, receiver)
    pump.drain(CALLBACKS)
    (sent,) = receiver.received
    for known in (before, after):
        assert Webhook(known).verify(sent.body, sent.headers)
    rotated = DynamoSigningSecrets().rotate("fd1", now=datetime.now(UTC) - timedelta(hours=24))
    clicked(api, desk, receiver)
    pump.drain(CALLBACKS)
    assert Webhook(rotated.current).verify(receiver.received[1].body, receiver.received[1].headers)
    assert len(receiver.received[1].headers["webhook-signature"].split()) == 1


@pytest.mark.engine("embedded")  # its queue's clock can be moved
@pytest.mark.usefixtures("_even")
def test_failing_receiver_gets_every_attempt_of_the_ladder(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    receiver.status, receiver.body = 503, b"  down for\n maintenance "
    delivery = clicked(api, desk, receiver)
    expected = NOON
    for number, wait in enumerate(CALLBACK_RETRIES.waits, 1):
        expected += wait
        # A little early nothing happens; then the message, or for long waits the due index, has it made.
        if wait:
            clock.move_to(expected - timedelta(seconds=2))
            pump.run("announce_due_callbacks")
            pump.drain(CALLBACKS)
            assert len(receiver.received) == number - 1
        clock.move_to(expected)
        pump.run("announce_due_callbacks")
        assert pump.drain(CALLBACKS) == 1
        action = get_action(api, desk, delivery)
        assert len(action["attempts"]) == len(receiver.received) == number
        attempt = action["attempts"][-1]
        assert parse_timestamp(attempt["at"]) == expected
        assert (attempt["status"], attempt["error"]) == (503, "answered 503: down for maintenance")
        if number < len(CALLBACK_RETRIES.waits):
            assert action["outcome"] == "pending"
            assert parse_timestamp(attempt["nextAttemptAt"]) == expected + CALLBACK_RETRIES.waits[number]
    assert (action["outcome"], attempt["nextAttemptAt"]) == ("failed", None)
    assert number == len(CALLBACK_RETRIES.waits)
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
    assert len({each.headers["webhook-signature"] for each in receiver.received}) == number

    clock.shift(timedelta(days=30))
    pump.run("announce_due_callbacks")
    announce(delivery)
    pump.drain(CALLBACKS)
    assert len(receiver.received) == number


@pytest.mark.engine("embedded")  # its queue's clock can be moved
def test_a_receiver_that_recovers_gets_the_callback(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    receiver.status = 500
    delivery = clicked(api, desk, receiver)
    pump.drain(CALLBACKS)
    receiver.status = 200
    clock.shift(CALLBACK_RETRIES.waits[1] * (1 + JITTER) + timedelta(seconds=1))
    assert pump.drain(CALLBACKS) == 1
    action = get_action(api, desk, delivery)
    assert action["outcome"] == "delivered"
    assert [each["status"] for each in action["attempts"]] == [500, 200]
    assert [each["nextAttemptAt"] is None for each in action["attempts"]] == [False, True]


def test_status_410_ends_the_attempts(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    receiver.status = 410
    delivery = clicked(api, desk, receiver)
    pump.drain(CALLBACKS)
    assert get_action(api, desk, delivery)["outcome"] == "gone"
    assert count_messages(CALLBACKS) == 0
    clock.shift(timedelta(days=2))
    pump.run("announce_due_callbacks")
    assert pump.drain(CALLBACKS) == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, status: int
) -> None:
    receiver.status, receiver.headers = status, {"Location": f"{receiver.url}/elsewhere"}
    delivery = clicked(api, desk, receiver)
    pump.drain(CALLBACKS)
    (attempt,) = get_action(api, desk, delivery)["attempts"]
    assert attempt["error"] == f"answered {status}; redirects are not followed"
    assert [each.path for each in receiver.received] == ["/hook"]


@pytest.mark.engine("embedded")  # its queue's clock can be moved
@pytest.mark.usefixtures("_even")
def test_retry_after_is_respected_if_it_is_longer(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": "120"}
    delivery = clicked(api, desk, receiver)
    pump.drain(CALLBACKS)
    assert parse_timestamp(get_action(api, desk, delivery)["attempts"][0]["nextAttemptAt"]) == NOON + timedelta(
        minutes=2
    )
    receiver.headers = {"Retry-After": format_datetime(NOON + timedelta(hours=3), usegmt=True)}
    clock.shift(timedelta(minutes=2))
    pump.drain(CALLBACKS)
    assert parse_timestamp(get_action(api, desk, delivery)["attempts"][1]["nextAttemptAt"]) == NOON + timedelta(hours=3)
    assert count_messages(CALLBACKS) == 0, "too long for a message: the due index has it"
    receiver.status, receiver.headers = 200, {}
    clock.shift(timedelta(hours=3))
    pump.run("announce_due_callbacks")
    pump.drain(CALLBACKS)
    assert get_action(api, desk, delivery)["outcome"] == "delivered"


@pytest.mark.usefixtures("receiver")
def test_receiver_that_accepts_in_an_unusual_form_is_called_once(
    api: Api, desk: Desk, pump: Pumps, clock: time_machine.Traveller
) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    with RawServer([hints, hints, b"HTTP/1.1 200\n", b"x: y\n" * 300, b"\n"]) as receiver:
        delivery = clicked(api, desk, receiver)
        pump.drain(CALLBACKS)
        clock.shift(timedelta(days=4))
        pump.run("announce_due_callbacks")
        pump.drain(CALLBACKS)
        assert len(receiver.requests) == 1
    assert (get_action(api, desk, delivery)["outcome"], len(get_action(api, desk, delivery)["attempts"])) == (
        "delivered",
        1,
    )


@pytest.mark.usefixtures("receiver")
def test_error_in_another_charset_is_shown_as_text(api: Api, desk: Desk, pump: Pumps) -> None:
    head = b"HTTP/1.1 500 X\r\nContent-Type: text/plain; charset=gbk\r\n\r\n"
    with RawServer([head, "请求被拒绝".encode("gbk")]) as receiver:
        delivery = clicked(api, desk, receiver)
        pump.drain(CALLBACKS)
    assert get_action(api, desk, delivery)["attempts"][0]["error"] == "answered 500: 请求被拒绝"


def test_unreachable_receiver_is_a_failed_attempt(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    delivery = clicked(api, desk, receiver)
    receiver.__exit__()
    pump.drain(CALLBACKS)
    action = get_action(api, desk, delivery)
    (attempt,) = action["attempts"]
    assert (action["outcome"], attempt["status"]) == ("pending", None)
    assert attempt["error"] == "the connection was refused or timed out"
    assert count_messages(CALLBACKS.dead_letters) == 0


def test_repeated_messages_make_one_attempt(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    delivery = clicked(api, desk, receiver)
    for _ in range(5):
        announce(delivery)
    assert pump.drain(CALLBACKS) == 6
    assert len(receiver.received) == 1
    assert pump.calls[:5] == ["Query", "GetItem", "GetItem", "PutItem", "BatchGetItem"]
    assert pump.calls[5:] == ["UpdateItem", "UpdateItem", "Query", *["Query"] * 5]


def test_messages_worked_on_at_the_same_time_make_one_attempt(api: Api, desk: Desk, receiver: Receiver) -> None:
    delivery = clicked(api, desk, receiver)
    release = threading.Event()
    receiver.before = lambda: release.wait(5)
    pumps = [Pumps() for _ in range(6)]
    for _ in range(5):
        announce(delivery)
    threading.Timer(0.5, release.set).start()
    assert sum(run_concurrently(6, lambda number: pumps[number].drain(CALLBACKS))) == 6
    assert len(receiver.received) == 1
    assert len(get_action(api, desk, delivery)["attempts"]) == 1


def test_a_worker_that_dies_before_recording_repeats_the_attempt_under_the_same_id(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    delivery = clicked(api, desk, receiver)

    def die(params: Any, **_: object) -> None:
        if b"list_append" in json.dumps(params, default=str).encode():
            raise ConnectionError("the store is down")

    events = aws.dynamodb().meta.events
    events.register("before-parameter-build.dynamodb.UpdateItem", die)
    try:
        assert pump.drain(CALLBACKS) == 1
    finally:
        events.unregister("before-parameter-build.dynamodb.UpdateItem", die)
    assert (len(receiver.received), get_action(api, desk, delivery)["attempts"]) == (1, [])
    clock.shift(timedelta(seconds=30))
    pump.drain(CALLBACKS)
    assert len(receiver.received) == 1, "the lease still runs"

    clock.shift(timedelta(seconds=31))
    pump.run("announce_due_callbacks")
    pump.drain(CALLBACKS)
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert len(get_action(api, desk, delivery)["attempts"]) == 1


@pytest.mark.usefixtures("_retry_immediately")
def test_message_goes_to_the_dead_letters_if_a_store_stays_down(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    delivery = clicked(api, desk, receiver)

    def fail(**_: object) -> None:
        raise ConnectionError("the store is down")

    events = aws.dynamodb().meta.events
    events.register("before-call.dynamodb.Query", fail)
    try:
        for _ in range(6):
            pump.drain(CALLBACKS)
            clock.shift(timedelta(seconds=10))
    finally:
        events.unregister("before-call.dynamodb.Query", fail)
    assert (count_messages(CALLBACKS), count_messages(CALLBACKS.dead_letters)) == (0, 1)
    assert receiver.received == []
    pump.run("announce_due_callbacks")
    pump.drain(CALLBACKS)
    assert get_action(api, desk, delivery)["outcome"] == "delivered"


def test_messages_without_a_click_are_ignored(api: Api, desk: Desk, pump: Pumps) -> None:
    plain = api.post(EVENTS, inputs.new_event(), desk.alice).json["deliveryId"]
    for each in (plain, inputs.uuid(1)):
        announce(each)
    assert pump.drain(CALLBACKS) == 2
    assert count_messages(CALLBACKS) == 0


def test_overlapping_runs_of_the_schedule_announce_each_attempt_once(
    api: Api, desk: Desk, receiver: Receiver, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    pump = Pumps()
    monkeypatch.setattr("chalicelib.core.services.due._PAGE", 4)
    ids = [clicked(api, desk, receiver) for _ in range(13)]
    url = aws.queue_url(CALLBACKS.physical_name)
    aws.sqs().purge_queue(QueueUrl=url)
    clock.shift(timedelta(minutes=2))
    run_concurrently(3, lambda _: Pumps().run("announce_due_callbacks"))
    assert count_messages(CALLBACKS) == 13
    pump.run("announce_due_callbacks")
    assert count_messages(CALLBACKS) == 13
    assert pump.drain(CALLBACKS) == 13
    assert {json.loads(each.body)["data"]["deliveryId"] for each in receiver.received} == set(ids)
    assert len(receiver.received) == 13


def test_an_attempt_takes_six_calls_and_one_to_announce_the_next_or_to_see_who_listens(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    DynamoSigningSecrets().get("fd1")
    clicked(api, desk, receiver)
    pump.drain(CALLBACKS)
    attempt = ["Query", "GetItem", "GetItem", "BatchGetItem", "UpdateItem", "UpdateItem"]
    assert pump.calls == [*attempt, "Query"]
    receiver.status = 500
    clicked(api, desk, receiver)
    pump.drain(CALLBACKS)
    assert pump.calls == [*attempt, "SendMessage", "PutItem"], "the endpoint begins to fail"
