"""Tasks for integrators: who lets their agents read and propose tasks, and what they can't do."""

import base64
import json
import re
from typing import Any

import pytest

from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.tasks.services import dispatch, employee_tasks
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.api_keys import new_api_key
from tests.support.concurrency import run_concurrently
from tests.support.mcp import call_tool, list_tools, problem_of
from tests.tasks.client import SETTINGS, add_task, change_settings, confirm_task, list_tasks, set_status

TASKS, APPROVALS = "/api/v1/tasks", "/api/v1/catalog/approvals"
ALICE, ERIN = "alice@example.com", "erin@example.com"


@pytest.fixture(autouse=True)
def _large_tools_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_TOOLS_BUDGET", "100000")


@pytest.fixture
def allowed(api: Api, desk: Desk) -> None:
    """Let agents of integrators work for Alice, who is approved for fd1."""
    change_settings(api, desk, agentsOfIntegrators=True)


def propose(api: Api, desk: Desk, *, token: str = "", key: str | None = None, **members: Any) -> Answer:
    body = {"email": ALICE, "title": "Renew the certificate"} | members
    return api.call("POST", TASKS, body, token=token or desk.fd1, key=key)


def list_for(api: Api, token: str, email: str = ALICE, **query: Any) -> Answer:
    text = "".join(f"&{name}={value}" for name, value in query.items())
    return api.get(f"{TASKS}?email={email}{text}", token)


def test_a_proposed_task_names_its_integrator_and_waits_for_confirmation(api: Api, desk: Desk, allowed: None) -> None:
    made = propose(api, desk, description="It ends on Friday.", priority="high", details={"kind": "moderation"})
    assert made.status == 201
    assert (made.json["status"], made.json["source"], made.json["priority"]) == ("pending_confirmation", "fd1", "high")
    about = {"kind": "integrator_task", "integrator": "fd1", "details": {"kind": "moderation"}}
    assert json.loads(made.json["metadata"]) == about
    (seen,) = list_tasks(api, desk)["items"]
    assert seen == made.json
    assert api.get(f"{TASKS}/{made.json['id']}?email={ALICE}", desk.fd1).json == seen
    assert list_for(api, desk.fd1).json["items"] == [seen]


def test_a_proposed_task_is_ready_where_tasks_are_approved_automatically(
    api: Api, desk: Desk, allowed: None, auto_approve: None
) -> None:
    assert propose(api, desk).json["status"] == "ready"
    change_settings(api, desk, mode="chief_of_staff")
    set_status(api, desk, list_tasks(api, desk)["items"][0]["id"], "done_today")
    assert propose(api, desk).json["status"] == "in_progress", "the chief of staff dispatches it as any other"


def test_an_integrator_reads_the_tasks_of_the_employee_and_their_results(api: Api, desk: Desk, allowed: None) -> None:
    own = add_task(api, desk, title="Own", priority="urgent")["id"]
    proposed = propose(api, desk).json["id"]
    confirm_task(api, desk, proposed, "approve")
    api.post(f"/api/v2/queue/{proposed}/result", {"result": "Renewed."}, desk.alice_key)
    assert {each["id"] for each in list_for(api, desk.fd1).json["items"]} == {own, proposed}
    (done,) = list_for(api, desk.fd1, status="done_today").json["items"]
    assert json.loads(done["metadata"])["agentResult"] == "Renewed."
    first = list_for(api, desk.fd1, limit=1).json
    second = list_for(api, desk.fd1, limit=1, cursor=first["nextCursor"]).json
    assert {each["id"] for each in first["items"] + second["items"]} == {own, proposed}
    assert second["nextCursor"] is None
    for query in ({"status": "lost"}, {"limit": 0}, {"limit": 101}, {"cursor": "x"}):
        assert list_for(api, desk.fd1, **query).status == 400, query


def test_a_cursor_tells_another_integrator_nothing_of_an_employee(api: Api, desk: Desk, allowed: None) -> None:
    add_task(api, desk)
    add_task(api, desk)
    cursor = list_for(api, desk.fd1, limit=1).json["nextCursor"]
    for given in (cursor, "x"):
        assert list_for(api, desk.hr, cursor=given).status == 404
        assert list_for(api, desk.fd1, email=ERIN, cursor=given).status == 404


