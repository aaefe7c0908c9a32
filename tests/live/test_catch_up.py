"""Catch-up: a socket receives what it missed, once and in order."""

from typing import Any

import pytest

from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.resources import SOCKET_WORK
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.listeners import frame_types, message_contents, open_client, run_catch_ups_again, send_messages
from tests.support.pump import Pumps
from tests.support.sockets import Client, Sockets

SEND, EVENTS = "/api/v2/shared-chat/send", "/api/v1/events"


@pytest.fixture(autouse=True)
def _no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that no test here uses up, and streams that are not held for long."""
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "1")


@pytest.fixture
def listener(sockets: Sockets, desk: Desk, pump: Pumps) -> Client:
    """Alice's open connection."""
    return open_client(sockets, desk.alice_key, pump)


@pytest.mark.parametrize("by", ["header", "action"])
def test_a_client_that_comes_back_receives_exactly_what_it_missed(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, listener: Client, by: str
) -> None:
    for number in range(3):
        api.post(SEND, {"content": f"{number}"}, desk.alice_key)
    last = listener.frames[-1]["id"]
    listener.close()
    for number in range(3, 6):
        api.post(SEND, {"content": f"{number}"}, desk.alice_key)
    client = open_client(sockets, desk.alice_key, pump, after=last if by == "header" else None)
    if by == "action":
        client.send({"action": "resume", "after": last})
        pump.drain(SOCKET_WORK)
    api.post(SEND, {"content": "6"}, desk.alice_key)
    assert message_contents(client) == ["3", "4", "5", "6"]
    client.send({"action": "resume", "after": last})
    pump.drain(SOCKET_WORK)
    assert message_contents(client) == ["3", "4", "5", "6"]


@pytest.mark.parametrize("after", ["9" * 16, "nonsense", "0" * 15, "", "-000000000000001"])
def test_an_unknown_id_continues_at_the_end_of_the_log(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, after: str
) -> None:
    api.post(SEND, {"content": "before"}, desk.alice_key)
    client = open_client(sockets, desk.alice_key, pump, after=after)
    api.post(SEND, {"content": "after"}, desk.alice_key)
    assert message_contents(client) == ["after"]


def test_frames_before_the_catch_up_are_sent_by_it_in_order(
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
    assert (frame_types(client)[0], message_contents(client)) == ("connected", ["0", "1", "2"])


def test_frames_at_any_moment_of_a_catch_up_arrive_once_and_in_order(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, listener: Client
) -> None:
    listener.close()
    for number in range(5):
        api.post(SEND, {"content": f"{number}"}, desk.alice_key)
    numbers = iter(range(5, 12))

    def interrupt(_: str) -> None:
        if (number := next(numbers, None)) is not None:
            send_messages(desk, f"{number}")

    sockets.before_post = interrupt
    client = open_client(sockets, desk.alice_key, pump, after=listener.frames[0]["id"])
    for _ in range(7):
        interrupt("")
    assert message_contents(client) == [f"{number}" for number in range(12)]


def test_an_interrupted_catch_up_continues_when_its_message_is_delivered_again(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(0, 250, 50):
        send_messages(desk, *(f"{number + more}" for more in range(50)))
    real, left = DynamoFrames.list_after, iter([True, True, False])

    def breaking(self: DynamoFrames, *args: Any, **more: Any) -> Any:
        if not next(left, True):
            raise RuntimeError("the worker is stopped here")
        return real(self, *args, **more)

    monkeypatch.setattr(DynamoFrames, "list_after", breaking)
    client = sockets.connect(desk.alice_key, headers={"Last-Event-ID": "0" * 16})
    pump.drain(SOCKET_WORK)
    assert len(message_contents(client)) == 200
    run_catch_ups_again(pump)
    send_messages(desk, "250")
    assert message_contents(client) == [f"{number}" for number in range(251)]


def test_the_greeting_waits_until_the_gateway_has_opened_the_socket(
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
    assert frame_types(client) == ["connected"]
