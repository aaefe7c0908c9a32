"""The event stream over plain HTTP."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib.api.v2.chat import stream_events
from chalicelib.chat.domain.streams import Pause
from chalicelib.chat.stores.stream_slots import DynamoStreamSlots
from chalicelib.core.domain import bounds
from chalicelib.edge.streaming import Pieces
from chalicelib.resources import SOCKET_WORK
from chalicelib.settings import settings
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api, gateway_event
from tests.support.fault_sweep import FaultPoint
from tests.support.faults import Fault, inject_faults, intercept_engine
from tests.support.listeners import (
    message_contents,
    new_key,
    open_client,
    parse_events,
    read_stream,
    send_messages,
    stored_rows,
    switch_key,
)
from tests.support.pump import Pumps
from tests.support.sessions import cookie, sign_in
from tests.support.sockets import Client, Sockets

SEND, STREAM, EVENTS = "/api/v2/shared-chat/send", "/api/v2/shared-chat/stream", "/api/v1/events"
NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that no test here uses up, and streams that are not held for long."""
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "1")


def limit_key_budget(monkeypatch: pytest.MonkeyPatch, units: int) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", str(units))
    settings.cache_clear()


@pytest.fixture
def listener(sockets: Sockets, desk: Desk, pump: Pumps) -> Client:
    """Alice's open connection."""
    return open_client(sockets, desk.alice_key, pump)


def test_a_first_connection_gets_the_end_of_the_log_and_no_backlog(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(_: float) -> None:
        raise AssertionError("the reply must come at once")

    read_stream(api, desk, None)
    api.post(SEND, {"content": "old"}, desk.alice_key)
    api.post("/api/v2/queue", {"title": "Old", "priority": "urgent"}, desk.alice_key)
    assert {row["type"]["S"] for row in stored_rows("FRAME#") if "type" in row} >= {"new_message", "queue_changed"}
    monkeypatch.setattr(time, "sleep", wait)
    (connected,) = read_stream(api, desk, None)
    assert connected["id"] == max(row["sk"]["S"] for row in stored_rows("FRAME#")).removeprefix("FRAME#")
    api.post(SEND, {"content": "new"}, desk.alice_key)
    (message,) = read_stream(api, desk, connected["id"])
    assert message["message"]["content"] == "new"


def test_a_client_asks_for_everything_that_is_kept(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    read_stream(api, desk, None)
    send_messages(desk, "1", "2")
    assert [each["message"]["content"] for each in read_stream(api, desk, "0")] == ["1", "2"]
    assert message_contents(open_client(sockets, desk.alice_key, pump, after="0")) == ["1", "2"]


@pytest.mark.parametrize("last", ["nonsense", "", "5", "9" * 17, "-1", "١"])
def test_an_id_that_is_none_begins_a_first_connection(api: Api, desk: Desk, last: str) -> None:
    read_stream(api, desk, None)
    send_messages(desk, "old")
    text = api.get(STREAM, desk.alice_key, headers={"Last-Event-ID": last}).text
    (connected,) = parse_events(text)
    assert f"id: {connected['id']}\n" in text


def test_every_reply_begins_with_who_is_connected(api: Api, desk: Desk) -> None:
    """Only a first connection gets an id from it."""
    seen = set()
    for last, has_id in ((None, True), ("0", False), ("0" * 16, False)):
        headers = {"X-Agent-Name": "Scout"} | ({"Last-Event-ID": last} if last else {})
        text = api.get(STREAM, desk.alice_key, headers=headers).text
        connected = next(parse_events(text))
        assert set(connected) == {"id", "type", "timestamp", "clientId", "agentName"}
        assert (connected["type"], connected["agentName"]) == ("connected", "Scout")
        assert (f"id: {connected['id']}\nevent: connected" in text) is has_id
        seen.add(connected["clientId"])
    assert len(seen) == 3
    (connected,) = read_stream(api, desk, None)
    assert connected["agentName"] == "alice's demo key"


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("助手", "助手"),
        ("助手".encode().decode("latin-1"), "助手"),
        ("Zoë", "Zoë"),
        ("Zo%C3%AB", "Zo%C3%AB"),
        ("👩‍🔧".encode().decode("latin-1"), "👩‍🔧"),
        ("a: b", "a: b"),
        ("x" * 100, "x" * 100),
    ],
)
def test_agents_names_are_read_as_utf_8(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, sent: str, name: str
) -> None:
    headers = {"X-Agent-Name": sent}
    connected = next(parse_events(api.get(STREAM, desk.alice_key, headers=headers).text))
    client = sockets.connect(desk.alice_key, headers=headers)
    pump.drain(SOCKET_WORK)
    assert (connected["agentName"], client.frames[0]["agentName"]) == (name, name)
    assert api.post(SEND, {"content": "x"}, desk.alice_key, headers=headers).json["data"]["agentName"] == name
    client.send({"action": "send", "content": "y"})
    assert [each["message"]["agentName"] for each in client.frames[1:]] == [name, name]


