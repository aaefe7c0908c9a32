"""The task queue: its tasks, their statuses and who sees them."""

import itertools
import json
import os
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.aws import dynamodb
from chalicelib.resources import QUEUE_ITEMS
from chalicelib.tasks.domain.queue import ItemStatus
from chalicelib.tasks.domain.queue_messages import ItemIn, new_item
from chalicelib.tasks.stores.queue import DynamoQueue
from tests.conftest import Desk
from tests.support import inputs, sessions
from tests.support.api import Answer, Api
from tests.support.concurrency import run_concurrently
from tests.tasks.client import (
    QUEUE,
    SETTINGS,
    add_task,
    add_task_with_status,
    change_settings,
    confirm_task,
    list_tasks,
    set_status,
)

STATUSES = ("pending_confirmation", "ready", "in_progress", "done_today", "blocked")
BULKY = "x" * 100_000


def test_new_task_waits_for_confirmation_unless_approved_automatically(api: Api, desk: Desk) -> None:
    waiting = add_task(
        api, desk, title="Review", description="All of it", type="reminder", priority="high", source="user"
    )
    assert waiting | {"id": "", "createdAt": "", "updatedAt": "", "userId": ""} == {
        "id": "",
        "type": "reminder",
        "title": "Review",
        "description": "All of it",
        "priority": "high",
        "status": "pending_confirmation",
        "source": "user",
        "userId": "",
        "projectId": None,
        "teamId": None,
        "metadata": None,
        "createdAt": "",
        "updatedAt": "",
        "claimedBy": None,
        "claimedAt": None,
        "expiresAt": None,
        "decision": None,
        "proposedBy": None,
        "autoDispatched": None,
    }
    change_settings(api, desk, queueAutoApprove=True)
    assert add_task(api, desk)["status"] == "ready"
    del waiting["autoDispatched"]
    assert api.get(f"{QUEUE}/{waiting['id']}", desk.alice_key).json == {"success": True, "data": waiting}


def test_list_is_sorted_by_status_then_priority_then_age(api: Api, desk: Desk, auto_approve: None) -> None:
    ids = {
        (priority, number): add_task(api, desk, priority=priority)["id"]
        for number in range(2)
        for priority in ("low", "urgent", "medium", "high")
    }
    set_status(api, desk, ids["low", 0], "blocked")
    wanted = [("low", 0), *itertools.product(("urgent", "high", "medium"), (0, 1)), ("low", 1)]
    assert [each["id"] for each in list_tasks(api, desk)["items"]] == [ids[each] for each in wanted]


def test_filters_and_pages_agree(api: Api, desk: Desk, auto_approve: None) -> None:
    items = [
        add_task(api, desk, priority=priority, type=kind)
        for priority in ("low", "urgent", "high")
        for kind in ("task", "notification")
        for _ in range(2)
    ]
    for item, status in zip(items, itertools.cycle(["ready", "blocked", "in_progress"]), strict=False):
        set_status(api, desk, item["id"], status)
        item["status"] = status
    filters = itertools.product((None, "ready", "done_today"), (None, "urgent"), (None, "task"))
    for wanted in filters:
        given = {name: value for name, value in zip(("status", "priority", "type"), wanted, strict=True) if value}
        fitting = {item["id"] for item in items if given.items() <= item.items()}
        found: list[str] = []
        for offset in range(0, 16, 5):
            page = list_tasks(api, desk, limit=5, offset=offset, **given)
            assert (page["pagination"].pop("cursor") is not None) == (offset + 5 < len(fitting))
            assert page["pagination"] == {
                "total": len(fitting),
                "limit": 5,
                "offset": offset,
                "hasMore": offset + 5 < len(fitting),
            }
            found += [item["id"] for item in page["items"]]
        assert len(found) == len(set(found))
        assert set(found) == fitting


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("status=later", 200),
        ("priority=top", 200),
        ("type=chore", 200),
        ("type=", 200),
        ("limit=1000", 200),
        ("offset=5000", 200),
        ("limit=0", 400),
        ("limit=-1", 400),
        ("limit=ten", 400),
        ("offset=-1", 400),
        ("offset=1.5", 400),
        ("status=ready&status=blocked", 400),
    ],
)
def test_unknown_filter_values_match_nothing_and_invalid_numbers_are_refused(
    api: Api, desk: Desk, query: str, status: int
) -> None:
    add_task(api, desk)
    answer = api.get(f"{QUEUE}?{query}", desk.alice_key)
    assert answer.status == status
    if "limit=1000" in query:
        assert answer.json["data"]["pagination"]["limit"] == 100
    elif status == 200:
        assert answer.json["data"]["items"] == []


