"""Descriptions of offered agents: validation, prices and defaults."""

import json
from typing import Any

import pytest

from tests.conftest import Desk
from tests.federation.network.network_calls import get_agent
from tests.support.api import Api
from tests.support.instances import AGENTS, add_member, sync_agents


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": 1},
        {"id": 1},
        {"description": None},
        {"category": "Research"},
        {"pricingModel": "auction"},
        {"pricePerTask": -1},
        {"pricePerTask": "-1"},
        {"pricePerTask": True},
        {"pricePerTask": [1]},
        {"pricingModel": "tiered"},
        {"pricingModel": "tiered", "pricingConfig": {"tiers": []}},
        {"pricingModel": "tiered", "pricingConfig": {"tiers": [{"name": "x"}]}},
        {"pricingModel": "tiered", "pricingConfig": {"tiers": [{"name": "x", "pricePerTask": -1}]}},
        {"pricingModel": "tiered", "pricingConfig": {"tiers": [{"name": "x", "pricePerTask": 1, "taskLimit": 0}]}},
        {"pricingModel": "dynamic"},
        {"pricingModel": "dynamic", "pricingConfig": {"dynamicConfig": {"estimateRange": [2, 1]}}},
        {"pricingModel": "dynamic", "pricingConfig": {"dynamicConfig": {"estimateRange": [1]}}},
        {"version": "v1.0.0"},
        {"version": "1"},
        {"version": "1.2.3.4"},
        {"version": "01.2.3"},
        {"version": "٣.1.1"},
        {"endpointUrl": "http://agent.example"},
        {"endpointUrl": "https://10.0.0.1/a2a"},
        {"developerUrl": "javascript:alert(1)"},
        {"supportsA2A": "yes"},
        {"commands": "x"},
        {"name": "x" * 101},
        {"taskTypes": {"a": 1}},
    ],
    ids=json.dumps,
)
def test_an_invalid_agent_is_refused_in_a_batch_and_alone(api: Api, desk: Desk, wrong: dict[str, Any]) -> None:
    token = desk.demo["federation"]["platform_token"]
    (row,) = api.post(AGENTS, {"agents": [{"id": "a", "name": "A"} | wrong]}, token).json["results"]
    assert row["status"] == "error", row
    if "id" not in wrong:
        assert api.call("PUT", f"{AGENTS}/a", {"name": "A"} | wrong, token=token).status == 400
    assert api.get(f"{AGENTS}/a", token).status == 404


@pytest.mark.parametrize(
    ("given", "price"),
    [
        ({"pricePerTask": 2}, 2),
        ({"pricePerTask": "2.50"}, 2.5),
        ({"pricePerTask": "3 USD"}, 3),
        ({"pricePerTask": 0}, None),
        ({"pricePerTask": "abc"}, None),
        ({"pricingAmount": 4, "price": 5}, 4),
        ({"price": 5}, 5),
        ({}, None),
    ],
)
def test_prices_are_parsed_from_numbers_and_text(
    api: Api, desk: Desk, given: dict[str, Any], price: float | None
) -> None:
    made = add_member(api)
    (row,) = sync_agents(api, made, {"id": "a", "name": "A"} | given).json["results"]
    assert row["pricePerTask"] == price
    assert get_agent(api, made, "a")["pricePerTask"] == price


def test_a_member_that_is_left_out_gets_its_default(api: Api, desk: Desk) -> None:
    made = add_member(api, name="Acme")
    whole = {
        "id": "a",
        "name": "A",
        "description": "Does it.",
        "longDescription": "Long.",
        "category": "coding",
        "endpointUrl": "https://agents.example/a",
        "pricingModel": "tiered",
        "pricingConfig": {"tiers": [{"name": "some", "pricePerTask": 1, "taskLimit": 5}], "note": "x"},
        "taskLimit": 3,
        "commands": [{"name": "do", "description": "Does.", "usage": "!a.do"}],
        "capabilities": {"taskTypes": ["code"], "contextInstructions": "Say what."},
        "supportsMCP": True,
        "supportsA2A": False,
        "tags": ["x", "y"],
        "samplePrompts": "Do it",
    }
    sync_agents(api, made, whole)
    found = get_agent(api, made, "a")
    assert json.loads(found["pricingDetails"]) == whole["pricingConfig"]
    assert (found["taskTypes"], found["contextInstructions"]) == ('["code"]', "Say what.")
    assert (found["commands"], found["samplePrompts"]) == (
        json.dumps(whole["commands"], separators=(",", ":")),
        "Do it",
    )
    assert (found["supportsMCP"], found["supportsA2A"], found["category"]) == (True, False, "coding")
    sync_agents(api, made, {"id": "a", "name": "A"})
    found = get_agent(api, made, "a")
    assert found["description"] == "Agent from Acme"
    assert found["endpointUrl"] == f"{made.base_url}/api/a2a"
    assert (found["category"], found["pricingModel"], found["supportsA2A"]) == ("general", "free", True)
    for name in ("longDescription", "pricingDetails", "taskLimit", "commands", "taskTypes", "contextInstructions"):
        assert found[name] is None
