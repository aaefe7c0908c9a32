"""Relays sent from here: stored, carried in order, noted, acknowledged."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from click.testing import CliRunner

from chalicelib.federation.relays.domain.outbox import OutboxJob
from chalicelib.federation.relays.gateways.outbox import OUTBOX_JOBS
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from chalicelib.federation.relays.stores.outgoing import DynamoOutgoing
from chalicelib.queues.outbox import send_waiting
from chalicelib.resources import OUTBOX_WORK
from infra.admin import main
from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.concurrency import run_concurrently
from tests.support.instances import run_admin
from tests.support.peer import ACK, CONNECTIONS, RELAY, allow_federation, connection_request
from tests.support.pump import Pumps, count_messages
from tests.support.receiver import Receiver

RELAYS, QUEUE, BOARD = "/api/v2/relays", "/api/v2/queue", "/api/v2/kanban"
TOKEN = str(connection_request()["federationToken"])


@pytest.fixture(autouse=True)
def _no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that no test here uses up."""
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


@pytest.fixture
def connection(api: Api, desk: Desk, receiver: Receiver) -> str:
    """Alice's connection with sam, whose desk is the receiver."""
    allow_federation()
    receiver.status, receiver.body = 200, b'{"success": true, "relayId": "theirs-1"}'
    made = api.post(
        CONNECTIONS, connection_request(fromInstanceUrl=peer_url(receiver), connectionId="their-connection")
    ).json
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
    strange = (b"[" * 60_000, b'{"relayId": "\\ud800"}', b'{"relayId": "a\\u0000b"}')
    for body in (
        b"",
        b"[]",
        b"null",
        b'{"relayId": 5}',
        b'{"success": true, "filtered": true}',
        b"x" * 70_000,
        *strange,
    ):
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