def test_held_events_are_not_shown(api: Api, desk: Desk, allowed: None) -> None:
    api.post("/api/v1/events", inputs.new_event(title="Secret", event_type="hr.salary.raised"), desk.moderated)
    (held,) = list_tasks(api, desk)["items"]
    assert held["title"] == "Deliver: Secret"
    shown = add_task(api, desk)["id"]
    assert [each["id"] for each in list_for(api, desk.fd1).json["items"]] == [shown]
    assert api.get(f"{TASKS}/{held['id']}?email={ALICE}", desk.fd1).status == 404


def test_a_cursor_tells_nothing_of_a_held_event_at_the_end_of_its_page(api: Api, desk: Desk, allowed: None) -> None:
    api.post("/api/v1/events", inputs.new_event(title="Secret", event_type="hr.salary.raised"), desk.moderated)
    (held,) = list_tasks(api, desk)["items"]
    proposed = propose(api, desk).json
    pages = [list_for(api, desk.fd1, limit=1).json]
    while (cursor := pages[-1]["nextCursor"]) is not None:
        pages.append(list_for(api, desk.fd1, limit=1, cursor=cursor).json)
    assert [each["id"] for page in pages for each in page["items"]] == [proposed["id"]]
    for page in pages[:-1]:
        told = base64.urlsafe_b64decode(page["nextCursor"] + "==").decode()
        parts = [base64.urlsafe_b64decode(each).decode(errors="replace") for each in re.findall(r"[\w-]{8,}=*", told)]
        assert held["id"] not in "".join([told, *parts])


def _attempts(api: Api, token: str, email: str, task_id: str) -> list[Answer]:
    return [
        list_for(api, token, email),
        api.get(f"{TASKS}/{task_id}?email={email}", token),
        api.post(TASKS, {"email": email, "title": "x"}, token),
    ]


def _problem(answer: Answer) -> dict[str, Any]:
    return {name: value for name, value in answer.json.items() if name not in ("requestId", "instance")}


def test_every_reason_why_an_employee_is_out_of_reach_is_the_same_refusal(api: Api, desk: Desk) -> None:
    task = add_task(api, desk)["id"]
    list_for(api, desk.fd1)  # begins the minute of the token's budget
    refused = {"the setting is off": _attempts(api, desk.fd1, ALICE, task)}
    change_settings(api, desk, agentsOfIntegrators=True)
    assert list_for(api, desk.fd1).status == 200
    refused["another integrator"] = _attempts(api, desk.hr, ALICE, task)
    refused["an unknown person"] = _attempts(api, desk.fd1, "nobody@example.com", task)
    body = {"email": ALICE, "catalog_slug": "fd1"}
    api.call("DELETE", APPROVALS, body, token=desk.fd1)
    refused["a revoked approval"] = _attempts(api, desk.fd1, ALICE, task)
    api.post(APPROVALS, body, desk.fd1)
    assert list_for(api, desk.fd1).status == 200
    api.call("PATCH", SETTINGS, {"agentsOfIntegrators": True}, token=new_api_key(desk, "erin"))
    refused["a person without an approval"] = _attempts(api, desk.fd1, ERIN, task)
    change_settings(api, desk, agentsOfIntegrators=False)
    refused["the setting is off again"] = _attempts(api, desk.fd1, ALICE, task)
    (expected, *_), *_ = refused.values()
    for reason, answers in refused.items():
        for answer in answers:
            assert (answer.status, _problem(answer)) == (404, _problem(expected)), reason
        calls = [sorted(answer.calls) for answer in answers]
        assert reason == "another integrator" or calls == [sorted(expected.calls)] * 3, reason
    assert [each["id"] for each in list_tasks(api, desk)["items"]] == [task], "nothing was added"


