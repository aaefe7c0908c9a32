"""Relays from connected desks: who may send, whom they reach, what they bring about; and word of what was sent."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib import aws
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.requests import RawRequest
from chalicelib.core.domain.signatures import body_digest, is_body_digest
from chalicelib.core.stores.items import from_item, to_item
from chalicelib.core.stores.writes import commit
from chalicelib.federation.connections.signatures import SigningKey, refuse_signature, signature_headers
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.relays.domain.relays import (
    Direction,
    Relay,
    RelayIntent,
    RelayPriority,
    RelayStatus,
    RelayType,
)
from chalicelib.federation.relays.stores.relay_rows import add_peer_id_action, add_relay_actions
from chalicelib.federation.relays.stores.relays import DynamoRelays
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import OUTBOX_WORK, RELAYS, SOCKET_WORK
from chalicelib.settings import settings
from tests.conftest import Desk
from tests.support import concurrency
from tests.support.api import Answer, Api
from tests.support.peer import ACK, BASE_URL, CONNECTIONS, RELAY, allow_federation, connection_request, sign_body
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.sockets import Sockets

PATHS = [RELAY, "/api/federation/relay"]
SIGNED_PATHS = [*PATHS, ACK]
CHAT, BOARD, QUEUE = "/api/v2/shared-chat/messages?role=system", "/api/v2/kanban?limit=200", "/api/v2/queue?limit=100"
TASKS = ["assign_task", "delegate", "schedule", "request_approval"]


@pytest.fixture
def token(desk: Desk) -> str:
    """The token of the demo organisation's connection."""
    return str(desk.demo["federation"]["federation_token"])


def relay(**overrides: Any) -> dict[str, Any]:
    """A relay of pat's for alice; an override of None takes the member out."""
    made = {
        "relayId": "r-1",
        "toUserEmail": "alice@example.com",
        "type": "request",
        "intent": "get_info",
        "subject": "How many depots?",
        "payload": {"message": "Please count them."},
    } | overrides
    return {name: value for name, value in made.items() if value is not None}


def send(api: Api, token: str, path: str = RELAY, **overrides: Any) -> Answer:
    return api.post(path, relay(**overrides), headers={"X-Federation-Token": token})


def chat(api: Api, key: str) -> list[Any]:
    messages: list[Any] = api.get(CHAT, key).json["data"]["messages"]
    return messages


def cards(api: Api, key: str) -> list[Any]:
    return [each for each in api.get(BOARD, key).json["data"]["cards"] if each["sourceRelayId"]]


def items(api: Api, key: str) -> list[Any]:
    return [each for each in api.get(QUEUE, key).json["data"]["items"] if each["source"] == "federation"]


def stored(desk: Desk, relay_id: str, name: str = "alice") -> Any:
    key = to_item({"pk": desk.user_id(name), "sk": f"RELAY#{relay_id}"})
    got = aws.dynamodb().get_item(TableName=RELAYS.physical_name, Key=key)
    return from_item(dict(got["Item"]))


@pytest.mark.parametrize("path", PATHS)
def test_a_relay_is_taken_over_an_active_connection(api: Api, desk: Desk, token: str, path: str) -> None:
    answer = send(api, token, path)
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
    row = stored(desk, made)
    assert (row["direction"], row["status"], row["peerRelayId"]) == ("inbound", "delivered", "r-1")
    (message,) = chat(api, desk.alice_key)
    assert "How many depots?" in message["content"]
    assert "Please count them." in message["content"]
    assert json.loads(message["metadata"])["relayId"] == made


@pytest.mark.parametrize("path", SIGNED_PATHS)
def test_nothing_comes_in_without_a_connections_token(api: Api, desk: Desk, token: str, path: str) -> None:
    assert api.post(path, {"status": "completed"}).status == 401
    assert api.post(path, {"status": "completed"}, headers={"X-Federation-Token": "  "}).status == 401
    assert api.post(path, {"status": "completed"}, headers={"X-Federation-Token": "unknown"}).status == 404
    assert api.post(path, raw=b"{", headers={"X-Federation-Token": "unknown"}).status == 404, "nor learns of its body"
    assert api.post(path, raw=b"{", headers={"X-Federation-Token": token}).status == 400
    allow_federation(inbound=False)
    assert api.post(path, {}, headers={"X-Federation-Token": token}).status == 403
    assert api.post(path, {}).status == 401


@pytest.mark.parametrize("action", ["block", "decline"])
def test_nothing_comes_in_over_an_ended_connection(api: Api, desk: Desk, token: str, action: str) -> None:
    made = desk.demo["federation"]["connection_id"]
    api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": action}, token=desk.alice_key)
    assert send(api, token).status == 404
    assert chat(api, desk.alice_key) == []


