"""The task queue: what may become of an item, who sees it, and the chief of staff."""

import itertools
import json
import os
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.aws import dynamodb
from chalicelib.resources import QUEUE_ITEMS
from chalicelib.tasks.domain.queue import ItemIn, ItemStatus, new_item
from chalicelib.tasks.stores.queue import DynamoQueue
from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.concurrency import run_concurrently

QUEUE, SETTINGS = "/api/v2/queue", "/api/v2/settings"
STATUSES = ("pending_confirmation", "ready", "in_progress", "done_today", "blocked")
BULKY = "x" * 100_000


@pytest.fixture(autouse=True)
def _no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget that no test here uses up."""
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


@pytest.fixture
def approving(api: Api, desk: Desk) -> None:
    """Alice's items need no confirmation."""
    settings(api, desk, queueAutoApprove=True)


def test_an_item_waits_for_its_confirmation_unless_the_owner_approves_of_all(api: Api, desk: Desk) -> None:
    waiting = add(api, desk, title="Review", description="All of it", type="reminder", priority="high", source="user")
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
    }
    settings(api, desk, queueAutoApprove=True)
    assert add(api, desk)["status"] == "ready"
    assert api.get(f"{QUEUE}/{waiting['id']}", desk.alice_key).json == {"success": True, "data": waiting}


@pytest.mark.parametrize("metadata", [{"a": [1, {"b": None}]}, '{"a": [1, {"b": null}]}'])
def test_metadata_is_an_object_or_its_json_and_comes_back_as_json(api: Api, desk: Desk, metadata: Any) -> None:
    assert json.loads(add(api, desk, metadata=metadata)["metadata"]) == {"a": [1, {"b": None}]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": ""},
        {"title": "  "},
        {"title": "x" * 501},
        {"title": 1},
        {"title": None},
        {"title": "x", "type": "chore"},
        {"title": "x", "priority": "top"},
        {"title": "x", "description": "x" * 10_001},
        {"title": "x", "metadata": "not an object"},
        {"title": "x", "metadata": "[]"},
        {"title": "x", "metadata": '{"a": NaN}'},
        {"title": "x", "metadata": '{"a": 1e999}'},
        {"title": "x", "metadata": '{"a": "\\ud800"}'},
        {"title": "x", "metadata": {"a": BULKY}},
        {"title": "x", "metadata": 5},
        {"title": "x", "status": "ready"},
        {"title": "x", "source": ""},
        [],
    ],
)
def test_what_is_no_item_is_refused_and_changes_nothing(api: Api, desk: Desk, body: Any) -> None:
    refused = api.post(QUEUE, body, desk.alice_key)
    assert (refused.status, refused.json["success"]) == (400, False)
    assert listed(api, desk)["pagination"]["total"] == 0


@pytest.mark.parametrize("number", ["1e999", "-1E+999", "9" * 400 + ".0"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (QUEUE, '{"title": "x", "metadata": {"a": [%s]}}'),
        ("/api/v2/shared-chat/send", '{"content": "x", "metadata": {"a": %s}}'),
        ("/api/v2/contacts", '{"name": "x", "enrichedData": {"a": %s}}'),
    ],
)
def test_numbers_that_no_json_could_be_written_with_again_are_refused(
    api: Api, desk: Desk, path: str, body: str, number: str
) -> None:
    assert api.post(path, token=desk.alice_key, raw=body % number).status == 400


def test_the_list_is_by_status_then_urgency_then_age(api: Api, desk: Desk, approving: None) -> None:
    ids = {
        (priority, number): add(api, desk, priority=priority)["id"]
        for number in range(2)
        for priority in ("low", "urgent", "medium", "high")
    }
    move(api, desk, ids["low", 0], "blocked")
    wanted = [("low", 0), *itertools.product(("urgent", "high", "medium"), (0, 1)), ("low", 1)]
    assert [each["id"] for each in listed(api, desk)["items"]] == [ids[each] for each in wanted]


