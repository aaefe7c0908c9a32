"""Hubs as this desk stores them: their keys, ids and events."""

import json
from typing import Any

import pytest

from chalicelib import aws
from chalicelib.resources import NETWORK
from tests.conftest import Desk
from tests.federation.network.network_calls import hub_answers, own_membership, refused_command, send_heartbeats
from tests.support.api import Api
from tests.support.instances import (
    run_admin,
    serve_this_desk,
)
from tests.support.receiver import Receiver


def test_events_of_a_hub_are_accepted_while_this_desk_is_a_member(
    api: Api, desk: Desk, receiver: Receiver, own_hub: str
) -> None:
    hub_answers(receiver, 201, {"instanceId": "id-1", "platformToken": "dvd_fed_first", "status": "active"})
    run_admin("hub", "join", own_hub)
    key = json.loads(receiver.received[0].body)["apiKey"]
    event = {"event": "instance_status", "status": "active", "timestamp": "2026-05-21T12:10:00Z"}

    def word() -> int:
        return api.post("/api/marketplace/webhook", event, headers={"X-Federation-Token": key}).status

    assert word() == 200
    challenge = "n" * 24
    assert api.get(f"/.well-known/fluxden?challenge={challenge}&instanceId=id-1").status == 200
    # The hub has lost its data, and knows this desk by another id from now on.
    hub_answers(receiver, 201, {"instanceId": "id-2", "platformToken": "dvd_fed_second", "status": "active"})
    run_admin("hub", "join", own_hub)
    assert json.loads(receiver.received[1].body)["apiKey"] == key, "by which the hub knows this desk"
    assert [api.get(f"/.well-known/fluxden?challenge={challenge}&instanceId=id-{n}").status for n in (1, 2)] == [
        404,
        200,
    ]
    assert word() == 200
    assert run_admin("hub", "leave") == f"Left {own_hub}.\n"
    assert word() == 401
    assert api.get(f"/.well-known/fluxden?challenge={challenge}&instanceId=id-2").status == 404
    assert refused_command("hub", "leave") == "Error: This desk is not a member of any network.\n"
    run_admin("hub", "join", own_hub)
    assert json.loads(receiver.received[2].body)["apiKey"] == key
    assert word() == 200
    stored = json.dumps(aws.dynamodb().scan(TableName=NETWORK.physical_name)["Items"], default=str)
    assert key not in stored
    assert "dvd_fed_second" not in stored


def test_a_hub_can_not_replace_another_by_giving_the_same_id(desk: Desk, receiver: Receiver, own_hub: str) -> None:
    hub_answers(receiver, 201, {"instanceId": "id-1", "platformToken": "dvd_fed_first", "status": "active"})
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
        (200, {"instanceId": "id-1"}, "is not a registration"),
        (200, {"instanceId": "id-1", "platformToken": "with space"}, "is not a registration"),
        (403, {"error": "no"}, "with another key"),
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
