"""Claims of one address: several may register it, and the one that the desk there confirms gets it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
import time_machine

from chalicelib.core.stores.actions import delete, put
from chalicelib.core.stores.writes import commit
from chalicelib.federation.network.domain.instances import InstanceStatus, proof
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.network.stores.registrations import (
    MOST_OF_ONE_HOST,
    MOST_OF_ONE_HOST_FROM_ONE_ADDRESS,
)
from chalicelib.resources import NETWORK, NOTICES, TOKENS
from tests.conftest import Desk
from tests.federation.network.network_calls import NOON, refused_command
from tests.support.api import Api
from tests.support.instances import (
    HEARTBEAT,
    REGISTER,
    Member,
    add_member,
    new_registration,
    register_instance,
    run_admin,
)
from tests.support.peer import BASE_URL, CONNECTIONS, allow_federation, connection_request
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.worker_scenarios import scan_rows


class Owner:
    """The desk at an address. It proves the keys of its own registrations, to the hub where they are."""

    def __init__(self, receiver: Receiver) -> None:
        self.url, self.receiver = receiver.url.removesuffix("/hook"), receiver
        self.keys: dict[str, str] = {}
        receiver.before = self._answer

    def register(self, api: Api, key: str = "k" * 40, **more: Any) -> Member:
        made = register_instance(api, baseUrl=self.url, apiKey=key, **more)
        self.keys[made.instance_id] = key
        return made

    def _answer(self) -> None:
        asked = {name: value for name, (value,) in parse_qs(self.receiver.received[-1].path.partition("?")[2]).items()}
        key = self.keys.get(asked.get("instanceId", ""))
        is_ours = key is not None and asked.get("to") == BASE_URL
        said = {"challenge": asked["challenge"], "instanceKeyProof": proof(asked["challenge"], str(key))}
        self.receiver.status, self.receiver.body = (200, json.dumps(said).encode()) if is_ours else (404, b"{}")


@pytest.fixture
def owner(receiver: Receiver) -> Iterator[Owner]:
    with time_machine.travel(NOON, tick=False):
        yield Owner(receiver)


def squat(api: Api, owner: Owner, number: int = 0) -> Member:
    key = f"key-of-squatter-{number}".ljust(40, "x")
    return register_instance(api, baseUrl=owner.url, apiKey=key, address=f"203.0.113.{number}")


def listed(url: str) -> dict[str, bool]:
    """Return the registrations of an address, and whether each is confirmed."""
    found = json.loads(run_admin("instances", "list", "--json"))
    return {each["id"]: each["confirmed"] for each in found if each["baseUrl"] == url}


def works(api: Api, made: Member) -> bool:
    allow_federation()
    return api.post(HEARTBEAT, None, made.token).status == 200


def rows_of(url: str) -> list[tuple[str, str]]:
    rows = [row for row in scan_rows(NETWORK) if url in (row["pk"].removeprefix("BASEURL#"), row.get("baseUrl"))]
    return sorted((row["pk"].partition("#")[0], row["sk"].partition("#")[0]) for row in rows)


@pytest.mark.parametrize("first", [True, False], ids=["after a squatter", "before a squatter"])
def test_the_desk_that_confirms_its_address_gets_it_at_once(
    api: Api, desk: Desk, pump: Pumps, owner: Owner, *, first: bool
) -> None:
    squatters = [squat(api, owner)] if first else []
    made = owner.register(api)
    squatters += [squat(api, owner, number) for number in range(1, 4)]
    assert listed(owner.url) == {each.instance_id: False for each in [*squatters, made]}
    pump.drain(NOTICES)
    assert listed(owner.url) == {made.instance_id: True}
    assert rows_of(owner.url) == [("BASEURL", "INSTANCE"), ("INSTANCES", made.instance_id)]
    assert "Approved" in run_admin("instances", "approve", made.instance_id, "--without-challenge")
    assert works(api, made)
    for each in squatters:
        refused_command("instances", "approve", each.instance_id, "--without-challenge")
        assert not works(api, each)


def test_registrations_leave_no_tokens_until_they_are_approved(api: Api, desk: Desk, pump: Pumps, owner: Owner) -> None:
    before = list(scan_rows(TOKENS))
    squatter, made = squat(api, owner), owner.register(api)
    renewed = owner.register(api)
    pump.drain(NOTICES)
    assert list(scan_rows(TOKENS)) == before
    run_admin("instances", "approve", made.instance_id)
    rows = [row for row in scan_rows(TOKENS) if row not in before]
    assert sorted(row["pk"].partition("#")[0] for row in rows) == ["INSTANCE", "PLATFORM"]
    assert [works(api, each) for each in (squatter, made, renewed)] == [False, False, True]


def test_a_confirmed_registration_is_not_displaced_by_a_claim(api: Api, desk: Desk, pump: Pumps, owner: Owner) -> None:
    made = owner.register(api)
    pump.drain(NOTICES)
    squatter = squat(api, owner)
    pump.drain(NOTICES)
    assert listed(owner.url) == {made.instance_id: True, squatter.instance_id: False}
    for more in ((), ("--without-challenge",)):
        assert refused_command("instances", "approve", squatter.instance_id, *more)
    refused_command("instances", "suspend", squatter.instance_id)
    assert "Approved" in run_admin("instances", "approve", made.instance_id)
    assert listed(owner.url) == {made.instance_id: True}


def test_a_desk_that_lost_its_key_confirms_anew(api: Api, desk: Desk, pump: Pumps, owner: Owner) -> None:
    first = owner.register(api, "f" * 40)
    pump.drain(NOTICES)
    owner.keys.clear()
    second = owner.register(api, "s" * 40)
    pump.drain(NOTICES)
    assert listed(owner.url) == {second.instance_id: True}
    assert first.instance_id != second.instance_id


def test_an_approved_instance_is_displaced_by_nobody(api: Api, desk: Desk, pump: Pumps, owner: Owner) -> None:
    """Not even by a claim that its desk would confirm: the operator's decision stands."""
    made = owner.register(api)
    late = owner.register(api, "l" * 40)
    run_admin("instances", "approve", made.instance_id)
    pump.drain(NOTICES)
    assert listed(owner.url) == {made.instance_id: True}
    assert works(api, made)
    assert not works(api, late)
    assert api.post(REGISTER, new_registration(baseUrl=owner.url, apiKey="l" * 40)).status == 403


