"""Sockets: who may open one, what clients send over it, and how it ends."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib.core.domain import bounds
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.resources import SOCKET_WORK
from chalicelib.sockets.desk import on_connect
from chalicelib.tokens.stores.grants import DynamoGrants
from infra.local.socket_events import Connection
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.listeners import (
    frame_types,
    message_contents,
    new_key,
    open_client,
    stored_rows,
    switch_key,
)
from tests.support.pump import Pumps
from tests.support.sockets import Client, Sockets

SEND, STREAM, EVENTS = "/api/v2/shared-chat/send", "/api/v2/shared-chat/stream", "/api/v1/events"
KEYS = "/api/v2/keys"
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


def test_a_new_socket_is_greeted_first(listener: Client) -> None:
    assert listener.status == 101
    (greeting,) = listener.frames
    assert greeting["type"] == "connected"
    assert greeting["id"] == "0" * 16
    assert greeting["connectionId"] == listener.connection_id


def test_browsers_present_the_key_as_a_subprotocol(sockets: Sockets, desk: Desk) -> None:
    client = sockets.connect(subprotocols=["bearer", desk.alice_key])
    assert (client.status, client.headers) == (101, {"Sec-WebSocket-Protocol": "bearer"})
    assert sockets.connect(desk.alice_key, subprotocols=["graphql"]).headers == {}


def test_a_token_without_the_areas_opens_no_socket(sockets: Sockets, desk: Desk, api: Api) -> None:
    narrow = new_key(api, desk, ["kanban", "contacts"])
    off = new_key(api, desk, "all")
    switch_key(api, desk, off, active=False)
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
    assert stored_rows("SOCKET#") == []


def test_opening_sockets_is_charged_to_the_key(sockets: Sockets, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from chalicelib.settings import settings

    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "3")
    settings.cache_clear()
    assert [sockets.connect(desk.alice_key).status for _ in range(5)] == [101, 101, 101, 429, 429]


def test_a_person_has_twenty_sockets_and_the_oldest_makes_room(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        opened = []
        for number in range(bounds.SOCKETS.most + 2):
            clock.shift(timedelta(seconds=1))
            headers = {"Last-Event-ID": "0"} if number % 2 else {}
            opened.append(sockets.connect(desk.alice_key, headers=headers))
            pump.drain(SOCKET_WORK)
        other = open_client(sockets, desk.bob_key, pump)
        assert [each.gone for each in opened] == [True] * 2 + [False] * 20
        assert len(stored_rows("SOCKET#")) == 21
        for each in opened[:2]:
            assert (each.frames[-1]["type"], each.frames[-1]["code"]) == ("error", "too-many-connections")
        api.post(SEND, {"content": "x"}, desk.alice_key)
        pump.drain(SOCKET_WORK)
        assert all(message_contents(each) == ["x"] for each in opened[2:])
        assert message_contents(other) == []


def test_sockets_that_are_gone_already_make_room(desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    opened = [open_client(sockets, desk.alice_key, pump) for _ in range(20)]
    for each in opened[:5]:
        each.gone = each.unending = True
    assert open_client(sockets, desk.alice_key, pump).status == 101
    assert len(stored_rows("SOCKET#")) == 20


def test_a_refused_handshake_ends_no_socket(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    opened = [open_client(sockets, desk.alice_key, pump) for _ in range(20)]
    narrow = new_key(api, desk, ["kanban"])
    assert sockets.connect(narrow).status == 403
    assert sockets.connect(desk.alice_key, headers={"X-Agent-Name": "\n"}).status == 400
    assert not any(each.gone for each in opened)


def test_a_client_sends_messages_over_its_socket(
    api: Api, desk: Desk, sockets: Sockets, listener: Client, pump: Pumps
) -> None:
    other = open_client(sockets, desk.alice_key, pump)
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
def test_an_invalid_frame_is_answered_with_an_error(listener: Client, message: Any) -> None:
    listener.send(message)
    error = listener.frames[-1]
    assert (error["type"], error["code"]) == ("error", "validation-failed")
    assert error["error"]
    assert not listener.gone


def test_a_binary_frame_is_read_like_text(listener: Client) -> None:
    listener.send(b'{"action": "ping"}')
    assert frame_types(listener)[-1] == "heartbeat"


def test_frames_need_the_keys_areas_and_budget(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.settings import settings

    client = open_client(sockets, new_key(api, desk, ["inbox"]), pump)
    client.send({"action": "send", "content": "x"})
    assert client.frames[-1]["code"] == "forbidden"
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "3")
    settings.cache_clear()
    for message in ({"action": "ping"}, {"action": "nope"}, {"action": "ping"}, {"action": "nope"}):
        client.send(message)
    codes = [each.get("code") for each in client.frames[-4:]]
    assert codes == [None, "rate-limited", "rate-limited", "rate-limited"]


def test_a_key_that_is_turned_off_loses_its_sockets(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    key = new_key(api, desk, "all")
    ended, kept = open_client(sockets, key, pump), open_client(sockets, desk.alice_key, pump)
    switch_key(api, desk, key, active=False)
    assert (ended.gone, kept.gone) == (True, False)
    assert len(stored_rows("SOCKET#")) == 1


def test_a_key_that_is_turned_off_while_a_socket_opens_has_none(
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
    assert (stored_rows("SOCKET#"), stored_rows("CONNECTION")) == ([], [])


def test_a_socket_ends_with_its_key(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        made = api.post(KEYS, {"name": "brief", "permissions": "all", "expiresInDays": 0.01}, desk.alice_key)
        client = open_client(sockets, made.json["data"]["key"], pump)
        clock.shift(timedelta(minutes=20))
        assert api.post(EVENTS, inputs.new_event(occurred_at=inputs.ago()), desk.alice).json["pushed"] is False
        client.send({"action": "ping"})
        assert client.gone
        assert frame_types(client) == ["connected"]


def test_a_frame_under_a_key_that_was_turned_off_ends_the_socket(
    desk: Desk, sockets: Sockets, listener: Client
) -> None:
    owner = DynamoGrants().list_keys(desk.user_id("alice"))[0]
    DynamoGrants().switch_key(owner.key_id, active=False, owner_id=None, claim=None, reply={})
    listener.send({"action": "ping"})
    assert (listener.frames[-1]["code"], listener.gone) == ("unauthorized", True)
    assert stored_rows("SOCKET#") == []


def test_an_ended_socket_is_deleted(api: Api, desk: Desk, sockets: Sockets, pump: Pumps, listener: Client) -> None:
    listener.close()
    assert (stored_rows("SOCKET#"), stored_rows("CONNECTION")) == ([], [])
    gone = open_client(sockets, desk.alice_key, pump)
    gone.gone = True
    assert api.post(EVENTS, inputs.new_event(), desk.alice).json["pushed"] is False
    assert (stored_rows("SOCKET#"), stored_rows("CONNECTION")) == ([], [])


def test_a_socket_that_can_not_be_closed_receives_nothing_more(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, listener: Client
) -> None:
    listener.failing = listener.unending = True
    last = listener.frames[-1]["id"]
    api.post(SEND, {"content": "missed"}, desk.alice_key)
    listener.failing = listener.unending = False
    api.post(SEND, {"content": "later"}, desk.alice_key)
    assert message_contents(listener) == []
    listener.send({"action": "ping"})
    assert listener.gone
    assert message_contents(open_client(sockets, desk.alice_key, pump, after=last)) == ["missed", "later"]


def test_a_socket_that_can_not_be_closed_keeps_no_other_of_its_key_open(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    key = new_key(api, desk, "all")
    clients = [open_client(sockets, key, pump) for _ in range(3)]
    min(clients, key=lambda each: each.connection_id).unending = True
    switch_key(api, desk, key, active=False)
    assert sorted(each.gone for each in clients) == [False, True, True]
    api.post(SEND, {"content": "x"}, desk.alice_key)
    assert [message_contents(each) for each in clients] == [[], [], []]


def test_an_expired_socket_receives_nothing_and_gets_no_answer(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        client = open_client(sockets, desk.alice_key, pump)
        clock.shift(timedelta(hours=2, minutes=6))
        assert api.post(EVENTS, inputs.new_event(occurred_at=inputs.ago()), desk.alice).json["pushed"] is False
        client.send({"action": "ping"})
        assert client.gone
        assert frame_types(client) == ["connected"]


def test_store_calls_of_sockets_and_streams(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
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
