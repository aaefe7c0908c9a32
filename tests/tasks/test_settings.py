"""Queue settings: automatic approval, and dispatch by the chief of staff."""

from typing import Any

import pytest

from tests.conftest import Desk
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.tasks.client import (
    QUEUE,
    SETTINGS,
    add_task,
    change_settings,
    list_tasks,
    set_status,
)


def test_settings_start_in_cockpit_mode(api: Api, desk: Desk) -> None:
    assert api.get(SETTINGS, desk.alice_key).json["data"] == {
        "mode": "cockpit",
        "queueAutoApprove": False,
        "agentsOfIntegrators": False,
        "diviName": None,
        "goalsEnabled": False,
        "onboardingComplete": False,
        "onboardingPhase": 0,
    }
    assert change_settings(api, desk, queueAutoApprove=True).json["data"] == {"queueAutoApprove": True}
    assert api.get(SETTINGS, desk.alice_key).json["data"]["queueAutoApprove"] is True
    assert api.get(SETTINGS, desk.bob_key).json["data"]["queueAutoApprove"] is False
    assert change_settings(api, desk, agentsOfIntegrators=True).json["data"] == {"agentsOfIntegrators": True}
    assert api.get(SETTINGS, desk.alice_key).json["data"]["agentsOfIntegrators"] is True
    assert api.get(SETTINGS, desk.bob_key).json["data"]["agentsOfIntegrators"] is False


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"diviName": "Hal"},
        {"mode": "autopilot"},
        {"mode": None},
        {"queueAutoApprove": 1},
        {"queueAutoApprove": "yes"},
        {"agentsOfIntegrators": None},
        {"agentsOfIntegrators": "yes"},
    ],
)
def test_invalid_settings_are_refused(api: Api, desk: Desk, body: Any) -> None:
    assert api.call("PATCH", SETTINGS, body, token=desk.alice_key).status == 400


def test_chief_of_staff_dispatches_the_most_urgent_task_first(api: Api, desk: Desk, auto_approve: None) -> None:
    add_task(api, desk, priority="low")
    urgent = add_task(api, desk, priority="urgent")["id"]
    switched = change_settings(api, desk, mode="chief_of_staff").json["data"]
    assert (switched["mode"], set(switched)) == ("chief_of_staff", {"mode", "autoDispatched"})
    assert (switched["autoDispatched"]["id"], switched["autoDispatched"]["status"]) == (urgent, "in_progress")
    assert change_settings(api, desk, mode="chief_of_staff").json["data"] == {"mode": "chief_of_staff"}


def test_next_task_is_dispatched_when_the_current_one_is_done(api: Api, desk: Desk, auto_approve: None) -> None:
    first, second, third = (add_task(api, desk, title=title)["id"] for title in ("a", "b", "c"))
    change_settings(api, desk, mode="chief_of_staff")
    done = api.post(f"{QUEUE}/{first}/result", {"result": "x"}, desk.alice_key).json["data"]
    assert done["autoDispatched"]["id"] == second
    assert set_status(api, desk, second, "blocked").json["data"]["autoDispatched"] is None
    assert set_status(api, desk, first, "done_today").json["data"]["autoDispatched"] is None
    assert set_status(api, desk, second, "done_today").json["data"]["autoDispatched"]["id"] == third
    assert set_status(api, desk, third, "done_today").json["data"]["autoDispatched"] is None


def test_nothing_is_dispatched_while_a_task_is_in_progress(api: Api, desk: Desk, auto_approve: None) -> None:
    busy, done = add_task(api, desk)["id"], add_task(api, desk)["id"]
    set_status(api, desk, busy, "in_progress")
    add_task(api, desk)
    assert "autoDispatched" not in change_settings(api, desk, mode="chief_of_staff").json["data"]
    assert set_status(api, desk, done, "done_today").json["data"]["autoDispatched"] is None


def test_completed_ready_task_is_not_dispatched_itself(api: Api, desk: Desk, auto_approve: None) -> None:
    change_settings(api, desk, mode="chief_of_staff")
    first, second = add_task(api, desk, priority="urgent")["id"], add_task(api, desk)["id"]
    assert set_status(api, desk, first, "done_today").json["data"]["autoDispatched"]["id"] == second


def test_switch_to_cockpit_returns_a_briefing(api: Api, desk: Desk, auto_approve: None) -> None:
    for status in ("done_today", "done_today", "blocked", "ready", "ready", "ready"):
        set_status(api, desk, add_task(api, desk)["id"], status)
    assert change_settings(api, desk, mode="cockpit").json["data"] == {
        "mode": "cockpit",
        "briefing": {
            "completedToday": 2,
            "stillReady": 3,
            "blocked": 1,
            "message": "2 tasks completed. 1 blocked. 3 still in queue.",
        },
    }


def test_concurrent_switches_and_completions_dispatch_one_task(api: Api, desk: Desk, auto_approve: None) -> None:
    key = desk.alice_key
    ends = [add_task(api, desk)["id"] for _ in range(8)]
    for item in ends:
        set_status(api, desk, item, "in_progress")
    for _ in range(10):
        add_task(api, desk, priority="high")
    mode = {"mode": "chief_of_staff"}
    calls = [("POST", f"{QUEUE}/{item}/result", {"result": "x"}) for item in ends] + [("PATCH", SETTINGS, mode)] * 8
    statuses = run_concurrently(16, lambda number: api.status(*calls[number], key))
    assert statuses == [200] * 16
    assert list_tasks(api, desk, status="in_progress")["pagination"]["total"] == 1
    assert len(list_tasks(api, desk, status="in_progress")["items"]) == 1
    assert list_tasks(api, desk, status="done_today")["pagination"]["total"] == 8