def test_nothing_comes_in_over_a_connection_that_was_not_accepted_yet(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    api.post(CONNECTIONS, connection_request())
    assert send(api, connection_request()["federationToken"]).status == 404


def test_nothing_reaches_people_who_left(api: Api, desk: Desk, token: str) -> None:
    DynamoDirectory().set_active(desk.user_id("alice"), active=False)
    assert send(api, token).status == 404


@pytest.mark.parametrize(
    "given",
    [
        {"priority": "extreme"},
        {"dueDate": "tomorrow"},
        {"dueDate": "2026-13-01T00:00:00Z"},
        {"payload": [1]},
        {"payload": 5},
        {"relayId": 5},
        {"type": 5},
        {"intent": ["assign_task"]},
        {"teamId": 5},
        {"relayId": "r" * 201},
    ],
)
def test_bad_relays_are_refused_and_change_nothing(api: Api, desk: Desk, token: str, given: dict[str, Any]) -> None:
    assert send(api, token, **given).status == 400
    assert chat(api, desk.alice_key) == []


@pytest.mark.parametrize("name", ["relayId", "toUserEmail", "type", "intent", "subject", "payload", "priority"])
def test_null_stands_for_nothing_but_a_scope(api: Api, desk: Desk, token: str, name: str) -> None:
    headers = {"X-Federation-Token": token}
    assert api.post(RELAY, relay() | {name: None}, headers=headers).status == 400
    empty = {"teamId": None, "projectId": None, "threadId": None, "parentRelayId": None, "dueDate": None}
    assert api.post(RELAY, relay() | empty, headers=headers).status == 200


def test_a_huge_payload_is_refused(api: Api, desk: Desk, token: str) -> None:
    numbers = ",".join(["1e15"] * 50_000)
    raw = f'{{"payload": {{"n": [{numbers}]}}}}'.encode()
    assert api.post(RELAY, raw=raw, headers={"X-Federation-Token": token}).status == 413
    assert api.post(RELAY, raw=b" " * 262_145, headers={"X-Federation-Token": token}).status == 413
    infinite = b'{"payload": {"n": 1e999}}'
    assert api.post(RELAY, raw=infinite, headers={"X-Federation-Token": token}).status == 400


@pytest.mark.parametrize("intent", TASKS)
def test_a_task_becomes_one_card_and_one_item_of_the_queue(api: Api, desk: Desk, token: str, intent: str) -> None:
    due = "2026-12-24T10:00:00.000Z"
    answer = send(api, token, intent=intent, priority="high", dueDate=due).json
    (card,), (item,) = cards(api, desk.alice_key), items(api, desk.alice_key)
    assert (answer["task"], answer["cardId"]) == (True, card["id"])
    assert (card["status"], card["title"], card["priority"]) == ("leads", "How many depots?", "high")
    assert (card["description"], card["dueDate"]) == ("Please count them.", due)
    assert (card["sourceRelayId"], card["assignee"]) == (answer["relayId"], "human")
    assert (item["title"], item["priority"], item["status"]) == ("How many depots?", "high", "pending_confirmation")
    assert json.loads(item["metadata"])["relayId"] == answer["relayId"]
    row = stored(desk, answer["relayId"])
    assert (row["cardId"], row["queueItemId"]) == (card["id"], item["id"])


@pytest.mark.parametrize("intent", ["get_info", "share_update", "introduce", "custom", "opinion", "nonsense"])
def test_what_is_no_task_becomes_no_card(api: Api, desk: Desk, token: str, intent: str) -> None:
    assert "task" not in send(api, token, intent=intent).json
    assert (cards(api, desk.alice_key), items(api, desk.alice_key)) == ([], [])


@pytest.mark.parametrize(
    "given", [{"payload": {"_ambient": True}}, {"payload": {"ambient": True}}, {"type": "response"}]
)
def test_neither_ambient_relays_nor_answers_give_work(api: Api, desk: Desk, token: str, given: Any) -> None:
    assert "task" not in send(api, token, intent="assign_task", **given).json
    assert (cards(api, desk.alice_key), items(api, desk.alice_key)) == ([], [])


@pytest.mark.parametrize(
    ("priority", "card"),
    [
        (None, "medium"),
        ("low", "low"),
        ("normal", "medium"),
        ("medium", "medium"),
        ("high", "high"),
        ("urgent", "urgent"),
    ],
)
def test_priorities_of_tasks(api: Api, desk: Desk, token: str, priority: str | None, card: str) -> None:
    send(api, token, intent="assign_task", priority=priority)
    assert [each["priority"] for each in cards(api, desk.alice_key)] == [card]
    assert [each["priority"] for each in items(api, desk.alice_key)] == [card]


def test_a_task_without_words_has_some_anyway(api: Api, desk: Desk, token: str) -> None:
    send(api, token, intent="assign_task", subject="  ", payload=None)
    (card,) = cards(api, desk.alice_key)
    assert card["title"] == "Federated task"
    assert "Pat Peer" in card["description"]


def test_a_long_task_is_cut(api: Api, desk: Desk, token: str) -> None:
    send(api, token, intent="assign_task", subject="s" * 600, payload={"body": "b" * 20_000})
    (card,) = cards(api, desk.alice_key)
    assert (len(card["title"]), len(card["description"])) == (500, 2000)
    assert len(chat(api, desk.alice_key)[0]["content"]) == 10_000


def test_a_task_is_ready_where_its_owner_approves_of_everything(api: Api, desk: Desk, token: str) -> None:
    api.call("PATCH", "/api/v2/settings", {"queueAutoApprove": True}, token=desk.alice_key)
    send(api, token, intent="assign_task")
    assert [each["status"] for each in items(api, desk.alice_key)] == ["ready"]


@pytest.mark.parametrize("again", PATHS)
def test_a_repeat_is_told_so_and_changes_nothing(api: Api, desk: Desk, token: str, again: str) -> None:
    first = send(api, token, intent="assign_task").json
    repeat = send(api, token, again, intent="assign_task", subject="Something else", toUserEmail="bob@example.com").json
    assert repeat == first | {"duplicate": True, "message": repeat["message"]}
    assert len(cards(api, desk.alice_key)) == len(items(api, desk.alice_key)) == len(chat(api, desk.alice_key)) == 1


def test_without_an_id_every_relay_is_another(api: Api, desk: Desk, token: str) -> None:
    ids = {send(api, token, relayId=given).json["relayId"] for given in (None, None, "")}
    assert len(ids) == 3


def test_one_id_over_two_connections_is_two_relays(api: Api, desk: Desk, token: str) -> None:
    allow_federation()
    api.post(CONNECTIONS, connection_request())
    assert "duplicate" not in send(api, token).json
    assert "duplicate" not in send(api, connection_request()["federationToken"]).json


def test_of_simultaneous_repeats_one_is_taken(api: Api, desk: Desk, token: str) -> None:
    answers = concurrency.run_concurrently(8, lambda _: send(api, token, intent="assign_task"))
    assert {each.status for each in answers} == {200}
    assert len({each.json["relayId"] for each in answers}) == 1
    assert sum("duplicate" not in each.json for each in answers) == 1
    assert len(cards(api, desk.alice_key)) == len(items(api, desk.alice_key)) == len(chat(api, desk.alice_key)) == 1


def test_simultaneous_tasks_are_all_taken_each_in_its_place(api: Api, desk: Desk, token: str) -> None:
    answers = concurrency.run_concurrently(6, lambda n: send(api, token, intent="assign_task", relayId=f"r-{n}"))
    assert {each.status for each in answers} == {200}
    assert len({each["order"] for each in cards(api, desk.alice_key)}) == 6
    assert len(items(api, desk.alice_key)) == 6


def test_a_repeat_of_what_was_taken_is_no_longer_kept_away(api: Api, desk: Desk, token: str) -> None:
    first = send(api, token, payload={"ambient": True}).json
    api.call("PATCH", "/api/v2/profile", {"relayMode": "off"}, token=desk.alice_key)
    again = send(api, token, payload={"ambient": True}).json
    assert (again["relayId"], again["duplicate"]) == (first["relayId"], True)


@pytest.mark.parametrize(
    ("profile", "payload", "reason", "detail"),
    [
        ({"relayMode": "off"}, {}, "ambient-disabled", "relay_mode_off"),
        ({"relayMode": "minimal"}, {}, "ambient-disabled", "relay_mode_minimal_blocks_ambient"),
        ({"allowAmbientInbound": False}, {}, "ambient-disabled", "ambient_inbound_disabled"),
        ({"relayTopicFilters": ["Sales"]}, {"topic": "sALES"}, "topic-filter", "topic_filtered:sALES"),
        ({"relayTopicFilters": ["Sales"]}, {"_topic": "sales"}, "topic-filter", "topic_filtered:sales"),
        ({"relayTopicFilters": [{"topic": "sales"}]}, {"topic": "sales"}, "topic-filter", "scope_filtered:topic=sales"),
        (
            {"relayQuietHours": {"start": "00:00", "end": "00:00"}},
            {},
            "quiet-hours",
            "quiet_hours",
        ),
        ({"relayMode": "off", "relayTopicFilters": ["a"]}, {"topic": "a"}, "ambient-disabled", "relay_mode_off"),
    ],
)
def test_what_is_ambient_is_kept_away_as_the_profile_says(
    api: Api, desk: Desk, token: str, profile: Any, payload: Any, reason: str, detail: str
) -> None:
    api.call("PATCH", "/api/v2/profile", profile, token=desk.alice_key)
    answer = send(api, token, payload=payload | {"_ambient": True})
    assert answer.json == {
        "success": True,
        "ambient": True,
        "filtered": True,
        "reason": reason,
        "reasonDetail": detail,
    }
    assert chat(api, desk.alice_key) == []
    taken = send(api, token, payload=payload)
    assert "filtered" not in taken.json, "what is asked for comes through"


@pytest.mark.parametrize(
    ("profile", "payload"),
    [
        ({"relayTopicFilters": ["sales"]}, {"topic": "support"}),
        ({"relayTopicFilters": ["sales"]}, {}),
        ({"relayTopicFilters": [{"topic": "sales", "teamId": "t"}]}, {"topic": "sales"}),
        ({"relayTopicFilters": [{}]}, {"topic": "sales"}),
        ({"relayMode": "selective", "allowBroadcasts": False}, {}),
        ({"relayQuietHours": {"start": "22:00", "end": "08:00"}}, {}),
    ],
)
def test_other_ambient_relays_come_through_and_call_nobody(
    api: Api, desk: Desk, token: str, sockets: Sockets, profile: Any, payload: Any
) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 12, 0, tzinfo=UTC), tick=False):
        api.call("PATCH", "/api/v2/profile", profile, token=desk.alice_key)
        answer = send(api, token, payload=payload | {"ambient": True})
    assert answer.json["ambient"] is True
    assert "filtered" not in answer.json
    assert len(chat(api, desk.alice_key)) == 1
    assert stored(desk, answer.json["relayId"])["priority"] == "low"


