"""Delegations: who may decide on whose proposals, until when, and what a delegate sees."""

import json
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import AUDIT, QUEUE_ITEMS, SOCKET_WORK
from chalicelib.tasks.domain.delegations import MOST_GIVEN
from chalicelib.tasks.stores.delegations import DynamoDelegations
from tests.conftest import Desk
from tests.support import inputs, mcp
from tests.support.api import Answer, Api
from tests.support.api_keys import new_api_key
from tests.support.concurrency import run_concurrently
from tests.support.pump import Pumps
from tests.support.sockets import Sockets
from tests.support.worker_scenarios import scan_rows
from tests.tasks.client import QUEUE

DELEGATIONS, DELEGATED = "/api/v2/delegations", "/api/v2/delegated-tasks"
UNTIL = "2026-05-28T12:00:00Z"
PROPOSAL = {
    "tool": "send_invoice",
    "why": "It is due.",
    "arguments": {"amount": 80},
    "expiresAt": "2026-06-30T12:00:00Z",
}


@pytest.fixture(name="clock", autouse=True)
def _clock() -> Any:
    with time_machine.travel("2026-05-21T12:00:00Z", tick=False) as clock:
        yield clock


def delegate(api: Api, desk: Desk, to: str = "bob@example.com", *, key: str = "", until: str = UNTIL) -> Answer:
    return api.post(DELEGATIONS, {"to": to, "until": until}, key or desk.alice_key)


def propose(api: Api, key: str, title: str = "Send the invoice") -> str:
    answer = api.post(QUEUE, {"title": title, "metadata": {"proposal": PROPOSAL}}, key)
    assert answer.status == 201, answer.text
    return str(answer.json["data"]["id"])


