"""One log of frames for a person: over sockets and server-sent events, without loss and without repeats."""

import json
import random
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib import aws
from chalicelib.live.services import catch_up
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.resources import CALLBACKS, FAN_OUT, SOCKET_WORK, SOCKETS
from chalicelib.sockets.desk import on_connect
from chalicelib.tokens.stores.grants import DynamoGrants
from infra.local.socket_events import Connection
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.sockets import Client, Sockets

SEND, STREAM, EVENTS = "/api/v2/shared-chat/send", "/api/v2/shared-chat/stream", "/api/v1/events"
QUEUE, SETTINGS, KEYS = "/api/v2/queue", "/api/v2/settings", "/api/v2/keys"
NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that no test here uses up, and streams that are not held for long."""
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "1")


@pytest.fixture
def listener(sockets: Sockets, desk: Desk, pump: Pumps) -> Client:
    """Alice's open connection."""
    return opened(sockets, desk.alice_key, pump)


def test_a_connection_is_greeted_first(listener: Client) -> None:
    assert listener.status == 101
    (greeting,) = listener.frames
    assert greeting["type"] == "connected"
    assert greeting["id"] == "0" * 16
    assert greeting["connectionId"] == listener.connection_id


def test_browsers_present_the_key_as_a_subprotocol(sockets: Sockets, desk: Desk) -> None:
    client = sockets.connect(subprotocols=["bearer", desk.alice_key])
    assert (client.status, client.headers) == (101, {"Sec-WebSocket-Protocol": "bearer"})
    assert sockets.connect(desk.alice_key, subprotocols=["graphql"]).headers == {}


def test_who_may_not_listen_is_turned_away(sockets: Sockets, desk: Desk, api: Api) -> None:
    narrow = new_key(api, desk, ["kanban", "contacts"])
    off = new_key(api, desk, "all")
    switch(api, desk, off, active=False)
    for token, status in (
        (None, 401),
        ("nonsense", 401),
        (desk.alice_key[:-1] + "x", 401),
        (desk.alice, 403),
        (desk.fd1, 403),
        (narrow, 403),
        (off, 403),
    ):
        assert sockets.connect(token).status == status
    assert sockets.connect(query={"token": desk.alice_key, "authorization": desk.alice_key}).status == 401
    assert sockets.connect(subprotocols=["bearer"]).status == 401
    assert rows("SOCKET#") == []


def test_opening_connections_is_paid_for(sockets: Sockets, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.settings import settings

    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "3")
    settings.cache_clear()
    assert [sockets.connect(desk.alice_key).status for _ in range(5)] == [101, 101, 101, 429, 429]


def test_everything_that_happens_at_the_desk_is_told(
    api: Api, desk: Desk, listener: Client, pump: Pumps, receiver: Receiver
) -> None:
    settings(api, desk, queueAutoApprove=True)
    item = api.post(QUEUE, {"title": "Fire", "priority": "urgent"}, desk.alice_key).json["data"]
    settings(api, desk, mode="chief_of_staff")
    api.post(f"{QUEUE}/{item['id']}/result", {"result": "out"}, desk.alice_key)
    api.post(SEND, {"content": "Done."}, desk.alice_key, headers={"X-Agent-Name": "Scout"})
    hook = {"label": "Approve", "action_type": "webhook", "webhook_url": receiver.url}
    published = api.post(EVENTS, inputs.new_event(actions=[hook]), desk.alice).json
    api.post(f"{EVENTS}/{published['deliveryId']}/supplement", {"markdown_body": "More."}, desk.alice)
    api.post(f"{EVENTS}/{published['deliveryId']}/resolve", {"resolution_note": "Fine."}, desk.alice)
    api.post(f"/api/v1/inbox/{published['deliveryId']}/actions/0", None, desk.alice_key)
    pump.drain(CALLBACKS)
    told = listener.frames[1:]
    assert [each["type"] for each in told] == [
        "settings_changed",
        "queue_changed",
        "wake",
        "settings_changed",
        "wake",
        "queue_changed",
        "wake",
        "queue_changed",
        "new_message",
        "delivery",
        "delivery_supplemented",
        "delivery_resolved",
        "action_result",
    ]
    assert told[2]["reason"] == "urgent_task"
    assert told[2]["metadata"] == {"itemId": item["id"], "title": "Fire", "priority": "urgent", "status": "ready"}
    assert told[4]["reason"] == "chief_of_staff"
    assert told[6]["metadata"]["status"] == "in_progress"
    assert (told[7]["itemId"], told[7]["newStatus"]) == (item["id"], "done_today")
    assert (told[8]["message"]["content"], told[8]["message"]["agentName"]) == ("Done.", "Scout")
    assert (told[9]["deliveryId"], told[9]["title"]) == (published["deliveryId"], published["title"])
    assert published["pushed"] is True
    assert told[11]["resolutionNote"] == "Fine."
    assert told[12]["outcome"] == "delivered"
    ids = [each["id"] for each in told]
    assert ids == sorted(set(ids))
    assert all(datetime.fromisoformat(each["timestamp"]) for each in told)