def test_filters_and_pages_agree_with_each_other(api: Api, desk: Desk, approving: None) -> None:
    items = [
        add(api, desk, priority=priority, type=kind)
        for priority in ("low", "urgent", "high")
        for kind in ("task", "notification")
        for _ in range(2)
    ]
    for item, status in zip(items, itertools.cycle(["ready", "blocked", "in_progress"]), strict=False):
        move(api, desk, item["id"], status)
        item["status"] = status
    filters = itertools.product((None, "ready", "done_today"), (None, "urgent"), (None, "task"))
    for wanted in filters:
        given = {name: value for name, value in zip(("status", "priority", "type"), wanted, strict=True) if value}
        fitting = {item["id"] for item in items if given.items() <= item.items()}
        found: list[str] = []
        for offset in range(0, 16, 5):
            page = listed(api, desk, limit=5, offset=offset, **given)
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
def test_unknown_values_find_nothing_and_numbers_must_be_numbers(api: Api, desk: Desk, query: str, status: int) -> None:
    add(api, desk)
    answer = api.get(f"{QUEUE}?{query}", desk.alice_key)
    assert answer.status == status
    if "limit=1000" in query:
        assert answer.json["data"]["pagination"]["limit"] == 100
    elif status == 200:
        assert answer.json["data"]["items"] == []


@pytest.mark.parametrize("to", STATUSES)
@pytest.mark.parametrize("start", STATUSES)
def test_items_move_only_as_the_rules_say(api: Api, desk: Desk, start: str, to: str) -> None:
    item = standing(api, desk, start)
    answer = move(api, desk, item, to)
    free = {"ready", "in_progress", "blocked"}
    allowed = start == to or (start in free and to in free | {"done_today"})
    assert answer.status == (200 if allowed else 400)
    assert api.get(f"{QUEUE}/{item}", desk.alice_key).json["data"]["status"] == (to if allowed else start)
    totals = {status: listed(api, desk, status=status)["pagination"]["total"] for status in STATUSES}
    assert totals == {status: int(status == (to if allowed else start)) for status in STATUSES}


@pytest.mark.parametrize("body", [{}, {"status": "later"}, {"status": None}, {"status": 1}, []])
def test_a_status_that_is_none_is_refused(api: Api, desk: Desk, approving: None, body: Any) -> None:
    item = add(api, desk)["id"]
    assert api.post(f"{QUEUE}/{item}/status", body, desk.alice_key).status == 400


def test_a_result_is_kept_in_the_metadata_beside_what_was_there(api: Api, desk: Desk, approving: None) -> None:
    item = add(api, desk, metadata={"ticket": 7})["id"]
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
def test_what_is_no_result_is_refused(api: Api, desk: Desk, approving: None, body: Any) -> None:
    item = add(api, desk)["id"]
    assert api.post(f"{QUEUE}/{item}/result", body, desk.alice_key).status == 400


def test_the_largest_items_change_and_are_told_again_and_larger_ones_are_refused(
    api: Api, desk: Desk, approving: None
) -> None:
    def noise(length: int) -> str:
        return "".join(map(chr, random.choices(range(0x4E00, 0x9FFF), k=length)))

    def say(item: str, **body: Any) -> Answer:
        path = f"{QUEUE}/{item}/{'result' if 'result' in body else 'status'}"
        return api.call("POST", path, token=desk.alice_key, key=noise(20), raw=json.dumps(body, ensure_ascii=False))

    first, second = (add(api, desk, description=noise(10_000), metadata={"a": noise(10_000)})["id"] for _ in range(2))
    for _ in range(2):
        assert say(second, result=noise(49_000), status="blocked").status == 200
    assert say(second, result=noise(60_000), status="blocked").status == 400
    assert say(second, status="ready").status == 200
    settings(api, desk, mode="chief_of_staff")
    assert say(first, result=noise(49_000), status="blocked").status == 200
    assert say(first, status="ready").status == 200
    assert say(second, result=noise(49_000)).json["data"]["autoDispatched"]["id"] == first


def test_an_item_that_waits_for_its_confirmation_has_no_result(api: Api, desk: Desk) -> None:
    item = add(api, desk)["id"]
    refused = api.post(f"{QUEUE}/{item}/result", {"result": "Done."}, desk.alice_key)
    assert refused.status == 400
    assert "confirmation" in refused.json["error"]


def test_an_approved_item_is_ready(api: Api, desk: Desk) -> None:
    item = add(api, desk, title="Book a room")["id"]
    approved = confirm(api, desk, item, "approve")
    assert (approved.status, approved.json["data"]["status"]) == (200, "ready")
    assert "Book a room" in approved.json["data"]["message"]
    assert confirm(api, desk, item, "approve").status == 400
    assert confirm(api, desk, item, "reject").status == 400