@pytest.mark.parametrize(("hour", "filtered"), [(23, True), (7, True), (8, False), (12, False)])
def test_quiet_hours_reach_over_midnight(api: Api, desk: Desk, token: str, hour: int, filtered: bool) -> None:
    hours = {"start": "22:00", "end": "08:00", "timezone": "UTC"}
    api.call("PATCH", "/api/v2/profile", {"relayQuietHours": hours}, token=desk.alice_key)
    with time_machine.travel(datetime(2026, 5, 21, hour, 0, tzinfo=UTC), tick=False):
        assert send(api, token, intent="share_update", priority="low").json.get("filtered", False) is filtered


@pytest.mark.parametrize("address", [None, "", "ALICE@example.com"])
def test_a_relay_reaches_the_connected_person(api: Api, desk: Desk, token: str, address: str | None) -> None:
    assert "fallback" not in send(api, token, toUserEmail=address).json
    assert len(chat(api, desk.alice_key)) == 1


@pytest.mark.parametrize("address", ["nobody@example.com", "bob@example.com", "dave@example.com", "nonsense", "é"])
def test_a_relay_for_anybody_else_falls_back_and_says_so(api: Api, desk: Desk, token: str, address: str) -> None:
    assert send(api, token, toUserEmail=address).json["fallback"] is True
    assert len(chat(api, desk.alice_key)) == 1
    assert chat(api, desk.bob_key) == []


