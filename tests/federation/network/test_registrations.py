"""Registering: what strangers can use up, and guess."""

import json
from datetime import timedelta

import time_machine

from tests.conftest import Desk
from tests.federation.network.network_calls import NOON, agent_ids, refused_command
from tests.support.api import Api
from tests.support.instances import (
    HEARTBEAT,
    REGISTER,
    add_member,
    new_registration,
    offer_agent,
    register_instance,
    run_admin,
)


def test_one_stranger_cannot_use_up_the_registrations_of_an_hour(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        statuses = [api.post(REGISTER, new_registration(), address="203.0.113.9").status for _ in range(320)]
        assert statuses == [201] * 20 + [429] * 300
        register_instance(api, address="198.51.100.7")


def test_guessing_the_key_of_a_registered_instance_is_throttled(api: Api, desk: Desk) -> None:
    made = add_member(api)
    with time_machine.travel(NOON, tick=False):
        guesses = [new_registration(baseUrl=made.base_url, apiKey=f"wrong-key-{number}") for number in range(100)]
        statuses = [api.post(REGISTER, each, address="203.0.113.9").status for each in guesses]
        assert statuses == [403] * 5 + [429] * 95
        owner = new_registration(baseUrl=made.base_url, apiKey=made.key)
        assert api.post(REGISTER, owner, address="198.51.100.7").status == 201


def listed() -> list[str]:
    return [each["id"] for each in json.loads(run_admin("instances", "list", "--json"))]


def test_a_registration_that_nobody_approves_gives_way_after_72_hours(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        squatter = register_instance(api)
        owner = new_registration(baseUrl=squatter.base_url, apiKey="o" * 40)
        clock.shift(timedelta(hours=72))
        assert squatter.instance_id not in listed()
        refused_command("instances", "approve", squatter.instance_id, "--without-challenge")
        made = api.post(REGISTER, owner)
        assert made.status == 201
        assert made.json["instanceId"] != squatter.instance_id
        run_admin("instances", "approve", made.json["instanceId"], "--without-challenge")
        assert api.post(HEARTBEAT, None, made.json["platformToken"]).status == 200
        assert api.post(HEARTBEAT, None, squatter.token).status == 401
        clock.shift(timedelta(days=30))
        assert made.json["instanceId"] in listed()


def test_a_removed_registration_frees_its_address_at_once(api: Api, desk: Desk) -> None:
    squatter = register_instance(api)
    run_admin("instances", "remove", squatter.instance_id)
    refused_command("instances", "remove", squatter.instance_id)
    owner = new_registration(baseUrl=squatter.base_url, apiKey="o" * 40)
    assert api.post(REGISTER, owner).status == 201


def test_a_suspended_instance_is_removed_with_its_agents_and_its_address_stays_cut(api: Api, desk: Desk) -> None:
    made = add_member(api)
    offer_agent(api, made)
    assert agent_ids(api, made) == ["a"]
    refused_command("instances", "remove", made.instance_id)
    run_admin("instances", "suspend", made.instance_id)
    assert "Blocked" in run_admin("instances", "remove", made.instance_id)
    found = json.loads(run_admin("federation", "show", "--json"))
    assert (found["suspended"], found["blocked"]) == ([], [made.base_url])
    again = new_registration(baseUrl=made.base_url, apiKey=made.key)
    assert api.post(REGISTER, again).status == 403
    run_admin("federation", "unblock", made.base_url)
    assert api.post(REGISTER, again).status == 201
