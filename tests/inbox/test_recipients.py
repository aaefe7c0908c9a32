"""Recipients of a bulk call: expanded into people, checked one by one."""

from collections import Counter

import pytest

from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import FAN_OUT
from tests.conftest import Desk
from tests.inbox.bulk_calls import (
    EVENTS,
    by_email,
    crowd,
    disable,
    errors,
    send,
    set_status,
)
from tests.support import inputs
from tests.support.api import Api
from tests.support.pump import Pumps


def test_each_failing_recipient_is_a_row_that_says_why(api: Api, desk: Desk) -> None:
    disable(desk, "bob")
    recipients = [
        *by_email("alice", "bob", "nobody", "dave", "erin"),
        {"type": "user_id", "user_id": inputs.uuid(1)},
        {"type": "group", "slug": "nowhere"},
        {"type": "group", "slug": "zephyr"},
    ]
    reply = send(api, desk.fd1, recipients)
    assert reply.status == 202
    assert errors(reply) == [
        None,
        "token_disabled",
        "user_not_found",
        "user_inactive",
        "no_approved_request",
        "user_not_found",
        "group_not_found",
        "not_group_admin",
    ]
    assert [row["email"] for row in reply.json["results"][2:]] == [
        "nobody@example.com",
        "dave@example.com",
        "erin@example.com",
        f"{inputs.uuid(1)}@unresolved.invalid",
        "nowhere@unresolved.invalid",
        "zephyr@unresolved.invalid",
    ]


def test_long_group_name_gets_a_valid_placeholder_address(api: Api, desk: Desk) -> None:
    (row,) = send(api, desk.fd1, [{"type": "group", "slug": "ß" * 50}]).json["results"]
    local, _, domain = row["email"].partition("@")
    assert (row["error"], domain) == ("group_not_found", "unresolved.invalid")
    assert len(local) == 64
    assert local.isalnum()


def test_without_auto_claim_missing_and_ended_tokens_fail(api: Api, desk: Desk) -> None:
    assert errors(send(api, desk.fd1, by_email("carol"), auto_claim=False)) == ["no_approved_request"]
    set_status(desk, "alice", "revoked")
    assert errors(send(api, desk.fd1, by_email("alice"), auto_claim=False)) == ["no_token"]
    assert errors(send(api, desk.fd1, by_email("alice"))) == [None]


def test_severity_above_a_ceiling_fails_only_that_row(api: Api, desk: Desk) -> None:
    claim = {"email": "bob@example.com", "severity_ceiling": "warn"}
    assert api.post("/api/v1/tokens/claim", claim, desk.fd1).status == 200
    reply = send(api, desk.fd1, by_email("alice", "bob"), event=inputs.new_event(severity="critical"))
    assert errors(reply) == [None, "severity_above_ceiling"]


def test_project_event_needs_an_administrator_and_reaches_members_only(api: Api, desk: Desk, pump: Pumps) -> None:
    reply = send(api, desk.fd1, by_email("alice", "carol"), event=inputs.new_event(project_slug="apollo"))
    assert errors(reply) == [None, "cross_project_blocked"]
    assert errors(send(api, desk.fd1, by_email("bob"), event=inputs.new_event(project_slug="zephyr"))) == [
        "cross_project_blocked"
    ]
    pump.drain(FAN_OUT)
    delivery = reply.json["results"][0]["deliveryId"]
    assert api.get(f"{EVENTS}/{delivery}", desk.fd1).json["projectId"] == desk.demo["project_id"]


def test_one_person_named_many_times_has_a_row_each_time(api: Api, desk: Desk) -> None:
    recipients = [
        *by_email("bob", "alice"),
        {"type": "email", "email": "BOB@example.com"},
        {"type": "user_id", "user_id": desk.user_id("alice").upper()},
        {"type": "group", "slug": "apollo"},
        *by_email("nobody", "nobody"),
    ]
    rows = send(api, desk.fd1, recipients).json["results"]
    members = [member["email"] for member in rows[4:6]]
    named = [f"{name}@example.com" for name in ("bob", "alice", "bob", "alice")]
    assert set(members) == {"alice@example.com", "bob@example.com"}
    assert [row["email"] for row in rows] == [*named, *members, "nobody@example.com", "nobody@example.com"]
    assert [row.get("deduped") for row in rows] == [False, False, True, True, True, True, None, None]


def test_a_group_is_its_active_members(api: Api, desk: Desk, pump: Pumps) -> None:
    DynamoDirectory().add_member("apollo", desk.user_id("dave"), admin=False)
    rows = send(api, desk.fd1, [{"type": "group", "slug": "apollo"}]).json["results"]
    assert {row["email"] for row in rows} == {"alice@example.com", "bob@example.com"}
    assert all(row["recipient"] == {"type": "group", "slug": "apollo"} for row in rows)


@pytest.mark.parametrize(("size", "status"), [(1000, 202), (1001, 400)])
def test_a_call_reaches_at_most_1000_people(api: Api, desk: Desk, size: int, status: int) -> None:
    crowd(desk, size)
    reply = send(api, desk.fd1, [{"type": "group", "slug": "crowd"}])
    assert reply.status == status
    if status == 202:
        assert Counter(errors(reply)) == {"no_approved_request": size - 1, None: 1}
    else:
        assert "1001" in reply.json["fieldErrors"]["recipients"][0]


def test_person_named_besides_a_group_keeps_a_row(api: Api, desk: Desk) -> None:
    DynamoDirectory().add_member("apollo", desk.user_id("dave"), admin=False)
    group = {"type": "group", "slug": "apollo"}
    rows = send(api, desk.fd1, [group, *by_email("dave")]).json["results"]
    assert (rows[-1]["email"], rows[-1]["error"]) == ("dave@example.com", "user_inactive")
    nobody = [{"type": "group", "slug": "nowhere"}, {"type": "email", "email": "nowhere@unresolved.invalid"}]
    assert errors(send(api, desk.fd1, nobody)) == ["group_not_found", "user_not_found"]
