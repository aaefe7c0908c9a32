"""The end of a snooze: the delivery is back unread, and its recipient is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib import aws
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.items import to_item
from chalicelib.resources import DELIVERIES, SNOOZES, SOCKET_WORK, WEB_PUSH
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.pump import Pumps, count_messages
from tests.support.receiver import Receiver
from tests.support.sockets import Client, Sockets
from tests.support.worker_scenarios import scan_rows

EVENTS, INBOX = "/api/v1/events", "/api/v1/inbox"
# Queue messages are delayed by the engine's clock, which only the embedded engine lets a test move.
pytestmark = pytest.mark.engine("embedded")
NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def at(**ahead: float) -> str:
    return timestamp(datetime.now(UTC) + timedelta(**ahead))


def change(api: Api, desk: Desk, delivery: str, **wanted: Any) -> None:
    assert api.call("PATCH", f"{INBOX}/{delivery}", wanted, token=desk.alice_key).status == 200


def publish(api: Api, desk: Desk, **overrides: object) -> str:
    return str(api.post(EVENTS, inputs.new_event(**overrides), desk.alice).json["deliveryId"])


def connect(desk: Desk, sockets: Sockets, pump: Pumps) -> Client:
    client = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    client.posted.clear()
    return client


def snooze_rows() -> list[Any]:
    return [row for row in scan_rows(DELIVERIES) if row["sk"] == "SNOOZE"]


def test_the_recipient_is_told_in_the_second_in_which_a_snooze_ends(
    api: Api, desk: Desk, pump: Pumps, sockets: Sockets, clock: Any
) -> None:
    delivery = publish(api, desk)
    change(api, desk, delivery, read=True)
    change(api, desk, delivery, snoozedUntil=at(hours=1, seconds=30))
    client = connect(desk, sockets, pump)
    pump.run("announce_ending_snoozes")
    assert count_messages(SNOOZES) == 0

    clock.shift(timedelta(hours=1))
    pump.run("announce_ending_snoozes")
    pump.run("announce_ending_snoozes")
    assert (count_messages(SNOOZES), pump.drain(SNOOZES), client.frames) == (1, 0, [])
    clock.shift(30)
    assert pump.drain(SNOOZES) == 1
    (frame,) = client.frames
    state = {name: frame[name] for name in ("type", "deliveryId", "readAt", "archivedAt", "snoozedUntil")}
    assert state == {
        "type": "delivery_changed",
        "deliveryId": delivery,
        "readAt": None,
        "archivedAt": None,
        "snoozedUntil": None,
    }
    assert api.get(f"{INBOX}/summary", desk.alice_key).json["unread"] == 1
    assert snooze_rows() == []


def test_a_snooze_of_seconds_does_not_wait_for_the_schedule(
    api: Api, desk: Desk, pump: Pumps, sockets: Sockets, clock: Any
) -> None:
    delivery = publish(api, desk)
    change(api, desk, delivery, snoozedUntil=at(seconds=14.2))
    client = connect(desk, sockets, pump)
    clock.shift(14)
    assert pump.drain(SNOOZES) == 0
    clock.shift(1)
    assert pump.drain(SNOOZES) == 1
    assert [each["type"] for each in client.frames] == ["delivery_changed"]


@pytest.mark.parametrize(("severity", "urgency"), [("critical", "high"), ("info", "low")])
def test_a_phone_is_told_by_the_severity_of_what_comes_back(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, clock: Any, severity: str, urgency: str
) -> None:
    delivery = publish(api, desk, severity=severity)
    change(api, desk, delivery, snoozedUntil=at(seconds=20))
    assert api.post("/api/v2/push/subscriptions", {"endpoint": receiver.url}, desk.alice_key).status == 201
    clock.shift(20)
    assert (pump.drain(SNOOZES), pump.drain(WEB_PUSH)) == (1, 1)
    assert [each.headers["urgency"] for each in receiver.received] == [urgency]


@pytest.mark.parametrize("then", [{"snoozedUntil": None}, {"archived": True}, {"snoozedUntil": "later"}])
def test_a_snooze_that_its_recipient_ended_or_prolonged_tells_nothing(
    api: Api, desk: Desk, pump: Pumps, sockets: Sockets, clock: Any, then: dict[str, Any]
) -> None:
    delivery = publish(api, desk)
    change(api, desk, delivery, snoozedUntil=at(seconds=20))
    later = {"snoozedUntil": at(hours=3)} if then.get("snoozedUntil") else then
    change(api, desk, delivery, **later)
    client = connect(desk, sockets, pump)
    clock.shift(20)
    pump.drain(SNOOZES)
    pump.run("announce_ending_snoozes")
    assert (client.frames, count_messages(SNOOZES)) == ([], 0)
    assert [row["until"] for row in snooze_rows()] == [each for each in later.values() if isinstance(each, str)]


def test_a_delivery_that_was_read_after_its_snooze_stays_read(api: Api, desk: Desk, pump: Pumps, clock: Any) -> None:
    delivery = publish(api, desk)
    change(api, desk, delivery, snoozedUntil=at(seconds=20))
    clock.shift(21)
    change(api, desk, delivery, read=True)
    pump.drain(SNOOZES)
    assert api.get(f"{INBOX}/{delivery}", desk.alice_key).json["readAt"] == at()


def test_a_critical_repeat_ends_the_snooze_and_its_announcement(
    api: Api, desk: Desk, pump: Pumps, sockets: Sockets, clock: Any
) -> None:
    event = inputs.new_event(severity="critical")
    for key in (None, "again"):
        delivery = str(api.post(EVENTS, event, desk.alice).json["deliveryId"])
        change(api, desk, delivery, snoozedUntil=at(seconds=50))
        assert len(snooze_rows()) == 1
        clock.shift(10)
        assert api.post(EVENTS, event, desk.alice, key=key).status in (200, 202)
        assert snooze_rows() == []
    client = connect(desk, sockets, pump)
    clock.shift(60)
    pump.drain(SNOOZES)
    assert client.frames == []


def test_an_end_that_no_message_announced_is_announced_again(api: Api, desk: Desk, pump: Pumps, clock: Any) -> None:
    delivery = publish(api, desk)
    change(api, desk, delivery, snoozedUntil=at(minutes=20))
    clock.shift(timedelta(minutes=30))
    pump.run("announce_ending_snoozes")
    assert pump.drain(SNOOZES) == 1
    assert api.get(f"{INBOX}?view=unread", desk.alice_key).json["items"][0]["deliveryId"] == delivery


def test_snoozes_that_an_older_release_stored_end_too(api: Api, desk: Desk, pump: Pumps, clock: Any) -> None:
    delivery = publish(api, desk)
    change(api, desk, delivery, snoozedUntil=at(hours=1))
    [row] = snooze_rows()
    aws.dynamodb().put_item(TableName=DELIVERIES.physical_name, Item=to_item(row | {"dueQueue": "snoozes"}))
    clock.shift(timedelta(hours=1, seconds=1))
    pump.run("announce_ending_snoozes")
    pump.drain(SNOOZES)
    assert snooze_rows() == []