def test_a_relay_reaches_another_person_who_is_connected_with_that_desk(api: Api, desk: Desk, token: str) -> None:
    allow_federation(approval=True)
    asked = connection_request(fromInstanceUrl="https://desk.peer.example/", toUserEmail="bob@example.com")
    made = api.post(CONNECTIONS, asked).json["connectionId"]
    assert send(api, token, toUserEmail="bob@example.com").json["fallback"] is True, "not while it waits"
    api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": "accept"}, token=desk.bob_key)
    answer = send(api, token, toUserEmail="bob@example.com", relayId="r-2", intent="assign_task").json
    assert "fallback" not in answer
    assert len(cards(api, desk.bob_key)) == 1
    assert len([each for each in chat(api, desk.bob_key) if "depots" in each["content"]]) == 1
    DynamoDirectory().set_active(desk.user_id("bob"), active=False)
    assert send(api, token, toUserEmail="bob@example.com", relayId="r-3").json["fallback"] is True


def test_who_sent_it_is_what_the_connection_says(api: Api, desk: Desk, token: str) -> None:
    spoof = {"name": "Alice", "email": "alice@example.com", "isFederated": False}
    given: dict[str, Any] = {
        "payload": {"_sender": spoof, "message": "x"},
        "fromUserEmail": "alice@example.com",
        "fromUserName": "Al",
    }
    made = send(api, token, **given).json["relayId"]
    assert json.loads(stored(desk, made)["payload"])["_sender"] == {
        "name": "Pat Peer",
        "email": "pat@peer.example",
        "instanceUrl": "https://desk.peer.example",
        "connectionId": desk.demo["federation"]["connection_id"],
        "isFederated": True,
    }
    assert chat(api, desk.alice_key)[0]["content"].startswith("Pat Peer (https://desk.peer.example)")


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        ("Just words.", {"message": "Just words."}),
        ('{"message": "As JSON."}', {"message": "As JSON."}),
        ("5", {"message": "5"}),
        ("null", {"message": "null"}),
        ('["a"]', {"message": '["a"]'}),
        ("  ", {}),
        ({"a": {"b": [1, 2.5, None]}}, {"a": {"b": [1, 2.5, None]}}),
    ],
)
def test_no_words_of_a_payload_are_lost(api: Api, desk: Desk, token: str, payload: Any, kept: Any) -> None:
    made = send(api, token, payload=payload).json["relayId"]
    found = json.loads(stored(desk, made)["payload"])
    found.pop("_sender")
    assert found == kept