def test_a_rejected_item_is_gone_and_leaves_a_trace(api: Api, desk: Desk) -> None:
    item = add(api, desk)["id"]
    rejected = confirm(api, desk, item, "reject")
    assert list(rejected.json["data"]) == ["message"]
    for answer in (
        api.get(f"{QUEUE}/{item}", desk.alice_key),
        move(api, desk, item, "ready"),
        confirm(api, desk, item, "approve"),
        api.post(f"{QUEUE}/{item}/result", {"result": "x"}, desk.alice_key),
    ):
        assert answer.status == 404
    assert listed(api, desk)["pagination"]["total"] == 0
    (row,) = [
        each
        for each in dynamodb().scan(TableName=QUEUE_ITEMS.physical_name)["Items"]
        if each["sk"]["S"] == f"ITEM#{item}"
    ]
    assert row["status"]["S"] == "rejected"
    assert row["rejectedBy"]["S"]


@pytest.mark.parametrize(
    "body", [{}, {"action": "maybe"}, {"action": None}, {"action": "approve", "recipient": "a@b.c"}]
)
def test_a_say_that_is_none_is_refused(api: Api, desk: Desk, body: Any) -> None:
    item = add(api, desk)["id"]
    assert api.post(f"{QUEUE}/{item}/confirm", body, desk.alice_key).status == 400
    assert api.get(f"{QUEUE}/{item}", desk.alice_key).json["data"]["status"] == "pending_confirmation"


@pytest.mark.parametrize("item", ["nothing", "x" * 3000, "00000000-0000-4000-8000-000000000000", "COUNTS"])
def test_an_item_that_is_none_is_not_found(api: Api, desk: Desk, item: str) -> None:
    assert api.get(f"{QUEUE}/{item}", desk.alice_key).status == 404
    assert move(api, desk, item, "ready").status == 404
    assert confirm(api, desk, item, "approve").status == 404


def test_nobody_sees_or_moves_anothers_items(api: Api, desk: Desk, approving: None) -> None:
    item = add(api, desk)["id"]
    assert api.get(f"{QUEUE}/{item}", desk.bob_key).status == 404
    assert api.post(f"{QUEUE}/{item}/status", {"status": "blocked"}, desk.bob_key).status == 404
    assert api.post(f"{QUEUE}/{item}/result", {"result": "x"}, desk.bob_key).status == 404
    assert api.post(f"{QUEUE}/{item}/confirm", {"action": "reject"}, desk.bob_key).status == 404
    assert api.get(QUEUE, desk.bob_key).json["data"]["items"] == []


def test_calls_under_the_same_key_happen_once(api: Api, desk: Desk) -> None:
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


def test_settings_begin_in_the_cockpit(api: Api, desk: Desk) -> None:
    assert api.get(SETTINGS, desk.alice_key).json["data"] == {
        "mode": "cockpit",
        "queueAutoApprove": False,
        "diviName": None,
        "goalsEnabled": False,
        "onboardingComplete": False,
        "onboardingPhase": 0,
    }
    assert settings(api, desk, queueAutoApprove=True).json["data"] == {"queueAutoApprove": True}
    assert api.get(SETTINGS, desk.alice_key).json["data"]["queueAutoApprove"] is True
    assert api.get(SETTINGS, desk.bob_key).json["data"]["queueAutoApprove"] is False


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"diviName": "Hal"},
        {"mode": "autopilot"},
        {"mode": None},
        {"queueAutoApprove": 1},
        {"queueAutoApprove": "yes"},
    ],
)
def test_settings_that_are_none_are_refused(api: Api, desk: Desk, body: Any) -> None:
    assert api.call("PATCH", SETTINGS, body, token=desk.alice_key).status == 400


def test_the_chief_of_staff_hands_out_the_most_urgent_item_first(api: Api, desk: Desk, approving: None) -> None:
    add(api, desk, priority="low")
    urgent = add(api, desk, priority="urgent")["id"]
    switched = settings(api, desk, mode="chief_of_staff").json["data"]
    assert (switched["mode"], set(switched)) == ("chief_of_staff", {"mode", "autoDispatched"})
    assert (switched["autoDispatched"]["id"], switched["autoDispatched"]["status"]) == (urgent, "in_progress")
    assert settings(api, desk, mode="chief_of_staff").json["data"] == {"mode": "chief_of_staff"}


