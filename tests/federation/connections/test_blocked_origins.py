"""Blocking an origin: what it ends, and what ends the block."""

import json

from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from tests.conftest import Desk
from tests.federation.network.network_calls import refused_command as refused
from tests.support.api import Api
from tests.support.hostile_peer import WEBHOOK
from tests.support.instances import HEARTBEAT, REGISTER, add_member, new_registration, register_instance, run_admin
from tests.support.peer import RELAY, allow_federation, connection_request

CONNECTIONS = "/api/v2/connections"


def blocked() -> list[str]:
    return list(json.loads(run_admin("federation", "show", "--json"))["blocked"])


def test_a_blocked_desk_can_neither_ask_nor_relay_nor_register_until_it_is_unblocked(api: Api, desk: Desk) -> None:
    allow_federation()
    asked = connection_request()
    assert api.post(CONNECTIONS, asked).status == 200
    token, origin = asked["federationToken"], asked["fromInstanceUrl"]
    run_admin("federation", "block", f"{origin.upper().replace('HTTPS', 'https')}/")
    assert blocked() == [origin]
    relay = {"intent": "get_info", "subject": "Hi"}
    assert api.post(RELAY, relay, headers={"X-Federation-Token": token}).status == 404
    assert api.post(CONNECTIONS, connection_request(federationToken="u" * 40)).status == 403
    assert api.post(REGISTER, new_registration(baseUrl=origin)).status == 403
    run_admin("federation", "set", "--approval", "off")
    assert blocked() == [origin], "other settings leave it alone"
    run_admin("federation", "unblock", origin)
    assert blocked() == []
    assert api.post(RELAY, relay, headers={"X-Federation-Token": token}).status == 200
    assert api.post(REGISTER, new_registration(baseUrl=origin)).status == 201


def test_an_instance_of_a_blocked_address_is_suspended_and_cannot_be_approved(api: Api, desk: Desk) -> None:
    made, pending = add_member(api), register_instance(api)
    told = run_admin("federation", "block", made.base_url)
    assert "Suspended" in told
    assert "Nothing comes in" in told
    assert api.post(HEARTBEAT, None, made.token).status == 401
    run_admin("federation", "block", pending.base_url)
    for each in (made, pending):
        refused("instances", "approve", each.instance_id, "--without-challenge")
    run_admin("federation", "unblock", made.base_url)
    run_admin("instances", "approve", made.instance_id, "--without-challenge")
    assert api.post(HEARTBEAT, None, made.token).status == 200


def test_a_blocked_hub_says_nothing_about_this_desks_agents(api: Api, desk: Desk) -> None:
    hub_key = str(desk.demo["federation"]["instance_api_key"])
    event, headers = {"event": "instance_status", "status": "active"}, {"X-Federation-Token": hub_key}
    assert api.post(WEBHOOK, event, headers=headers).status == 200
    DynamoFederation().block("https://desk.northwind.example", blocked=True)
    assert api.post(WEBHOOK, event, headers=headers).status == 403