def test_the_operators_approval_decides_where_nobody_can_confirm(
    api: Api, desk: Desk, pump: Pumps, owner: Owner
) -> None:
    first, second = squat(api, owner, 1), squat(api, owner, 2)
    pump.drain(NOTICES)
    assert len(listed(owner.url)) == 2
    run_admin("instances", "approve", second.instance_id, "--without-challenge")
    assert listed(owner.url) == {second.instance_id: False}
    assert [works(api, each) for each in (first, second)] == [False, True]


def test_a_desk_that_answers_late_is_asked_again(api: Api, desk: Desk, pump: Pumps, owner: Owner) -> None:
    """A hub asks while the answer to the registration is still on its way."""
    with time_machine.travel(NOON, tick=False) as clock:
        made = register_instance(api, baseUrl=owner.url, apiKey="k" * 40)
        pump.drain(NOTICES)
        assert listed(owner.url) == {made.instance_id: False}
        owner.keys[made.instance_id] = made.key
        clock.shift(timedelta(minutes=2))
        pump.run("announce_due_notices")
        pump.drain(NOTICES)
        assert listed(owner.url) == {made.instance_id: True}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (302, b""),
        (404, b""),
        (500, b""),
        (204, b""),
        (200, b"<html>"),
        (200, b"[" * 50_000),
        (200, b'{"challenge": "other", "instanceKeyProof": "00"}'),
        (200, b"x" * 70_000),
    ],
    ids=["redirect", "not found", "error", "empty", "page", "deep", "another's", "huge"],
)
def test_nothing_else_than_the_proof_confirms(
    api: Api, desk: Desk, pump: Pumps, owner: Owner, status: int, body: bytes
) -> None:
    made = owner.register(api)
    owner.receiver.before = lambda: None
    owner.receiver.status, owner.receiver.body, owner.receiver.headers = status, body, {"Location": owner.url}
    pump.drain(NOTICES)
    assert listed(owner.url) == {made.instance_id: False}