@pytest.mark.parametrize("to", STATUSES)
@pytest.mark.parametrize("start", STATUSES)
def test_status_changes_follow_the_rules(api: Api, desk: Desk, start: str, to: str) -> None:
    item = add_task_with_status(api, desk, start)
    answer = set_status(api, desk, item, to)
    free = {"ready", "in_progress", "blocked"}
    allowed = start == to or (start in free and to in free | {"done_today"})
    assert answer.status == (200 if allowed else 400)
    assert api.get(f"{QUEUE}/{item}", desk.alice_key).json["data"]["status"] == (to if allowed else start)
    totals = {status: list_tasks(api, desk, status=status)["pagination"]["total"] for status in STATUSES}
    assert totals == {status: int(status == (to if allowed else start)) for status in STATUSES}


@pytest.mark.parametrize("body", [{}, {"status": "later"}, {"status": None}, {"status": 1}, []])
def test_invalid_status_is_refused(api: Api, desk: Desk, auto_approve: None, body: Any) -> None:
    item = add_task(api, desk)["id"]
    assert api.post(f"{QUEUE}/{item}/status", body, desk.alice_key).status == 400


def test_result_is_added_to_the_existing_metadata(api: Api, desk: Desk, auto_approve: None) -> None:
    item = add_task(api, desk, metadata={"ticket": 7})["id"]
    answer = api.post(f"{QUEUE}/{item}/result", {"result": "Stuck.", "status": "blocked"}, desk.alice_key)
    assert answer.json["data"]["status"] == "blocked"
    answer = api.post(f"{QUEUE}/{item}/result", {"result": "Done."}, desk.alice_key)
    kept = json.loads(answer.json["data"]["metadata"])
    assert (answer.json["data"]["status"], answer.json["data"]["autoDispatched"]) == ("done_today", None)
    assert kept.pop("completedAt")
    assert kept == {"ticket": 7, "agentResult": "Done.", "completedBy": "alice's demo key"}
    assert api.post(f"{QUEUE}/{item}/result", {"result": "Again."}, desk.alice_key).status == 400
    assert json.loads(api.get(f"{QUEUE}/{item}", desk.alice_key).json["data"]["metadata"])["agentResult"] == "Done."


@pytest.mark.parametrize(
    "body",
    [{}, {"result": ""}, {"result": " "}, {"result": 1}, {"result": "x", "status": "ready"}, {"result": BULKY + "x"}],
)
def test_invalid_result_is_refused(api: Api, desk: Desk, auto_approve: None, body: Any) -> None:
    item = add_task(api, desk)["id"]
    assert api.post(f"{QUEUE}/{item}/result", body, desk.alice_key).status == 400


def test_largest_tasks_can_change_and_replay_and_larger_ones_are_refused(
    api: Api, desk: Desk, auto_approve: None
) -> None:
    def noise(length: int) -> str:
        return "".join(map(chr, random.choices(range(0x4E00, 0x9FFF), k=length)))

    def say(item: str, **body: Any) -> Answer:
        path = f"{QUEUE}/{item}/{'result' if 'result' in body else 'status'}"
        return api.call("POST", path, token=desk.alice_key, key=noise(20), raw=json.dumps(body, ensure_ascii=False))

    first, second = (
        add_task(api, desk, description=noise(10_000), metadata={"a": noise(10_000)})["id"] for _ in range(2)
    )
    for _ in range(2):
        assert say(second, result=noise(49_000), status="blocked").status == 200
    assert say(second, result=noise(60_000), status="blocked").status == 400
    assert say(second, status="ready").status == 200
    change_settings(api, desk, mode="chief_of_staff")
    assert say(first, result=noise(49_000), status="blocked").status == 200
    assert say(first, status="ready").status == 200
    assert say(second, result=noise(49_000)).json["data"]["autoDispatched"]["id"] == first


def test_task_that_waits_for_confirmation_accepts_no_result(api: Api, desk: Desk) -> None:
    item = add_task(api, desk)["id"]
    refused = api.post(f"{QUEUE}/{item}/result", {"result": "Done."}, desk.alice_key)
    assert refused.status == 400
    assert "confirmation" in refused.json["error"]