def test_the_next_item_is_handed_out_when_the_one_in_progress_is_done(api: Api, desk: Desk, approving: None) -> None:
    first, second, third = (add(api, desk, title=title)["id"] for title in ("a", "b", "c"))
    settings(api, desk, mode="chief_of_staff")
    done = api.post(f"{QUEUE}/{first}/result", {"result": "x"}, desk.alice_key).json["data"]
    assert done["autoDispatched"]["id"] == second
    assert move(api, desk, second, "blocked").json["data"]["autoDispatched"] is None
    assert move(api, desk, first, "done_today").json["data"]["autoDispatched"] is None
    assert move(api, desk, second, "done_today").json["data"]["autoDispatched"]["id"] == third
    assert move(api, desk, third, "done_today").json["data"]["autoDispatched"] is None


def test_nothing_is_handed_out_while_something_is_in_progress(api: Api, desk: Desk, approving: None) -> None:
    busy, done = add(api, desk)["id"], add(api, desk)["id"]
    move(api, desk, busy, "in_progress")
    add(api, desk)
    assert "autoDispatched" not in settings(api, desk, mode="chief_of_staff").json["data"]
    assert move(api, desk, done, "done_today").json["data"]["autoDispatched"] is None


def test_a_ready_item_that_is_done_is_not_handed_out_itself(api: Api, desk: Desk, approving: None) -> None:
    settings(api, desk, mode="chief_of_staff")
    first, second = add(api, desk, priority="urgent")["id"], add(api, desk)["id"]
    assert move(api, desk, first, "done_today").json["data"]["autoDispatched"]["id"] == second


def test_back_in_the_cockpit_there_is_a_briefing(api: Api, desk: Desk, approving: None) -> None:
    for status in ("done_today", "done_today", "blocked", "ready", "ready", "ready"):
        move(api, desk, add(api, desk)["id"], status)
    assert settings(api, desk, mode="cockpit").json["data"] == {
        "mode": "cockpit",
        "briefing": {
            "completedToday": 2,
            "stillReady": 3,
            "blocked": 1,
            "message": "2 tasks completed. 1 blocked. 3 still in queue.",
        },
    }


def test_of_conflicting_moves_at_the_same_time_one_wins(api: Api, desk: Desk, approving: None) -> None:
    item = add(api, desk)["id"]
    path, key = f"{QUEUE}/{item}/result", desk.alice_key
    statuses = run_concurrently(16, lambda number: api.status("POST", path, {"result": f"result {number}"}, key))
    assert sorted(statuses) == [200] + [400] * 15


def test_of_a_rejection_and_approvals_at_the_same_time_one_wins(api: Api, desk: Desk) -> None:
    item, key = add(api, desk)["id"], desk.alice_key
    says = itertools.cycle(["approve", "reject"])
    bodies = [{"action": next(says)} for _ in range(16)]
    statuses = run_concurrently(16, lambda number: api.status("POST", f"{QUEUE}/{item}/confirm", bodies[number], key))
    assert sorted(statuses)[0] == 200
    assert set(statuses[1:]) | set(statuses[:1]) <= {200, 400, 404}
    assert statuses.count(200) == 1


def test_switches_and_completions_at_the_same_time_hand_out_one_item(api: Api, desk: Desk, approving: None) -> None:
    key = desk.alice_key
    ends = [add(api, desk)["id"] for _ in range(8)]
    for item in ends:
        move(api, desk, item, "in_progress")
    for _ in range(10):
        add(api, desk, priority="high")
    mode = {"mode": "chief_of_staff"}
    calls = [("POST", f"{QUEUE}/{item}/result", {"result": "x"}) for item in ends] + [("PATCH", SETTINGS, mode)] * 8
    statuses = run_concurrently(16, lambda number: api.status(*calls[number], key))
    assert statuses == [200] * 16
    assert listed(api, desk, status="in_progress")["pagination"]["total"] == 1
    assert len(listed(api, desk, status="in_progress")["items"]) == 1
    assert listed(api, desk, status="done_today")["pagination"]["total"] == 8


def test_items_that_are_queued_at_the_same_time_are_all_counted(api: Api, desk: Desk) -> None:
    statuses = run_concurrently(16, lambda number: api.status("POST", QUEUE, {"title": f"{number}"}, desk.alice_key))
    assert statuses == [201] * 16
    page = listed(api, desk)
    assert (page["pagination"]["total"], len(page["items"])) == (16, 16)