def list_delegated(api: Api, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(DELEGATED, key).json["data"]["tasks"]
    return found


def decide(api: Api, key: str, task: str, action: str = "approve", **members: Any) -> Answer:
    return api.post(f"{DELEGATED}/{task}/confirm", {"action": action} | members, key)


def end(api: Api, key: str, delegation: str) -> int:
    return api.call("DELETE", f"{DELEGATIONS}/{delegation}", None, token=key).status


def test_a_delegate_decides_and_both_are_named(api: Api, desk: Desk) -> None:
    made = delegate(api, desk).json["data"]
    assert (made["delegator"]["name"], made["delegate"]["name"]) == ("Alice", "Bob")
    task = propose(api, desk.alice_key)
    (seen,) = list_delegated(api, desk.bob_key)
    assert (seen["task"]["id"], seen["delegator"]["name"], seen["delegationId"]) == (task, "Alice", made["id"])
    approved = decide(api, desk.bob_key, task, arguments={"amount": 70}, reason="Less")
    assert (approved.status, approved.json["data"]["status"]) == (200, "ready"), approved.text
    heard = api.get(f"{QUEUE}/{task}/approval", desk.alice_key).json["data"]
    assert (heard["state"], heard["decision"]["decidedBy"], heard["decision"]["changed"]) == (
        "approved",
        "Bob",
        ["amount"],
    )
    assert json.loads(heard["task"]["metadata"])["proposal"]["arguments"] == {"amount": 70}
    assert list_delegated(api, desk.bob_key) == []
    (entry,) = [row for row in scan_rows(AUDIT) if row["kind"] == "queueItem.approve"]
    assert (entry["subjectId"], entry["details"]) == (task, {"edited": "1", "delegation": made["id"]})
    assert entry["personId"] != entry["actorId"]


def test_a_delegate_rejects_with_a_reason(api: Api, desk: Desk) -> None:
    delegate(api, desk)
    task = propose(api, desk.alice_key)
    assert decide(api, desk.bob_key, task, "reject", reason="Too much").status == 200
    heard = api.get(f"{QUEUE}/{task}/approval", desk.alice_key).json["data"]
    assert (heard["state"], heard["decision"]["reason"], heard["decision"]["decidedBy"]) == (
        "rejected",
        "Too much",
        "Bob",
    )
    assert decide(api, desk.bob_key, task).status == 404


def test_a_delegate_sees_nothing_else_of_the_queue(api: Api, desk: Desk) -> None:
    delegate(api, desk)
    plain = api.post(QUEUE, {"title": "Private"}, desk.alice_key).json["data"]["id"]
    event = api.post("/api/v1/events", inputs.new_event(event_type="hr.offer.sent"), desk.moderated)
    assert event.status < 300, event.text
    api.call("PATCH", "/api/v2/settings", {"mode": "chief_of_staff"}, token=desk.alice_key)
    first = propose(api, desk.alice_key)
    next_one = api.post(QUEUE, {"title": "Next", "priority": "urgent"}, desk.alice_key).json["data"]["id"]
    api.post(f"{QUEUE}/{next_one}/confirm", {"action": "approve"}, desk.alice_key)
    assert [each["task"]["id"] for each in list_delegated(api, desk.bob_key)] == [first]
    waiting = api.get(f"{QUEUE}?status=pending_confirmation", desk.alice_key).json["data"]["items"]
    assert len(waiting) == 3
    for each in waiting:
        if each["id"] != first:
            assert decide(api, desk.bob_key, each["id"]).status == 404
    for path in (f"{QUEUE}/{plain}", f"{QUEUE}/{first}", f"{QUEUE}/{first}/approval"):
        assert api.get(path, desk.bob_key).status == 404
    decided = decide(api, desk.bob_key, first)
    assert (decided.status, decided.json["data"]["autoDispatched"]) == (200, None), decided.text


def test_it_ends_by_itself_and_by_either_side(api: Api, desk: Desk, clock: Any) -> None:
    task = propose(api, desk.alice_key)
    carol = new_api_key(desk, "carol")
    for key in (desk.alice_key, desk.bob_key):
        made = delegate(api, desk).json["data"]["id"]
        assert end(api, carol, made) == 404
        assert (end(api, key, made), end(api, key, made)) == (200, 404)
        assert (list_delegated(api, desk.bob_key), decide(api, desk.bob_key, task).status) == ([], 404)
    delegate(api, desk)
    assert len(list_delegated(api, desk.bob_key)) == 1
    clock.move_to(UNTIL)
    assert (list_delegated(api, desk.bob_key), decide(api, desk.bob_key, task).status) == ([], 404)
    for key in (desk.alice_key, desk.bob_key):
        assert api.get(DELEGATIONS, key).json["data"] == {"given": [], "received": []}
    kinds = [row["kind"] for row in scan_rows(AUDIT) if row["kind"].startswith("delegation.")]
    assert sorted(kinds) == ["delegation.create"] * 3 + ["delegation.end"] * 2


def test_a_decision_that_races_with_the_end_is_refused(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made, task = delegate(api, desk).json["data"]["id"], propose(api, desk.alice_key)
    stored = [row for row in scan_rows(QUEUE_ITEMS) if row["sk"].startswith("DELEGATION#")]
    assert len(stored) == 2
    bobs = DynamoDelegations().list_all(desk.user_id("bob"))
    assert end(api, desk.alice_key, made) == 200
    current, later = DynamoDelegations.list_all, iter([bobs])

    def list_all(self: DynamoDelegations, user_id: str) -> Any:
        return next(later, None) or current(self, user_id)

    monkeypatch.setattr(DynamoDelegations, "list_all", list_all)
    assert decide(api, desk.bob_key, task).status == 404
    assert api.get(f"{QUEUE}/{task}", desk.alice_key).json["data"]["status"] == "pending_confirmation"


def test_of_delegate_and_delegator_one_decides(api: Api, desk: Desk) -> None:
    delegate(api, desk)
    task = propose(api, desk.alice_key)
    paths = [(f"{QUEUE}/{task}/confirm", desk.alice_key), (f"{DELEGATED}/{task}/confirm", desk.bob_key)]
    statuses = run_concurrently(2, lambda at: api.status("POST", paths[at][0], {"action": "approve"}, paths[at][1]))
    assert statuses.count(200) == 1


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"to": "alice@example.com"}, 400),
        ({"to": "nobody@example.com"}, 400),
        ({"to": "bob@example.com", "until": "2026-05-21T12:00:00Z"}, 400),
        ({"to": "bob@example.com", "until": "2026-09-21T12:00:00Z"}, 400),
        ({"until": UNTIL}, 400),
    ],
)
def test_limits_of_a_delegation_are_limits(api: Api, desk: Desk, members: dict[str, str], status: int) -> None:
    assert api.post(DELEGATIONS, {"until": UNTIL} | members, desk.alice_key).status == status
    assert api.get(DELEGATIONS, desk.alice_key).json["data"]["given"] == []


def test_an_agent_with_less_than_all_permissions_neither_delegates_nor_decides(api: Api, desk: Desk) -> None:
    agent = new_api_key(desk, "alice", "queue")
    assert delegate(api, desk, key=agent).status == 403
    delegate(api, desk)
    task = propose(api, desk.alice_key)
    bobs = new_api_key(desk, "bob", "queue")
    assert (len(list_delegated(api, bobs)), decide(api, bobs, task).status) == (1, 403)


