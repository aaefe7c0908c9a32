"""Dispatch in chief-of-staff mode: a ready task is put in progress whenever nothing else is."""

from functools import partial
from typing import Any

import pytest

from chalicelib.resources import SOCKET_WORK
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.faults import Fault, fault_at, inject_faults, intercept_engine
from tests.support.mcp import call_tool
from tests.support.pump import Pumps
from tests.support.sockets import Sockets
from tests.tasks.client import QUEUE, SETTINGS, add_task, change_settings, confirm_task, list_tasks, set_status


@pytest.fixture
def chief(api: Api, desk: Desk, auto_approve: None) -> None:
    change_settings(api, desk, mode="chief_of_staff")


def call_numbered(api: Api, calls: list[tuple[str, str, Any]], key: str, number: int) -> int:
    return api.status(*calls[number], key)


def read_status(api: Api, desk: Desk, item: str) -> str:
    return str(api.get(f"{QUEUE}/{item}", desk.alice_key).json["data"]["status"])


def test_added_task_is_dispatched_when_nothing_is_in_progress(api: Api, desk: Desk, chief: None) -> None:
    first, second = add_task(api, desk), add_task(api, desk, priority="urgent")
    assert (first["status"], first["autoDispatched"]["id"]) == ("in_progress", first["id"])
    assert (second["status"], second["autoDispatched"]) == ("ready", None)
    assert read_status(api, desk, first["id"]) == "in_progress"


def test_task_added_by_a_tool_is_dispatched_alike(api: Api, desk: Desk, chief: None) -> None:
    made = call_tool(api, desk.alice_key, "task_create", title="x")["structuredContent"]
    assert read_status(api, desk, made["data"]["id"]) == "in_progress"


def test_approved_task_is_dispatched_when_nothing_is_in_progress(api: Api, desk: Desk) -> None:
    change_settings(api, desk, mode="chief_of_staff")
    first, second = add_task(api, desk)["id"], add_task(api, desk)["id"]
    approved = confirm_task(api, desk, first, "approve").json["data"]
    assert (approved["status"], approved["autoDispatched"]["id"]) == ("in_progress", first)
    assert "in progress" in approved["message"]
    approved = confirm_task(api, desk, second, "approve").json["data"]
    assert (approved["status"], approved["autoDispatched"]) == ("ready", None)


def test_unblocked_task_is_dispatched_when_nothing_is_in_progress(api: Api, desk: Desk, chief: None) -> None:
    item = add_task(api, desk)["id"]
    set_status(api, desk, item, "blocked")
    unblocked = set_status(api, desk, item, "ready").json["data"]
    assert (unblocked["status"], unblocked["autoDispatched"]["id"]) == ("in_progress", item)


@pytest.mark.parametrize("status", ["blocked", "done_today"])
@pytest.mark.parametrize("by_result", [False, True])
def test_next_task_is_dispatched_when_the_current_one_is_blocked_or_done(
    api: Api, desk: Desk, chief: None, status: str, by_result: bool
) -> None:
    first, second, third = (add_task(api, desk, title=title)["id"] for title in ("a", "b", "c"))
    for item, following in ((first, second), (second, third), (third, None)):
        if by_result:
            body = {"result": "x", "status": status}
            ended = api.post(f"{QUEUE}/{item}/result", body, desk.alice_key).json["data"]
        else:
            ended = set_status(api, desk, item, status).json["data"]
        assert ended["status"] == status
        assert (ended["autoDispatched"] or {}).get("id") == following


def test_a_repeated_status_dispatches_nothing(api: Api, desk: Desk, chief: None) -> None:
    first, second = add_task(api, desk)["id"], add_task(api, desk)["id"]
    assert set_status(api, desk, first, "done_today").json["data"]["autoDispatched"]["id"] == second
    assert set_status(api, desk, second, "ready").json["data"]["autoDispatched"] is None
    assert set_status(api, desk, first, "done_today").json["data"]["autoDispatched"] is None
    assert set_status(api, desk, second, "ready").json["data"]["autoDispatched"] is None


def test_a_task_that_was_put_back_is_not_dispatched_again_at_once(api: Api, desk: Desk, chief: None) -> None:
    first, second = add_task(api, desk, priority="urgent")["id"], add_task(api, desk)["id"]
    assert set_status(api, desk, first, "ready").json["data"]["autoDispatched"]["id"] == second
    assert read_status(api, desk, first) == "ready"
    assert set_status(api, desk, second, "done_today").json["data"]["autoDispatched"]["id"] == first


def test_completed_ready_task_is_not_dispatched_itself(api: Api, desk: Desk, chief: None) -> None:
    first, second, third = (add_task(api, desk)["id"] for _ in range(3))
    assert set_status(api, desk, second, "done_today").json["data"]["autoDispatched"] is None
    assert set_status(api, desk, first, "done_today").json["data"]["autoDispatched"]["id"] == third