def test_calls_in_sequence(api: Api, desk: Desk, approving: None) -> None:
    add(api, desk)
    item = api.post(QUEUE, {"title": "x"}, desk.alice_key)
    # Nobody listens, but what the queue's followers are told is kept: they may look at any time.
    assert item.steps == 4
    path = f"{QUEUE}/{item.json['data']['id']}"
    assert api.get(QUEUE, desk.alice_key).steps == 3
    assert api.get(path, desk.alice_key).steps == 2
    assert api.post(f"{path}/status", {"status": "blocked"}, desk.alice_key).steps == 4
    assert api.post(f"{path}/status", {"status": "blocked"}, desk.alice_key).steps == 2
    assert settings(api, desk, mode="chief_of_staff").steps == 6
    assert api.post(f"{path}/result", {"result": "x"}, desk.alice_key).steps == 4
    assert api.get(SETTINGS, desk.alice_key).steps == 2


@pytest.mark.parametrize("count", [10, int(os.environ.get("FLUXDEN_LONG_LIST", "100"))])
def test_a_page_costs_the_same_however_long_the_queue_is(api: Api, desk: Desk, count: int) -> None:
    """With FLUXDEN_LONG_LIST=10000 in the environment, at that length too."""
    fill(desk, count)
    api.get(SETTINGS, desk.alice_key)
    for query in ("limit=5", "limit=5&status=ready", "limit=5&priority=low", "limit=5&type=task&priority=low"):
        answer = api.get(f"{QUEUE}?{query}", desk.alice_key)
        assert answer.json["data"]["pagination"]["total"] == count
        assert answer.steps == 3
        assert len(answer.calls) == (8 if "priority" in query else 4)


def fill(desk: Desk, count: int) -> None:
    """Queue so many ready items, of equal priority, straight through the store."""
    from datetime import UTC, datetime

    from chalicelib.tasks.domain.queue import ItemIn, ItemStatus, new_item
    from tests.support import inputs

    given = ItemIn.model_validate({"title": "x", "priority": "low"})
    for number in range(count):
        item = new_item(
            given,
            item_id=inputs.uuid(number),
            user_id=desk.user_id("alice"),
            status=ItemStatus.READY,
            now=datetime.now(UTC),
        )
        DynamoQueue().add(item, claim=None, reply={})


def standing(api: Api, desk: Desk, status: str) -> str:
    item: str = add(api, desk)["id"]
    if status != "pending_confirmation":
        confirm(api, desk, item, "approve")
        assert move(api, desk, item, status).status == 200
    return item


def add(api: Api, desk: Desk, **members: Any) -> dict[str, Any]:
    answer = api.post(QUEUE, {"title": "Something"} | members, desk.alice_key)
    assert answer.status == 201, answer.text
    found: dict[str, Any] = answer.json["data"]
    return found


def listed(api: Api, desk: Desk, **query: Any) -> dict[str, Any]:
    text = "&".join(f"{name}={value}" for name, value in query.items())
    found: dict[str, Any] = api.get(f"{QUEUE}?{text}", desk.alice_key).json["data"]
    return found


def move(api: Api, desk: Desk, item: str, status: str) -> Answer:
    return api.post(f"{QUEUE}/{item}/status", {"status": status}, desk.alice_key)


def confirm(api: Api, desk: Desk, item: str, action: str) -> Answer:
    return api.post(f"{QUEUE}/{item}/confirm", {"action": action}, desk.alice_key)


def settings(api: Api, desk: Desk, **members: Any) -> Answer:
    answer = api.call("PATCH", SETTINGS, members, token=desk.alice_key)
    assert answer.status == 200, answer.text
    return answer


def test_a_page_too_large_for_one_reply_says_where_the_next_begins(api: Api, desk: Desk) -> None:
    # Quotation marks take two bytes in the metadata, four in the body, and eight in the function's reply.
    given = ItemIn(title="x", metadata={"a": '"' * 30_000})
    ids = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(40)]
    for each in ids:
        item = new_item(
            given, item_id=each, user_id=desk.user_id("alice"), status=ItemStatus.READY, now=datetime.now(UTC)
        )
        DynamoQueue().add(item, claim=None, reply={})
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