def test_approved_task_is_ready(api: Api, desk: Desk) -> None:
    item = add_task(api, desk, title="Book a room")["id"]
    approved = confirm_task(api, desk, item, "approve")
    assert (approved.status, approved.json["data"]["status"]) == (200, "ready")
    assert "Book a room" in approved.json["data"]["message"]
    assert confirm_task(api, desk, item, "approve").status == 400
    assert confirm_task(api, desk, item, "reject").status == 400


def test_rejected_task_is_gone_and_leaves_a_trace(api: Api, desk: Desk) -> None:
    item = add_task(api, desk)["id"]
    rejected = confirm_task(api, desk, item, "reject")
    assert list(rejected.json["data"]) == ["message"]
    for answer in (
        api.get(f"{QUEUE}/{item}", desk.alice_key),
        set_status(api, desk, item, "ready"),
        confirm_task(api, desk, item, "approve"),
        api.post(f"{QUEUE}/{item}/result", {"result": "x"}, desk.alice_key),
    ):
        assert answer.status == 404
    assert list_tasks(api, desk)["pagination"]["total"] == 0
    (row,) = [
        each
        for each in dynamodb().scan(TableName=QUEUE_ITEMS.physical_name)["Items"]
        if each["sk"]["S"] == f"ITEM#{item}"
    ]
    assert row["status"]["S"] == "rejected"
    assert row["rejectedBy"]["S"]


@pytest.mark.parametrize("item", ["nothing", "x" * 3000, "00000000-0000-4000-8000-000000000000", "COUNTS"])
def test_unknown_task_is_not_found(api: Api, desk: Desk, item: str) -> None:
    assert api.get(f"{QUEUE}/{item}", desk.alice_key).status == 404
    assert set_status(api, desk, item, "ready").status == 404
    assert confirm_task(api, desk, item, "approve").status == 404


def test_tasks_of_another_person_are_not_found(api: Api, desk: Desk, auto_approve: None) -> None:
    item = add_task(api, desk)["id"]
    assert api.get(f"{QUEUE}/{item}", desk.bob_key).status == 404
    assert api.post(f"{QUEUE}/{item}/status", {"status": "blocked"}, desk.bob_key).status == 404
    assert api.post(f"{QUEUE}/{item}/result", {"result": "x"}, desk.bob_key).status == 404
    assert api.post(f"{QUEUE}/{item}/confirm", {"action": "reject"}, desk.bob_key).status == 404
    assert api.get(QUEUE, desk.bob_key).json["data"]["items"] == []


def test_change_happens_once_per_idempotency_key(api: Api, desk: Desk) -> None:
    first = api.post(QUEUE, {"title": "Once"}, desk.alice_key, key="k")
    again = api.post(QUEUE, {"title": "Once"}, desk.alice_key, key="k")
    assert (first.status, again.status, again.headers["idempotent-replayed"]) == (201, 201, "true")
    assert first.json == again.json
    assert api.post(QUEUE, {"title": "Twice"}, desk.alice_key, key="k").status == 409
    item = first.json["data"]["id"]
    for path, body in (
        ("confirm", {"action": "approve"}),
        ("status", {"status": "blocked"}),
        ("result", {"result": "x"}),
    ):
        done = api.post(f"{QUEUE}/{item}/{path}", body, desk.alice_key, key="k")
        repeated = api.post(f"{QUEUE}/{item}/{path}", body, desk.alice_key, key="k")
        assert (done.status, repeated.status, repeated.json) == (200, 200, done.json)


def test_one_of_several_conflicting_status_changes_wins(api: Api, desk: Desk, auto_approve: None) -> None:
    item = add_task(api, desk)["id"]
    path, key = f"{QUEUE}/{item}/result", desk.alice_key
    statuses = run_concurrently(16, lambda number: api.status("POST", path, {"result": f"result {number}"}, key))
    assert sorted(statuses) == [200] + [400] * 15


