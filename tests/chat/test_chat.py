"""The shared chat: what is said, and how it is read back."""

import json
from typing import Any

import pytest

from chalicelib.chat.domain.chat import Message, Role
from chalicelib.chat.stores.chat import DynamoChat
from tests.conftest import Desk
from tests.support.api import Api

SEND, MESSAGES = "/api/v2/shared-chat/send", "/api/v2/shared-chat/messages"
BULKY = "x" * 70_000


@pytest.fixture(autouse=True)
def _no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that no test here uses up."""
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


def test_a_message_is_the_agents_and_trimmed(api: Api, desk: Desk) -> None:
    sent = api.post(SEND, {"content": "  Hello. \n", "metadata": {"taskId": "7"}}, desk.alice_key)
    data = sent.json["data"]
    assert sent.status == 201
    assert set(data) == {"id", "role", "content", "agentName", "createdAt"}
    assert (data["role"], data["content"], data["agentName"]) == ("assistant", "Hello.", "alice's demo key")
    (message,) = api.get(MESSAGES, desk.alice_key).json["data"]["messages"]
    metadata = json.loads(message.pop("metadata"))
    assert message == data | {"userId": desk.user_id("alice"), "clearedAt": None}
    assert metadata.pop("agentKeyId")
    assert metadata == {"taskId": "7", "agentName": "alice's demo key", "sentViaApi": True}


def test_an_agent_goes_by_the_name_it_gives(api: Api, desk: Desk) -> None:
    headers = {"X-Agent-Name": "Scout"}
    assert api.post(SEND, {"content": "x"}, desk.alice_key, headers=headers).json["data"]["agentName"] == "Scout"
    headers = {"x-agent-name": "x" * 101}
    assert api.post(SEND, {"content": "x"}, desk.alice_key, headers=headers).status == 400


def test_a_person_may_speak_for_themselves(api: Api, desk: Desk) -> None:
    data = api.post(SEND, {"content": "x", "role": "user"}, desk.alice_key).json["data"]
    assert (data["role"], "agentName" in data) == ("user", False)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"content": "x" * 10_000}, 201),
        ({"content": "é" * 10_000}, 201),
        ({"content": "x" * 10_001}, 400),
        ({"content": " " * 10_001}, 400),
        ({"content": ""}, 400),
        ({"content": " \t\n"}, 400),
        ({"content": None}, 400),
        ({"content": 1}, 400),
        ({}, 400),
        ({"content": "x", "metadata": []}, 400),
        ({"content": "x", "metadata": None}, 400),
        ({"content": "x", "metadata": {"a": BULKY}}, 400),
        ({"content": "x", "role": "system"}, 400),
        ({"content": "x", "more": "of what the contract does not know"}, 201),
    ],
)
def test_what_may_be_said(api: Api, desk: Desk, body: dict[str, Any], status: int) -> None:
    answer = api.post(SEND, body, desk.alice_key)
    assert (answer.status, answer.json["success"]) == (status, status == 201)
    assert len(api.get(MESSAGES, desk.alice_key).json["data"]["messages"]) == int(status == 201)


@pytest.mark.parametrize("role", [None, "user", "assistant", "system"])
def test_the_cursor_leads_to_every_message_once_and_each_page_is_in_order(
    api: Api, desk: Desk, role: str | None
) -> None:
    said = [
        api.post(SEND, {"content": f"{number}", "role": ("user", "assistant")[number % 2]}, desk.alice_key).json["data"]
        for number in range(11)
    ]
    wanted = [each["id"] for each in said if role in (None, each["role"])]
    pages, cursor = [], ""
    while True:
        of_role = f"&role={role}" if role else ""
        data = api.get(f"{MESSAGES}?limit=3{cursor}{of_role}", desk.alice_key).json["data"]
        pages.append([each["id"] for each in data["messages"]])
        assert data["pagination"]["limit"] == 3
        assert data["pagination"]["hasMore"] == (data["pagination"]["cursor"] is not None)
        if not data["pagination"]["hasMore"]:
            break
        cursor = f"&cursor={data['pagination']['cursor']}"
    assert [each for page in reversed(pages) for each in page] == wanted
    assert all(len(page) == 3 for page in pages[:-1])


@pytest.mark.parametrize(
    ("query", "status"),
    [("role=robot", 200), ("limit=500", 200), ("limit=0", 400), ("limit=x", 400), ("cursor=x", 400), ("role=", 200)],
)
def test_pages_of_what_there_is_not(api: Api, desk: Desk, query: str, status: int) -> None:
    api.post(SEND, {"content": "x"}, desk.alice_key)
    answer = api.get(f"{MESSAGES}?{query}", desk.alice_key)
    assert answer.status == status
    if "role" in query:
        assert answer.json["data"]["messages"] == []
    elif status == 200:
        assert answer.json["data"]["pagination"]["limit"] == 200


def test_nobody_reads_anothers_chat(api: Api, desk: Desk) -> None:
    api.post(SEND, {"content": "x"}, desk.alice_key)
    assert api.get(MESSAGES, desk.bob_key).json["data"]["messages"] == []


def test_a_message_under_the_same_key_is_sent_once(api: Api, desk: Desk) -> None:
    first, again = (api.post(SEND, {"content": "x"}, desk.alice_key, key="k") for _ in range(2))
    assert (first.status, again.status, again.json) == (201, 201, first.json)
    assert again.headers["idempotent-replayed"] == "true"
    assert len(api.get(MESSAGES, desk.alice_key).json["data"]["messages"]) == 1


@pytest.mark.parametrize("areas", [["queue"], ["kanban", "contacts", "inbox"]])
def test_the_chat_needs_its_permission(api: Api, desk: Desk, areas: list[str]) -> None:
    key = api.post("/api/v2/keys", {"name": "narrow", "permissions": areas}, desk.alice_key).json["data"]["key"]
    for method, path in (("POST", SEND), ("GET", MESSAGES), ("GET", "/api/v2/shared-chat/stream")):
        answer = api.call(method, path, {"content": "x"} if method == "POST" else None, token=key)
        assert (answer.status, "chat" in answer.json["error"]) == (403, True)


def test_calls_in_sequence(api: Api, desk: Desk) -> None:
    api.post(SEND, {"content": "x"}, desk.alice_key)
    assert api.post(SEND, {"content": "x"}, desk.alice_key).calls == ["UpdateItem", "PutItem", "Query", "PutItem"]
    assert api.get(MESSAGES, desk.alice_key).calls == ["UpdateItem", "Query"]
    assert api.get(f"{MESSAGES}?role=user", desk.alice_key).calls == ["UpdateItem", "Query"]
    assert api.get(f"{MESSAGES}?role=assistant", desk.alice_key).calls == ["UpdateItem", "Query", "BatchGetItem"]


@pytest.mark.parametrize("role", ["", "&role=user"])
def test_a_page_too_large_for_one_reply_goes_on_at_its_cursor(api: Api, desk: Desk, role: str) -> None:
    ids = [f"01M81CP3ZM35MXVH0000000{number:03d}" for number in range(110)]
    for each in ids:
        message = Message(
            each, desk.user_id("alice"), Role.USER, "\x01" * 10_000, None, None, "2026-05-21T10:00:00.000Z"
        )
        DynamoChat().add(message, claim=None, reply={})
    seen: list[str] = []
    cursor = ""
    while True:
        page = api.get(f"{MESSAGES}?limit=200{role}{cursor}", desk.alice_key)
        assert len(json.dumps(page.text, ensure_ascii=False).encode()) < 6_000_000
        seen = [each["id"] for each in page.json["data"]["messages"]] + seen
        if not page.json["data"]["pagination"]["hasMore"]:
            break
        cursor = f"&cursor={page.json['data']['pagination']['cursor']}"
    assert seen == ids