@pytest.mark.parametrize("inside", [True, False])
def test_ten_attachments_are_taken_each_with_the_same_members(api: Api, desk: Desk, token: str, inside: bool) -> None:
    given = [
        {"filename": "plan.pdf", "href": "https://files.example.org/1", "size": 2048, "mime": "application/pdf"},
        {"name": "without a link"},
        "nonsense",
        *({"url": f"https://files.example.org/{n}", "size": float(n)} for n in range(2, 12)),
    ]
    where: dict[str, Any] = {"payload": {"attachments": given}} if inside else {"attachments": given}
    answer = send(api, token, **where).json
    assert answer["attachmentCount"] == 10
    attached = json.loads(stored(desk, answer["relayId"])["payload"])["attachments"]
    first = {"name": "plan.pdf", "url": "https://files.example.org/1", "size": 2048, "mimeType": "application/pdf"}
    assert (len(attached), attached[0], attached[1]["name"]) == (10, first, "attachment")
    assert "[plan.pdf](https://files.example.org/1) (2 KB)" in chat(api, desk.alice_key)[0]["content"]


@pytest.mark.parametrize("attachments", [None, 5, "x", {}, [None], [{"url": 5}], [{"url": "u", "size": True}]])
def test_odd_attachments_do_no_harm(api: Api, desk: Desk, token: str, attachments: Any) -> None:
    assert api.post(RELAY, relay() | {"attachments": attachments}, headers={"X-Federation-Token": token}).status == 200


def test_a_scope_counts_as_far_as_its_recipient_belongs_to_it(api: Api, desk: Desk, token: str) -> None:
    team, project = desk.demo["team_id"], desk.demo["project_id"]
    foreign = desk.demo["foreign_project_id"]
    for number, (given, resolved, dropped) in enumerate(
        [
            ({"teamId": team, "projectId": project}, {"teamId": team, "projectId": project}, {}),
            ({"projectId": project}, {"teamId": team, "projectId": project}, {}),
            ({"teamId": team}, {"teamId": team}, {}),
            ({"teamId": "t-x", "projectId": project}, {"teamId": team, "projectId": project}, {"teamId": "t-x"}),
            ({"teamId": "t-x", "projectId": "p-x"}, {}, {"teamId": "t-x", "projectId": "p-x"}),
            ({"projectId": foreign}, {}, {"projectId": foreign}),
        ]
    ):
        answer = send(api, token, relayId=f"r-{number}", intent="assign_task", **given).json
        assert (answer["scopeResolved"], answer["scopeDropped"]) == (resolved, dropped), given
        card = next(each for each in cards(api, desk.alice_key) if each["id"] == answer["cardId"])
        assert card["projectId"] == resolved.get("projectId")


def test_topic_filters_know_the_resolved_scope(api: Api, desk: Desk, token: str) -> None:
    project = desk.demo["project_id"]
    api.call("PATCH", "/api/v2/profile", {"relayTopicFilters": [{"projectId": project}]}, token=desk.alice_key)
    ambient: dict[str, Any] = {"payload": {"ambient": True}}
    assert send(api, token, **ambient, projectId=project).json["reasonDetail"] == f"scope_filtered:projectId={project}"
    assert "filtered" not in send(api, token, **ambient).json


def test_an_answer_joins_the_thread_of_what_it_answers(api: Api, desk: Desk, token: str) -> None:
    first = send(api, token, threadId="thread_1").json
    assert first["threadId"] == "thread_1"
    second = send(api, token, relayId="r-2", parentRelayId="r-1", threadId="other").json
    assert (second["threadId"], second["parentRelayId"]) == ("thread_1", first["relayId"])
    third = send(api, token, relayId="r-3", parentRelayId="unknown", threadId="other").json
    assert (third["threadId"], third["parentRelayId"]) == ("other", None)