def test_the_more_urgent_of_a_new_and_an_older_ready_task_is_dispatched(api: Api, desk: Desk, chief: None) -> None:
    older = add_task(api, desk)["id"]
    set_status(api, desk, older, "ready")
    new = add_task(api, desk)
    assert (new["status"], new["autoDispatched"]["id"]) == ("ready", older)
    set_status(api, desk, older, "done_today")
    set_status(api, desk, new["id"], "ready")
    urgent = add_task(api, desk, priority="urgent")
    assert (urgent["status"], urgent["autoDispatched"]["id"]) == ("in_progress", urgent["id"])


def test_waiting_task_dispatches_nothing(api: Api, desk: Desk) -> None:
    change_settings(api, desk, mode="chief_of_staff")
    assert add_task(api, desk)["autoDispatched"] is None
    assert list_tasks(api, desk, status="in_progress")["pagination"]["total"] == 0


def test_open_sockets_hear_that_a_task_was_added_and_dispatched(
    api: Api, desk: Desk, chief: None, sockets: Sockets, pump: Pumps
) -> None:
    client = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    item = add_task(api, desk, priority="urgent")["id"]
    frames = [each for each in client.frames if each["type"] in ("queue_changed", "wake")]
    assert [(each["type"], each.get("changeType"), each.get("newStatus")) for each in frames] == [
        ("queue_changed", "added", "in_progress"),
        ("wake", None, None),
    ]
    assert frames[0]["itemId"] == item


def test_one_of_several_tasks_added_at_once_is_dispatched(api: Api, desk: Desk, chief: None) -> None:
    statuses = run_concurrently(12, lambda number: api.status("POST", QUEUE, {"title": f"{number}"}, desk.alice_key))
    assert statuses == [201] * 12
    assert list_tasks(api, desk, status="in_progress")["pagination"]["total"] == 1
    assert list_tasks(api, desk, status="ready")["pagination"]["total"] == 11


def test_no_ready_task_is_left_behind_by_concurrent_calls(api: Api, desk: Desk, auto_approve: None) -> None:
    """Tasks are added, approved, blocked and completed while the mode is switched."""
    key, mode = desk.alice_key, {"mode": "chief_of_staff"}
    for _ in range(3):
        running = [add_task(api, desk)["id"] for _ in range(4)]
        for item in running:
            set_status(api, desk, item, "in_progress")
        calls: list[tuple[str, str, Any]] = [("PATCH", SETTINGS, mode)] * 2
        calls += [("POST", QUEUE, {"title": "x"})] * 4
        calls += [("POST", f"{QUEUE}/{item}/status", {"status": "blocked"}) for item in running[:2]]
        calls += [("POST", f"{QUEUE}/{item}/result", {"result": "x"}) for item in running[2:]]
        statuses = run_concurrently(len(calls), partial(call_numbered, api, calls, key))
        assert set(statuses) <= {200, 201}
        assert list_tasks(api, desk, status="in_progress")["pagination"]["total"] == 1
        change_settings(api, desk, mode="cockpit")
        for item in list_tasks(api, desk, limit=100)["items"]:
            if item["status"] in ("ready", "in_progress", "blocked"):
                set_status(api, desk, item["id"], "done_today")


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.TIMED_OUT, Fault.THROTTLED, Fault.CONFLICTED])
@pytest.mark.parametrize("place", range(1, 8))
def test_exactly_one_task_is_dispatched_under_faults(
    api: Api, desk: Desk, chief: None, fault: Fault, place: int
) -> None:
    with intercept_engine():
        first, _, third = (add_task(api, desk, title=title)["id"] for title in ("a", "b", "c"))
        for path, body in ((f"{QUEUE}/{first}/status", {"status": "blocked"}), (QUEUE, {"title": "d"})):
            for _ in range(4):
                with inject_faults(fault_at(place, fault)):
                    status = api.post(path, body, desk.alice_key, key=f"key of {path}").status
                if status in (200, 201):
                    break
            assert list_tasks(api, desk, status="in_progress")["pagination"]["total"] == 1
        assert list_tasks(api, desk)["pagination"]["total"] == 4
        assert read_status(api, desk, third) == "ready"


def test_dispatch_takes_two_more_store_calls_only_if_other_tasks_are_ready(api: Api, desk: Desk, chief: None) -> None:
    first = api.post(QUEUE, {"title": "x"}, desk.alice_key)
    assert first.steps == 4
    assert api.post(QUEUE, {"title": "y"}, desk.alice_key).steps == 4
    path = f"{QUEUE}/{first.json['data']['id']}/status"
    assert api.post(path, {"status": "blocked"}, desk.alice_key).steps == 6
