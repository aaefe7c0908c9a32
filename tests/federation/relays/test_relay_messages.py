"""The bodies of relays: validation, payloads and attachments."""

import json
from typing import Any

import pytest

from tests.conftest import Desk
from tests.federation.relays.relay_calls import new_relay, peer_messages, receive_relay, stored_relay
from tests.support.api import Api
from tests.support.peer import RELAY


@pytest.mark.parametrize(
    "given",
    [
        {"priority": 5},
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
def test_invalid_relays_are_refused_and_change_nothing(api: Api, desk: Desk, token: str, given: dict[str, Any]) -> None:
    assert receive_relay(api, token, **given).status == 400
    assert peer_messages(api, desk.alice_key) == []


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"type": "shout"}, "request"),
        ({"type": "update"}, "update"),
        ({"intent": "fly"}, "custom"),
        ({"intent": "delegate"}, "delegate"),
        ({"priority": "extreme"}, "normal"),
        ({"priority": "medium"}, "normal"),
        ({"priority": ""}, "normal"),
    ],
)
def test_a_value_outside_the_contract_is_read_and_named_in_warnings(
    api: Api, desk: Desk, token: str, given: dict[str, str], read: str
) -> None:
    (name,) = given
    answer = receive_relay(api, token, **given)
    assert (answer.status, answer.json["warnings"]) == (200, [f"{name}: is not in the contract; read as {read}"])
    assert stored_relay(desk, answer.json["relayId"])[name] == read
    assert receive_relay(api, token, **given).json["warnings"] == answer.json["warnings"], "a repeat says it as well"
    assert "warnings" not in receive_relay(api, token, relayId="r-2").json


def test_all_values_outside_the_contract_are_named_even_if_the_relay_is_filtered(
    api: Api, desk: Desk, token: str
) -> None:
    assert api.call("PATCH", "/api/v2/profile", {"relayMode": "off"}, token=desk.alice_key).status == 200
    given = {"type": "a", "intent": "b", "priority": "c", "toUserEmail": "bob@example.com"}
    answer = receive_relay(api, token, payload={"ambient": True}, **given).json
    assert (answer["filtered"], answer["fallback"]) == (True, True)
    assert [each.partition(":")[0] for each in answer["warnings"]] == ["type", "intent", "priority"]


@pytest.mark.parametrize("name", ["relayId", "toUserEmail", "type", "intent", "subject", "payload", "priority"])
def test_null_is_accepted_for_a_scope_only(api: Api, desk: Desk, token: str, name: str) -> None:
    headers = {"X-Federation-Token": token}
    assert api.post(RELAY, new_relay() | {name: None}, headers=headers).status == 400
    empty = {"teamId": None, "projectId": None, "threadId": None, "parentRelayId": None, "dueDate": None}
    assert api.post(RELAY, new_relay() | empty, headers=headers).status == 200


def test_a_huge_payload_is_refused(api: Api, desk: Desk, token: str) -> None:
    numbers = ",".join(["1e15"] * 50_000)
    raw = f'{{"payload": {{"n": [{numbers}]}}}}'.encode()
    assert api.post(RELAY, raw=raw, headers={"X-Federation-Token": token}).status == 413
    assert api.post(RELAY, raw=b" " * 262_145, headers={"X-Federation-Token": token}).status == 413
    infinite = b'{"payload": {"n": 1e999}}'
    assert api.post(RELAY, raw=infinite, headers={"X-Federation-Token": token}).status == 400


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
def test_a_payload_keeps_all_its_text(api: Api, desk: Desk, token: str, payload: Any, kept: Any) -> None:
    made = receive_relay(api, token, payload=payload).json["relayId"]
    found = json.loads(stored_relay(desk, made)["payload"])
    found.pop("_sender")
    assert found == kept


@pytest.mark.parametrize("inside", [True, False])
def test_ten_attachments_are_stored_with_the_same_members(api: Api, desk: Desk, token: str, inside: bool) -> None:
    given = [
        {"filename": "plan.pdf", "href": "https://files.example.org/1", "size": 2048, "mime": "application/pdf"},
        {"name": "without a link"},
        "nonsense",
        *({"url": f"https://files.example.org/{n}", "size": float(n)} for n in range(2, 12)),
    ]
    where: dict[str, Any] = {"payload": {"attachments": given}} if inside else {"attachments": given}
    answer = receive_relay(api, token, **where).json
    assert answer["attachmentCount"] == 10
    attached = json.loads(stored_relay(desk, answer["relayId"])["payload"])["attachments"]
    first = {"name": "plan.pdf", "url": "https://files.example.org/1", "size": 2048, "mimeType": "application/pdf"}
    assert (len(attached), attached[0], attached[1]["name"]) == (10, first, "attachment")
    assert "[plan.pdf](https://files.example.org/1) (2 KB)" in peer_messages(api, desk.alice_key)[0]["content"]


@pytest.mark.parametrize("attachments", [None, 5, "x", {}, [None], [{"url": 5}], [{"url": "u", "size": True}]])
def test_invalid_attachments_are_ignored(api: Api, desk: Desk, token: str, attachments: Any) -> None:
    assert (
        api.post(RELAY, new_relay() | {"attachments": attachments}, headers={"X-Federation-Token": token}).status == 200
    )
