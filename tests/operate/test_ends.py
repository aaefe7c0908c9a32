"""Data has an end: from then on nobody sees it, whether or not the tables still have it, and nothing of it is left."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib import retention
from chalicelib.resources import CHAT, DELIVERIES, FEEDBACK, QUEUE_ITEMS, Table
from chalicelib.settings import settings
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.instances import run_admin
from tests.support.pump import Pumps
from tests.support.worker_scenarios import scan_rows

EVENTS, INBOX, QUEUE, SETTINGS = "/api/v1/events", "/api/v1/inbox", "/api/v2/queue", "/api/v2/settings"
SEND, MESSAGES = "/api/v2/shared-chat/send", "/api/v2/shared-chat/messages"
NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)
BUTTON = {"label": "Go", "action_type": "webhook", "webhook_url": "https://example.com/hook"}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


def publish(api: Api, desk: Desk, **members: Any) -> str:
    made = api.post(EVENTS, inputs.new_event(occurred_at=now_text(), **members), desk.alice)
    assert made.status == 202, made.text
    return str(made.json["deliveryId"])


def now_text() -> str:
    return datetime.now(UTC).isoformat()


def rows(table: Table, **where: Any) -> list[dict[str, Any]]:
    return [row for row in scan_rows(table) if where.items() <= row.items()]


def inbox_ids(api: Api, key: str) -> list[str]:
    return [each["deliveryId"] for each in api.get(INBOX, key).json["items"]]


@pytest.mark.parametrize("keyed", [False, True])
def test_an_ended_delivery_is_nowhere_and_its_event_can_be_published_anew(
    api: Api, desk: Desk, clock: Any, keyed: bool
) -> None:
    before = len(inbox_ids(api, desk.alice_key))
    event = inputs.new_event(occurred_at=now_text(), labels={"team": "blue"}, actions=[BUTTON])
    first = api.post(EVENTS, event, desk.alice).json["deliveryId"]
    assert api.post(f"{EVENTS}/{first}/supplement", {"markdown_body": "More."}, desk.alice).status == 201
    assert api.post(f"{INBOX}/{first}/actions/0", None, desk.alice_key).status == 202
    clock.shift(timedelta(days=399))
    assert api.get(f"{EVENTS}/{first}", desk.alice).status == 200
    assert len(inbox_ids(api, desk.alice_key)) == before + 1
    clock.shift(timedelta(days=1))
    assert api.get(f"{EVENTS}/{first}", desk.alice).status == 404
    assert api.get(f"{INBOX}/{first}", desk.alice_key).status == 404
    assert inbox_ids(api, desk.alice_key) == []
    assert api.get(f"{INBOX}/summary", desk.alice_key).json["unread"] == 0
    assert api.get(f"{EVENTS}?label=team:blue", desk.fd1).json["items"] == []
    assert api.post(f"{EVENTS}/{first}/supplement", {"markdown_body": "Late."}, desk.alice).status == 404
    assert api.post(f"{EVENTS}/{first}/resolve", {}, desk.alice).status == 404
    assert api.post(f"{INBOX}/{first}/actions/0", None, desk.alice_key).status == 404
    event["occurred_at"] = now_text()
    again = api.post(EVENTS, event, desk.alice, key="k" if keyed else None)
    assert (again.status, again.json["deduped"], again.json["fireCount"]) == (202, False, 1)
    assert again.json["deliveryId"] == first
    shown = api.get(f"{EVENTS}/{first}", desk.alice).json
    assert (shown["supplements"], shown["actions"][0].get("outcome")) == ([], None)
    assert inbox_ids(api, desk.alice_key) == [first]
    # What was pressed before the end is pressed anew.
    assert api.post(f"{INBOX}/{first}/actions/0", None, desk.alice_key).json["status"] == "pending"
    assert api.post(EVENTS, event, desk.alice).json["deduped"] is True


def test_all_that_hangs_on_a_delivery_has_its_end(api: Api, desk: Desk, clock: Any) -> None:
    made = publish(api, desk, labels={"a": "b"}, actions=[BUTTON])
    clock.shift(timedelta(days=30))
    api.post(f"{EVENTS}/{made}/supplement", {"markdown_body": "More."}, desk.alice)
    api.post(f"{INBOX}/{made}/actions/0", None, desk.alice_key)
    (delivery,) = rows(DELIVERIES, pk=made, sk="DELIVERY")
    assert delivery["expiresAt"] == int((NOON + timedelta(days=400)).timestamp())
    hanging = [*rows(DELIVERIES, pk=made), *rows(DELIVERIES, deliveryId=made)]
    assert len(hanging) >= 4
    assert {row["expiresAt"] for row in hanging} == {delivery["expiresAt"]}


def test_a_held_event_ends_after_the_decision_with_all_that_hangs_on_it(
    api: Api, desk: Desk, clock: Any, pump: Pumps
) -> None:
    event = inputs.new_event(
        event_type="hr.offer.sent",
        labels={"a": "b"},
        occurred_at=now_text(),
        recipient_hint={"email": "bob@example.com"},
    )
    held = api.post(EVENTS, event, desk.moderated).json["deliveryId"]
    assert api.post(f"{EVENTS}/{held}/supplement", {"markdown_body": "More."}, desk.moderated).status == 201
    hanging = [*rows(DELIVERIES, pk=held), *rows(DELIVERIES, deliveryId=held)]
    assert len(hanging) == 3
    assert not any("expiresAt" in row for row in hanging)
    clock.shift(timedelta(days=500))
    assert api.post(f"{QUEUE}/{held}/confirm", {"action": "approve"}, desk.alice_key).status == 200
    assert inbox_ids(api, desk.bob_key) == [held]
    clock.shift(timedelta(minutes=10))
    pump.run("end_data")
    hanging = [*rows(DELIVERIES, pk=held), *rows(DELIVERIES, deliveryId=held)]
    assert {row["expiresAt"] for row in hanging} == {int((NOON + timedelta(days=900)).timestamp())}
    assert not any(row.get("dueQueue") for row in hanging)
    clock.shift(timedelta(days=400))
    assert inbox_ids(api, desk.bob_key) == []


@pytest.mark.parametrize("declined", [False, True])
def test_a_task_that_is_done_or_rejected_ends_and_leaves_the_counts(
    api: Api, desk: Desk, clock: Any, pump: Pumps, declined: bool
) -> None:
    open_id, ended_id = (
        api.post(QUEUE, {"title": title}, desk.alice_key).json["data"]["id"] for title in ("Open", "Done")
    )
    if declined:
        api.post(f"{QUEUE}/{ended_id}/confirm", {"action": "reject"}, desk.alice_key)
    else:
        finish(api, desk, ended_id)
    clock.shift(timedelta(days=89))
    assert listed(api, desk) == (([open_id], 1) if declined else ([ended_id, open_id], 2))
    clock.shift(timedelta(days=1))
    assert listed(api, desk)[0] == [open_id]
    assert api.get(f"{QUEUE}/{ended_id}", desk.alice_key).status == 404
    assert api.post(f"{QUEUE}/{ended_id}/status", {"status": "blocked"}, desk.alice_key).status == 404
    pump.run("end_data")
    assert listed(api, desk) == ([open_id], 1)
    clock.shift(timedelta(days=3650))
    assert listed(api, desk) == ([open_id], 1)


def finish(api: Api, desk: Desk, item: str) -> None:
    api.post(f"{QUEUE}/{item}/confirm", {"action": "approve"}, desk.alice_key)
    done = api.post(f"{QUEUE}/{item}/status", {"status": "done_today"}, desk.alice_key)
    assert done.status == 200, done.text


def listed(api: Api, desk: Desk) -> tuple[list[str], int]:
    data = api.get(QUEUE, desk.alice_key).json["data"]
    return [each["id"] for each in data["items"]], data["pagination"]["total"]


def test_messages_and_feedback_end(api: Api, desk: Desk, clock: Any) -> None:
    def count_listed() -> tuple[int, int, int]:
        chat = [
            api.get(f"{MESSAGES}{query}", desk.alice_key).json["data"]["messages"] for query in ("", "?role=assistant")
        ]
        given = api.get("/api/v2/feedback", desk.fd1).json["data"]["items"]
        return len(chat[0]), len(chat[1]), len(given)

    api.post(SEND, {"content": "Old."}, desk.alice_key)
    api.post("/api/v2/feedback", {"message": "Old."}, desk.alice_key)
    clock.shift(timedelta(days=399))
    api.post(SEND, {"content": "New."}, desk.alice_key)
    api.post("/api/v2/feedback", {"message": "New."}, desk.alice_key)
    assert count_listed() == (2, 2, 2)
    clock.shift(timedelta(days=1))
    assert count_listed() == (1, 1, 1)


def test_zero_days_keep_data_for_ever(api: Api, desk: Desk, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in retention.SETTABLE:
        monkeypatch.setenv(kind.setting, "0")
    settings.cache_clear()
    made = publish(api, desk)
    task = api.post(QUEUE, {"title": "Done"}, desk.alice_key).json["data"]["id"]
    finish(api, desk, task)
    clock.shift(timedelta(days=20_000))
    assert api.get(f"{EVENTS}/{made}", desk.alice).status == 200
    assert api.get(f"{QUEUE}/{task}", desk.alice_key).status == 200


@pytest.mark.parametrize("days", ["30", "-1", "1.5", "x", "30000", "٤٠٠"])
def test_days_that_are_too_few_or_no_number_are_refused(days: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(retention.CHAT.setting, days)
    settings.cache_clear()
    with pytest.raises(ValueError, match="FLUXDEN_KEEP_CHAT_DAYS must be a number of days from 31 to 29999, or 0"):
        settings()


def test_rows_without_an_end_get_one_by_the_command(
    api: Api, desk: Desk, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in retention.SETTABLE:
        monkeypatch.setenv(kind.setting, "0")
    settings.cache_clear()
    made = publish(api, desk, labels={"a": "b"})
    api.post(f"{EVENTS}/{made}/supplement", {"markdown_body": "More."}, desk.alice)
    api.post(SEND, {"content": "Old."}, desk.alice_key)
    api.post("/api/v2/feedback", {"message": "Old."}, desk.alice_key)
    done, open_id, rejected = (
        api.post(QUEUE, {"title": f"{number}"}, desk.alice_key).json["data"]["id"] for number in range(3)
    )
    finish(api, desk, done)
    api.post(f"{QUEUE}/{rejected}/confirm", {"action": "reject"}, desk.alice_key)
    for kind in retention.SETTABLE:
        monkeypatch.delenv(kind.setting)
    settings.cache_clear()
    assert "deliveries\t400 days" in run_admin("retention", "show")
    told = run_admin("retention", "apply", "--yes")
    assert "tasks: 2 of 3 have another end now." in told
    assert " 0 of" in run_admin("retention", "apply", "--yes", "--kind", "tasks")
    for table in (DELIVERIES, CHAT, FEEDBACK):
        assert all("expiresAt" in row for row in rows(table)), table
    assert [row["sk"] for row in rows(QUEUE_ITEMS) if "expiresAt" not in row] == ["COUNTS", f"ITEM#{open_id}"]
    clock.shift(timedelta(days=400))
    assert api.get(f"{EVENTS}/{made}", desk.alice).status == 404
    # And back: what the tables still have comes again with longer times.
    monkeypatch.setenv(retention.DELIVERIES.setting, "500")
    settings.cache_clear()
    run_admin("retention", "apply", "--yes", "--kind", "deliveries")
    assert api.get(f"{EVENTS}/{made}", desk.alice).json["supplements"][0]["markdownBody"] == "More."
