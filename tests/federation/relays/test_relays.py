"""Relays that peers send: their recipients, repeats and threads."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.relays.stores.relays import DynamoRelays
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import SOCKET_WORK
from tests.conftest import Desk
from tests.federation.relays.relay_calls import (
    PATHS,
    acknowledge,
    add_sent_relay,
    cards_of,
    new_relay,
    peer_messages,
    queue_items_of,
    receive_relay,
    stored_relay,
)
from tests.support import concurrency
from tests.support.api import Api
from tests.support.peer import CONNECTIONS, RELAY, allow_federation, connection_request, sign_body
from tests.support.pump import Pumps
from tests.support.sockets import Sockets


@pytest.mark.parametrize("path", PATHS)
def test_a_relay_is_accepted_over_an_active_connection(api: Api, desk: Desk, token: str, path: str) -> None:
    answer = receive_relay(api, token, path)
    made = answer.json["relayId"]
    assert answer.json == {
        "success": True,
        "relayId": made,
        "message": "Relay accepted.",
        "threadId": made,
        "parentRelayId": None,
        "attachmentCount": 0,
        "scopeResolved": {},
        "scopeDropped": {},
    }
    row = stored_relay(desk, made)
    assert (row["direction"], row["status"], row["peerRelayId"]) == ("inbound", "delivered", "r-1")
    (message,) = peer_messages(api, desk.alice_key)
    assert "How many depots?" in message["content"]
    assert "Please count them." in message["content"]
    assert json.loads(message["metadata"])["relayId"] == made


def test_a_relay_for_a_person_who_left_is_refused(api: Api, desk: Desk, token: str) -> None:
    DynamoDirectory().set_active(desk.user_id("alice"), active=False)
    assert receive_relay(api, token).status == 404


@pytest.mark.parametrize("again", PATHS)
def test_a_repeated_relay_is_a_duplicate_and_changes_nothing(api: Api, desk: Desk, token: str, again: str) -> None:
    first = receive_relay(api, token, intent="assign_task").json
    repeat = receive_relay(
        api, token, again, intent="assign_task", subject="Something else", toUserEmail="bob@example.com"
    ).json
    assert repeat == first | {"duplicate": True, "message": repeat["message"]}
    assert (
        len(cards_of(api, desk.alice_key))
        == len(queue_items_of(api, desk.alice_key))
        == len(peer_messages(api, desk.alice_key))
        == 1
    )


def test_relays_without_an_id_are_never_duplicates(api: Api, desk: Desk, token: str) -> None:
    ids = {receive_relay(api, token, relayId=given).json["relayId"] for given in (None, None, "")}
    assert len(ids) == 3


def test_a_signed_relay_without_an_id_is_received_once_in_24_hours(api: Api, desk: Desk, token: str) -> None:
    connection_id = desk.demo["federation"]["connection_id"]
    api.call("PATCH", f"{CONNECTIONS}/{connection_id}", {"hmacEnabled": True}, token=desk.alice_key)
    raw, headers = sign_body(new_relay(relayId=None, intent="assign_task"), token)
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False) as clock:
        first, *repeats = (api.post(RELAY, raw=raw, headers=headers).json for _ in range(3))
        assert [each.get("duplicate") for each in (first, *repeats)] == [None, True, True]
        assert {each["relayId"] for each in repeats} == {first["relayId"]}
        assert len(cards_of(api, desk.alice_key)) == 1
        other, other_headers = sign_body(new_relay(relayId=None, intent="assign_task", subject="Other"), token)
        assert "duplicate" not in api.post(RELAY, raw=other, headers=other_headers).json
        clock.shift(timedelta(hours=23, minutes=59))
        assert api.post(RELAY, raw=raw, headers=headers).json["duplicate"] is True
        clock.shift(timedelta(minutes=2))
        assert "duplicate" not in api.post(RELAY, raw=raw, headers=headers).json
    assert stored_relay(desk, first["relayId"])["peerRelayId"] is None


def test_simultaneous_replays_of_a_signed_relay_store_one(api: Api, desk: Desk, token: str) -> None:
    connection_id = desk.demo["federation"]["connection_id"]
    api.call("PATCH", f"{CONNECTIONS}/{connection_id}", {"hmacEnabled": True}, token=desk.alice_key)
    raw, headers = sign_body(new_relay(relayId=None, intent="assign_task"), token)
    answers = concurrency.run_concurrently(6, lambda _: api.post(RELAY, raw=raw, headers=headers))
    assert sum("duplicate" not in each.json for each in answers) == len(cards_of(api, desk.alice_key)) == 1


def test_one_id_over_two_connections_is_two_relays(api: Api, desk: Desk, token: str) -> None:
    allow_federation()
    api.post(CONNECTIONS, connection_request())
    assert "duplicate" not in receive_relay(api, token).json
    assert "duplicate" not in receive_relay(api, connection_request()["federationToken"]).json


def test_simultaneous_repeats_store_one_relay(api: Api, desk: Desk, token: str) -> None:
    answers = concurrency.run_concurrently(8, lambda _: receive_relay(api, token, intent="assign_task"))
    assert {each.status for each in answers} == {200}
    assert len({each.json["relayId"] for each in answers}) == 1
    assert sum("duplicate" not in each.json for each in answers) == 1
    assert (
        len(cards_of(api, desk.alice_key))
        == len(queue_items_of(api, desk.alice_key))
        == len(peer_messages(api, desk.alice_key))
        == 1
    )


def test_one_of_several_tasks_received_at_once_is_dispatched_by_the_chief_of_staff(
    api: Api, desk: Desk, token: str
) -> None:
    settings = {"queueAutoApprove": True, "mode": "chief_of_staff"}
    api.call("PATCH", "/api/v2/settings", settings, token=desk.alice_key)
    concurrency.run_concurrently(6, lambda n: receive_relay(api, token, intent="assign_task", relayId=f"r-{n}"))
    found = sorted(each["status"] for each in queue_items_of(api, desk.alice_key))
    assert found == ["in_progress"] + ["ready"] * 5


def test_simultaneous_tasks_each_get_their_own_place_on_the_board(api: Api, desk: Desk, token: str) -> None:
    answers = concurrency.run_concurrently(
        6, lambda n: receive_relay(api, token, intent="assign_task", relayId=f"r-{n}")
    )
    assert {each.status for each in answers} == {200}
    assert len({each["order"] for each in cards_of(api, desk.alice_key)}) == 6
    assert len(queue_items_of(api, desk.alice_key)) == 6


@pytest.mark.parametrize("address", [None, "", "ALICE@example.com"])
def test_a_relay_reaches_the_connected_person(api: Api, desk: Desk, token: str, address: str | None) -> None:
    assert "fallback" not in receive_relay(api, token, toUserEmail=address).json
    assert len(peer_messages(api, desk.alice_key)) == 1


@pytest.mark.parametrize("address", ["nobody@example.com", "bob@example.com", "dave@example.com", "nonsense", "é"])
def test_a_relay_for_an_unconnected_person_goes_to_the_connected_one(
    api: Api, desk: Desk, token: str, address: str
) -> None:
    assert receive_relay(api, token, toUserEmail=address).json["fallback"] is True
    assert len(peer_messages(api, desk.alice_key)) == 1
    assert peer_messages(api, desk.bob_key) == []


def test_a_relay_reaches_another_person_who_is_connected_to_that_desk(api: Api, desk: Desk, token: str) -> None:
    allow_federation(approval=True)
    asked = connection_request(fromInstanceUrl="https://desk.peer.example/", toUserEmail="bob@example.com")
    made = api.post(CONNECTIONS, asked).json["connectionId"]
    assert receive_relay(api, token, toUserEmail="bob@example.com").json["fallback"] is True, "not while it waits"
    api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": "accept"}, token=desk.bob_key)
    answer = receive_relay(api, token, toUserEmail="bob@example.com", relayId="r-2", intent="assign_task").json
    assert "fallback" not in answer
    assert len(cards_of(api, desk.bob_key)) == 1
    assert len([each for each in peer_messages(api, desk.bob_key) if "depots" in each["content"]]) == 1
    DynamoDirectory().set_active(desk.user_id("bob"), active=False)
    assert receive_relay(api, token, toUserEmail="bob@example.com", relayId="r-3").json["fallback"] is True


def test_a_relay_of_an_unconfirmed_desk_reaches_nobody_but_who_accepted_it(api: Api, desk: Desk) -> None:
    allow_federation()
    for name in ("alice", "bob"):
        asked = connection_request(toUserEmail=f"{name}@example.com", federationToken=name * 10)
        assert api.post(CONNECTIONS, asked).json["status"] == "active"
    answer = receive_relay(api, "alice" * 10, toUserEmail="bob@example.com", intent="assign_task").json
    assert answer["fallback"] is True
    assert cards_of(api, desk.bob_key) == []


def test_a_response_joins_the_thread_of_its_parent(api: Api, desk: Desk, token: str) -> None:
    first = receive_relay(api, token, threadId="thread_1").json
    assert first["threadId"] == "thread_1"
    second = receive_relay(api, token, relayId="r-2", parentRelayId="r-1", threadId="other").json
    assert (second["threadId"], second["parentRelayId"]) == ("thread_1", first["relayId"])
    third = receive_relay(api, token, relayId="r-3", parentRelayId="unknown", threadId="other").json
    assert (third["threadId"], third["parentRelayId"]) == ("other", None)


def test_open_sockets_receive_the_events_of_a_relay(
    api: Api, desk: Desk, token: str, sockets: Sockets, pump: Pumps
) -> None:
    client = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    api.call("PATCH", "/api/v2/settings", {"queueAutoApprove": True}, token=desk.alice_key)
    before = len(client.frames)
    receive_relay(api, token, intent="assign_task", priority="urgent")
    frames = client.frames[before:]
    assert [each["type"] for each in frames] == ["new_message", "queue_changed", "wake"]
    marks = {"source": "federation", "origin": "https://desk.peer.example", "verified": True}
    assert frames[0]["message"].items() >= marks.items()
    (card,) = cards_of(api, desk.alice_key)
    assert card.items() >= marks.items()
    receive_relay(api, token, relayId="r-2", payload={"ambient": True})
    assert len(client.frames) == before + 3


def test_a_relay_takes_a_constant_number_of_calls(api: Api, desk: Desk, token: str) -> None:
    receive_relay(api, token, relayId="r-0")  # the first call of a minute takes one more
    plain = receive_relay(api, token)
    assert (plain.steps, len(plain.calls)) == (4, 8)
    task = receive_relay(api, token, relayId="r-2", intent="assign_task")
    assert (task.steps, len(task.calls)) == (4, 10)
    scoped = receive_relay(api, token, relayId="r-3", projectId=desk.demo["project_id"])
    assert scoped.steps == 5
    other = receive_relay(api, token, relayId="r-4", toUserEmail="bob@example.com")
    assert other.steps == 6
    assert receive_relay(api, token).steps == 2
    add_sent_relay(desk, token)
    assert acknowledge(api, token, relayId="00000000-0000-4000-8000-000000000007", status="completed").steps == 5
    assert acknowledge(api, token, relayId="their-7", status="completed").steps == 3


def test_a_received_relay_is_stored_once(api: Api, desk: Desk, token: str) -> None:
    made = receive_relay(api, token).json["relayId"]
    (connection,) = DynamoConnections().find_by_token(token)
    known = DynamoRelays().find_references(connection.connection_id, ["r-1", "", "unknown"])
    assert {name: each.relay_id for name, each in known.items()} == {"r-1": made}