def test_those_who_listen_are_told(api: Api, desk: Desk, token: str, sockets: Sockets, pump: Pumps) -> None:
    client = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    api.call("PATCH", "/api/v2/settings", {"queueAutoApprove": True}, token=desk.alice_key)
    before = len(client.frames)
    send(api, token, intent="assign_task", priority="urgent")
    assert [each["type"] for each in client.frames[before:]] == ["new_message", "queue_changed", "wake"]
    send(api, token, relayId="r-2", payload={"ambient": True})
    assert len(client.frames) == before + 3


def sign_with_hmac(api: Api, desk: Desk) -> None:
    made = desk.demo["federation"]["connection_id"]
    patched = api.call("PATCH", f"{CONNECTIONS}/{made}", {"hmacEnabled": True}, token=desk.alice_key)
    assert patched.json["data"]["hmacEnabled"] is True


@pytest.mark.parametrize("path", PATHS)
def test_where_signatures_are_on_the_raw_body_must_be_signed(api: Api, desk: Desk, token: str, path: str) -> None:
    sign_with_hmac(api, desk)
    raw, headers = sign_body(relay(), token)
    spaced = json.dumps(relay(), indent=2).encode()
    digest = headers["X-Federation-HMAC"]
    assert send(api, token, path).status == 401
    of_another = sign_body(relay(), "other")[1]["X-Federation-HMAC"]
    for wrong in ("", "x", digest.upper(), f"{digest}zz", digest[:-2], f" {digest}x", of_another):
        assert api.post(path, raw=raw, headers=headers | {"X-Federation-HMAC": wrong}).status == 401
    assert api.post(path, raw=spaced, headers=headers).status == 401
    assert api.post(path, raw=b"{", headers=headers).status == 401, "before the body is read"
    assert chat(api, desk.alice_key) == []
    assert api.post(path, raw=raw, headers=headers).status == 200
    assert api.post(path, raw=spaced, headers=sign_body(spaced, token)[1]).json["duplicate"] is True


def test_acknowledgements_are_signed_alike(api: Api, desk: Desk, token: str) -> None:
    sign_with_hmac(api, desk)
    ack = {"relayId": "r", "status": "completed"}
    assert api.post(ACK, ack, headers={"X-Federation-Token": token}).status == 401
    raw, headers = sign_body(ack, token)
    assert api.post(ACK, raw=raw, headers=headers).status == 404


@pytest.mark.parametrize(
    ("body", "digest"),
    [
        (b'{"relayId":"r-1","subject":"ping"}', "f5f7657c11c9c3a1285000ae114369f2aa3c9f5dc24f66e5dce23e966fc4733b"),
        ('{"subject":"héllo"}'.encode(), "8c7e206cf58c50606151f3f7dc793785a7e3ae6f27819c606212978eac4987a2"),
        (b"", "b85668d5ef616673aa3f1197a555c572b33af7e1112e4551efe612c5be46f536"),
    ],
)
def test_digests_are_those_that_other_desks_compute(body: bytes, digest: str) -> None:
    assert body_digest(body, "vector-secret") == digest
    assert is_body_digest(digest, body, "vector-secret")
    assert not is_body_digest(digest.upper(), body, "vector-secret")
    assert not is_body_digest(digest, body + b" ", "vector-secret")
    assert not is_body_digest(digest, body, "other-secret")
    assert not is_body_digest("ä" * 64, body, "vector-secret")


@pytest.fixture
def introduced(api: Api, desk: Desk) -> tuple[SigningKey, str]:
    """A connection with a desk that has told its key: the key, and the connection's token."""
    allow_federation()
    key = SigningKey.new("key-1")
    told = {"keyId": key.key_id, "publicKey": key.public_key}
    assert api.post(CONNECTIONS, connection_request(fluxden=told)).status == 200
    return key, str(connection_request()["federationToken"])


def with_signature(
    body: Any, key: SigningKey, token: str, path: str, *, at: datetime | None = None, base_url: str = BASE_URL
) -> tuple[bytes, dict[str, str]]:
    raw, headers = sign_body(body, token)
    made = signature_headers(
        "POST", f"{base_url}{path}", raw, destination=base_url, key=key, at=at or datetime.now(UTC)
    )
    return raw, {**headers, **made}


@pytest.mark.parametrize("path", PATHS)
def test_who_has_told_a_key_signs_with_it(api: Api, desk: Desk, introduced: tuple[SigningKey, str], path: str) -> None:
    key, token = introduced
    raw, headers = with_signature(relay(), key, token, path)
    assert api.post(path, raw=raw, headers=headers).status == 200


