"""The event stream over plain HTTP."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.listeners import open_client, read_stream, send_messages, stored_rows
from tests.support.pump import Pumps
from tests.support.sockets import Client, Sockets

SEND, EVENTS = "/api/v2/shared-chat/send", "/api/v1/events"
NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that no test here uses up, and streams that are not held for long."""
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "1")


@pytest.fixture
def listener(sockets: Sockets, desk: Desk, pump: Pumps) -> Client:
    """Alice's open connection."""
    return open_client(sockets, desk.alice_key, pump)


def test_a_first_stream_is_answered_at_once_with_the_latest_events(api: Api, desk: Desk) -> None:
    events = read_stream(api, desk, None)
    assert [each["type"] for each in events] == ["connected"]
    api.post(SEND, {"content": "x"}, desk.alice_key)
    api.post(EVENTS, inputs.new_event(), desk.alice)
    events = read_stream(api, desk, None)
    assert [each["type"] for each in events] == ["connected", "new_message", "delivery"]
    ids = [each["id"] for each in events]
    assert ids == sorted(set(ids))


def test_a_resumed_stream_waits_for_the_first_new_event(api: Api, desk: Desk) -> None:
    last = read_stream(api, desk, None)[-1]["id"]
    started = time.monotonic()
    (beat,) = read_stream(api, desk, last)
    assert beat["type"] == "heartbeat"
    assert time.monotonic() - started >= 1
    threading.Timer(0.3, lambda: send_messages(desk, "x")).start()
    (message,) = read_stream(api, desk, beat["id"])
    assert message["type"] == "new_message"
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
    send_messages(desk, *["\x01" * 5_000] * 50)
    send_messages(desk, *["\x01" * 5_000] * 45)
    heard = read_stream(api, desk, None)
    assert heard[0]["type"] == "connected"
    assert len(heard) < 95
    heard += read_stream(api, desk, heard[-1]["id"])
    assert len({each["id"] for each in heard}) == 96
    heard = read_stream(api, desk, first["id"])
    heard += read_stream(api, desk, heard[-1]["id"])
    assert [each["type"] for each in heard] == ["new_message"] * 95
