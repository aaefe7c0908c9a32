"""What a received relay creates: cards, queue items, scope and sender."""

import json
from typing import Any

import pytest

from tests.conftest import Desk
from tests.federation.relays.relay_calls import cards_of, peer_messages, queue_items_of, receive_relay, stored_relay
from tests.support.api import Api

TASKS = ["assign_task", "delegate", "schedule", "request_approval"]


@pytest.mark.parametrize("intent", TASKS)
def test_a_task_becomes_one_card_and_one_queue_item(api: Api, desk: Desk, token: str, intent: str) -> None:
    due = "2026-12-24T10:00:00.000Z"
    answer = receive_relay(api, token, intent=intent, priority="high", dueDate=due).json
    (card,), (item,) = cards_of(api, desk.alice_key), queue_items_of(api, desk.alice_key)
    assert (answer["task"], answer["cardId"]) == (True, card["id"])
    assert (card["status"], card["title"], card["priority"]) == ("leads", "How many depots?", "high")
    assert (card["description"], card["dueDate"]) == ("Please count them.", due)
    assert (card["sourceRelayId"], card["assignee"]) == (answer["relayId"], "human")
    assert (item["title"], item["priority"], item["status"]) == ("How many depots?", "high", "pending_confirmation")
    assert json.loads(item["metadata"])["relayId"] == answer["relayId"]
    row = stored_relay(desk, answer["relayId"])
    assert (row["cardId"], row["queueItemId"]) == (card["id"], item["id"])


@pytest.mark.parametrize("intent", ["get_info", "share_update", "introduce", "custom", "opinion", "nonsense"])
def test_other_intents_make_no_card(api: Api, desk: Desk, token: str, intent: str) -> None:
    assert "task" not in receive_relay(api, token, intent=intent).json
    assert (cards_of(api, desk.alice_key), queue_items_of(api, desk.alice_key)) == ([], [])


@pytest.mark.parametrize(
    "given", [{"payload": {"_ambient": True}}, {"payload": {"ambient": True}}, {"type": "response"}]
)
def test_ambient_relays_and_responses_make_no_task(api: Api, desk: Desk, token: str, given: Any) -> None:
    assert "task" not in receive_relay(api, token, intent="assign_task", **given).json
    assert (cards_of(api, desk.alice_key), queue_items_of(api, desk.alice_key)) == ([], [])


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
def test_a_task_keeps_its_priority(api: Api, desk: Desk, token: str, priority: str | None, card: str) -> None:
    receive_relay(api, token, intent="assign_task", priority=priority)
    assert [each["priority"] for each in cards_of(api, desk.alice_key)] == [card]
    assert [each["priority"] for each in queue_items_of(api, desk.alice_key)] == [card]


def test_a_task_without_text_gets_a_default_title(api: Api, desk: Desk, token: str) -> None:
    receive_relay(api, token, intent="assign_task", subject="  ", payload=None)
    (card,) = cards_of(api, desk.alice_key)
    assert card["title"] == "Federated task"
    assert "Pat Peer" in card["description"]


@pytest.mark.parametrize(
    ("subject", "title"),
    [
        ("می\u200cخواهم 👨\u200d👩\u200d👧", "می\u200cخواهم 👨\u200d👩\u200d👧"),
        ("Count\r\n\tthe\u2028depots \x1b[31m", "Count the depots [31m"),
        ("\u202eCount\u2066 it", "Count it"),
        ("\u200d\u2800", "Federated task"),
    ],
    ids=ascii,
)
def test_a_subject_becomes_one_line_that_keeps_its_joiners(
    api: Api, desk: Desk, token: str, subject: str, title: str
) -> None:
    receive_relay(api, token, intent="assign_task", subject=subject)
    (card,), (item,) = cards_of(api, desk.alice_key), queue_items_of(api, desk.alice_key)
    assert (card["title"], item["title"]) == (title, title)


def test_a_long_task_is_truncated(api: Api, desk: Desk, token: str) -> None:
    receive_relay(api, token, intent="assign_task", subject="s" * 600, payload={"body": "b" * 20_000})
    (card,) = cards_of(api, desk.alice_key)
    assert (len(card["title"]), len(card["description"])) == (500, 2000)
    assert len(peer_messages(api, desk.alice_key)[0]["content"]) == 10_000


def test_a_task_is_ready_if_its_owner_auto_approves(api: Api, desk: Desk, token: str) -> None:
    api.call("PATCH", "/api/v2/settings", {"queueAutoApprove": True}, token=desk.alice_key)
    receive_relay(api, token, intent="assign_task")
    assert [each["status"] for each in queue_items_of(api, desk.alice_key)] == ["ready"]


def test_the_sender_comes_from_the_connection(api: Api, desk: Desk, token: str) -> None:
    spoof = {"name": "Alice", "email": "alice@example.com", "isFederated": False}
    given: dict[str, Any] = {
        "payload": {"_sender": spoof, "message": "x"},
        "fromUserEmail": "alice@example.com",
        "fromUserName": "Al",
    }
    made = receive_relay(api, token, **given).json["relayId"]
    assert json.loads(stored_relay(desk, made)["payload"])["_sender"] == {
        "name": "Pat Peer",
        "email": "pat@peer.example",
        "instanceUrl": "https://desk.peer.example",
        "connectionId": desk.demo["federation"]["connection_id"],
        "isFederated": True,
        "verified": True,
    }
    assert peer_messages(api, desk.alice_key)[0]["content"].startswith("Pat Peer (https://desk.peer.example)")


def test_a_scope_is_dropped_where_the_recipient_is_no_member(api: Api, desk: Desk, token: str) -> None:
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
        answer = receive_relay(api, token, relayId=f"r-{number}", intent="assign_task", **given).json
        assert (answer["scopeResolved"], answer["scopeDropped"]) == (resolved, dropped), given
        card = next(each for each in cards_of(api, desk.alice_key) if each["id"] == answer["cardId"])
        assert card["projectId"] == resolved.get("projectId")