def test_a_repeated_send_is_told_once(api: Api, desk: Desk, listener: Client) -> None:
    sent = inputs.new_event()
    first, second = (api.post(EVENTS, sent, desk.alice).json for _ in range(2))
    assert (first["pushed"], second["pushed"]) == (True, False)
    assert len(listener.frames) == 2


def test_a_replay_says_pushed_as_the_first_reply_did(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, listener: Client
) -> None:
    sent = inputs.new_event()
    first, again = (api.post(EVENTS, sent, desk.alice, key="heard") for _ in range(2))
    assert (first.json["pushed"], again.json) == (True, first.json)
    listener.gone = True
    sent = inputs.new_event()
    first, again = (api.post(EVENTS, sent, desk.alice, key="unheard") for _ in range(2))
    assert (first.json["pushed"], again.json) == (False, first.json)


def test_bulk_deliveries_are_told_by_the_worker(api: Api, desk: Desk, listener: Client, pump: Pumps) -> None:
    body = {"recipients": [{"type": "email", "email": "alice@example.com"}], "event": inputs.new_event()}
    (row,) = api.post(f"{EVENTS}/bulk", body, desk.fd1).json["results"]
    pump.drain(FAN_OUT)
    assert [each["deliveryId"] for each in listener.frames[1:]] == [row["deliveryId"]]


