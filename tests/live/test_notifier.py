"""The notifier: which events reach which sockets."""

from datetime import datetime

import pytest

from chalicelib.resources import CALLBACKS, FAN_OUT
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.listeners import frame_types, new_key, open_client, read_stream, save_settings, stored_rows
from tests.support.mcp import call_tool
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.sockets import Client, Sockets

SEND, EVENTS = "/api/v2/shared-chat/send", "/api/v1/events"
QUEUE = "/api/v2/queue"


@pytest.fixture(autouse=True)
def _no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that no test here uses up, and streams that are not held for long."""
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "1")


@pytest.fixture
def listener(sockets: Sockets, desk: Desk, pump: Pumps) -> Client:
    """Alice's open connection."""
    return open_client(sockets, desk.alice_key, pump)


def test_every_kind_of_event_reaches_an_open_socket(
    api: Api, desk: Desk, listener: Client, pump: Pumps, receiver: Receiver
) -> None:
    save_settings(api, desk, queueAutoApprove=True)
    item = api.post(QUEUE, {"title": "Fire", "priority": "urgent"}, desk.alice_key).json["data"]
    save_settings(api, desk, mode="chief_of_staff")
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


def test_a_repeated_message_is_pushed_once(api: Api, desk: Desk, listener: Client) -> None:
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


def test_bulk_deliveries_are_pushed_by_the_worker(api: Api, desk: Desk, listener: Client, pump: Pumps) -> None:
    body = {"recipients": [{"type": "email", "email": "alice@example.com"}], "event": inputs.new_event()}
    (row,) = api.post(f"{EVENTS}/bulk", body, desk.fd1).json["results"]
    pump.drain(FAN_OUT)
    assert [each["deliveryId"] for each in listener.frames[1:]] == [row["deliveryId"]]


def test_bulk_rows_of_those_who_listen_are_pending_until_the_worker_tells_them(
    api: Api, desk: Desk, listener: Client, pump: Pumps
) -> None:
    names = ("alice", "bob", "alice", "erin")
    people = [{"type": "email", "email": f"{name}@example.com"} for name in names]
    body = {"recipients": people, "event": inputs.new_event()}
    rows = api.post(f"{EVENTS}/bulk", body, desk.fd1).json["results"]
    assert [(row.get("pushed"), row.get("pushPending"), row.get("deduped")) for row in rows] == [
        (False, True, False),
        (False, None, False),
        (False, True, True),
        (None, None, None),
    ]
    pump.drain(FAN_OUT)
    assert frame_types(listener) == ["connected", "delivery"]
    again = api.post(f"{EVENTS}/bulk", body, desk.fd1).json["results"]
    assert [(row.get("pushed"), row.get("pushPending")) for row in again[:2]] == [(False, None)] * 2


def test_the_tools_that_publish_say_what_is_pending(api: Api, desk: Desk, listener: Client) -> None:
    to_alice = {"type": "email", "email": "alice@example.com"}
    for name, arguments in (
        ("event_publish", {"recipient": to_alice}),
        ("event_publish_bulk", {"recipients": [to_alice]}),
    ):
        result = call_tool(api, desk.fd1, name, event=inputs.new_event(), **arguments)["structuredContent"]
        assert [(row["pushed"], row["pushPending"]) for row in result["results"]] == [(False, True)], name


def test_every_bulk_row_is_pending_where_it_is_not_looked_up_who_listens(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.inbox.services.bulk.MOST_LISTENERS_LOOKED_UP", 1)
    people = [{"type": "email", "email": f"{name}@example.com"} for name in ("alice", "bob")]
    reply = api.post(f"{EVENTS}/bulk", {"recipients": people, "event": inputs.new_event()}, desk.fd1)
    assert [row["pushPending"] for row in reply.json["results"]] == [True, True]
    assert "Query" not in reply.calls[2:] or reply.calls.count("Query") <= 1


def test_a_socket_receives_only_events_of_its_keys_areas(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    clients = {area: open_client(sockets, new_key(api, desk, [area]), pump) for area in ("chat", "queue", "inbox")}
    api.post(SEND, {"content": "x"}, desk.alice_key)
    api.post(QUEUE, {"title": "x"}, desk.alice_key)
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert {area: frame_types(client) for area, client in clients.items()} == {
        "chat": ["connected", "new_message"],
        "queue": ["connected", "queue_changed"],
        "inbox": ["connected", "delivery"],
    }
    late = open_client(sockets, new_key(api, desk, ["queue"]), pump, after="0" * 16)
    assert frame_types(late) == ["connected", "queue_changed"]


def test_events_reach_only_their_own_person(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    bob = open_client(sockets, desk.bob_key, pump)
    api.post(SEND, {"content": "x"}, desk.alice_key)
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert frame_types(bob) == ["connected"]


def test_a_socket_that_takes_no_frame_is_closed_and_others_receive_it(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, listener: Client
) -> None:
    broken = open_client(sockets, desk.alice_key, pump)
    broken.failing = True
    assert api.post(EVENTS, inputs.new_event(), desk.alice).json["pushed"] is True
    assert (frame_types(listener)[-1], broken.gone, len(stored_rows("SOCKET#"))) == ("delivery", True, 1)


def test_deliveries_are_not_logged_where_nobody_listens(api: Api, desk: Desk) -> None:
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert stored_rows("FRAME#") == []
    read_stream(api, desk, None)
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert len(stored_rows("FRAME#")) == 2