@pytest.mark.parametrize("status", ["agent_handling", "completed"])
def test_a_relay_that_is_acknowledged_before_it_is_noted_as_sent_is_both(
    api: Api, desk: Desk, receiver: Receiver, connection: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay_id = send(api, desk, connection).json["data"]["id"]
    noted = DynamoOutgoing.settle

    def overtaken(*about: Any, **more: Any) -> None:
        api.post(ACK, {"relayId": relay_id, "status": status}, headers={"X-Federation-Token": TOKEN})
        noted(*about, **more)

    monkeypatch.setattr(DynamoOutgoing, "settle", overtaken)
    # Not through the pump, which would take the acknowledgement's calls for the worker's.
    send_waiting.function(OutboxJob(peer_url=peer_url(receiver)))
    (relay,) = relays(api, desk)["relays"]
    assert (relay["status"], relay["dispatch"], relay["tries"]) == (status, "sent", 1)
    by_their_id = api.post(ACK, {"relayId": "theirs-1", "status": status}, headers={"X-Federation-Token": TOKEN})
    assert by_their_id.json["relayId"] == relay_id


def test_relays_that_the_other_desk_calls_the_same_are_both_sent(
    api: Api, desk: Desk, pump: Pumps, connection: str
) -> None:
    for each in ("1", "2"):
        send(api, desk, connection, subject=each)
    pump.drain(OUTBOX_WORK)
    assert {(each["status"], each["dispatch"]) for each in relays(api, desk)["relays"]} == {("delivered", "sent")}


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
    assert count_messages(OUTBOX_WORK) == 1
    pump.drain(OUTBOX_WORK)
    (got,) = receiver.received
    said = json.loads(got.body)
    assert (got.path, said["relayId"], said["localRelayId"], said["status"]) == (ACK, "r-1", made, status)
    assert said["responsePayload"] == ({"message": "Eleven."} if ending == "result" else None)
    assert relays(api, desk, direction="inbound", status=status)["pagination"]["total"] == 1


def given_work(api: Api) -> str:
    given = {"relayId": "r-1", "intent": "assign_task", "subject": "Count", "toUserEmail": "alice@example.com"}
    return str(api.post(RELAY, given, headers={"X-Federation-Token": TOKEN}).json["cardId"])


def complete(api: Api, desk: Desk, card_id: str, status: str = "completed") -> Answer:
    return api.call("PATCH", f"{BOARD}/{card_id}", {"status": status}, token=desk.alice_key)


def test_a_card_that_is_completed_tells_the_desk_that_gave_it_once(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    card_id = given_work(api)
    complete(api, desk, card_id, "qualifying")
    assert complete(api, desk, card_id, "planning").steps == 3
    assert complete(api, desk, card_id).steps == 6
    complete(api, desk, card_id, "leads")
    assert complete(api, desk, card_id).steps == 4
    (item,) = api.get(QUEUE, desk.alice_key).json["data"]["items"]
    api.post(f"{QUEUE}/{item['id']}/confirm", {"action": "approve"}, desk.alice_key)
    assert api.post(f"{QUEUE}/{item['id']}/result", {"result": "Eleven."}, desk.alice_key).status == 200
    pump.drain(OUTBOX_WORK)
    (got,) = receiver.received
    assert (got.path, json.loads(got.body)["status"]) == (ACK, "completed")
    assert relays(api, desk, direction="inbound", status="completed")["pagination"]["total"] == 1


def test_card_and_item_completed_at_the_same_time_tell_it_once(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    card_id = given_work(api)
    (item,) = api.get(QUEUE, desk.alice_key).json["data"]["items"]
    api.post(f"{QUEUE}/{item['id']}/confirm", {"action": "approve"}, desk.alice_key)
    calls: list[tuple[str, str, Any]] = [
        ("PATCH", f"{BOARD}/{card_id}", {"status": "completed"}),
        ("POST", f"{QUEUE}/{item['id']}/result", {"result": "Eleven."}),
    ]
    assert run_concurrently(2, lambda n: api.status(*calls[n], desk.alice_key)) == [200, 200]
    pump.drain(OUTBOX_WORK)
    assert [each.path for each in receiver.received] == [ACK]


def about(api: Api, desk: Desk) -> tuple[str, str]:
    """A card and a ready item of alice's."""
    api.call("PATCH", "/api/v2/settings", {"queueAutoApprove": True}, token=desk.alice_key)
    card = api.post(BOARD, {"title": "Depots"}, desk.alice_key).json["data"]["id"]
    return card, api.post(QUEUE, {"title": "Count the depots"}, desk.alice_key).json["data"]["id"]


@pytest.mark.parametrize(("status", "item_status"), [("completed", "done_today"), ("declined", "ready")])
def test_what_became_of_a_relay_is_shown_on_what_it_was_about(
    api: Api, desk: Desk, connection: str, status: str, item_status: str
) -> None:
    card_id, item_id = about(api, desk)
    sent = send(api, desk, connection, subject="Depots", cardId=card_id, queueItemId=item_id).json["data"]
    assert (sent["cardId"], sent["queueItemId"]) == (card_id, item_id)
    word = {"relayId": sent["id"], "status": status, "responsePayload": {"message": "Eleven."}}
    for _ in range(2):
        assert api.post(ACK, word, headers={"X-Federation-Token": TOKEN}).status == 200
    item = api.get(f"{QUEUE}/{item_id}", desk.alice_key).json["data"]
    noted = json.loads(item["metadata"])
    assert (item["status"], noted["relayStatus"], noted["agentResult"]) == (item_status, status, "Eleven.")
    (note,) = api.get(f"{BOARD}/{card_id}", desk.alice_key).json["data"]["checklist"]
    assert note["completed"] == (status == "completed")
    assert note["text"] == f"sam@other.example.org has {status}: Depots: Eleven."


def test_the_next_item_is_handed_out_when_another_desk_has_done_one(api: Api, desk: Desk, connection: str) -> None:
    _, item_id = about(api, desk)
    api.post(QUEUE, {"title": "Next"}, desk.alice_key)
    sent = send(api, desk, connection, queueItemId=item_id).json["data"]["id"]
    api.post(f"{QUEUE}/{item_id}/status", {"status": "in_progress"}, desk.alice_key)
    api.call("PATCH", "/api/v2/settings", {"mode": "chief_of_staff"}, token=desk.alice_key)
    answer = api.post(ACK, {"relayId": sent, "status": "completed"}, headers={"X-Federation-Token": TOKEN})
    assert answer.status == 200
    statuses = {each["title"]: each["status"] for each in api.get(QUEUE, desk.alice_key).json["data"]["items"]}
    assert statuses == {"Count the depots": "done_today", "Next": "in_progress"}


@pytest.mark.parametrize("name", ["cardId", "queueItemId"])
def test_a_relay_is_about_ones_own_things_only(api: Api, desk: Desk, connection: str, name: str) -> None:
    assert send(api, desk, connection, **{name: "nonsense"}).status == 400
    assert send(api, desk, connection, **{name: desk.user_id("bob")}).status == 404
    assert relays(api, desk)["pagination"]["total"] == 0


def test_an_acknowledgement_for_what_is_gone_is_taken(api: Api, desk: Desk, connection: str) -> None:
    card_id, item_id = about(api, desk)
    sent = send(api, desk, connection, cardId=card_id, queueItemId=item_id).json["data"]["id"]
    api.call("DELETE", f"{BOARD}/{card_id}", token=desk.alice_key)
    api.post(f"{QUEUE}/{item_id}/result", {"result": "Done before."}, desk.alice_key)
    assert api.post(ACK, {"relayId": sent, "status": "completed"}, headers={"X-Federation-Token": TOKEN}).status == 200
    assert api.get(f"{QUEUE}/{item_id}", desk.alice_key).json["data"]["status"] == "done_today"


def listed(*more: str) -> list[Any]:
    found: list[Any] = json.loads(run_admin("relays", "list", *more, "--json"))
    return found


@pytest.mark.parametrize("kind", ["relay", "acknowledgement"])
def test_the_operator_sees_what_was_refused_and_sends_it_again(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str, kind: str
) -> None:
    receiver.status, receiver.body = 403, b"not today"
    if kind == "relay":
        relay_id = send(api, desk, connection, subject="Depots").json["data"]["id"]
    else:
        complete(api, desk, given_work(api))
        relay_id = relays(api, desk)["relays"][0]["id"]
    pump.drain(OUTBOX_WORK)
    (found,) = listed("--parked")
    assert (found["relayId"], found["kind"], found["error"]) == (relay_id, kind, "answered 403: not today")
    receiver.status, receiver.body = 200, b""
    assert relay_id in run_admin("relays", "resend", relay_id)
    assert listed("--parked") == []
    pump.drain(OUTBOX_WORK)
    assert [each.path for each in receiver.received] == [receiver.received[0].path] * 2
    assert listed() == []
    assert CliRunner().invoke(main, ["relays", "resend", relay_id]).exit_code == 1, "it was taken"
    assert CliRunner().invoke(main, ["relays", "resend", "nonsense"]).exit_code == 1


def test_a_desk_that_is_left_alone_is_tried_at_once_when_the_operator_says_so(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str
) -> None:
    receiver.status = 503
    first, second = (send(api, desk, connection, subject=each).json["data"]["id"] for each in ("1", "2"))
    pump.drain(OUTBOX_WORK)
    (box,) = json.loads(run_admin("relays", "desks", "--json"))
    assert (box["desk"], box["waiting"], box["failures"]) == (peer_url(receiver), 2, 1)
    receiver.status = 200
    run_admin("relays", "resend", second)
    pump.drain(OUTBOX_WORK)
    assert [json.loads(each.body)["relayId"] for each in receiver.received] == [first, first, second]
    assert json.loads(run_admin("relays", "desks", "--json")) == []


@pytest.mark.parametrize("refused", [True, False])
def test_what_the_operator_gives_up_is_not_sent_until_the_operator_says_so(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, connection: str, refused: bool
) -> None:
    receiver.status = 403
    relay_id = send(api, desk, connection).json["data"]["id"]
    if refused:
        pump.drain(OUTBOX_WORK)
    run_admin("relays", "give-up", relay_id)
    receiver.status, before = 200, len(receiver.received)
    pump.drain(OUTBOX_WORK)
    assert len(receiver.received) == before
    (relay,) = relays(api, desk)["relays"]
    assert (relay["status"], relay["dispatch"], relay["error"]) == ("expired", "expired", "given up by the operator")
    assert CliRunner().invoke(main, ["relays", "give-up", relay_id]).exit_code == 1
    run_admin("relays", "resend", relay_id)
    pump.drain(OUTBOX_WORK)
    (relay,) = relays(api, desk, status="delivered")["relays"]
    assert (relay["dispatch"], relay["resolvedAt"]) == ("sent", None)


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
    assert run_concurrently(8, lambda _: api.status("POST", RELAYS, body, desk.alice_key)) == [201] * 8
    OUTBOX_JOBS.announce(OutboxJob(peer_url=peer_url(receiver)))
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
