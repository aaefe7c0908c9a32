"""Relays to peers: stored, sent in order, retried and acknowledged."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from chalicelib.federation.relays.domain.outbox import OutboxJob
from chalicelib.federation.relays.gateways.outbox import OUTBOX_JOBS
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from chalicelib.federation.relays.stores.outgoing import DynamoOutgoing
from chalicelib.queues.outbox import send_waiting
from chalicelib.resources import OUTBOX_WORK
from tests.conftest import Desk
from tests.federation.relays.relay_calls import (
    BOARD_URL,
    QUEUE_URL,
    RELAYS_URL,
    TOKEN,
    complete_card,
    given_work,
    list_relays,
    peer_url,
    send_relay,
)
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.peer import ACK, CONNECTIONS, RELAY
from tests.support.pump import Pumps, count_messages
from tests.support.receiver import Receiver

pytestmark = pytest.mark.usefixtures("large_budget")


def test_the_subject_of_a_new_relay_is_one_line_and_keeps_its_joiners(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    for bad in ("Count\nthem", "\u202eCount", "\u200d"):
        refused = send_relay(api, desk, connection, subject=bad)
        assert (refused.status, "subject" in refused.json["error"]) == (400, True)
    persian = "می\u200cخواهم 👨\u200d👩\u200d👧"
    assert send_relay(api, desk, connection, subject=persian).json["data"]["subject"] == persian
    pump.drain(OUTBOX_WORK)
    assert [json.loads(each.body)["subject"] for each in receiver.received] == [persian]


def test_a_relay_is_sent_to_the_peer_and_recorded(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    sent = send_relay(api, desk, connection, intent="assign_task", subject="Count the depots", payload={"body": "All."})
    data = sent.json["data"]
    assert (sent.status, data["status"], data["dispatch"], data["tries"]) == (201, "pending", "queued", 0)
    assert receiver.received == []
    pump.drain(OUTBOX_WORK)
    (got,) = receiver.received
    said = json.loads(got.body)
    assert (got.path, got.headers["x-federation-token"]) == ("/api/federation/relay", TOKEN)
    assert (said["relayId"], said["connectionId"], said["intent"]) == (data["id"], "their-connection", "assign_task")
    assert (said["subject"], said["payload"]) == ("Count the depots", {"body": "All."})
    assert (said["fromUserEmail"], said["toUserEmail"]) == ("alice@example.com", "sam@other.example.org")
    (listed,) = list_relays(api, desk)["relays"]
    assert (listed["status"], listed["dispatch"], listed["tries"]) == ("delivered", "sent", 1)
    assert listed["peerRelayId"] == "theirs-1"
    pump.drain(OUTBOX_WORK)
    assert len(receiver.received) == 1


def test_bodies_are_signed_if_the_connection_has_hmac(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    api.call("PATCH", f"{CONNECTIONS}/{connection}", {"hmacEnabled": True}, token=desk.alice_key)
    send_relay(api, desk, connection)
    pump.drain(OUTBOX_WORK)
    (got,) = receiver.received
    assert got.headers["x-federation-hmac"] == hmac.new(TOKEN.encode(), got.body, hashlib.sha256).hexdigest()


def test_relays_arrive_in_order(api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str) -> None:
    for number in range(12):
        send_relay(api, desk, connection, subject=f"{number}")
    pump.drain(OUTBOX_WORK)
    assert [json.loads(each.body)["subject"] for each in receiver.received] == [f"{number}" for number in range(12)]


def test_a_failing_peer_is_retried_later(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    receiver.status = 503
    for number in range(3):
        send_relay(api, desk, connection, subject=f"{number}")
        pump.drain(OUTBOX_WORK)
    assert len(receiver.received) == 1
    first, *others = reversed(list_relays(api, desk)["relays"])
    assert (first["dispatch"], first["tries"], first["error"][:12]) == ("retrying", 1, "answered 503")
    assert {each["dispatch"] for each in others} == {"queued"}
    box = DynamoOutbox().find(peer_url(receiver))
    assert (box.failures, box.last_position) == (1, 3)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_relay_is_parked_with_the_reason(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str, status: int
) -> None:
    receiver.status, receiver.body = status, b"who are you"
    send_relay(api, desk, connection)
    pump.drain(OUTBOX_WORK)
    (relay,) = list_relays(api, desk)["relays"]
    assert (relay["dispatch"], relay["status"]) == ("parked", "pending")
    assert relay["error"] == f"answered {status}: who are you"
    assert DynamoOutbox().list_first(peer_url(receiver), limit=50) == []


def test_a_reply_without_a_relay_id_counts_as_sent(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    strange = (b'{"success": true, "relayId": "\\ud800"}', b'{"success": true, "relayId": "a\\u0000b"}')
    for body in (b'{"success": true}', b'{"success": true, "relayId": 5}', *strange):
        receiver.body = body
        send_relay(api, desk, connection)
        pump.drain(OUTBOX_WORK)
    assert {each["dispatch"] for each in list_relays(api, desk)["relays"]} == {"sent"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no success: true"),
        (b"[]", "no success: true"),
        (b"<html>Parked</html>", "no success: true"),
        (b'{"relayId": "theirs"}', "no success: true"),
        (b'{"success": "true"}', "no success: true"),
        (b'{"success": false, "relayId": "theirs"}', "success: false"),
        (b"[" * 60_000, "no success: true"),
        (b"x" * 70_000, "no success: true"),
    ],
    ids=range(8),
)
@pytest.mark.parametrize("status", [200, 204])
def test_only_success_true_is_success(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str, body: bytes, said: str, status: int
) -> None:
    receiver.status, receiver.body = status, body if status == 200 else b""
    send_relay(api, desk, connection)
    pump.drain(OUTBOX_WORK)
    (relay,) = list_relays(api, desk)["relays"]
    assert (relay["dispatch"], relay["status"]) == ("retrying", "pending")
    assert relay["error"] == f"answered {status} with {said if status == 200 else 'no success: true'}"


def test_a_relay_that_the_peer_filters_is_shown_as_filtered(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    receiver.body = b'{"success": true, "ambient": true, "filtered": true, "reason": "quiet-\\u202ehours\\n"}'
    send_relay(api, desk, connection, payload={"ambient": True})
    pump.drain(OUTBOX_WORK)
    (relay,) = list_relays(api, desk)["relays"]
    assert (relay["dispatch"], relay["status"], relay["peerRelayId"]) == ("filtered", "declined", None)
    assert relay["error"] == "filtered by the recipient's profile: quiet- hours"
    assert DynamoOutbox().list_first(peer_url(receiver), limit=50) == []
    assert list_relays(api, desk, status="delivered")["relays"] == []


def test_an_acknowledgement_completes_the_relay(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    relay_id = send_relay(api, desk, connection, intent="assign_task").json["data"]["id"]
    pump.drain(OUTBOX_WORK)
    for named in ({"relayId": relay_id}, {"relayId": "theirs-1"}):
        body = named | {"status": "completed", "responsePayload": {"message": "Eleven."}}
        assert api.post(ACK, body, headers={"X-Federation-Token": TOKEN}).status == 200
    (relay,) = list_relays(api, desk, status="completed")["relays"]
    assert json.loads(relay["responsePayload"]) == {"message": "Eleven."}
    assert list_relays(api, desk, status="delivered")["pagination"]["total"] == 0


@pytest.mark.parametrize("status", ["agent_handling", "completed"])
def test_a_relay_acknowledged_before_it_is_recorded_as_sent_is_both(
    api: Api, desk: Desk, receiver: Receiver, connection: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay_id = send_relay(api, desk, connection).json["data"]["id"]
    noted = DynamoOutgoing.settle

    def overtaken(*about: Any, **more: Any) -> None:
        api.post(ACK, {"relayId": relay_id, "status": status}, headers={"X-Federation-Token": TOKEN})
        noted(*about, **more)

    monkeypatch.setattr(DynamoOutgoing, "settle", overtaken)
    # Not through the pump, which would take the acknowledgement's calls for the worker's.
    send_waiting.function(OutboxJob(peer_url=peer_url(receiver)))
    (relay,) = list_relays(api, desk)["relays"]
    assert (relay["status"], relay["dispatch"], relay["tries"]) == (status, "sent", 1)
    by_their_id = api.post(ACK, {"relayId": "theirs-1", "status": status}, headers={"X-Federation-Token": TOKEN})
    assert by_their_id.json["relayId"] == relay_id


def test_relays_with_the_same_peer_id_are_both_sent(api: Api, desk: Desk, pump: Pumps, connection: str) -> None:
    for each in ("1", "2"):
        send_relay(api, desk, connection, subject=each)
    pump.drain(OUTBOX_WORK)
    assert {(each["status"], each["dispatch"]) for each in list_relays(api, desk)["relays"]} == {("delivered", "sent")}


def test_a_completed_relay_is_not_sent(api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str) -> None:
    relay_id = send_relay(api, desk, connection).json["data"]["id"]
    api.post(ACK, {"relayId": relay_id, "status": "declined"}, headers={"X-Federation-Token": TOKEN})
    pump.drain(OUTBOX_WORK)
    assert receiver.received == []
    assert list_relays(api, desk)["relays"][0]["status"] == "declined"


@pytest.mark.parametrize(("ending", "status"), [("result", "completed"), ("reject", "declined")])
def test_the_end_of_a_received_task_is_acknowledged(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str, ending: str, status: str
) -> None:
    given = {"relayId": "r-1", "intent": "assign_task", "subject": "Count", "toUserEmail": "alice@example.com"}
    made = api.post(RELAY, given, headers={"X-Federation-Token": TOKEN}).json["relayId"]
    (item,) = api.get(QUEUE_URL, desk.alice_key).json["data"]["items"]
    path = f"{QUEUE_URL}/{item['id']}"
    if ending == "reject":
        assert api.post(f"{path}/confirm", {"action": "reject"}, desk.alice_key).status == 200
    else:
        api.post(f"{path}/confirm", {"action": "approve"}, desk.alice_key)
        assert api.post(f"{path}/result", {"result": "Eleven."}, desk.alice_key).status == 200
    assert count_messages(OUTBOX_WORK) == 1
    pump.drain(OUTBOX_WORK)
    (got,) = receiver.received
    said = json.loads(got.body)
    assert (got.path, said["relayId"], said["localRelayId"], said["status"]) == (ACK, "r-1", made, status)
    assert said["responsePayload"] == ({"message": "Eleven."} if ending == "result" else None)
    assert list_relays(api, desk, direction="inbound", status=status)["pagination"]["total"] == 1


def test_a_completed_card_is_acknowledged_once(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    card_id = given_work(api)
    complete_card(api, desk, card_id, "qualifying")
    # Two of each tell the person's clients.
    assert complete_card(api, desk, card_id, "planning").steps == 3 + 2
    assert complete_card(api, desk, card_id).steps == 6 + 2
    complete_card(api, desk, card_id, "leads")
    assert complete_card(api, desk, card_id).steps == 4 + 2
    (item,) = api.get(QUEUE_URL, desk.alice_key).json["data"]["items"]
    api.post(f"{QUEUE_URL}/{item['id']}/confirm", {"action": "approve"}, desk.alice_key)
    assert api.post(f"{QUEUE_URL}/{item['id']}/result", {"result": "Eleven."}, desk.alice_key).status == 200
    pump.drain(OUTBOX_WORK)
    (got,) = receiver.received
    assert (got.path, json.loads(got.body)["status"]) == (ACK, "completed")
    assert list_relays(api, desk, direction="inbound", status="completed")["pagination"]["total"] == 1


def test_a_card_and_its_item_completed_together_are_acknowledged_once(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    card_id = given_work(api)
    (item,) = api.get(QUEUE_URL, desk.alice_key).json["data"]["items"]
    api.post(f"{QUEUE_URL}/{item['id']}/confirm", {"action": "approve"}, desk.alice_key)
    calls: list[tuple[str, str, Any]] = [
        ("PATCH", f"{BOARD_URL}/{card_id}", {"status": "completed"}),
        ("POST", f"{QUEUE_URL}/{item['id']}/result", {"result": "Eleven."}),
    ]
    assert run_concurrently(2, lambda n: api.status(*calls[n], desk.alice_key)) == [200, 200]
    pump.drain(OUTBOX_WORK)
    assert [each.path for each in receiver.received] == [ACK]


@pytest.mark.parametrize("name", ["cardId", "queueItemId"])
def test_a_relay_can_only_be_about_own_cards_and_items(api: Api, desk: Desk, connection: str, name: str) -> None:
    assert send_relay(api, desk, connection, **{name: "nonsense"}).status == 400
    assert send_relay(api, desk, connection, **{name: desk.user_id("bob")}).status == 404
    assert list_relays(api, desk)["pagination"]["total"] == 0


def test_relays_need_an_own_active_connection(api: Api, desk: Desk, connection: str) -> None:
    assert api.post(RELAYS_URL, {"connectionId": connection}, desk.bob_key).status == 404
    assert send_relay(api, desk, "nothing").status == 404
    api.call("PATCH", f"{CONNECTIONS}/{connection}", {"action": "block"}, token=desk.alice_key)
    assert send_relay(api, desk, connection).status == 409
    assert list_relays(api, desk)["pagination"]["total"] == 0


@pytest.mark.parametrize(
    "body", [{}, {"connectionId": None}, {"connectionId": ""}, {"connectionId": "x" * 201}, {"payload": 5}, []]
)
def test_invalid_relays_are_refused(api: Api, desk: Desk, connection: str, body: Any) -> None:
    given = {"connectionId": connection} | body if body and "payload" in body else body
    assert api.post(RELAYS_URL, given, desk.alice_key).status == 400


def test_a_relay_with_the_same_idempotency_key_is_sent_once(api: Api, desk: Desk, connection: str) -> None:
    body = {"connectionId": connection, "subject": "Once"}
    first, again = (api.post(RELAYS_URL, body, desk.alice_key, key="k") for _ in range(2))
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert list_relays(api, desk)["pagination"]["total"] == 1


def test_simultaneous_relays_are_all_sent(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    body = {"connectionId": connection}
    assert run_concurrently(8, lambda _: api.status("POST", RELAYS_URL, body, desk.alice_key)) == [201] * 8
    OUTBOX_JOBS.announce(OutboxJob(peer_url=peer_url(receiver)))
    pump.drain(OUTBOX_WORK)
    assert len({json.loads(each.body)["relayId"] for each in receiver.received}) == len(receiver.received) == 8


@pytest.mark.parametrize(
    ("query", "status"),
    [("direction=sideways", 200), ("status=lost", 200), ("limit=500", 200), ("limit=0", 400), ("offset=-1", 400)],
)
def test_unknown_filters_find_no_relays(api: Api, desk: Desk, connection: str, query: str, status: int) -> None:
    send_relay(api, desk, connection)
    answer = api.get(f"{RELAYS_URL}?{query}", desk.alice_key)
    assert answer.status == status
    if status == 200:
        assert len(answer.json["data"]["relays"]) == int("limit" in query)


def test_sending_takes_a_constant_number_of_calls(api: Api, desk: Desk, connection: str) -> None:
    send_relay(api, desk, connection)
    assert send_relay(api, desk, connection).calls == [
        "UpdateItem",
        "BatchGetItem",
        "BatchGetItem",
        "GetItem",
        "TransactWriteItems",
        "SendMessage",
    ]
    assert api.get(RELAYS_URL, desk.alice_key).steps == 4
    assert api.get(f"{RELAYS_URL}?status=pending", desk.alice_key).steps == 4


@pytest.mark.parametrize("name", ["type", "intent", "priority"])
@pytest.mark.parametrize("value", ["other", "", "update", "delegate", "medium", "NORMAL", 5])
def test_a_value_outside_the_contract_is_not_sent(api: Api, desk: Desk, connection: str, name: str, value: Any) -> None:
    assert send_relay(api, desk, connection, **{name: value}).status == 400
    assert list_relays(api, desk)["relays"] == []
