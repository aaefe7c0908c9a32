"""Repeats of an event: when it was sent last, and how they bring back what its recipient has read."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import aws
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.delivery_responses import from_snapshot, to_response, to_snapshot
from chalicelib.inbox.domain.inbox_states import is_snoozed, return_to_inbox
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.resources import DELIVERIES, FAN_OUT, REACH, SOCKET_WORK, WEB_PUSH
from tests.conftest import Desk
from tests.live.test_push import subscribe
from tests.support import inputs
from tests.support.api import Api
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.sockets import Sockets
from tests.tasks.test_confirmations import decide as decide_on

EVENTS, INBOX, PREFERENCES = "/api/v1/events", "/api/v1/inbox", "/api/v1/me/preferences"
NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)
LATER = "2026-05-21T12:01:00.000Z"
WAYS = ["plain", "keyed", "bulk", "over the limit"]
Send = Callable[[], None]


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture(params=WAYS)
def send(request: pytest.FixtureRequest, api: Api, desk: Desk, pump: Pumps, monkeypatch: pytest.MonkeyPatch) -> Send:
    """Sends one event, each time in the same way."""
    event, way = inputs.new_event(), request.param
    if way == "over the limit":
        monkeypatch.setenv("FLUXDEN_DEMO_DAILY_LIMIT", "1")

    def make() -> None:
        if way == "bulk":
            to = [{"type": "email", "email": "alice@example.com"}]
            assert api.post(f"{EVENTS}/bulk", {"recipients": to, "event": event}, desk.fd1).status == 202
            pump.drain(FAN_OUT)
        else:
            key = {"key": str(inputs.ago())} if way == "keyed" else {}
            assert api.post(EVENTS, event, desk.alice, **key).status in (200, 202)

    return make


def listed(api: Api, desk: Desk, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.get(f"{INBOX}?{query}", desk.alice_key).json["items"]
    return items


def mark_read(api: Api, desk: Desk, delivery: str) -> None:
    assert api.call("PATCH", f"{INBOX}/{delivery}", {"read": True}, token=desk.alice_key).status == 200


def prefer(api: Api, desk: Desk, **wanted: Any) -> None:
    version = api.get(PREFERENCES, desk.alice_key).json["version"]
    assert api.call("PUT", PREFERENCES, wanted | {"version": version}, token=desk.alice_key).status == 200


def test_every_send_is_the_last_one_in_all_that_shows_the_count(
    api: Api, desk: Desk, clock: Any, send: Send, sockets: Sockets, pump: Pumps
) -> None:
    send()
    (first,) = listed(api, desk)
    assert first["lastFiredAt"] == first["createdAt"]
    clock.shift(60)
    send()
    (again,) = listed(api, desk)
    delivery = again["deliveryId"]
    told = {"fireCount": 2, "lastFiredAt": LATER}
    assert again == first | told
    (labelled,) = listed(api, desk, "labels=true")
    assert told.items() <= labelled.items()
    assert told.items() <= api.get(f"{INBOX}/{delivery}", desk.alice_key).json.items()
    assert told.items() <= api.get(f"{EVENTS}/{delivery}", desk.fd1).json.items()
    (sent,) = api.get(EVENTS, desk.fd1).json["items"]
    assert told.items() <= sent.items()
    logged = api.get(f"/api/v2/operate/deliveries/{delivery}", desk.alice_key)
    assert told.items() <= logged.json["data"].items()
    tab = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    mark_read(api, desk, delivery)
    assert told.items() <= tab.frames[-1].items()


def test_a_delivery_that_was_read_comes_back_unread_on_top_and_is_told_and_pushed(
    api: Api, desk: Desk, clock: Any, send: Send, sockets: Sockets, pump: Pumps, receiver: Receiver
) -> None:
    send()
    (delivery,) = (each["deliveryId"] for each in listed(api, desk))
    mark_read(api, desk, delivery)
    clock.shift(30)
    other = api.post(EVENTS, inputs.new_event(), desk.alice)
    assert other.status in (202, 429)
    subscribe(api, desk.alice_key, receiver.url)
    tab = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    clock.shift(30)
    send()
    top = listed(api, desk)[0]
    assert (top["deliveryId"], top["readAt"], top["lastFiredAt"]) == (delivery, None, LATER)
    told = {"type": "delivery_changed", "deliveryId": delivery, "readAt": None, "fireCount": 2, "lastFiredAt": LATER}
    assert told.items() <= tab.frames[-1].items()
    assert pump.drain(WEB_PUSH) == 1
    mark_read(api, desk, delivery)
    clock.shift(60)
    send()
    assert listed(api, desk)[0]["readAt"] is None


def test_a_delivery_that_was_read_stays_read_for_who_wants_that(
    api: Api, desk: Desk, clock: Any, send: Send, pump: Pumps
) -> None:
    prefer(api, desk, unreadOnRepeat=False)
    assert api.get(PREFERENCES, desk.alice_key).json["unreadOnRepeat"] is False
    send()
    (delivery,) = (each["deliveryId"] for each in listed(api, desk))
    mark_read(api, desk, delivery)
    clock.shift(60)
    send()
    (item,) = listed(api, desk)
    assert (item["readAt"], item["fireCount"]) == (timestamp(NOON), 2)
    api.call("PATCH", f"{INBOX}/{delivery}", {"archived": True}, token=desk.alice_key)
    clock.shift(60)
    send()
    assert listed(api, desk)[0]["readAt"] is None  # an archived one comes back all the same
    mark_read(api, desk, delivery)
    prefer(api, desk)
    clock.shift(60)
    send()
    assert listed(api, desk)[0]["readAt"] is None


def test_what_a_rule_mutes_stays_read_until_the_rule_is_gone(
    api: Api, desk: Desk, clock: Any, send: Send, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    prefer(api, desk, rules=[{"integrator": "fd1", "ways": ["mute"]}])
    send()
    pump.drain(REACH)
    (first,) = listed(api, desk)
    assert first["readAt"] is not None
    clock.shift(60)
    send()
    assert listed(api, desk) == [first | {"fireCount": 2, "lastFiredAt": LATER}]
    assert (pump.drain(REACH), pump.drain(WEB_PUSH)) == (0, 0)
    prefer(api, desk)
    clock.shift(60)
    send()
    assert listed(api, desk)[0]["readAt"] is None


def test_an_approved_event_comes_back_by_the_preference_of_its_recipient(api: Api, desk: Desk, clock: Any) -> None:
    sent = inputs.new_event(event_type="hr.offer.sent", recipient_hint={"email": "bob@example.com"})
    held = api.post(EVENTS, sent, desk.moderated).json["deliveryId"]
    item = api.get("/api/v2/queue", desk.alice_key).json["data"]["items"][0]["id"]
    assert decide_on(api, desk, held, "approve").status == 200, item
    path = f"{INBOX}/{held}"

    def repeat_after_reading() -> Any:
        api.call("PATCH", path, {"read": True}, token=desk.bob_key)
        clock.shift(60)
        assert api.post(EVENTS, sent, desk.moderated).status == 200
        return api.get(path, desk.bob_key).json["readAt"]

    assert repeat_after_reading() is None
    prefer(api, desk, unreadOnRepeat=False)  # of alice, who approves
    assert repeat_after_reading() is None
    wanted = {"unreadOnRepeat": False, "version": 0}
    assert api.call("PUT", PREFERENCES, wanted, token=desk.bob_key).status == 200
    assert repeat_after_reading() is not None


def test_only_a_repeat_of_a_read_delivery_asks_for_preferences(api: Api, desk: Desk) -> None:
    sent = inputs.new_event()
    delivery = api.post(EVENTS, sent, desk.alice).json["deliveryId"]
    repeat = api.post(EVENTS, sent, desk.alice)
    mark_read(api, desk, delivery)
    back = api.post(EVENTS, sent, desk.alice)
    assert (repeat.calls.count("GetItem"), back.calls.count("GetItem")) == (0, 1)


def test_only_a_page_with_repeats_reads_when_they_were_sent(api: Api, desk: Desk) -> None:
    sent = inputs.new_event()
    api.post(EVENTS, sent, desk.alice)
    assert "BatchGetItem" not in api.get(INBOX, desk.alice_key).calls
    for _ in range(2):
        api.post(EVENTS, sent, desk.alice)
    for query in ("", "labels=true", "q=push"):
        assert api.get(f"{INBOX}?{query}", desk.alice_key).calls.count("BatchGetItem") == 1, query


def test_undo_and_a_bulk_change_leave_alone_what_came_back_since(api: Api, desk: Desk, clock: Any) -> None:
    sent = inputs.new_event()
    delivery = api.post(EVENTS, sent, desk.alice).json["deliveryId"]
    read = {"action": "read", "ids": [delivery]}
    job = api.post(f"{INBOX}/bulk", read, desk.alice_key)
    assert job.status == 200, job.text
    seen_at = timestamp(NOON + timedelta(seconds=30))
    clock.shift(60)
    api.post(EVENTS, sent, desk.alice)
    archive = {"action": "archive", "filter": {"before": seen_at}}
    assert api.post(f"{INBOX}/bulk", archive, desk.alice_key).json["changed"] == 0
    undone = api.post(f"{INBOX}/bulk/{job.json['jobId']}/undo", None, desk.alice_key)
    assert (undone.status, undone.json["changed"]) == (200, 0)
    (item,) = listed(api, desk)
    assert (item["readAt"], item["archivedAt"], item["lastFiredAt"]) == (None, None, LATER)


def test_a_row_of_an_earlier_release_was_sent_last_when_it_was_created(api: Api, desk: Desk, clock: Any) -> None:
    sent = inputs.new_event()
    delivery = api.post(EVENTS, sent, desk.alice).json["deliveryId"]
    clock.shift(60)
    api.post(EVENTS, sent, desk.alice)
    aws.dynamodb().update_item(
        TableName=DELIVERIES.physical_name,
        Key={"pk": {"S": delivery}, "sk": {"S": "DELIVERY"}},
        UpdateExpression="REMOVE firedAt",
    )
    for item in (
        *listed(api, desk),
        *listed(api, desk, "labels=true"),
        api.get(f"{INBOX}/{delivery}", desk.alice_key).json,
    ):
        assert (item["fireCount"], item["lastFiredAt"]) == (2, item["createdAt"])
    clock.shift(60)
    api.post(EVENTS, sent, desk.alice)
    assert listed(api, desk)[0]["lastFiredAt"] == timestamp(NOON + timedelta(seconds=120))


def test_a_reply_that_is_kept_says_when_the_event_was_sent_last_by_then(api: Api, desk: Desk, clock: Any) -> None:
    sent = inputs.new_event()
    first = api.post(EVENTS, sent, desk.alice, key="k")
    clock.shift(60)
    api.post(EVENTS, sent, desk.alice)
    assert api.post(EVENTS, sent, desk.alice, key="k").json["lastFiredAt"] == first.json["lastFiredAt"]
    detail = DynamoDeliveries().find(first.json["deliveryId"])
    assert detail is not None
    kept = to_snapshot(detail)
    assert from_snapshot(kept, detail) == to_response(detail)
    del kept["fired_at"]  # as an earlier release keeps it
    assert from_snapshot(kept, detail).last_fired_at == timestamp(NOON)


times = st.none() | st.sampled_from([timestamp(NOON + timedelta(hours=each)) for each in (-2, -1, 1, 2)])


@pytest.mark.engine("embedded")
@given(st.sampled_from([each.value for each in Severity]), times, times, times, st.booleans())
def test_what_a_repeat_brings_back_is_unread_on_top_and_nothing_else_moves(
    severity: str, read_at: str | None, archived_at: str | None, snoozed_until: str | None, wanted: bool
) -> None:
    before = Delivery(
        "d", "fd1", "tools", "alice", "alice", "fd1.x", severity, "x", timestamp(NOON), timestamp(NOON),
        read_at=read_at, archived_at=archived_at, snoozed_until=None if archived_at else snoozed_until,
    )  # fmt: skip
    asked: list[Delivery] = []

    def returns_read(delivery: Delivery) -> bool:
        asked.append(delivery)
        return wanted

    after = return_to_inbox(before, now=NOON, returns_read=returns_read)

    sleeps = is_snoozed(before, now=NOON)
    assert bool(asked) is bool(read_at and not archived_at and not sleeps)
    assert (after is not None) is (severity == "critical" if sleeps else bool(archived_at or (read_at and wanted)))
    unread = replace(before, read_at=None, archived_at=None, snoozed_until=None)
    assert after is None or after == replace(unread, listed_at=timestamp(NOON))