def test_the_question_names_this_desk_and_is_made_once_for_a_lapsed_registration(
    api: Api, desk: Desk, pump: Pumps, owner: Owner
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        register_instance(api, baseUrl=owner.url)
        pump.drain(NOTICES)
        (asked,) = owner.receiver.received
        assert parse_qs(asked.path.partition("?")[2])["to"] == [BASE_URL]
        clock.shift(timedelta(hours=72))
        pump.run("announce_due_notices")
        pump.drain(NOTICES)
        assert len(owner.receiver.received) == 1


def test_one_stranger_cannot_use_up_the_registrations_of_a_host(api: Api, desk: Desk, owner: Owner) -> None:
    def register(number: int, address: str) -> int:
        said = new_registration(baseUrl=f"{owner.url}/{number}", apiKey="s" * 40)
        return api.post(REGISTER, said, address=address).status

    most = MOST_OF_ONE_HOST_FROM_ONE_ADDRESS
    assert [register(number, "203.0.113.1") for number in range(most + 5)] == [201] * most + [429] * 5
    strangers = MOST_OF_ONE_HOST // most
    for number in range(most, MOST_OF_ONE_HOST):
        assert register(number, f"203.0.113.{2 + number % strangers}") == 201
    assert register(999, "203.0.113.99") == 429
    other = new_registration()
    assert api.post(REGISTER, other, address="203.0.113.99").status == 201, "of another host"


def test_a_pending_registration_of_an_earlier_release_is_displaced_with_its_token(
    api: Api, desk: Desk, pump: Pumps, owner: Owner
) -> None:
    """It had its address, and its token a row, without a confirmation."""
    squatter = squat(api, owner)
    found = DynamoInstances().find(squatter.instance_id)
    assert found is not None
    make_as_before(found.instance_id, owner.url, found.token_hash)
    made = owner.register(api)
    pump.drain(NOTICES)
    assert listed(owner.url) == {made.instance_id: True}
    assert not [row for row in scan_rows(TOKENS) if row.get("secretHash") == found.token_hash]


def make_as_before(instance_id: str, url: str, token_hash: str) -> None:
    """Store the rows of a pending instance as earlier releases did."""
    claim = next(row for row in scan_rows(NETWORK) if row["sk"].startswith("CLAIM#"))
    token = {"secretHash": token_hash, "instanceId": instance_id, "status": "disabled"}
    commit(
        [
            delete(NETWORK, {"pk": claim["pk"], "sk": claim["sk"]}),
            put(NETWORK, {"pk": f"BASEURL#{url}", "sk": "INSTANCE", "instanceId": instance_id, "approved": False}),
            put(TOKENS, {"pk": f"PLATFORM#{token_hash}"} | token),
        ]
    )


def test_a_claim_proves_no_origin(api: Api, desk: Desk, pump: Pumps, owner: Owner) -> None:
    """An allowlist and a credential count for the instance that has the address, and no other."""
    squatter = squat(api, owner)
    allow_federation("allowlist")
    said = connection_request(fromInstanceUrl=owner.url)
    assert api.post(CONNECTIONS, said, squatter.token).status == 403
    found = DynamoInstances().find(squatter.instance_id)
    assert found is not None
    assert found.status is InstanceStatus.PENDING


def test_a_removed_claim_leaves_the_address_to_its_holder(api: Api, desk: Desk, pump: Pumps, owner: Owner) -> None:
    made = owner.register(api)
    pump.drain(NOTICES)
    squatter = squat(api, owner)
    run_admin("instances", "remove", squatter.instance_id)
    assert listed(owner.url) == {made.instance_id: True}
    run_admin("instances", "remove", made.instance_id)
    assert rows_of(owner.url) == []


def test_an_approved_member_is_not_guessed(api: Api, desk: Desk, owner: Owner) -> None:
    member = add_member(api, baseUrl=owner.url)
    wrong = new_registration(baseUrl=owner.url, apiKey="w" * 40)
    assert api.post(REGISTER, wrong).status == 403
    assert works(api, member)