@pytest.mark.parametrize(
    "name", ["x" * 101, "a\nevent: wake", "a\r\nb", "a\u2028b", "\u202eabc", "\u200b", "", "a\x00"]
)
def test_a_name_that_is_not_one_short_line_is_refused(api: Api, desk: Desk, sockets: Sockets, name: str) -> None:
    headers = {"X-Agent-Name": name}
    assert api.get(STREAM, desk.alice_key, headers=headers).status == 400
    assert api.post(SEND, {"content": "x"}, desk.alice_key, headers=headers).status == 400
    assert sockets.connect(desk.alice_key, headers=headers).status == 400
    assert stored_rows("SOCKET#") == []


def test_an_event_source_over_its_budget_is_told_when_to_come_back(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(NOON.replace(second=20), tick=False):
        limit_key_budget(monkeypatch, 1)
        accepts = {"Accept": "text/event-stream", "Last-Event-ID": "0" * 15 + "7"}
        assert api.get("/api/v2/me", desk.alice_key).status == 200
        refused = api.get(STREAM, desk.alice_key, headers=accepts)
    assert (refused.status, refused.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert (refused.headers["retry-after"], refused.headers["x-ratelimit-remaining"]) == ("40", "0")
    retry, event = refused.text.strip().split("\n\n")
    kind, data = event.split("\n")
    assert (retry, kind) == ("retry: 40000", "event: error"), "it keeps the id after which it resumes"
    error = json.loads(data.removeprefix("data: "))
    assert error == error | {"id": "0" * 15 + "7", "type": "error", "code": "rate-limited", "status": 429}
    assert set(error) == {"id", "type", "timestamp", "error", "code", "status"}


@pytest.mark.parametrize("accept", ["*/*", "", "application/json", "text/*"])
def test_another_client_over_its_budget_gets_the_status(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    with time_machine.travel(NOON, tick=False):
        limit_key_budget(monkeypatch, 1)
        api.get("/api/v2/me", desk.alice_key)
        refused = api.get(STREAM, desk.alice_key, headers={"Accept": accept})
        assert (refused.status, refused.json["success"], refused.headers["retry-after"]) == (429, False, "60")
        elsewhere = api.get("/api/v2/me", desk.alice_key, headers={"Accept": "text/event-stream"})
        assert elsewhere.status == 429


def test_an_event_source_comes_back_after_an_outage(api: Api, desk: Desk) -> None:
    read_stream(api, desk, None)
    for accept, status in (("text/event-stream;q=0.9, */*", 200), ("*/*", 503)):
        with intercept_engine(), inject_faults(FaultPoint(Fault.LOST, 2, lasts=True).plan(2)):
            answer = api.get(STREAM, desk.alice_key, headers={"Accept": accept})
        assert answer.status == status
        if status == 200:
            assert answer.text.startswith("retry: 1000\n\nevent: error\ndata: {")
            assert '"status": 503' in answer.text


def test_an_event_source_without_access_is_refused(api: Api, desk: Desk) -> None:
    for token, status in (("nonsense", 401), (desk.alice, 403)):
        assert api.get(STREAM, token, headers={"Accept": "text/event-stream"}).status == status


def test_a_resumed_stream_waits_for_the_first_new_event(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        monkeypatch.setattr(time, "sleep", clock.shift)
        last = read_stream(api, desk, None)[-1]["id"]
        started = time.time()
        (beat,) = read_stream(api, desk, last)
        assert beat["type"] == "heartbeat"
        assert time.time() - started >= 1
        waits: list[float] = []

        def wait(seconds: float) -> None:
            waits.append(seconds)
            clock.shift(seconds)
            if len(waits) == 2:
                send_messages(desk, "x")

        monkeypatch.setattr(time, "sleep", wait)
        (message,) = read_stream(api, desk, beat["id"])
        assert (message["type"], len(waits)) == ("new_message", 2)
        assert read_stream(api, desk, message["id"])[0]["type"] == "heartbeat"


def test_an_event_source_receives_everything_once_although_each_reply_ends(api: Api, desk: Desk) -> None:
    heard: list[dict[str, Any]] = read_stream(api, desk, None)
    for number in range(40):
        for _ in range(number % 4):
            send_messages(desk, f"{number}")
        if number % 3 == 0:
            heard += read_stream(api, desk, heard[-1]["id"])
    heard += read_stream(api, desk, heard[-1]["id"])
    told = [each["message"]["content"] for each in heard if each["type"] == "new_message"]
    assert told == [f"{number}" for number in range(40) for _ in range(number % 4)]


def test_a_listener_of_a_quiet_desk_misses_nothing_for_days(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        monkeypatch.setattr(time, "sleep", clock.shift)
        last = read_stream(api, desk, None)[-1]["id"]
        for _ in range(60):
            clock.shift(timedelta(hours=1))
            (beat,) = read_stream(api, desk, last)
            assert beat["type"] == "heartbeat"
            last = beat["id"]
        assert len(stored_rows("FRAME#")) < 25
        for _ in range(3):
            clock.shift(timedelta(minutes=20))
            api.post(EVENTS, inputs.new_event(occurred_at=inputs.ago()), desk.alice)
            (told,) = read_stream(api, desk, last)
            assert (told["type"], told["id"] > last) == ("delivery", True)
            last = told["id"]


def test_a_client_that_left_a_quiet_stream_less_than_a_day_ago_misses_nothing(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        monkeypatch.setattr(time, "sleep", clock.shift)
        read_stream(api, desk, None)
        clock.shift(timedelta(hours=20))
        last = read_stream(api, desk, None)[-1]["id"]
        clock.shift(timedelta(hours=20))
        last = read_stream(api, desk, last)[-1]["id"]
        clock.shift(timedelta(hours=23, minutes=59))
        api.post(EVENTS, inputs.new_event(occurred_at=inputs.ago()), desk.alice)
        assert [each["type"] for each in read_stream(api, desk, last)] == ["delivery"]


def test_a_stream_too_large_for_one_reply_continues_in_the_next(api: Api, desk: Desk) -> None:
    (first,) = read_stream(api, desk, None)
    send_messages(desk, *['"' * 9_000] * 50)
    send_messages(desk, *['"' * 9_000] * 45)
    heard = read_stream(api, desk, first["id"])
    assert 0 < len(heard) < 95
    heard += read_stream(api, desk, heard[-1]["id"])
    assert [each["type"] for each in heard] == ["new_message"] * 95
    assert len({each["id"] for each in heard}) == 95


def read_pieces(pieces: Pieces) -> Iterator[str]:
    """Yield the texts of an open reply, and an empty one at each pause, which lasts half a second at most."""
    for piece in iter(pieces.read, None):
        yield piece if isinstance(piece, str) else ""
        if isinstance(piece, Pause):
            time.sleep(min(piece.seconds, 0.5))


def open_reply(
    token: str, *, seconds: int = 300, last: str | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """Return the reply that the function gives a host that can keep it open."""
    headers = headers or {"Authorization": f"Bearer {token}"} | ({"Last-Event-ID": last} if last else {})
    event = gateway_event("GET", STREAM, headers, None)
    event["requestContext"]["streamSeconds"] = seconds
    return stream_events(event, None)


@pytest.fixture
def passing_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[time_machine.Traveller]:
    """Pass the time that streams wait."""
    with time_machine.travel(NOON, tick=False) as clock:
        monkeypatch.setattr(time, "sleep", clock.shift)
        yield clock


def test_a_host_keeps_a_stream_open_for_five_minutes_with_heartbeats(
    desk: Desk, passing_time: time_machine.Traveller
) -> None:
    pieces = open_reply(desk.alice_key)["pieces"]
    heard, times = list[dict[str, Any]](), list[float]()
    for piece in read_pieces(pieces):
        if not piece:
            continue
        events = list(parse_events(piece if piece.startswith("retry: ") else f"retry: 0\n\n{piece}"))
        heard += events
        times += [(datetime.now(UTC) - NOON).total_seconds()] * len(events)
        if events[-1]["type"] == "heartbeat" and len(heard) == 3:
            send_messages(desk, "1", "2")
    pieces.close()
    assert [each["type"] for each in heard] == [
        *("connected", "heartbeat", "heartbeat", "new_message", "new_message"),
        *["heartbeat"] * 8,
    ]
    assert times[:3] == [0, 30, 60]
    assert times[-1] == pytest.approx(300, abs=1)
    assert [each["id"] for each in heard] == sorted(each["id"] for each in heard)
    assert heard[-1]["id"] == heard[4]["id"]


def test_an_open_stream_keeps_no_session_alive(api: Api, desk: Desk, passing_time: time_machine.Traveller) -> None:
    session = cookie(sign_in(api, desk.user_id("alice")))
    passing_time.shift(timedelta(hours=11, minutes=58))
    api.get("/api/v2/me", headers=session)
    passing_time.shift(timedelta(hours=11, minutes=58))
    pieces = open_reply("", headers=session)["pieces"]
    texts = [each for each in read_pieces(pieces) if each]
    assert len(texts) > 3, "the session was used when the stream was opened"
    passing_time.shift(timedelta(hours=11, minutes=54))
    assert api.get("/api/v2/me", headers=session).status == 200
    passing_time.shift(timedelta(hours=11, minutes=58))
    pieces = open_reply("", headers=session)["pieces"]
    assert len([each for each in read_pieces(pieces) if each]) > 3
    passing_time.shift(timedelta(hours=11, minutes=56))
    assert api.get("/api/v2/me", headers=session).status == 401


def test_an_open_stream_ends_when_its_key_ends(api: Api, desk: Desk, passing_time: time_machine.Traveller) -> None:
    key = new_key(api, desk, "all")
    pieces = open_reply(key)["pieces"]
    for piece in read_pieces(pieces):
        if '"heartbeat"' in piece:
            switch_key(api, desk, key, active=False)
    assert (datetime.now(UTC) - NOON).total_seconds() == pytest.approx(60, abs=1)


def hold(token: str) -> Any:
    """Return a stream that waits for events."""
    pieces = open_reply(token)["pieces"]
    texts = read_pieces(pieces)
    assert next(texts).startswith("retry: 1000\n\nid: ")
    assert next(texts) == ""
    return pieces, texts


def test_a_person_holds_three_streams_open(desk: Desk, passing_time: time_machine.Traveller) -> None:
    held = [hold(desk.alice_key) for _ in range(bounds.STREAMS.most)]
    more = "".join(read_pieces(open_reply(desk.alice_key)["pieces"]))
    assert [each["type"] for each in parse_events(more.replace("retry: 10000\n\n", ""))] == ["connected", "heartbeat"]
    assert "retry: 10000\n\nid: " in more
    send_messages(desk, "x")
    more = "".join(read_pieces(open_reply(desk.alice_key, last="0")["pieces"]))
    assert '"content":"x"' in more, "what is there is sent"
    held.append(hold(desk.bob_key))
    held[0][0].close()
    held[0] = hold(desk.alice_key)
    assert "retry: 10000" in "".join(read_pieces(open_reply(desk.alice_key)["pieces"]))
    for pieces, _ in held:
        pieces.close()
    assert stored_rows("SLOT#") == []


def test_functions_hold_three_streams_for_a_person_too(
    api: Api, desk: Desk, passing_time: time_machine.Traveller
) -> None:
    last = read_stream(api, desk, None)[-1]["id"]
    held = [hold(desk.alice_key) for _ in range(3)]
    answer = api.get(STREAM, desk.alice_key, headers={"Last-Event-ID": last})
    assert "retry: 10000\n\n" in answer.text
    held[0][0].close()
    before = datetime.now(UTC)
    assert [each["type"] for each in read_stream(api, desk, last)] == ["heartbeat"]
    assert datetime.now(UTC) - before >= timedelta(seconds=1)
    for pieces, _ in held:
        pieces.close()


def test_a_stream_that_was_stopped_holds_its_slot_for_a_minute(
    desk: Desk, passing_time: time_machine.Traveller
) -> None:
    stopped = [hold(desk.alice_key) for _ in range(3)]
    passing_time.shift(timedelta(seconds=59))
    assert "retry: 10000" in "".join(read_pieces(open_reply(desk.alice_key)["pieces"]))
    passing_time.shift(timedelta(seconds=2))
    other = hold(desk.alice_key)
    texts = [text for text in stopped[0][1] if text]
    assert len(texts) == 1, "it ends with a heartbeat, because another has its slot"
    assert len(stored_rows("SLOT#")) == 3
    for pieces, _ in (other, *stopped):
        pieces.close()


def test_a_host_that_is_full_ends_a_reply_at_once(desk: Desk, passing_time: time_machine.Traveller) -> None:
    reply = open_reply(desk.alice_key, seconds=0, last="0")
    assert [each["type"] for each in parse_events(reply["body"])] == ["connected", "heartbeat"]
    assert reply["body"].startswith("retry: 10000\n\n")
    assert datetime.now(UTC) == NOON


def test_a_stream_whose_slot_is_not_given_back_ends_all_the_same(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(DynamoStreamSlots, "give_back", fail)
    last = read_stream(api, desk, None)[-1]["id"]
    assert [each["type"] for each in read_stream(api, desk, last)] == ["heartbeat"]
    assert "is held until it expires" in caplog.text
