"""Standing approvals: which proposals they approve, within which limits, and who may make them."""

from typing import Any

import pytest
import time_machine

from chalicelib.resources import AUDIT
from chalicelib.tasks.domain.standing_approvals import MOST_STANDING
from chalicelib.tasks.stores.standing_approvals import DynamoStandingApprovals
from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.concurrency import run_concurrently
from tests.support.worker_scenarios import scan_rows
from tests.tasks.client import QUEUE

STANDING = "/api/v2/standing-approvals"
UNTIL = "2026-05-28T12:00:00Z"


@pytest.fixture(name="clock", autouse=True)
def _clock() -> Any:
    with time_machine.travel("2026-05-21T12:00:00Z", tick=False) as clock:
        yield clock


@pytest.fixture(name="agent")
def _agent(api: Api, desk: Desk) -> str:
    return new_key(api, desk, "Scout")


def new_key(api: Api, desk: Desk, name: str) -> str:
    made = api.post("/api/v2/keys", {"name": name, "permissions": ["queue"]}, desk.alice_key)
    key: str = made.json["data"]["key"]
    return key


def propose(api: Api, key: str, **members: Any) -> dict[str, Any]:
    proposal = {"tool": "send_invoice", "why": "It is due.", "arguments": {"amount": 80, "to": "a@b.example"}} | members
    answer = api.post(QUEUE, {"title": "Send it", "metadata": {"proposal": proposal}}, key)
    assert answer.status == 201, answer.text
    found: dict[str, Any] = answer.json["data"]
    return found


def allow(api: Api, desk: Desk, task: str, **members: Any) -> Answer:
    return api.post(STANDING, {"taskId": task, "until": UNTIL, "uses": 5} | members, desk.alice_key)