def test_a_person_has_a_bounded_number_of_delegates(api: Api, desk: Desk) -> None:
    assert delegate(api, desk).status == 201
    assert delegate(api, desk).status == 409
    people = [Person(str(uuid4()), f"p{each}@example.com", "P") for each in range(MOST_GIVEN)]
    for each in people:
        DynamoDirectory().add_person(each)
    made = run_concurrently(MOST_GIVEN, lambda at: delegate(api, desk, people[at].user_id).status)
    assert sorted(made) == [201] * (MOST_GIVEN - 1) + [409]
    assert len(api.get(DELEGATIONS, desk.alice_key).json["data"]["given"]) == MOST_GIVEN


def test_both_hear_when_the_time_is_over(api: Api, desk: Desk, sockets: Sockets, pump: Pumps, clock: Any) -> None:
    ended, over = delegate(api, desk).json["data"]["id"], new_api_key(desk, "carol")
    end(api, desk.alice_key, ended)
    delegate(api, desk)
    delegate(api, desk, "alice@example.com", key=over, until="2026-05-29T12:00:00Z")
    # No connection is open for days.
    clock.move_to("2026-05-28T11:59:00Z")
    clients = [sockets.connect(key) for key in (desk.alice_key, desk.bob_key, over)]
    pump.drain(SOCKET_WORK)
    clock.move_to(UNTIL)
    for _ in range(2):
        pump.run("end_proposals")
    pump.drain(SOCKET_WORK)
    alice, bob, carol = ([each for each in client.frames if each["type"] == "delegation_changed"] for client in clients)
    expected = {"changeType": "expired", "delegatorId": desk.user_id("alice"), "delegateId": desk.user_id("bob")}
    expected |= {"delegatorName": "Alice", "delegateName": "Bob"}
    for frames in (alice, bob):
        assert [{name: each[name] for name in expected} for each in frames] == [expected]
    assert carol == []
    rows = [row for row in scan_rows(QUEUE_ITEMS) if row["sk"].startswith("DELEGATION#")]
    assert {row["delegateId"] for row in rows} == {desk.user_id("alice")}, "the other one goes on"


def test_an_agent_with_all_permissions_decides_what_is_delegated_with_tools(api: Api, desk: Desk) -> None:
    delegate(api, desk)
    task = propose(api, desk.alice_key)

    def call(name: str, key: str, **arguments: Any) -> dict[str, Any]:
        message = mcp.new_message("tools/call", name=name, arguments=arguments)
        result: dict[str, Any] = api.post("/mcp", message, key).json
        return result

    (found,) = call("delegated_task_list", desk.bob_key)["result"]["structuredContent"]["data"]["tasks"]
    assert (found["task"]["id"], found["delegator"]["name"]) == (task, "Alice")
    limited = new_api_key(desk, "bob", "queue")
    assert task in str(call("delegated_task_list", limited))
    refused = call("delegated_task_confirm", limited, id=task, action="approve")
    assert "error" in refused or refused["result"]["isError"], refused
    decided = call("delegated_task_confirm", desk.bob_key, id=task, action="approve", arguments={"amount": 70})
    assert decided["result"]["structuredContent"]["data"]["status"] == "ready"
    heard = api.get(f"{QUEUE}/{task}/approval", desk.alice_key).json["data"]
    assert (heard["decision"]["decidedBy"], heard["decision"]["changed"]) == ("Bob", ["amount"])


def test_a_delegate_hears_of_proposals_and_decisions(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    bob = sockets.connect(desk.bob_key)
    pump.drain(SOCKET_WORK)
    made = delegate(api, desk).json["data"]["id"]
    task = propose(api, desk.alice_key)
    api.post(QUEUE, {"title": "Private"}, desk.alice_key)
    api.post(f"{QUEUE}/{task}/confirm", {"action": "approve"}, desk.alice_key)
    end(api, desk.alice_key, made)
    propose(api, desk.alice_key, "Unseen")
    pump.drain(SOCKET_WORK)
    heard = [each for each in bob.frames if each["type"] not in ("connected", "heartbeat")]
    assert {each["type"] for each in heard} == {"delegation_changed"}
    assert [(each["changeType"], each.get("itemId")) for each in heard] == [
        ("begun", None),
        ("added", task),
        ("decided", task),
        ("ended", None),
    ]
    assert {each["delegatorId"] for each in heard} == {desk.user_id("alice")}
