"""POST /api/v1/events/bulk: one event to many people, through the queue."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from chalicelib import aws
from chalicelib.ids import TokenKind, mint_token
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import FAN_OUT, TOKENS
from chalicelib.tokens.domain.tokens import ToolsGrant
from chalicelib.tokens.stores.tokens import DynamoTokens
from tests.conftest import Desk
from tests.inbox.bulk_calls import (
    BULK,
    EVENTS,
    INBOX,
    approve_all,
    by_email,
    crowd,
    errors,
    left,
    send,
    set_status,
)
from tests.support import inputs
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.pump import Pumps


def test_everyone_gets_a_delivery_of_their_own(api: Api, desk: Desk, pump: Pumps) -> None:
    reply = send(api, desk.fd1, by_email("alice", "bob"))

    assert reply.status == 202
    rows = reply.json["results"]
    assert rows[0] == {
        "email": "alice@example.com",
        "recipient": {"type": "email", "email": "alice@example.com"},
        "deliveryId": rows[0]["deliveryId"],
        "deduped": False,
        "pushed": False,
    }
    pump.drain(FAN_OUT)
    for row, key in zip(rows, (desk.alice_key, desk.bob_key), strict=True):
        (item,) = api.get(INBOX, key).json["items"]
        assert (item["deliveryId"], item["fireCount"]) == (row["deliveryId"], 1)


def test_approved_person_without_a_token_gets_one(api: Api, desk: Desk, pump: Pumps) -> None:
    (row,) = send(api, desk.fd1, by_email("carol")).json["results"]
    assert row["autoClaimed"] is True
    pump.drain(FAN_OUT)
    assert api.get(f"{EVENTS}/{row['deliveryId']}", desk.fd1).json["recipientUserId"] == desk.user_id("carol")
    (again,) = send(api, desk.fd1, by_email("carol")).json["results"]
    assert "autoClaimed" not in again


def test_only_tools_tokens_send_in_bulk(api: Api, desk: Desk) -> None:
    for token in (desk.alice, desk.alice_key):
        assert send(api, token, by_email("alice")).status == 403
    assert send(api, desk.hr, by_email("alice"), event=inputs.new_event(event_type="hr.x.y")).status == 202


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"recipients": []}, "recipients"),
        ({"recipients": by_email("a") * 101}, "recipients"),
        ({"recipients": [{"type": "email", "email": "no address"}]}, "recipients.0.email"),
        ({"recipients": [{"type": "user_id", "user_id": "1"}]}, "recipients.0.user_id"),
        ({"recipients": [{"type": "group", "slug": ""}]}, "recipients.0.slug"),
        ({"recipients": [{"type": "everyone"}]}, "recipients.0.type"),
        ({"recipients": [{"type": "email", "email": "a@b.c", "x": 1}]}, "recipients.0.x"),
        ({"auto_claim": "yes"}, "auto_claim"),
        ({"auto_claim": None}, "auto_claim"),
        ({"more": 1}, "more"),
        ({"event": inputs.new_event(event_type="hr.x.y")}, "event.event_type"),
        ({"event": inputs.new_event(occurred_at=inputs.ago(hours=25))}, "event.occurred_at"),
        ({"event": inputs.new_event(severity="fatal")}, "event.severity"),
    ],
)
def test_a_malformed_call_fails_as_a_whole(api: Api, desk: Desk, body: dict[str, Any], field: str) -> None:
    reply = api.post(BULK, {"event": inputs.new_event(), "recipients": by_email("alice")} | body, desk.fd1)
    assert (reply.status, list(reply.json["fieldErrors"])) == (400, [field])


def test_the_recipient_of_a_bulk_delivery_is_not_its_sender(api: Api, desk: Desk, pump: Pumps) -> None:
    (row,) = send(api, desk.fd1, by_email("alice")).json["results"]
    pump.drain(FAN_OUT)
    assert api.get(f"{EVENTS}/{row['deliveryId']}", desk.alice).status == 404
    assert api.get(f"{INBOX}/{row['deliveryId']}", desk.alice_key).status == 200


def test_a_replay_gives_the_same_rows_and_sends_nothing(api: Api, desk: Desk, pump: Pumps) -> None:
    event = inputs.new_event()
    first = send(api, desk.fd1, by_email("alice", "carol", "erin"), key="k", event=event)
    again = send(api, desk.fd1, by_email("alice", "carol", "erin"), key="k", event=event)
    assert (again.status, again.text) == (202, first.text)
    assert again.headers["idempotent-replayed"] == "true"
    assert send(api, desk.fd1, by_email("alice"), key="k", event=event).status == 409
    pump.drain(FAN_OUT)
    assert api.get(INBOX, desk.alice_key).json["items"][0]["fireCount"] == 1


def test_repeating_a_half_finished_call_finishes_it(
    api: Api, desk: Desk, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = inputs.new_event()

    def fail(*_: object) -> None:
        raise RuntimeError("the queue is down")

    with monkeypatch.context() as broken:
        broken.setattr("chalicelib.core.gateways.job_queue.JobQueue.send_all", fail)
        with pytest.raises(AssertionError, match="undocumented 500"):
            send(api, desk.fd1, by_email("alice", "carol"), key="k", event=event)
    done = send(api, desk.fd1, by_email("alice", "carol"), key="k", event=event)
    assert [row["deduped"] for row in done.json["results"]] == [False, False]
    pump.drain(FAN_OUT)
    assert api.get(INBOX, desk.alice_key).json["items"][0]["fireCount"] == 1


def test_recipients_count_against_the_daily_limit_of_the_tools_token(api: Api, desk: Desk) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 23, 30, tzinfo=UTC), tick=False):
        api.get(f"{EVENTS}/nothing", desk.fd1)
        left(desk, "fd1", 3)
        assert send(api, desk.fd1, by_email("alice", "bob")).status == 202
        refused = send(api, desk.fd1, by_email("alice", "bob"))
        assert (refused.status, refused.headers["retry-after"]) == (429, "1800")
        assert send(api, desk.fd1, [{"type": "group", "slug": "apollo"}]).status == 429
        assert send(api, desk.fd1, by_email("alice")).status == 202


def test_number_of_sequential_calls_does_not_depend_on_the_number_of_people(api: Api, desk: Desk) -> None:
    crowd(desk, 97)
    everyone = [{"type": "user_id", "user_id": inputs.uuid(number)} for number in range(97)]
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False):
        approve_all(api, desk, 97)
        api.get(f"{EVENTS}/nothing", desk.fd1)
        few = send(api, desk.fd1, by_email("alice", "carol"))
        many = send(api, desk.fd1, [*everyone, *by_email("alice", "bob", "erin")], key="k")
        plain = send(api, desk.fd1, [*everyone, *by_email("alice", "bob", "erin")])
    assert Counter(errors(many)) == {None: 99, "no_approved_request": 1}
    assert sum(row.get("autoClaimed", False) for row in many.json["results"]) == 97
    assert (few.steps, many.steps, plain.steps) == (5, 6, 5)


def test_other_body_under_a_key_in_use_has_no_effect(api: Api, desk: Desk, pump: Pumps) -> None:
    event = inputs.new_event()
    names = ("alice", "bob")
    replies = run_concurrently(2, lambda number: send(api, desk.fd1, by_email(names[number]), key="k", event=event))
    pump.drain(FAN_OUT)
    assert sorted(reply.status for reply in replies) == [202, 409]
    for reply, key in zip(replies, (desk.alice_key, desk.bob_key), strict=True):
        assert len(api.get(INBOX, key).json["items"]) == (1 if reply.status == 202 else 0)


def test_refused_call_frees_its_key_and_costs_no_deliveries(api: Api, desk: Desk) -> None:
    crowd(desk, 1001)
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False):
        api.get(f"{EVENTS}/nothing", desk.fd1)
        left(desk, "fd1", 1500)
        assert send(api, desk.fd1, [{"type": "group", "slug": "crowd"}], key="k").status == 400
        left_now = [item for item in aws.dynamodb().scan(TableName=TOKENS.physical_name)["Items"] if "admin" in item]
        assert {item["dayLeft"]["N"] for item in left_now if item["integrator"]["S"] == "fd1"} == {"1500"}
        assert send(api, desk.fd1, by_email("alice"), key="k").status == 202


def test_inactive_group_members_cost_no_deliveries(api: Api, desk: Desk) -> None:
    DynamoDirectory().add_member("apollo", desk.user_id("dave"), admin=False)
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False):
        api.get(f"{EVENTS}/nothing", desk.fd1)
        left(desk, "fd1", 5)
        statuses = [send(api, desk.fd1, [{"type": "group", "slug": "apollo"}]).status for _ in range(3)]
        assert statuses == [202, 202, 429]
        assert send(api, desk.fd1, by_email("alice")).status == 202


def test_a_token_issued_anew_keeps_its_ceiling(api: Api, desk: Desk) -> None:
    claim = {"email": "bob@example.com", "severity_ceiling": "warn"}
    assert api.post("/api/v1/tokens/claim", claim, desk.fd1).status == 200
    set_status(desk, "bob", "revoked")
    for _ in range(2):
        reply = send(api, desk.fd1, by_email("bob"), event=inputs.new_event(severity="critical"))
        assert errors(reply) == ["severity_above_ceiling"]


def test_a_token_is_minted_by_one_of_concurrent_sends(api: Api, desk: Desk) -> None:
    replies = run_concurrently(6, lambda _: send(api, desk.fd1, by_email("carol")))
    assert Counter(row.get("autoClaimed", False) for reply in replies for row in reply.json["results"]) == {
        True: 1,
        False: 5,
    }


def test_every_tools_token_that_sent_it_in_bulk_may_read_it(api: Api, desk: Desk, pump: Pumps) -> None:
    token = mint_token(TokenKind.TOOLS, inputs.uuid(5))
    grant = ToolsGrant(inputs.uuid(5), "fd1", "fd1.", desk.user_id("alice"), admin=False)
    DynamoTokens().add_tools(grant, token, now=datetime.now(UTC))
    event = inputs.new_event()
    api.post(EVENTS, event, desk.alice)
    (row,) = send(api, token.text, by_email("alice"), event=event).json["results"]
    pump.drain(FAN_OUT)
    assert row["deduped"] is True
    assert api.get(f"{EVENTS}/{row['deliveryId']}", token.text).json["fireCount"] == 2


def test_each_recipient_has_a_row_in_order_and_repeats_say_so(api: Api, desk: Desk, pump: Pumps) -> None:
    bob = {"type": "user_id", "user_id": desk.user_id("bob").upper()}
    group = {"type": "group", "slug": "apollo"}
    given = [*by_email("nobody", "bob"), group, bob, *by_email("BOB", "nobody"), group]
    api.get("/api/v1/integrators", desk.fd1)  # begins the day
    left(desk, "fd1", 1000)
    reply = send(api, desk.fd1, given)

    rows = reply.json["results"]
    members = [row for row in rows if row["recipient"] == group]
    each_time = members[: len(members) // 2]
    addresses = [row["email"] for row in each_time]
    assert len(set(addresses)) == len(addresses) >= 2
    bobs, nobodys = "bob@example.com", "nobody@example.com"
    assert [row["email"] for row in rows] == [nobodys, bobs, *addresses, bobs, bobs, nobodys, *addresses]
    met: dict[str, bool] = {}
    for row in rows:
        if "error" not in row:
            assert row["deduped"] is (row["deliveryId"] in met)
            met[row["deliveryId"]] = True
    people = {row["email"] for row in rows}
    assert _day_left() == 1000 - len(people)
    pump.drain(FAN_OUT)
    (item,) = api.get(INBOX, desk.bob_key).json["items"]
    assert item["fireCount"] == 1
    assert item["deliveryId"] == rows[1]["deliveryId"]
    again = send(api, desk.fd1, by_email("bob", "bob")).json["results"]
    assert [row["deduped"] for row in again] == [False, True]


@pytest.mark.parametrize("count", [1, 2, 100])
def test_a_person_named_often_counts_once(api: Api, desk: Desk, count: int) -> None:
    api.get("/api/v1/integrators", desk.fd1)  # begins the day
    left(desk, "fd1", 1)
    reply = send(api, desk.fd1, by_email("alice") * count)
    assert (reply.status, len(reply.json["results"])) == (202, count)
    assert _day_left() == 0


def _day_left() -> int:
    items = aws.dynamodb().scan(TableName=TOKENS.physical_name)["Items"]
    (found,) = {
        int(item["dayLeft"]["N"])
        for item in items
        if item["pk"]["S"].startswith("TOOLS#") and item["integrator"]["S"] == "fd1"
    }
    return found