def test_one_of_a_rejection_and_concurrent_approvals_wins(api: Api, desk: Desk) -> None:
    item, key = add_task(api, desk)["id"], desk.alice_key
    says = itertools.cycle(["approve", "reject"])
    bodies = [{"action": next(says)} for _ in range(16)]
    statuses = run_concurrently(16, lambda number: api.status("POST", f"{QUEUE}/{item}/confirm", bodies[number], key))
    assert sorted(statuses)[0] == 200
    assert set(statuses[1:]) | set(statuses[:1]) <= {200, 400, 404}
    assert statuses.count(200) == 1


def test_concurrently_added_tasks_are_all_counted(api: Api, desk: Desk) -> None:
    statuses = run_concurrently(16, lambda number: api.status("POST", QUEUE, {"title": f"{number}"}, desk.alice_key))
    assert statuses == [201] * 16
    page = list_tasks(api, desk)
    assert (page["pagination"]["total"], len(page["items"])) == (16, 16)


def test_store_calls_of_every_operation(api: Api, desk: Desk, auto_approve: None) -> None:
    add_task(api, desk)
    item = api.post(QUEUE, {"title": "x"}, desk.alice_key)
    # Nobody is connected, but live events are stored: a client may read them later.
    assert item.steps == 4
    path = f"{QUEUE}/{item.json['data']['id']}"
    assert api.get(QUEUE, desk.alice_key).steps == 3
    assert api.get(path, desk.alice_key).steps == 2
    assert api.post(f"{path}/status", {"status": "blocked"}, desk.alice_key).steps == 4
    assert api.post(f"{path}/status", {"status": "blocked"}, desk.alice_key).steps == 2
    assert change_settings(api, desk, mode="chief_of_staff").steps == 6
    assert api.post(f"{path}/result", {"result": "x"}, desk.alice_key).steps == 4
    assert api.get(SETTINGS, desk.alice_key).steps == 2


@pytest.mark.parametrize("count", [10, int(os.environ.get("FLUXDEN_LONG_LIST", "100"))])
def test_page_costs_the_same_for_any_queue_length(api: Api, desk: Desk, count: int) -> None:
    """Set FLUXDEN_LONG_LIST=10000 to test that length too."""
    fill_queue(desk, count)
    api.get(SETTINGS, desk.alice_key)
    for query in ("limit=5", "limit=5&status=ready", "limit=5&priority=low", "limit=5&type=task&priority=low"):
        answer = api.get(f"{QUEUE}?{query}", desk.alice_key)
        assert answer.json["data"]["pagination"]["total"] == count
        assert answer.steps == 3
        assert len(answer.calls) == (8 if "priority" in query else 4)


def fill_queue(desk: Desk, count: int) -> None:
    """Store this many ready tasks of equal priority."""
    given = ItemIn.model_validate({"title": "x", "priority": "low"})
    for number in range(count):
        item = new_item(
            given,
            item_id=inputs.uuid(number),
            user_id=desk.user_id("alice"),
            status=ItemStatus.READY,
            now=datetime.now(UTC),
        )
        assert DynamoQueue().add_once(item)


def test_page_too_large_for_one_reply_states_its_actual_limit(api: Api, desk: Desk) -> None:
    # Quotation marks take two bytes in the metadata, four in the body, and eight in the function's reply.
    given = ItemIn.model_validate({"title": "x", "metadata": {"a": '"' * 30_000}})
    ids = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(40)]
    for each in ids:
        item = new_item(
            given, item_id=each, user_id=desk.user_id("alice"), status=ItemStatus.READY, now=datetime.now(UTC)
        )
        assert DynamoQueue().add_once(item)
    seen: list[str] = []
    while True:
        page = api.get(f"{QUEUE}?limit=100&offset={len(seen)}", desk.alice_key)
        assert len(json.dumps(page.text, ensure_ascii=False).encode()) < 6_000_000
        seen += [each["id"] for each in page.json["data"]["items"]]
        pagination = page.json["data"]["pagination"]
        assert pagination["hasMore"] == (len(seen) < len(ids))
        if not pagination["hasMore"]:
            break
        assert pagination["offset"] + pagination["limit"] == len(seen)
    assert seen == ids


def test_owners_own_new_task_is_theirs_and_ready(api: Api, desk: Desk) -> None:
    headers = sessions.cookie(sessions.sign_in(api, desk.user_id("alice")))
    made = api.call("POST", QUEUE, {"title": "Call Ann"}, headers=headers).json["data"]
    assert (made["status"], made["source"]) == ("ready", "user")
    assert add_task(api, desk)["status"] == "pending_confirmation"