@pytest.mark.parametrize("ends", ["approval", "setting", "employment"])
def test_what_ends_between_reading_and_writing_refuses_the_proposal(
    api: Api, desk: Desk, allowed: None, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    ended: list[str] = []

    def end_first(*args: Any, **more: Any) -> Any:
        if not ended:
            ended.append(ends)
            if ends == "approval":
                api.call("DELETE", APPROVALS, {"email": ALICE, "catalog_slug": "fd1"}, token=desk.fd1)
            elif ends == "setting":
                change_settings(api, desk, agentsOfIntegrators=False)
            else:
                DynamoDirectory().set_active(desk.user_id("alice"), active=False)
        return dispatch.plan_dispatch(*args, **more)

    monkeypatch.setattr(employee_tasks, "plan_dispatch", end_first)
    assert api.status("POST", TASKS, {"email": ALICE, "title": "x"}, desk.fd1) == 404
    assert ended
    if ends != "employment":
        assert list_tasks(api, desk)["items"] == []


def test_an_employee_who_has_left_is_out_of_reach(api: Api, desk: Desk, allowed: None) -> None:
    DynamoDirectory().set_active(desk.user_id("alice"), active=False)
    assert propose(api, desk).status == 404


def test_no_token_of_an_integrator_confirms_or_changes_a_task(api: Api, desk: Desk, allowed: None) -> None:
    task = propose(api, desk).json["id"]
    for path, body in (
        (f"/api/v2/queue/{task}/confirm", {"action": "approve"}),
        (f"/api/v2/queue/{task}/status", {"status": "ready"}),
        (f"/api/v2/queue/{task}/result", {"result": "x"}),
    ):
        assert api.post(path, body, desk.fd1).status in (401, 403), path
    tools = {name for name in list_tools(api, desk.fd1) if "task" in name}
    assert tools == {"employee_task_list", "employee_task_get", "employee_task_create"}
    assert problem_of(call_tool(api, desk.fd1, "task_confirm", id=task, action="approve"))["code"] == "forbidden"
    for token in (desk.alice, desk.alice_key):
        assert list_for(api, token).status in (401, 403)


def test_open_tasks_of_an_integrator_are_bounded_for_each_person(
    api: Api, desk: Desk, allowed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(employee_tasks, "MOST_OPEN_TASKS", 3)
    first, second, _ = (propose(api, desk, title=title).json["id"] for title in "abc")
    full = propose(api, desk)
    assert (full.status, full.json["code"]) == (409, "conflict")
    add_task(api, desk, title="Alice's own is not counted")
    confirm_task(api, desk, first, "reject")
    assert propose(api, desk).status == 201
    assert propose(api, desk).status == 409
    confirm_task(api, desk, second, "approve")
    assert propose(api, desk).status == 409, "an approved task is still open"
    set_status(api, desk, second, "done_today")
    assert propose(api, desk).status == 201
    assert propose(api, desk).status == 409


def test_of_proposals_at_the_same_time_no_more_succeed_than_fit(
    api: Api, desk: Desk, allowed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(employee_tasks, "MOST_OPEN_TASKS", 3)
    body = {"email": ALICE, "title": "x"}
    statuses = run_concurrently(8, lambda _: api.status("POST", TASKS, body, desk.fd1))
    assert sorted(statuses) == [201] * 3 + [409] * 5
    assert list_tasks(api, desk)["pagination"]["total"] == 3


def test_a_repeated_proposal_adds_one_task(api: Api, desk: Desk, allowed: None) -> None:
    made, again = (propose(api, desk, key="certificate") for _ in range(2))
    assert (again.status, again.json, again.headers["idempotent-replayed"]) == (201, made.json, "true")
    assert propose(api, desk, key="certificate", title="Other").status == 409
    assert list_tasks(api, desk)["pagination"]["total"] == 1


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": None}, "title"),
        ({"email": "alice"}, "email"),
        ({"source": "user"}, "source"),
        ({"status": "ready"}, "status"),
        ({"metadata": {"kind": "moderation"}}, "metadata"),
        ({"details": [1]}, "details"),
        ({"details": {"x": "y" * 70_000}}, "details"),
        ({"priority": "now"}, "priority"),
    ],
)
def test_an_invalid_proposal_is_refused(
    api: Api, desk: Desk, allowed: None, members: dict[str, Any], field: str
) -> None:
    refused = propose(api, desk, **members)
    assert (refused.status, list(refused.json["fieldErrors"])) == (400, [field])


def test_agents_of_integrators_use_tools(api: Api, desk: Desk, allowed: None) -> None:
    made = call_tool(api, desk.fd1, "employee_task_create", email=ALICE, title="x", details=None)["structuredContent"]
    found = call_tool(api, desk.fd1, "employee_task_list", email=ALICE, status="")["structuredContent"]
    assert [each["id"] for each in found["items"]] == [made["id"]]
    assert call_tool(api, desk.fd1, "employee_task_get", email=ALICE, taskId=made["id"])["structuredContent"] == made
    assert not {name for name in list_tools(api, desk.alice_key) if name.startswith("employee_")}