def test_a_signature_holds_for_one_request_to_one_desk_for_five_minutes(
    api: Api, desk: Desk, introduced: tuple[SigningKey, str]
) -> None:
    key, token = introduced
    now = datetime.now(UTC)
    raw, headers = sign_body(relay(), token)
    other_raw, other_headers = sign_body(relay(subject="Other"), token)
    good = with_signature(relay(), key, token, RELAY)[1]
    refused = [
        (raw, headers),
        (raw, headers | {"Signature-Input": "é=(", "Signature": "x"}),
        (raw, {name: value for name, value in good.items() if name != "X-Federation-HMAC"}),
        (other_raw, good | other_headers),
        with_signature(relay(), SigningKey.new("key-1"), token, RELAY),
        with_signature(relay(), key, token, ACK),
        with_signature(relay(), key, token, RELAY, base_url="https://another.example"),
        with_signature(relay(), key, token, RELAY, at=now - timedelta(seconds=310)),
        with_signature(relay(), key, token, RELAY, at=now + timedelta(seconds=310)),
    ]
    for sent, given in refused:
        assert api.post(RELAY, raw=sent, headers=given).status == 401
    assert len(chat(api, desk.alice_key)) == 1, "that is of the connection"
    early = with_signature(relay(), key, token, RELAY, at=now - timedelta(seconds=290))
    assert api.post(RELAY, raw=early[0], headers=early[1]).status == 200


def sent_relay(desk: Desk, token: str, **overrides: Any) -> Relay:
    """A relay that alice has sent over the demo organisation's connection."""
    (connection,) = DynamoConnections().find_by_token(token)
    now = timestamp(datetime.now(UTC))
    made: dict[str, Any] = {
        "relay_id": "00000000-0000-4000-8000-000000000007",
        "connection_id": connection.connection_id,
        "user_id": desk.user_id("alice"),
        "direction": Direction.OUTBOUND,
        "type": RelayType.REQUEST,
        "intent": RelayIntent.ASSIGN_TASK,
        "subject": "Count the depots",
        "payload": "{}",
        "priority": RelayPriority.NORMAL,
        "status": RelayStatus.DELIVERED,
        "thread_id": "00000000-0000-4000-8000-000000000007",
        "peer_url": connection.peer_url,
        "peer_email": connection.peer_email,
        "peer_relay_id": "their-7",
        "created_at": now,
        "updated_at": now,
    }
    relay = Relay(**{**made, **overrides})
    commit([*add_relay_actions(relay), add_peer_id_action(relay)], claim=None, reply={})
    return relay


def acknowledge(api: Api, token: str, **body: Any) -> Answer:
    return api.post(ACK, body, headers={"X-Federation-Token": token})


@pytest.mark.parametrize(
    "named",
    [
        {"relayId": "00000000-0000-4000-8000-000000000007"},
        {"relayId": "their-7"},
        {"peerRelayId": "00000000-0000-4000-8000-000000000007", "relayId": "other"},
        {"peerRelayId": "their-7", "relayId": None},
        {"metadata": {"inviteId": "their-7"}},
    ],
)
def test_an_acknowledgement_completes_the_relay(api: Api, desk: Desk, token: str, named: Any) -> None:
    sent = sent_relay(desk, token)
    for _ in range(2):
        answer = acknowledge(api, token, **named, status="accepted", responsePayload={"message": "Eleven."})
        assert answer.json == {"success": True, "relayId": sent.relay_id, "status": "completed"}
    row = stored(desk, sent.relay_id)
    assert (row["status"], json.loads(row["response"])) == ("completed", {"message": "Eleven."})
    assert row["resolvedAt"]
    (message,) = chat(api, desk.alice_key)
    assert "Eleven." in message["content"]


def test_a_final_state_stays(api: Api, desk: Desk, token: str) -> None:
    sent_relay(desk, token)
    assert acknowledge(api, token, relayId="their-7", status="agent_handling").json["status"] == "agent_handling"
    assert chat(api, desk.alice_key) == []
    assert acknowledge(api, token, relayId="their-7", status="declined").json["status"] == "declined"
    assert acknowledge(api, token, relayId="their-7", status="completed").json["status"] == "declined"
    assert acknowledge(api, token, relayId="their-7", status="delivered").json["status"] == "declined"
    assert len(chat(api, desk.alice_key)) == 1


@pytest.mark.parametrize("body", [{"relayId": "their-7"}, {"relayId": "their-7", "status": "nonsense"}, {"status": 5}])
def test_an_acknowledgement_says_where_the_relay_stands(api: Api, desk: Desk, token: str, body: Any) -> None:
    assert acknowledge(api, token, **body).status == 400