def list_standing(api: Api, desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(STANDING, desk.alice_key).json["data"]["standingApprovals"]
    return found


def test_the_agent_does_the_same_again_without_asking(api: Api, desk: Desk, agent: str) -> None:
    made = allow(api, desk, propose(api, agent)["id"])
    assert made.status == 201, made.text
    item = propose(api, agent)
    assert (item["status"], item["decision"]["outcome"]) == ("ready", "approved")
    assert item["decision"]["standingApprovalId"] == made.json["data"]["id"]
    (listed,) = list_standing(api, desk)
    assert (listed["agent"], listed["tool"], listed["usesLeft"]) == ("Scout", "send_invoice", 4)


@pytest.mark.parametrize(
    ("limits", "proposal"),
    [
        ({}, {"tool": "delete"}),
        ({}, {"reversible": False}),
        ({"required": {"to": "a@b.example"}}, {"arguments": {"amount": 80, "to": "c@d.example"}}),
        ({"required": {"to": "a@b.example"}}, {"arguments": {"amount": 80}}),
        ({"required": {"copy": True}}, {"arguments": {"copy": 1}}),
        ({}, {"arguments": {"amount": 80, "to": "a@b.example", "cc": "c@d.example"}}),
        ({"most": {"amount": 100}}, {"arguments": {"amount": 100.5, "to": "a@b.example"}}),
        ({"most": {"amount": 100}}, {"arguments": {"amount": "80"}}),
        ({"most": {"amount": 100}}, {"arguments": {"amount": True}}),
        ({"most": {"amount": 100}}, {"arguments": {}}),
    ],
)
def test_what_is_beyond_the_limits_is_asked(
    api: Api, desk: Desk, agent: str, limits: dict[str, Any], proposal: dict[str, Any]
) -> None:
    known = {"amount": 80, "to": "a@b.example", "copy": True}
    assert allow(api, desk, propose(api, agent, arguments=known)["id"], **limits).status == 201
    assert propose(api, agent, **proposal)["status"] == "pending_confirmation"
    assert [each["usesLeft"] for each in list_standing(api, desk)] == [5]


def test_what_is_within_the_limits_is_not_asked(api: Api, desk: Desk, agent: str) -> None:
    allow(api, desk, propose(api, agent)["id"], required={"to": "a@b.example"}, most={"amount": 80})
    assert propose(api, agent)["status"] == "ready"


def test_other_agents_are_asked_whatever_they_call_themselves(api: Api, desk: Desk, agent: str) -> None:
    allow(api, desk, propose(api, agent)["id"])
    assert propose(api, new_key(api, desk, "Scout"))["status"] == "pending_confirmation"
    assert propose(api, desk.bob_key)["status"] == "pending_confirmation"


def test_it_ends_with_its_time_its_uses_or_at_once(api: Api, desk: Desk, agent: str, clock: Any) -> None:
    task = propose(api, agent)["id"]
    allow(api, desk, task, uses=1)
    assert [propose(api, agent)["status"] for _ in range(2)] == ["ready", "pending_confirmation"]
    (spent,) = list_standing(api, desk)
    ended = allow(api, desk, task).json["data"]["id"]
    assert api.call("DELETE", f"{STANDING}/{spent['id']}", None, token=desk.bob_key).status == 404
    for each in (spent["id"], ended):
        assert api.call("DELETE", f"{STANDING}/{each}", None, token=desk.alice_key).status == 200
        assert api.call("DELETE", f"{STANDING}/{each}", None, token=desk.alice_key).status == 404
    assert propose(api, agent)["status"] == "pending_confirmation"
    allow(api, desk, task)
    clock.move_to(UNTIL)
    assert propose(api, agent)["status"] == "pending_confirmation"
    assert list_standing(api, desk) == []
    kinds = [row["kind"] for row in scan_rows(AUDIT) if row["kind"].startswith("standingApproval.")]
    assert sorted(kinds) == ["standingApproval.create"] * 3 + ["standingApproval.end"] * 2


def test_the_audit_log_says_which_tasks_it_approved(api: Api, desk: Desk, agent: str) -> None:
    made = allow(api, desk, propose(api, agent)["id"], uses=1).json["data"]["id"]
    allowed = propose(api, agent)["id"]
    propose(api, agent)
    (entry,) = [row for row in scan_rows(AUDIT) if row["kind"] == "queueItem.allow"]
    assert (entry["subjectId"], entry["details"]) == (allowed, {"standing": made})


def test_a_person_has_fifty_also_if_they_make_several_at_once(api: Api, desk: Desk, agent: str) -> None:
    task = propose(api, agent)["id"]
    for _ in range(MOST_STANDING - 2):
        assert allow(api, desk, task).status == 201
    made = run_concurrently(4, lambda _: allow(api, desk, task).status)
    assert sorted(made) == [201, 201, 409, 409]
    assert len(list_standing(api, desk)) == MOST_STANDING
    api.call("DELETE", f"{STANDING}/{list_standing(api, desk)[0]['id']}", None, token=desk.alice_key)
    assert allow(api, desk, task).status == 201


def test_a_proposal_that_races_with_its_end_is_approved_before_or_asked(
    api: Api, desk: Desk, agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = allow(api, desk, propose(api, agent)["id"]).json["data"]["id"]
    read = DynamoStandingApprovals().list_all(desk.user_id("alice"))
    assert api.call("DELETE", f"{STANDING}/{made}", None, token=desk.alice_key).status == 200
    later = iter([read])
    current = DynamoStandingApprovals.list_all
    monkeypatch.setattr(
        DynamoStandingApprovals, "list_all", lambda self, user: next(later, None) or current(self, user)
    )
    assert propose(api, agent)["status"] == "pending_confirmation"
    assert [row for row in scan_rows(AUDIT) if row["kind"] == "queueItem.allow"] == []


def test_concurrent_proposals_use_it_no_more_often_than_allowed(api: Api, desk: Desk, agent: str) -> None:
    allow(api, desk, propose(api, agent)["id"], uses=2)
    body = {"title": "x", "metadata": {"proposal": {"tool": "send_invoice", "why": "Due."}}}
    assert run_concurrently(4, lambda _: api.status("POST", QUEUE, body, agent)) == [201] * 4
    ready = api.get(f"{QUEUE}?status=ready", desk.alice_key).json["data"]["pagination"]["total"]
    assert (ready, [each["usesLeft"] for each in list_standing(api, desk)]) == (2, [0])


@pytest.mark.parametrize(
    "members",
    [
        {"uses": 0},
        {"uses": 10_001},
        {"until": "2026-05-21T12:00:00Z"},
        {"until": "2027-06-01T00:00:00Z"},
        {"most": {"amount": "x"}},
        {"most": {"cc": 1}},
        {"required": {"cc": "x"}},
        {"required": {"to": "x" * 2_000}},
        {"taskId": "nope"},
    ],
)
def test_limits_are_limits(api: Api, desk: Desk, agent: str, members: dict[str, Any]) -> None:
    assert allow(api, desk, propose(api, agent)["id"], **members).status == 400
    assert list_standing(api, desk) == []


def test_only_the_person_makes_one_of_an_agents_proposal(api: Api, desk: Desk, agent: str) -> None:
    task = propose(api, agent)["id"]
    body = {"taskId": task, "until": UNTIL, "uses": 5}
    assert api.post(STANDING, body, agent).status == 403
    assert api.post(STANDING, body, desk.bob_key).status == 400
    own = propose(api, desk.alice_key)["id"]
    assert allow(api, desk, own).status == 403
    plain = api.post(QUEUE, {"title": "x"}, agent).json["data"]["id"]
    assert allow(api, desk, plain).status == 400
    assert allow(api, desk, propose(api, agent, reversible=False)["id"]).status == 400
