"""The log of a person's frames: no loss, no repeats, no reused positions."""

import random
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from chalicelib.live.services import catch_up
from chalicelib.resources import SOCKET_WORK
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.listeners import frame_types, message_contents, open_client, send_messages
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


def test_1000_frames_and_50_drops_lose_nothing_and_repeat_nothing(
    desk: Desk, sockets: Sockets, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client knows nothing but the last id it was told."""
    monkeypatch.setattr(catch_up, "_OPENING_SECONDS", -1)
    chance = random.Random(7)
    client, heard = open_client(sockets, desk.alice_key, pump), list[str]()
    last = client.frames[-1]["id"]
    told, drops = 0, 0
    while told < 1000:
        count = min(chance.randint(1, 9), 1000 - told)
        send_messages(desk, *(f"{told + number}" for number in range(count)))
        told += count
        if chance.random() < 0.3:
            drops += 1
            last = client.frames[-1]["id"] if client.frames else last
            heard += message_contents(client)
            if chance.random() < 0.5:
                client.close()
            else:
                client.gone = True
            client = sockets.connect(desk.alice_key, headers={"Last-Event-ID": last})
        if chance.random() < 0.7:
            pump.drain(SOCKET_WORK)
    pump.drain(SOCKET_WORK)
    heard += message_contents(client)
    assert heard == [f"{number}" for number in range(1000)]
    assert drops >= 50


def test_concurrent_writers_take_successive_positions(api: Api, desk: Desk, listener: Client) -> None:
    statuses = run_concurrently(16, lambda number: api.status("POST", SEND, {"content": f"{number}"}, desk.alice_key))
    assert statuses == [201] * 16
    ids = sorted(int(each["id"]) for each in listener.frames[1:])
    assert ids == list(range(ids[0], ids[0] + 16))
    assert sorted(map(int, message_contents(listener))) == list(range(16))


def test_a_swept_log_continues_at_a_new_position(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        client = open_client(sockets, desk.alice_key, pump)
        api.post(SEND, {"content": "old"}, desk.alice_key)
        last = client.frames[-1]["id"]
        client.close()
        clock.shift(timedelta(hours=23))
        assert message_contents(open_client(sockets, desk.alice_key, pump, after="0" * 16)) == ["old"]
        clock.shift(timedelta(hours=30))
        client = open_client(sockets, desk.alice_key, pump, after=last)
        api.post(SEND, {"content": "new"}, desk.alice_key)
        assert message_contents(client) == ["new"]
        assert client.frames[-1]["id"] > last


def test_a_client_that_left_a_quiet_socket_less_than_a_day_ago_misses_nothing(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        client = open_client(sockets, desk.alice_key, pump)
        last = client.frames[-1]["id"]
        clock.shift(timedelta(hours=2))
        client.close()
        clock.shift(timedelta(hours=23, minutes=58))
        api.post(EVENTS, inputs.new_event(occurred_at=inputs.ago()), desk.alice)
        assert frame_types(open_client(sockets, desk.alice_key, pump, after=last)) == ["connected", "delivery"]
