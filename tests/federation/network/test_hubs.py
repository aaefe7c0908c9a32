"""Hubs as this desk stores them: their keys, ids and events."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import aws
from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.callers import InstanceKey
from chalicelib.core.domain.errors import Unauthorized
from chalicelib.federation.network.domain.membership import (
    HeartbeatOutcome,
    Membership,
    MembershipStatus,
    RegistrationAnswer,
)
from chalicelib.federation.network.stores.hubs import DynamoHubs
from chalicelib.ids import instance_key
from chalicelib.resources import NETWORK
from chalicelib.tokens.stores.token_budgets import DynamoTokenBudgets
from tests.conftest import Desk
from tests.federation.network.network_calls import hub_answers, own_membership, refused_command, send_heartbeats
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.instances import (
    run_admin,
    serve_this_desk,
)
from tests.support.receiver import Receiver

HUBS = DynamoHubs()
URL, OTHER_URL = "https://hub.example", "https://other.example"
NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEY = "own-key-of-this-desk"


def answer(instance_id: str) -> RegistrationAnswer:
    body = {"instanceId": instance_id, "platformToken": "dvd_fed_first", "status": "active"}
    return RegistrationAnswer.model_validate(body)


def join(url: str = URL, instance_id: str = "id-1") -> bool:
    membership, key = HUBS.prepare(url, "Acme desk", f"{KEY} {url}")
    return HUBS.join(membership, key, answer(instance_id), now=NOON)


def membership(url: str = URL) -> Membership:
    (found,) = (each for each in HUBS.list_memberships() if each.hub_url == url)
    return found


def token() -> str:
    """Take the heartbeat that is due, and return the token to send it with."""
    ((url, due_at),) = HUBS.list_due(now=NOON + timedelta(days=9), limit=9)
    taken = HUBS.take(url, due_at, until=NOON + MINUTE)
    assert taken is not None
    return HUBS.token_of(*taken)


def is_heard(url: str = URL) -> bool:
    """Say whether an event of the hub, with the key of this desk, is accepted."""
    try:
        caller = DynamoTokenBudgets().spend(instance_key(f"{KEY} {url}"), Charge(), now=NOON).caller
    except Unauthorized:
        return False
    assert isinstance(caller, InstanceKey)
    return url in caller.holders


def record(seen: Membership, **more: object) -> None:
    outcome = HeartbeatOutcome(MembershipStatus.ACTIVE, None, None, NOON + 5 * MINUTE)
    HUBS.record(seen, HeartbeatOutcome(**{**vars(outcome), **more}), now=NOON)


# The store


@pytest.mark.usefixtures("tables")
def test_the_key_of_a_first_attempt_is_used_by_every_later_one() -> None:
    first, key = HUBS.prepare(URL, "Acme desk", KEY)
    again, same = HUBS.prepare(URL, "Renamed", "another key")
    assert (first.status, key, same) == (MembershipStatus.JOINING, KEY, KEY)
    assert (again.name, again.key_hash) == ("Renamed", first.key_hash)
    assert not is_heard()


@pytest.mark.usefixtures("tables")
def test_simultaneous_attempts_register_with_one_key() -> None:
    keys = run_concurrently(4, lambda number: HUBS.prepare(URL, "Acme desk", f"key {number}")[1])
    assert len(set(keys)) == 1


@pytest.mark.usefixtures("tables")
def test_a_member_beats_at_once_and_hears_its_hub() -> None:
    assert join()
    found = membership()
    assert (found.status, found.instance_id, found.joins) == (MembershipStatus.ACTIVE, "id-1", 1)
    assert (HUBS.find_key("id-1"), HUBS.find_key("id-2")) == ((URL, f"{KEY} {URL}"), None)
    assert token() == "dvd_fed_first"
    assert is_heard()


@pytest.mark.usefixtures("tables")
def test_secrets_are_stored_only_sealed() -> None:
    join()
    stored = str(aws.dynamodb().scan(TableName=NETWORK.physical_name)["Items"])
    assert KEY not in stored
    assert "dvd_fed_first" not in stored


@pytest.mark.usefixtures("tables")
def test_an_answer_to_an_older_attempt_is_not_stored() -> None:
    first, key = HUBS.prepare(URL, "Acme desk", KEY)
    assert HUBS.join(first, key, answer("id-1"), now=NOON)
    assert not HUBS.join(first, key, answer("id-2"), now=NOON)
    assert membership().instance_id == "id-1"
    assert HUBS.find_key("id-2") is None


@pytest.mark.usefixtures("tables")
def test_another_id_from_the_same_hub_replaces_the_first() -> None:
    join(instance_id="id-1")
    assert join(instance_id="id-2")
    assert (HUBS.find_key("id-1"), HUBS.find_key("id-2")) == (None, (URL, f"{KEY} {URL}"))
    assert membership().joins == 2


@pytest.mark.usefixtures("tables")
def test_two_hubs_never_share_an_id_of_this_desk() -> None:
    assert join(URL, "id-1")
    assert not join(OTHER_URL, "id-1")
    assert HUBS.find_key("id-1") == (URL, f"{KEY} {URL}")
    assert not is_heard(OTHER_URL)
    assert join(OTHER_URL, "id-2")
    assert [each.hub_url for each in HUBS.list_memberships()] == [URL, OTHER_URL]


@pytest.mark.usefixtures("tables")
def test_a_hub_that_was_left_is_not_heard_and_joined_again_with_the_same_key() -> None:
    join()
    seen = membership()
    assert HUBS.leave(seen)
    assert not HUBS.leave(seen)
    assert (membership().status, HUBS.list_due(now=NOON + MINUTE, limit=9)) == (MembershipStatus.LEFT, [])
    assert HUBS.find_key("id-1") is None
    assert not is_heard()
    assert HUBS.prepare(URL, "Acme desk", "another key")[1] == f"{KEY} {URL}"
    assert join()
    assert is_heard()


@pytest.mark.usefixtures("tables")
def test_a_due_heartbeat_is_taken_by_one_run() -> None:
    join()
    assert HUBS.list_due(now=NOON - MINUTE, limit=9) == []
    ((url, due_at),) = HUBS.list_due(now=NOON, limit=9)
    taken = run_concurrently(4, lambda _: HUBS.take(url, due_at, until=NOON + MINUTE))
    assert sum(each is not None for each in taken) == 1
    assert HUBS.list_due(now=NOON, limit=9) == []
    assert len(HUBS.list_due(now=NOON + MINUTE, limit=9)) == 1


@pytest.mark.usefixtures("tables")
def test_failures_are_counted_until_a_heartbeat_succeeds() -> None:
    join()
    for failures in (1, 2):
        record(membership(), error="answered 500")
        found = membership()
        assert (found.failures, found.last_error) == (failures, "answered 500")
    record(membership(), token="dvd_fed_second")
    found = membership()
    assert (found.failures, found.last_error, bool(found.last_success_at)) == (0, None, True)
    assert token() == "dvd_fed_second"


@pytest.mark.usefixtures("tables")
def test_an_undecided_hub_is_neither_a_failure_nor_a_success() -> None:
    join()
    seen = membership()
    record(seen, status=MembershipStatus.PENDING)
    assert replace(membership(), status=seen.status, next_heartbeat_at=seen.next_heartbeat_at) == seen


@pytest.mark.usefixtures("tables")
def test_the_outcome_of_a_heartbeat_before_a_new_join_or_a_leave_is_dropped() -> None:
    join()
    seen = membership()
    join()
    record(seen, error="answered 500")
    assert membership().failures == 0
    seen = membership()
    HUBS.leave(seen)
    record(seen)
    assert membership().status is MembershipStatus.LEFT


# A desk as a member


def test_events_of_a_hub_are_accepted_while_this_desk_is_a_member(
    api: Api, desk: Desk, receiver: Receiver, own_hub: str
) -> None:
    hub_answers(
        receiver, 201, {"success": True, "instanceId": "id-1", "platformToken": "dvd_fed_first", "status": "active"}
    )
    run_admin("hub", "join", own_hub)
    key = json.loads(receiver.received[0].body)["apiKey"]
    event = {"event": "instance_status", "status": "active", "timestamp": "2026-05-21T12:10:00Z"}

    def word() -> int:
        return api.post("/api/marketplace/webhook", event, headers={"X-Federation-Token": key}).status

    assert word() == 200
    challenge = "n" * 24
    assert api.get(f"/.well-known/fluxden?challenge={challenge}&instanceId=id-1&to={own_hub}").status == 200
    # The hub has lost its data, and knows this desk by another id from now on.
    hub_answers(
        receiver, 201, {"success": True, "instanceId": "id-2", "platformToken": "dvd_fed_second", "status": "active"}
    )
    run_admin("hub", "join", own_hub)
    assert json.loads(receiver.received[1].body)["apiKey"] == key, "by which the hub knows this desk"
    proofs = [f"/.well-known/fluxden?challenge={challenge}&instanceId=id-{n}&to={own_hub}" for n in (1, 2)]
    assert [api.get(each).status for each in proofs] == [404, 200]
    assert word() == 200
    assert run_admin("hub", "leave") == f"Left {own_hub}.\n"
    assert word() == 401
    assert api.get(proofs[1]).status == 404
    assert refused_command("hub", "leave") == "Error: This desk is not a member of any network.\n"
    run_admin("hub", "join", own_hub)
    assert json.loads(receiver.received[2].body)["apiKey"] == key
    assert word() == 200
    stored = json.dumps(aws.dynamodb().scan(TableName=NETWORK.physical_name)["Items"], default=str)
    assert key not in stored
    assert "dvd_fed_second" not in stored


def test_a_hub_can_not_replace_another_by_giving_the_same_id(desk: Desk, receiver: Receiver, own_hub: str) -> None:
    hub_answers(
        receiver, 201, {"success": True, "instanceId": "id-1", "platformToken": "dvd_fed_first", "status": "active"}
    )
    run_admin("hub", "join", own_hub)
    assert "another hub uses the same id" in refused_command("hub", "join", f"{own_hub}/second")
    found = {each["hub"]: each["status"] for each in json.loads(run_admin("hub", "show", "--json"))}
    assert found == {own_hub: "active", f"{own_hub}/second": "joining"}
    assert "Name one" not in refused_command("hub", "leave", f"{own_hub}/third")
    assert "Name one" in refused_command("hub", "leave")


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (503, {}, "did not accept the registration"),
        (200, {"success": True, "instanceId": "id-1"}, "is not a registration"),
        (200, {"instanceId": "id-1"}, "no success: true"),
        (200, {"success": True, "instanceId": "id-1", "platformToken": "with space"}, "is not a registration"),
        (403, {"error": "no"}, "with another key, has blocked it"),
    ],
)
def test_an_interrupted_join_continues_with_the_same_key(
    api: Api, desk: Desk, receiver: Receiver, own_hub: str, status: int, body: Any, why: str
) -> None:
    hub_answers(receiver, status, body)
    assert why in refused_command("hub", "join", own_hub)
    assert own_membership()["status"] == "joining"
    send_heartbeats()
    assert len(receiver.received) == 1, "nobody beats where nobody has joined"
    serve_this_desk(receiver)
    run_admin("hub", "join", own_hub)
    first, second = (json.loads(each.body)["apiKey"] for each in receiver.received)
    assert first == second