def test_each_connection_sees_what_its_key_opens(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    clients = {area: opened(sockets, new_key(api, desk, [area]), pump) for area in ("chat", "queue", "inbox")}
    api.post(SEND, {"content": "x"}, desk.alice_key)
    api.post(QUEUE, {"title": "x"}, desk.alice_key)
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert {area: types(client) for area, client in clients.items()} == {
        "chat": ["connected", "new_message"],
        "queue": ["connected", "queue_changed"],
        "inbox": ["connected", "delivery"],
    }
    late = opened(sockets, new_key(api, desk, ["queue"]), pump, after="0" * 16)
    assert types(late) == ["connected", "queue_changed"]


def test_nobody_hears_what_is_told_to_others(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    bob = opened(sockets, desk.bob_key, pump)
    api.post(SEND, {"content": "x"}, desk.alice_key)
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert types(bob) == ["connected"]


def test_a_client_speaks_over_its_socket(api: Api, desk: Desk, sockets: Sockets, listener: Client, pump: Pumps) -> None:
    other = opened(sockets, desk.alice_key, pump)
    listener.send({"action": "send", "content": " Hi. ", "metadata": {"a": 1}})
    assert listener.frames[-1]["message"]["content"] == "Hi."
    assert other.frames[-1] == listener.frames[-1]
    (message,) = api.get("/api/v2/shared-chat/messages", desk.alice_key).json["data"]["messages"]
    assert (message["id"], json.loads(message["metadata"])["a"]) == (listener.frames[-1]["message"]["id"], 1)


def test_a_ping_is_answered_with_a_heartbeat(api: Api, desk: Desk, listener: Client) -> None:
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        api.post(SEND, {"content": "x"}, desk.alice_key)
        last = listener.frames[-1]["id"]
        listener.send({"action": "ping"})
        beat = listener.frames[-1]
        assert (beat["type"], beat["id"] < last) == ("heartbeat", True)
        clock.shift(3)
        listener.send({"action": "ping"})
        assert listener.frames[-1]["id"] == last


@pytest.mark.parametrize(
    "message",
    [
        "",
        "ping",
        "[]",
        "{}",
        '{"action": "nope"}',
        '{"action": "ping", "more": 1}',
        '{"action": "send"}',
        '{"action": "send", "content": " "}',
        '{"action": "send", "content": "x", "metadata": 1}',
        '{"action": "resume"}',
        '{"action": "resume", "after": "5"}',
        '{"action": "resume", "after": "' + "9" * 17 + '"}',
        b"\xff\xfe",
        "{" * 3000,
        '{"action": "send", "content": "a\\u0000b"}',
        '{"action": "send", "content": "a", "metadata": {"a": NaN}}',
        '{"action": "send", "content": "a", "metadata": {"a": 1e999}}',
    ],
)
def test_a_frame_that_says_nothing_known_is_told_so(listener: Client, message: Any) -> None:
    listener.send(message)
    error = listener.frames[-1]
    assert (error["type"], error["code"]) == ("error", "validation-failed")
    assert error["error"]
    assert not listener.gone


def test_a_binary_frame_is_read_like_text(listener: Client) -> None:
    listener.send(b'{"action": "ping"}')
    assert types(listener)[-1] == "heartbeat"


def test_a_key_speaks_in_its_areas_and_its_budget_only(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.settings import settings

    client = opened(sockets, new_key(api, desk, ["inbox"]), pump)
    client.send({"action": "send", "content": "x"})
    assert client.frames[-1]["code"] == "forbidden"
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "3")
    settings.cache_clear()
    for message in ({"action": "ping"}, {"action": "nope"}, {"action": "ping"}, {"action": "nope"}):
        client.send(message)
    codes = [each.get("code") for each in client.frames[-4:]]
    assert codes == [None, "rate-limited", "rate-limited", "rate-limited"]


def test_a_key_that_is_turned_off_loses_its_connections(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    key = new_key(api, desk, "all")
    ended, kept = opened(sockets, key, pump), opened(sockets, desk.alice_key, pump)
    switch(api, desk, key, active=False)
    assert (ended.gone, kept.gone) == (True, False)
    assert len(rows("SOCKET#")) == 1


def test_a_key_that_is_turned_off_while_a_connection_is_opened_has_none(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key(api, desk, "all")
    real = DynamoFrames.find_log_state

    def meanwhile(self: DynamoFrames, *args: Any, **more: Any) -> Any:
        (made,) = [each for each in DynamoGrants().list_keys(desk.user_id("alice")) if each.name == "new"]
        DynamoGrants().switch_key(made.key_id, active=False, owner_id=None, claim=None, reply={})
        return real(self, *args, **more)

    monkeypatch.setattr(DynamoFrames, "find_log_state", meanwhile)
    # Without the test's gateway, which would hold what is done meanwhile against the function.
    event = Connection.new([("Authorization", f"Bearer {key}")]).connect_event()
    assert on_connect(event, None)["statusCode"] == 403
    assert (rows("SOCKET#"), rows("CONNECTION")) == ([], [])


def test_a_connection_ends_with_its_key(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        made = api.post(KEYS, {"name": "brief", "permissions": "all", "expiresInDays": 0.01}, desk.alice_key)
        client = opened(sockets, made.json["data"]["key"], pump)
        clock.shift(timedelta(minutes=20))
        assert api.post(EVENTS, inputs.new_event(occurred_at=inputs.ago()), desk.alice).json["pushed"] is False
        client.send({"action": "ping"})
        assert client.gone
        assert types(client) == ["connected"]


def test_a_frame_under_a_key_that_was_turned_off_ends_the_connection(
    desk: Desk, sockets: Sockets, listener: Client
) -> None:
    owner = DynamoGrants().list_keys(desk.user_id("alice"))[0]
    DynamoGrants().switch_key(owner.key_id, active=False, owner_id=None, claim=None, reply={})
    listener.send({"action": "ping"})
    assert (listener.frames[-1]["code"], listener.gone) == ("unauthorized", True)
    assert rows("SOCKET#") == []


def test_an_ended_connection_is_forgotten(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, listener: Client
) -> None:
    listener.close()
    assert (rows("SOCKET#"), rows("CONNECTION")) == ([], [])
    gone = opened(sockets, desk.alice_key, pump)
    gone.gone = True
    assert api.post(EVENTS, inputs.new_event(), desk.alice).json["pushed"] is False
    assert (rows("SOCKET#"), rows("CONNECTION")) == ([], [])


def test_a_connection_that_can_not_be_closed_is_told_no_more(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, listener: Client
) -> None:
    listener.failing = listener.unending = True
    last = listener.frames[-1]["id"]
    api.post(SEND, {"content": "missed"}, desk.alice_key)
    listener.failing = listener.unending = False
    api.post(SEND, {"content": "later"}, desk.alice_key)
    assert contents(listener) == []
    listener.send({"action": "ping"})
    assert listener.gone
    assert contents(opened(sockets, desk.alice_key, pump, after=last)) == ["missed", "later"]


def test_one_connection_that_can_not_be_closed_keeps_no_other_of_its_key_open(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    key = new_key(api, desk, "all")
    clients = [opened(sockets, key, pump) for _ in range(3)]
    min(clients, key=lambda each: each.connection_id).unending = True
    switch(api, desk, key, active=False)
    assert sorted(each.gone for each in clients) == [False, True, True]
    api.post(SEND, {"content": "x"}, desk.alice_key)
    assert [contents(each) for each in clients] == [[], [], []]


def test_a_connection_that_takes_no_frame_is_closed_and_others_are_told(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, listener: Client
) -> None:
    broken = opened(sockets, desk.alice_key, pump)
    broken.failing = True
    assert api.post(EVENTS, inputs.new_event(), desk.alice).json["pushed"] is True
    assert (types(listener)[-1], broken.gone, len(rows("SOCKET#"))) == ("delivery", True, 1)


def test_a_connection_past_its_time_is_neither_told_nor_answered(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        client = opened(sockets, desk.alice_key, pump)
        clock.shift(timedelta(hours=2, minutes=6))
        assert api.post(EVENTS, inputs.new_event(occurred_at=inputs.ago()), desk.alice).json["pushed"] is False
        client.send({"action": "ping"})
        assert client.gone
        assert types(client) == ["connected"]


@pytest.mark.parametrize("by", ["header", "action"])
def test_who_comes_back_is_told_what_was_missed_and_nothing_else(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, listener: Client, by: str
) -> None:
    for number in range(3):
        api.post(SEND, {"content": f"{number}"}, desk.alice_key)
    last = listener.frames[-1]["id"]
    listener.close()
    for number in range(3, 6):
        api.post(SEND, {"content": f"{number}"}, desk.alice_key)
    client = opened(sockets, desk.alice_key, pump, after=last if by == "header" else None)
    if by == "action":
        client.send({"action": "resume", "after": last})
        pump.drain(SOCKET_WORK)
    api.post(SEND, {"content": "6"}, desk.alice_key)
    assert contents(client) == ["3", "4", "5", "6"]
    client.send({"action": "resume", "after": last})
    pump.drain(SOCKET_WORK)
    assert contents(client) == ["3", "4", "5", "6"]


@pytest.mark.parametrize("after", ["9" * 16, "nonsense", "0" * 15, "", "-000000000000001"])
def test_an_id_that_is_none_of_the_logs_leads_to_its_end(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, after: str
) -> None:
    api.post(SEND, {"content": "before"}, desk.alice_key)
    client = opened(sockets, desk.alice_key, pump, after=after)
    api.post(SEND, {"content": "after"}, desk.alice_key)
    assert contents(client) == ["after"]


def test_frames_before_the_catch_up_are_told_by_it_in_order(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    client = sockets.connect(desk.alice_key)
    for number in range(3):
        api.post(SEND, {"content": f"{number}"}, desk.alice_key)
    sent = inputs.new_event()
    first, again = (api.post(EVENTS, sent, desk.alice, key="k").json for _ in range(2))
    assert (first["pushed"], again) == (True, first)
    assert client.frames == []
    pump.drain(SOCKET_WORK)
    assert (types(client)[0], contents(client)) == ("connected", ["0", "1", "2"])


def test_frames_that_come_at_any_moment_of_a_catch_up_are_told_once_and_in_order(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, listener: Client
) -> None:
    listener.close()
    for number in range(5):
        api.post(SEND, {"content": f"{number}"}, desk.alice_key)
    numbers = iter(range(5, 12))

    def interrupt(_: str) -> None:
        if (number := next(numbers, None)) is not None:
            tell(desk, f"{number}")

    sockets.before_post = interrupt
    client = opened(sockets, desk.alice_key, pump, after=listener.frames[0]["id"])
    for _ in range(7):
        interrupt("")
    assert contents(client) == [f"{number}" for number in range(12)]


def test_a_catch_up_that_is_broken_off_goes_on_when_its_message_comes_again(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(0, 250, 50):
        tell(desk, *(f"{number + more}" for more in range(50)))
    real, left = DynamoFrames.list_after, iter([True, True, False])

    def breaking(self: DynamoFrames, *args: Any, **more: Any) -> Any:
        if not next(left, True):
            raise RuntimeError("the worker is stopped here")
        return real(self, *args, **more)

    monkeypatch.setattr(DynamoFrames, "list_after", breaking)
    client = sockets.connect(desk.alice_key, headers={"Last-Event-ID": "0" * 16})
    pump.drain(SOCKET_WORK)
    assert len(contents(client)) == 200
    again(pump)
    tell(desk, "250")
    assert contents(client) == [f"{number}" for number in range(251)]


def test_a_greeting_waits_for_the_gateway_to_open_the_connection(
    sockets: Sockets, desk: Desk, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = sockets.connect(desk.alice_key)
    client.gone = True
    tries = iter(range(3))

    def open_at_last(_: str) -> None:
        if next(tries, None) is None:
            client.gone = False

    sockets.before_post = open_at_last
    pump.drain(SOCKET_WORK)
    assert types(client) == ["connected"]


def test_1000_frames_and_50_drops_lose_nothing_and_repeat_nothing(
    desk: Desk, sockets: Sockets, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client knows nothing but the last id it was told."""
    monkeypatch.setattr(catch_up, "_OPENING_SECONDS", -1)
    chance = random.Random(7)
    client, heard = opened(sockets, desk.alice_key, pump), list[str]()
    last = client.frames[-1]["id"]
    told, drops = 0, 0
    while told < 1000:
        count = min(chance.randint(1, 9), 1000 - told)
        tell(desk, *(f"{told + number}" for number in range(count)))
        told += count
        if chance.random() < 0.3:
            drops += 1
            last = client.frames[-1]["id"] if client.frames else last
            heard += contents(client)
            if chance.random() < 0.5:
                client.close()
            else:
                client.gone = True
            client = sockets.connect(desk.alice_key, headers={"Last-Event-ID": last})
        if chance.random() < 0.7:
            pump.drain(SOCKET_WORK)
    pump.drain(SOCKET_WORK)
    heard += contents(client)
    assert heard == [f"{number}" for number in range(1000)]
    assert drops >= 50


def test_writers_at_the_same_time_take_places_one_after_the_other(api: Api, desk: Desk, listener: Client) -> None:
    statuses = run_concurrently(16, lambda number: api.status("POST", SEND, {"content": f"{number}"}, desk.alice_key))
    assert statuses == [201] * 16
    ids = sorted(int(each["id"]) for each in listener.frames[1:])
    assert ids == list(range(ids[0], ids[0] + 16))
    assert sorted(map(int, contents(listener))) == list(range(16))


def test_a_swept_log_goes_on_where_no_id_was_before(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        client = opened(sockets, desk.alice_key, pump)
        api.post(SEND, {"content": "old"}, desk.alice_key)
        last = client.frames[-1]["id"]
        client.close()
        clock.shift(timedelta(hours=23))
        assert contents(opened(sockets, desk.alice_key, pump, after="0" * 16)) == ["old"]
        clock.shift(timedelta(hours=30))
        client = opened(sockets, desk.alice_key, pump, after=last)
        api.post(SEND, {"content": "new"}, desk.alice_key)
        assert contents(client) == ["new"]
        assert client.frames[-1]["id"] > last


def test_a_first_stream_is_answered_at_once_with_what_happened_last(api: Api, desk: Desk) -> None:
    events = stream(api, desk, None)
    assert [each["type"] for each in events] == ["connected"]
    api.post(SEND, {"content": "x"}, desk.alice_key)
    api.post(EVENTS, inputs.new_event(), desk.alice)
    events = stream(api, desk, None)
    assert [each["type"] for each in events] == ["connected", "new_message", "delivery"]
    ids = [each["id"] for each in events]
    assert ids == sorted(set(ids))


def test_a_stream_that_goes_on_waits_for_the_first_new_event(api: Api, desk: Desk) -> None:
    last = stream(api, desk, None)[-1]["id"]
    started = time.monotonic()
    (beat,) = stream(api, desk, last)
    assert beat["type"] == "heartbeat"
    assert time.monotonic() - started >= 1
    threading.Timer(0.3, lambda: tell(desk, "x")).start()
    (message,) = stream(api, desk, beat["id"])
    assert message["type"] == "new_message"
    assert stream(api, desk, message["id"])[0]["type"] == "heartbeat"


def test_an_event_source_hears_everything_once_although_each_reply_ends(api: Api, desk: Desk) -> None:
    heard: list[dict[str, Any]] = stream(api, desk, None)
    for number in range(40):
        for _ in range(number % 4):
            tell(desk, f"{number}")
        if number % 3 == 0:
            heard += stream(api, desk, heard[-1]["id"])
    heard += stream(api, desk, heard[-1]["id"])
    told = [each["message"]["content"] for each in heard if each["type"] == "new_message"]
    assert told == [f"{number}" for number in range(40) for _ in range(number % 4)]


def test_who_listens_to_a_quiet_desk_for_days_misses_nothing(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        monkeypatch.setattr(time, "sleep", clock.shift)
        last = stream(api, desk, None)[-1]["id"]
        for _ in range(60):
            clock.shift(timedelta(hours=1))
            (beat,) = stream(api, desk, last)
            assert beat["type"] == "heartbeat"
            last = beat["id"]
        assert len(rows("FRAME#")) < 25
        for _ in range(3):
            clock.shift(timedelta(minutes=20))
            api.post(EVENTS, inputs.new_event(occurred_at=inputs.ago()), desk.alice)
            (told,) = stream(api, desk, last)
            assert (told["type"], told["id"] > last) == ("delivery", True)
            last = told["id"]


def test_who_left_a_quiet_stream_less_than_a_day_ago_misses_nothing(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        monkeypatch.setattr(time, "sleep", clock.shift)
        stream(api, desk, None)
        clock.shift(timedelta(hours=20))
        last = stream(api, desk, None)[-1]["id"]
        clock.shift(timedelta(hours=20))
        last = stream(api, desk, last)[-1]["id"]
        clock.shift(timedelta(hours=23, minutes=59))
        api.post(EVENTS, inputs.new_event(occurred_at=inputs.ago()), desk.alice)
        assert [each["type"] for each in stream(api, desk, last)] == ["delivery"]


def test_who_left_a_quiet_connection_less_than_a_day_ago_misses_nothing(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        client = opened(sockets, desk.alice_key, pump)
        last = client.frames[-1]["id"]
        clock.shift(timedelta(hours=2))
        client.close()
        clock.shift(timedelta(hours=23, minutes=58))
        api.post(EVENTS, inputs.new_event(occurred_at=inputs.ago()), desk.alice)
        assert types(opened(sockets, desk.alice_key, pump, after=last)) == ["connected", "delivery"]


def test_a_stream_too_large_for_one_reply_goes_on_in_the_next(api: Api, desk: Desk) -> None:
    (first,) = stream(api, desk, None)
    tell(desk, *["\x01" * 5_000] * 50)
    tell(desk, *["\x01" * 5_000] * 45)
    heard = stream(api, desk, None)
    assert heard[0]["type"] == "connected"
    assert len(heard) < 95
    heard += stream(api, desk, heard[-1]["id"])
    assert len({each["id"] for each in heard}) == 96
    heard = stream(api, desk, first["id"])
    heard += stream(api, desk, heard[-1]["id"])
    assert [each["type"] for each in heard] == ["new_message"] * 95


def test_where_nobody_listens_deliveries_are_not_written_down(api: Api, desk: Desk) -> None:
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert rows("FRAME#") == []
    stream(api, desk, None)
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert len(rows("FRAME#")) == 2


def test_calls_in_sequence(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    client = sockets.connect(desk.alice_key)
    client = sockets.connect(desk.alice_key)
    assert client.calls == ["UpdateItem", "Query", "TransactWriteItems", "SendMessage"]
    pump.drain(SOCKET_WORK)
    client.send({"action": "ping"})
    assert client.calls == ["GetItem", "UpdateItem", "Query", "GetItem"]
    client.send({"action": "send", "content": "x"})
    assert client.calls == ["GetItem", "UpdateItem", "PutItem", "Query", "PutItem"]
    client.send({"action": "resume", "after": "0" * 16})
    assert client.calls == ["GetItem", "UpdateItem", "SendMessage"]
    client.close()
    assert client.calls == ["GetItem", "TransactWriteItems"]
    assert api.get(STREAM, desk.alice_key).calls == ["UpdateItem", "Query"]


def opened(sockets: Sockets, key: str, pump: Pumps, *, after: str | None = None) -> Client:
    client = sockets.connect(key, headers={"Last-Event-ID": after} if after is not None else {})
    assert client.status == 101
    pump.drain(SOCKET_WORK)
    return client


def tell(desk: Desk, *contents: str) -> None:
    """Let something be said, without the call that says it."""
    from chalicelib.chat.domain.chat import Message, Role
    from chalicelib.live.gateways.sockets import ApiGatewaySockets
    from chalicelib.live.services.notifier import Notifier
    from chalicelib.live.stores.sockets import DynamoSockets

    events = [Message(each, desk.user_id("alice"), Role.USER, each, None, None, "").live_event for each in contents]
    notifier = Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), lambda *calls: [call() for call in calls])
    notifier.notify(desk.user_id("alice"), *events, log_state=None, now=datetime.now(UTC))


def again(pump: Pumps) -> None:
    """Let messages that failed be taken again now."""
    deadline = time.monotonic() + 10
    while not pump.drain(SOCKET_WORK):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def stream(api: Api, desk: Desk, last: str | None) -> list[dict[str, Any]]:
    answer = api.get(STREAM, desk.alice_key, headers={"Last-Event-ID": last} if last else {})
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    return list(events(answer.text))


def events(text: str) -> Iterator[dict[str, Any]]:
    assert text.startswith("retry: ")
    for block in text.strip().split("\n\n")[1:]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        data = json.loads(fields["data"])
        assert (data["id"], data["type"]) == (fields["id"], fields["event"])
        yield data


def types(client: Client) -> list[str]:
    return [each["type"] for each in client.frames]


def contents(client: Client) -> list[str]:
    return [each["message"]["content"] for each in client.frames if each["type"] == "new_message"]


def new_key(api: Api, desk: Desk, permissions: Any) -> str:
    made = api.post(KEYS, {"name": "new", "permissions": permissions}, desk.alice_key).json["data"]
    return str(made["key"])


def switch(api: Api, desk: Desk, key: str, *, active: bool) -> None:
    (found,) = [each for each in api.get(KEYS, desk.alice_key).json["data"] if key.startswith(each["keyPrefix"][:-3])]
    api.call("PATCH", KEYS, {"id": found["id"], "isActive": active}, token=desk.alice_key)


def settings(api: Api, desk: Desk, **members: Any) -> None:
    assert api.call("PATCH", SETTINGS, members, token=desk.alice_key).status == 200


def rows(prefix: str) -> list[Any]:
    found = aws.dynamodb().scan(TableName=SOCKETS.physical_name)["Items"]
    return [each for each in found if each["sk"]["S"].startswith(prefix)]