def test_only_the_connection_that_a_relay_went_over_may_acknowledge_it(api: Api, desk: Desk, token: str) -> None:
    sent = sent_relay(desk, token)
    allow_federation()
    api.post(CONNECTIONS, connection_request())
    other = str(connection_request()["federationToken"])
    for name in (sent.relay_id, "their-7"):
        assert acknowledge(api, other, relayId=name, status="completed").status == 404
    assert acknowledge(api, token, status="completed").status == 404
    received = send(api, token).json["relayId"]
    for name in (received, "r-1"):
        assert acknowledge(api, token, relayId=name, status="completed").status == 404, "nor what was received"


def test_of_simultaneous_acknowledgements_one_is_told(api: Api, desk: Desk, token: str) -> None:
    sent_relay(desk, token)
    answers = concurrency.run_concurrently(6, lambda _: acknowledge(api, token, relayId="their-7", status="completed"))
    assert {(each.status, each.json["status"]) for each in answers} == {(200, "completed")}
    assert len(chat(api, desk.alice_key)) == 1


def test_what_one_desk_signs_another_takes(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    """An acknowledgement from here, delivered to ourselves as the other desk: HMAC and message signature fit."""
    url = f"http://127.0.0.1:{receiver.port}"
    allow_federation()
    key = SigningKey.new("key-1")
    told = {"keyId": key.key_id, "publicKey": key.public_key}
    api.post(CONNECTIONS, connection_request(fromInstanceUrl=url, fluxden=told))
    token = str(connection_request()["federationToken"])
    raw, headers = with_signature(relay(intent="assign_task"), key, token, RELAY)
    api.post(RELAY, raw=raw, headers=headers)
    (item,) = api.get("/api/v2/queue", desk.alice_key).json["data"]["items"]
    api.post(f"/api/v2/queue/{item['id']}/confirm", {"action": "reject"}, desk.alice_key)
    pump.drain(OUTBOX_WORK)
    (got,) = receiver.received
    sent = RawRequest(got.method, got.path, got.headers, got.body, datetime.now(UTC))
    assert refuse_signature(sent, base_url=url, keys=[DynamoFederation().find_key().public]) is None
    assert is_body_digest(got.headers["x-federation-hmac"], got.body, token)


def test_a_connection_has_a_budget_of_its_own(
    api: Api, desk: Desk, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXDEN_CONNECTION_BUDGET", "3")
    settings.cache_clear()
    with time_machine.travel(datetime(2026, 5, 21, 12, 0, 10, tzinfo=UTC), tick=False) as clock:
        taken = [send(api, token, relayId=f"r-{number}") for number in range(3)]
        assert [each.headers["x-ratelimit-remaining"] for each in taken] == ["2", "1", "0"]
        for path in (RELAY, ACK, "/api/federation/connect/accept"):
            refused = api.post(path, raw="{", headers={"X-Federation-Token": token})
            assert (refused.status, refused.headers["retry-after"]) == (429, "50")
            assert refused.headers["x-ratelimit-limit"] == "3"
        unknown = send(api, "a-token-that-nobody-knows")
        assert (unknown.status, "x-ratelimit-limit" in unknown.headers) == (404, False)
        clock.shift(50)
        refused = api.post(ACK, {}, headers={"X-Federation-Token": token})
        assert (refused.status, refused.headers["x-ratelimit-remaining"]) == (400, "2")
        answers = concurrency.run_concurrently(
            6, lambda _: api.post(ACK, {}, headers={"X-Federation-Token": token}).status
        )
        assert sorted(answers) == [400, 400, 429, 429, 429, 429]


def test_calls_are_counted(api: Api, desk: Desk, token: str) -> None:
    send(api, token, relayId="r-0")  # the first call of a minute takes one more
    plain = send(api, token)
    assert (plain.steps, len(plain.calls)) == (4, 7)
    task = send(api, token, relayId="r-2", intent="assign_task")
    assert (task.steps, len(task.calls)) == (4, 9)
    scoped = send(api, token, relayId="r-3", projectId=desk.demo["project_id"])
    assert scoped.steps == 5
    other = send(api, token, relayId="r-4", toUserEmail="bob@example.com")
    assert other.steps == 6
    assert send(api, token).steps == 2
    sent_relay(desk, token)
    assert acknowledge(api, token, relayId="00000000-0000-4000-8000-000000000007", status="completed").steps == 5
    assert acknowledge(api, token, relayId="their-7", status="completed").steps == 3


def test_what_was_received_is_kept_once(api: Api, desk: Desk, token: str) -> None:
    made = send(api, token).json["relayId"]
    (connection,) = DynamoConnections().find_by_token(token)
    known = DynamoRelays().find_references(connection.connection_id, ["r-1", "", "unknown"])
    assert {name: each.relay_id for name, each in known.items()} == {"r-1": made}
