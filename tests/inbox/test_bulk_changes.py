"""Changes of many deliveries at once: by ids, by filter, by the worker, and undone."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib import aws
from chalicelib.core.stores.items import to_item
from chalicelib.inbox.domain.bulk_changes import PER_STEP, BulkChangeJob
from chalicelib.inbox.domain.delivery_ids import derive_delivery_id
from chalicelib.queues.inbox_changes import change_inboxes
from chalicelib.resources import DELIVERIES, FAN_OUT, INBOX_CHANGES, SNOOZES, SOCKET_WORK
from tests.conftest import Desk
from tests.inbox.bulk_calls import by_email, received, send
from tests.inbox.test_inbox_states import INBOX, at, change, publish, seen, summary
from tests.support.api import Answer, Api
from tests.support.pump import Pumps
from tests.support.sockets import Sockets

BULK = f"{INBOX}/bulk"
NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_PERSONAL_BUDGET", "100000")
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


def bulk(api: Api, desk: Desk, action: str, *, key: str | None = None, **body: Any) -> Answer:
    return api.post(BULK, {"action": action, **body}, desk.alice_key, key=key)


def undo(api: Api, desk: Desk, job: Answer) -> Answer:
    return api.post(f"{BULK}/{job.json['jobId']}/undo", None, desk.alice_key)


def counts(answer: Answer) -> tuple[str, int, int, int]:
    told = answer.json
    assert told["matched"] == told["changed"] + told["unchanged"] + told["notFound"]
    return told["status"], told["changed"], told["unchanged"], told["notFound"]


def read_job(api: Api, desk: Desk, job: Answer) -> Answer:
    return api.get(f"{BULK}/{job.json['jobId']}", desk.alice_key)


def fill(api: Api, desk: Desk, number: int) -> list[str]:
    """Store so many deliveries for Alice, as copies of one that was published; a second apart, the newest first."""
    model = publish(api, desk.alice)
    row = aws.dynamodb().get_item(
        TableName=DELIVERIES.physical_name, Key=to_item({"pk": model, "sk": "DELIVERY"}), ConsistentRead=True
    )["Item"]
    ids = []
    for each in range(number):
        delivery_id = derive_delivery_id("fd1", desk.user_id("alice"), f"copy-{each}")
        created = (NOON - timedelta(seconds=each + 1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        copy = row | to_item({"pk": delivery_id, "createdAt": created, "inboxKey": f"u#{created}#{delivery_id}"})
        aws.dynamodb().put_item(TableName=DELIVERIES.physical_name, Item=copy)
        ids.append(delivery_id)
    return ids


def state_of(api: Api, desk: Desk, delivery: str) -> tuple[bool, bool, str | None]:
    told = api.get(f"{INBOX}/{delivery}", desk.alice_key).json
    return told["readAt"] is not None, told["archivedAt"] is not None, told["snoozedUntil"]


@pytest.mark.parametrize(
    ("action", "more", "expected"),
    [
        ("read", {}, (True, False, None)),
        ("archive", {}, (False, True, None)),
        ("snooze", {"snoozedUntil": "2026-05-22T09:00:00Z"}, (False, False, "2026-05-22T09:00:00.000Z")),
    ],
)
def test_an_action_changes_each_delivery_named_and_no_other(
    api: Api, desk: Desk, action: str, more: dict[str, Any], expected: tuple[bool, bool, str | None]
) -> None:
    sent = [publish(api, desk.alice) for _ in range(4)]
    bobs = publish(api, desk.bob)
    done = bulk(api, desk, action, ids=[*sent[:3], sent[0].upper(), bobs], **more)

    assert (done.status, counts(done)) == (200, ("done", 3, 0, 1))
    assert [state_of(api, desk, each) for each in sent] == [expected] * 3 + [(False, False, None)]
    told = api.get(f"{INBOX}/{bobs}", desk.bob_key).json
    assert (told["readAt"], told["archivedAt"], told["snoozedUntil"]) == (None, None, None)
    assert counts(bulk(api, desk, action, ids=sent[:3], **more)) == ("done", 0, 3, 0)
    assert read_job(api, desk, done).json["changed"] == 3


@pytest.mark.parametrize(("forth", "back"), [("read", "unread"), ("archive", "unarchive"), ("snooze", "unsnooze")])
def test_each_action_has_its_reverse(api: Api, desk: Desk, forth: str, back: str) -> None:
    sent = [publish(api, desk.alice) for _ in range(2)]
    before = [state_of(api, desk, each) for each in sent]
    bulk(api, desk, forth, ids=sent, **({"snoozedUntil": at(hours=1)} if forth == "snooze" else {}))
    assert counts(bulk(api, desk, back, ids=sent)) == ("done", 2, 0, 0)
    assert [state_of(api, desk, each) for each in sent] == before


def test_a_filter_leaves_out_what_arrives_after_its_time(api: Api, desk: Desk, clock: Any) -> None:
    sent = [publish(api, desk.alice, severity="warn" if number % 2 else "info") for number in range(6)]
    seen_at = at()
    clock.shift(1)
    late = publish(api, desk.alice, severity="warn")
    done = bulk(api, desk, "archive", filter={"view": "inbox", "severity": "warn", "before": seen_at})
    assert (done.status, counts(done)) == (200, ("done", 3, 0, 0))
    assert sorted(seen(api, desk)) == sorted([late, *sent[::2]])


def test_a_filter_leaves_out_what_returned_to_the_inbox_after_its_time(api: Api, desk: Desk, clock: Any) -> None:
    delivery = publish(api, desk.alice, event_id="again")
    change(api, desk, delivery, archived=True)
    seen_at = at()
    clock.shift(5)
    publish(api, desk.alice, event_id="again")
    assert counts(bulk(api, desk, "read", filter={"before": seen_at})) == ("done", 0, 0, 0)
    assert counts(bulk(api, desk, "read", filter={"before": at()})) == ("done", 1, 0, 0)


def test_a_filter_of_snoozed_deliveries_wakes_them(api: Api, desk: Desk) -> None:
    sent = [publish(api, desk.alice) for _ in range(2)]
    bulk(api, desk, "snooze", ids=sent, snoozedUntil=at(days=3))
    assert counts(bulk(api, desk, "unsnooze", filter={"view": "snoozed", "before": at()})) == ("done", 2, 0, 0)
    assert sorted(seen(api, desk)) == sorted(sent)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("integrator=fd1", [0, 1, 2]),
        ("integrator=fd", []),
        ("since=2026-05-21T12:00:01Z", [1, 2]),
        ("before=2026-05-21T12:00:01Z", [0, 1]),
        ("since=2026-05-21T12:00:01Z&before=2026-05-21T12:00:01.5%2B00:00&view=all", [1]),
    ],
)
def test_the_list_takes_integrator_and_time_as_filters(
    api: Api, desk: Desk, clock: Any, filters: str, found: list[int]
) -> None:
    sent = []
    for _ in range(3):
        sent.append(publish(api, desk.alice))
        clock.shift(1)
    assert seen(api, desk, filters) == [sent[each] for each in reversed(found)]


def test_undo_restores_each_state_and_leaves_what_was_changed_since(api: Api, desk: Desk) -> None:
    sent = [publish(api, desk.alice) for _ in range(4)]
    change(api, desk, sent[0], read=True)
    change(api, desk, sent[1], snoozedUntil=at(hours=2))
    before = [state_of(api, desk, each) for each in sent[:3]]
    order = seen(api, desk)
    done = bulk(api, desk, "archive", ids=sent)
    change(api, desk, sent[3], archived=False, read=True)

    undone = undo(api, desk, done)
    assert counts(undone) == ("done", 3, 1, 0)
    assert [state_of(api, desk, each) for each in sent[:3]] == before
    assert state_of(api, desk, sent[3]) == (True, False, None)
    assert seen(api, desk) == order
    assert counts(undo(api, desk, done)) == ("done", 0, 4, 0)
    assert counts(undo(api, desk, undone)) == ("done", 3, 0, 0)  # an undoing can be undone


def test_a_bulk_snooze_ends_by_itself_and_an_undone_one_does_not(api: Api, desk: Desk, pump: Pumps, clock: Any) -> None:
    sent = [publish(api, desk.alice) for _ in range(2)]
    done = bulk(api, desk, "snooze", ids=sent, snoozedUntil=at(hours=1))
    bulk(api, desk, "archive", ids=[sent[0]])
    clock.shift(1)
    assert counts(undo(api, desk, done)) == ("done", 1, 1, 0)
    again = bulk(api, desk, "snooze", ids=[sent[1]], snoozedUntil=at(hours=1))
    archived = bulk(api, desk, "archive", ids=[sent[1]])
    clock.shift(timedelta(hours=2))
    pump.run("announce_ending_snoozes")
    assert pump.drain(SNOOZES) == 0
    # A snooze that ended meanwhile is not begun again.
    assert counts(undo(api, desk, archived)) == ("done", 1, 0, 0)
    assert state_of(api, desk, sent[1]) == (False, False, None)
    assert counts(undo(api, desk, again)) == ("done", 0, 1, 0)


def test_a_repeated_call_under_a_key_has_one_effect(api: Api, desk: Desk) -> None:
    sent = [publish(api, desk.alice) for _ in range(2)]
    first = bulk(api, desk, "archive", ids=sent, key="once")
    change(api, desk, sent[0], archived=False)
    again = bulk(api, desk, "archive", ids=sent, key="once")
    assert (again.status, again.json) == (first.status, first.json)
    assert state_of(api, desk, sent[0]) == (False, False, None)
    assert bulk(api, desk, "read", ids=sent, key="once").status == 409


def test_a_large_change_is_accepted_and_made_by_the_worker(api: Api, desk: Desk, pump: Pumps) -> None:
    sent = fill(api, desk, PER_STEP + 10)
    asked = bulk(api, desk, "archive", ids=sent, key="large")
    assert (asked.status, counts(asked)) == (202, ("queued", 0, 0, 0))
    assert bulk(api, desk, "archive", ids=sent, key="large").json == asked.json
    assert counts(read_job(api, desk, asked)) == ("queued", 0, 0, 0)
    pump.drain(INBOX_CHANGES)
    assert counts(read_job(api, desk, asked)) == ("done", PER_STEP + 10, 0, 0)
    assert len(seen(api, desk)) == 1

    undone = undo(api, desk, asked)
    assert undone.status == 202
    pump.drain(INBOX_CHANGES)
    assert counts(read_job(api, desk, undone)) == ("done", PER_STEP + 10, 0, 0)
    assert len(seen(api, desk, "view=unread&")) == PER_STEP + 11


def test_a_filter_of_many_is_changed_step_by_step(api: Api, desk: Desk, pump: Pumps) -> None:
    fill(api, desk, PER_STEP + 10)
    asked = bulk(api, desk, "read", filter={"before": at()})
    assert asked.status == 202
    pump.drain(INBOX_CHANGES)
    assert counts(read_job(api, desk, asked)) == ("done", PER_STEP + 11, 0, 0)
    assert summary(api, desk)[0] == 0


def test_a_message_takes_some_steps_and_sends_the_next(
    api: Api, desk: Desk, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.inbox.services.bulk_changes._STEPS_PER_MESSAGE", 1)
    sent = fill(api, desk, PER_STEP + 10)
    asked = bulk(api, desk, "archive", ids=sent)
    (message,) = received(INBOX_CHANGES.physical_name)
    assert json.loads(message) == {"job_id": asked.json["jobId"], "part": None}
    run_worker(message)
    assert counts(read_job(api, desk, asked)) == ("running", PER_STEP, 0, 0)
    # The same message again continues too, and nothing is counted twice.
    run_worker(message)
    assert counts(read_job(api, desk, asked)) == ("done", PER_STEP + 10, 0, 0)
    run_worker(message)
    assert counts(read_job(api, desk, asked)) == ("done", PER_STEP + 10, 0, 0)


def run_worker(message: str) -> None:
    change_inboxes.function(BulkChangeJob.model_validate_json(message))


def test_a_lost_message_is_sent_again(api: Api, desk: Desk, pump: Pumps, clock: Any) -> None:
    sent = fill(api, desk, PER_STEP + 1)
    asked = bulk(api, desk, "archive", ids=sent)
    received(INBOX_CHANGES.physical_name)
    clock.shift(60)
    pump.run("announce_due_inbox_changes")
    pump.drain(INBOX_CHANGES)
    assert counts(read_job(api, desk, asked)) == ("done", PER_STEP + 1, 0, 0)


def test_undo_stops_a_change_that_is_not_done(
    api: Api, desk: Desk, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.inbox.services.bulk_changes._STEPS_PER_MESSAGE", 1)
    sent = fill(api, desk, PER_STEP + 10)
    asked = bulk(api, desk, "archive", ids=sent)
    (message,) = received(INBOX_CHANGES.physical_name)
    run_worker(message)
    undone = undo(api, desk, asked)
    assert counts(undone) == ("done", PER_STEP, 0, 0)
    pump.drain(INBOX_CHANGES)
    assert counts(read_job(api, desk, asked)) == ("stopped", PER_STEP, 0, 0)
    assert len(seen(api, desk)) == PER_STEP + 11


def test_resolve_is_for_what_ones_own_tokens_published(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, clock: Any
) -> None:
    own = [publish(api, desk.alice) for _ in range(3)]
    already = publish(api, desk.alice)
    assert api.post(f"/api/v1/events/{already}/resolve", {"resolution_note": "By hand"}, desk.alice).status == 200
    answer = send(api, desk.fd1, by_email("alice"))
    pump.drain(FAN_OUT)
    from_others = answer.json["results"][0]["deliveryId"]
    bobs = publish(api, desk.bob)
    client = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    done = bulk(api, desk, "resolve", ids=[*own, already, from_others, bobs], key="resolve")

    assert (done.status, done.json["status"]) == (200, "done")
    told = {name: done.json[name] for name in ("matched", "changed", "unchanged", "notFound", "notAllowed")}
    assert told == {"matched": 6, "changed": 3, "unchanged": 1, "notFound": 1, "notAllowed": 1}
    assert resolved_at(api, desk, own) == ["2026-05-21T12:00:00.000Z"] * 3
    assert resolved_at(api, desk, [from_others]) == [None]
    assert api.get(f"{INBOX}/{already}", desk.alice_key).json["resolutionNote"] == "By hand"
    (frame,) = [each for each in client.frames if each["type"].startswith("deliveries")]
    assert {each["deliveryId"]: each["resolvedAt"] for each in frame["changes"]} == dict.fromkeys(
        own, "2026-05-21T12:00:00.000Z"
    )
    # Again under the same key and without one: nothing changes any more. Its sender's own call keeps the first time.
    clock.shift(60)
    assert bulk(api, desk, "resolve", ids=[*own, already, from_others, bobs], key="resolve").json == done.json
    assert bulk(api, desk, "resolve", ids=own).json["unchanged"] == 3
    late = api.post(f"/api/v1/events/{own[0]}/resolve", {"resolution_note": "Late"}, desk.alice, key="late")
    assert (late.status, late.json["resolvedAt"], late.json["resolutionNote"]) == (
        200,
        "2026-05-21T12:00:00.000Z",
        None,
    )


def resolved_at(api: Api, desk: Desk, ids: list[str]) -> list[str | None]:
    return [api.get(f"{INBOX}/{each}", desk.alice_key).json["resolvedAt"] for each in ids]


def test_resolve_by_filter_is_made_by_the_worker_and_is_for_good(api: Api, desk: Desk, pump: Pumps) -> None:
    fill(api, desk, PER_STEP + 10)
    asked = bulk(api, desk, "resolve", filter={"before": at(), "status": "open"})
    assert (asked.status, asked.json["notAllowed"]) == (202, 0)
    refused = undo(api, desk, asked)
    assert (refused.status, "can't be undone" in refused.text) == (409, True)
    pump.drain(INBOX_CHANGES)
    assert counts(read_job(api, desk, asked)) == ("done", PER_STEP + 11, 0, 0)
    assert undo(api, desk, asked).status == 409
    assert seen(api, desk, "status=open") == []
    assert len(seen(api, desk, "status=resolved&")) == PER_STEP + 11


def test_one_event_tells_of_many_changes(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    sent = [publish(api, desk.alice) for _ in range(PER_STEP)]
    client = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    done = bulk(api, desk, "archive", ids=sent)
    (frame,) = [each for each in client.frames if each["type"].startswith("deliveries")]
    assert (frame["type"], frame["jobId"]) == ("deliveries_changed", done.json["jobId"])
    assert sorted(each["deliveryId"] for each in frame["changes"]) == sorted(sent)
    assert {each["archivedAt"] for each in frame["changes"]} == {"2026-05-21T12:00:00.000Z"}
    assert "truncated" not in frame


@pytest.mark.parametrize(
    "body",
    [
        {"action": "archive"},
        {"action": "archive", "ids": []},
        {"action": "archive", "ids": ["x"]},
        {"action": "archive", "ids": ["00000000-0000-4000-8000-000000000000"], "filter": {"before": at()}},
        {"action": "archive", "filter": {"view": "inbox"}},
        {"action": "archive", "filter": {"before": at(), "limit": 4}},
        {"action": "snooze", "ids": ["00000000-0000-4000-8000-000000000000"]},
        {"action": "snooze", "ids": ["00000000-0000-4000-8000-000000000000"], "snoozedUntil": "2026-05-21T11:00:00Z"},
        {"action": "read", "ids": ["00000000-0000-4000-8000-000000000000"], "snoozedUntil": "2026-05-22T11:00:00Z"},
        {"action": "undo", "ids": ["00000000-0000-4000-8000-000000000000"]},
        {"action": "resolve", "filter": {"before": at()}, "snoozedUntil": at(hours=1)},
        {"action": "delete", "ids": ["00000000-0000-4000-8000-000000000000"]},
        {"action": "archive", "ids": ["00000000-0000-4000-8000-000000000000"] * 1001},
    ],
)
def test_a_change_that_makes_no_sense_is_refused(api: Api, desk: Desk, body: dict[str, Any]) -> None:
    assert api.post(BULK, body, desk.alice_key).status == 400


def test_a_change_belongs_to_its_person(api: Api, desk: Desk) -> None:
    done = bulk(api, desk, "archive", ids=[publish(api, desk.alice)])
    assert api.get(f"{BULK}/{done.json['jobId']}", desk.bob_key).status == 404
    assert api.post(f"{BULK}/{done.json['jobId']}/undo", None, desk.bob_key).status == 404
    assert api.get(f"{BULK}/nonsense", desk.alice_key).status == 404
