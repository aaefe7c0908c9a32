"""Relays sent from here: stored, carried in order, noted, acknowledged."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from chalicelib.domain.outbox import OutboxJob
from chalicelib.gateways.outbox import SqsOutbox
from chalicelib.resources import OUTBOX_WORK
from chalicelib.stores.outbox import DynamoOutbox
from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.federation import ACK, CONNECTIONS, RELAY, allow, request
from tests.support.pump import Pumps, waiting
from tests.support.race import together
from tests.support.receiver import Receiver

RELAYS, QUEUE = "/api/v2/relays", "/api/v2/queue"
TOKEN = str(request()["federationToken"])


@pytest.fixture(autouse=True)
def _no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that no test here uses up."""
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


@pytest.fixture
def connection(api: Api, desk: Desk, receiver: Receiver) -> str:
    """Alice's connection with sam, whose desk is the receiver."""
    allow()
    receiver.status, receiver.body = 200, b'{"success": true, "relayId": "theirs-1"}'
    made = api.post(CONNECTIONS, request(fromInstanceUrl=peer_url(receiver), connectionId="their-connection")).json
    return str(made["connectionId"])


def test_a_relay_is_carried_to_the_other_desk_and_noted(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    sent = send(api, desk, connection, intent="assign_task", subject="Count the depots", payload={"body": "All."})
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
    (listed,) = relays(api, desk)["relays"]
    assert (listed["status"], listed["dispatch"], listed["tries"]) == ("delivered", "sent", 1)
    assert listed["peerRelayId"] == "theirs-1"
    pump.drain(OUTBOX_WORK)
    assert len(receiver.received) == 1


def test_bodies_are_signed_where_the_connection_has_that_on(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    api.call("PATCH", f"{CONNECTIONS}/{connection}", {"hmacEnabled": True}, token=desk.alice_key)
    send(api, desk, connection)
    pump.drain(OUTBOX_WORK)
    (got,) = receiver.received
    assert got.headers["x-federation-hmac"] == hmac.new(TOKEN.encode(), got.body, hashlib.sha256).hexdigest()


def test_relays_arrive_in_the_order_they_were_sent(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    for number in range(12):
        send(api, desk, connection, subject=f"{number}")
    pump.drain(OUTBOX_WORK)
    assert [json.loads(each.body)["subject"] for each in receiver.received] == [f"{number}" for number in range(12)]


def test_a_desk_that_fails_is_left_alone_and_told_of_later(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    receiver.status = 503
    for number in range(3):
        send(api, desk, connection, subject=f"{number}")
        pump.drain(OUTBOX_WORK)
    assert len(receiver.received) == 1
    first, *others = reversed(relays(api, desk)["relays"])
    assert (first["dispatch"], first["tries"], first["error"][:12]) == ("retrying", 1, "answered 503")
    assert {each["dispatch"] for each in others} == {"queued"}
    box = DynamoOutbox().find(peer_url(receiver))
    assert (box.failures, box.last_position) == (1, 3)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_the_other_desk_refuses_is_parked_with_its_reason(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str, status: int
) -> None:
    receiver.status, receiver.body = status, b"who are you"
    send(api, desk, connection)
    pump.drain(OUTBOX_WORK)
    (relay,) = relays(api, desk)["relays"]
    assert (relay["dispatch"], relay["status"]) == ("parked", "pending")
    assert relay["error"] == f"answered {status}: who are you"
    assert DynamoOutbox().list_first(peer_url(receiver), limit=50) == []


def test_a_reply_that_names_no_relay_is_taken_all_the_same(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    for body in (b"", b"[]", b"null", b'{"relayId": 5}', b'{"success": true, "filtered": true}', b"x" * 70_000):
        receiver.body = body
        send(api, desk, connection)
        pump.drain(OUTBOX_WORK)
    assert {each["dispatch"] for each in relays(api, desk)["relays"]} == {"sent"}


def test_an_acknowledgement_completes_the_relay(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    relay_id = send(api, desk, connection, intent="assign_task").json["data"]["id"]
    pump.drain(OUTBOX_WORK)
    for named in ({"relayId": relay_id}, {"relayId": "theirs-1"}):
        body = named | {"status": "completed", "responsePayload": {"message": "Eleven."}}
        assert api.post(ACK, body, headers={"X-Federation-Token": TOKEN}).status == 200
    (relay,) = relays(api, desk, status="completed")["relays"]
    assert json.loads(relay["responsePayload"]) == {"message": "Eleven."}
    assert relays(api, desk, status="delivered")["pagination"]["total"] == 0


def test_a_relay_that_was_completed_is_not_sent_any_more(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    relay_id = send(api, desk, connection).json["data"]["id"]
    api.post(ACK, {"relayId": relay_id, "status": "declined"}, headers={"X-Federation-Token": TOKEN})
    pump.drain(OUTBOX_WORK)
    assert receiver.received == []
    assert relays(api, desk)["relays"][0]["status"] == "declined"


@pytest.mark.parametrize(("ending", "status"), [("result", "completed"), ("reject", "declined")])
def test_the_desk_that_gave_work_is_told_what_became_of_it(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str, ending: str, status: str
) -> None:
    given = {"relayId": "r-1", "intent": "assign_task", "subject": "Count", "toUserEmail": "alice@example.com"}
    made = api.post(RELAY, given, headers={"X-Federation-Token": TOKEN}).json["relayId"]
    (item,) = api.get(QUEUE, desk.alice_key).json["data"]["items"]
    path = f"{QUEUE}/{item['id']}"
    if ending == "reject":
        assert api.post(f"{path}/confirm", {"action": "reject"}, desk.alice_key).status == 200
    else:
        api.post(f"{path}/confirm", {"action": "approve"}, desk.alice_key)
        assert api.post(f"{path}/result", {"result": "Eleven."}, desk.alice_key).status == 200
    assert waiting(OUTBOX_WORK) == 1
    pump.drain(OUTBOX_WORK)
    (got,) = receiver.received
    said = json.loads(got.body)
    assert (got.path, said["relayId"], said["localRelayId"], said["status"]) == (ACK, "r-1", made, status)
    assert said["responsePayload"] == ({"message": "Eleven."} if ending == "result" else None)
    assert relays(api, desk, direction="inbound", status=status)["pagination"]["total"] == 1


def test_only_ones_own_active_connections_carry_relays(api: Api, desk: Desk, connection: str) -> None:
    assert api.post(RELAYS, {"connectionId": connection}, desk.bob_key).status == 404
    assert send(api, desk, "nothing").status == 404
    api.call("PATCH", f"{CONNECTIONS}/{connection}", {"action": "block"}, token=desk.alice_key)
    assert send(api, desk, connection).status == 409
    assert relays(api, desk)["pagination"]["total"] == 0


@pytest.mark.parametrize(
    "body", [{}, {"connectionId": None}, {"connectionId": ""}, {"connectionId": "x" * 201}, {"payload": 5}, []]
)
def test_what_is_no_relay_is_refused(api: Api, desk: Desk, connection: str, body: Any) -> None:
    given = {"connectionId": connection} | body if body and "payload" in body else body
    assert api.post(RELAYS, given, desk.alice_key).status == 400


def test_a_relay_under_the_same_key_is_sent_once(api: Api, desk: Desk, connection: str) -> None:
    body = {"connectionId": connection, "subject": "Once"}
    first, again = (api.post(RELAYS, body, desk.alice_key, key="k") for _ in range(2))
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert relays(api, desk)["pagination"]["total"] == 1


def test_relays_that_are_sent_at_the_same_time_are_all_carried(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    body = {"connectionId": connection}
    assert together(8, lambda _: api.status("POST", RELAYS, body, desk.alice_key)) == [201] * 8
    SqsOutbox().announce(OutboxJob(peer_url=peer_url(receiver)))
    pump.drain(OUTBOX_WORK)
    assert len({json.loads(each.body)["relayId"] for each in receiver.received}) == len(receiver.received) == 8


@pytest.mark.parametrize(
    ("query", "status"),
    [("direction=sideways", 200), ("status=lost", 200), ("limit=500", 200), ("limit=0", 400), ("offset=-1", 400)],
)
def test_pages_of_what_there_is_not(api: Api, desk: Desk, connection: str, query: str, status: int) -> None:
    send(api, desk, connection)
    answer = api.get(f"{RELAYS}?{query}", desk.alice_key)
    assert answer.status == status
    if status == 200:
        assert len(answer.json["data"]["relays"]) == int("limit" in query)


def test_calls_in_sequence(api: Api, desk: Desk, connection: str) -> None:
    send(api, desk, connection)
    assert send(api, desk, connection).calls == [
        "UpdateItem",
        "BatchGetItem",
        "BatchGetItem",
        "GetItem",
        "TransactWriteItems",
        "SendMessage",
    ]
    assert api.get(RELAYS, desk.alice_key).steps == 4
    assert api.get(f"{RELAYS}?status=pending", desk.alice_key).steps == 4


def send(api: Api, desk: Desk, connection_id: str, **members: Any) -> Answer:
    return api.post(RELAYS, {"connectionId": connection_id} | members, desk.alice_key)


def relays(api: Api, desk: Desk, **query: str) -> dict[str, Any]:
    text = "&".join(f"{name}={value}" for name, value in query.items())
    found: dict[str, Any] = api.get(f"{RELAYS}?{text}", desk.alice_key).json["data"]
    return found


def peer_url(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}"
