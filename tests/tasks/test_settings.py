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


def test_reply_to_a_change_has_all_settings(api: Api, desk: Desk) -> None:
    for change in ({"queueAutoApprove": True}, {"agentsOfIntegrators": True}, {"mode": "chief_of_staff"}):
        replied = change_settings(api, desk, **change).json["data"]
        assert change.items() <= replied.items()
        assert replied == api.get(SETTINGS, desk.alice_key).json["data"]
    theirs = api.get(SETTINGS, desk.bob_key).json["data"]
    assert (theirs["queueAutoApprove"], theirs["agentsOfIntegrators"]) == (False, False)


def test_change_of_settings_is_answered_the_same_once_per_idempotency_key(api: Api, desk: Desk) -> None:
    first, again = (
        api.call("PATCH", SETTINGS, {"queueAutoApprove": True}, token=desk.alice_key, key="k") for _ in range(2)
    )
    assert (first.status, again.headers["idempotent-replayed"]) == (200, "true")
    assert first.json == again.json


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
    assert switched["mode"] == "chief_of_staff"
    assert (switched["autoDispatched"]["id"], switched["autoDispatched"]["status"]) == (urgent, "in_progress")
    assert "autoDispatched" not in change_settings(api, desk, mode="chief_of_staff").json["data"]


def test_nothing_is_dispatched_while_a_task_is_in_progress(api: Api, desk: Desk, auto_approve: None) -> None:
    busy, done = add_task(api, desk)["id"], add_task(api, desk)["id"]
    set_status(api, desk, busy, "in_progress")
    add_task(api, desk)
    assert "autoDispatched" not in change_settings(api, desk, mode="chief_of_staff").json["data"]
    assert set_status(api, desk, done, "done_today").json["data"]["autoDispatched"] is None


def test_switch_to_cockpit_returns_a_briefing(api: Api, desk: Desk, auto_approve: None) -> None:
    for status in ("done_today", "done_today", "blocked", "ready", "ready", "ready"):
        set_status(api, desk, add_task(api, desk)["id"], status)
    assert change_settings(api, desk, mode="cockpit").json["data"]["briefing"] == {
        "completedToday": 2,
        "stillReady": 3,
        "blocked": 1,
        "message": "2 tasks completed. 1 blocked. 3 still in queue.",
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
