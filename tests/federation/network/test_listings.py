"""Replies about offered agents and batches."""

from typing import Any

import pytest

from tests.conftest import Desk
from tests.federation.network.network_calls import agent_ids, get_agent, put_agent
from tests.support.api import Api
from tests.support.instances import AGENTS, add_member, sync_agents


def test_a_batch_returns_the_result_of_each_row(api: Api, desk: Desk) -> None:
    made = add_member(api, name="Acme Corp")
    sync_agents(api, made, {"id": "old", "name": "Old"})
    rows = [
        {"id": "new", "name": "Research Bot", "pricingModel": "per_execution", "price": "2.50"},
        {"id": "old", "name": "Old", "description": "Changed"},
        {"name": "No id"},
        {"id": "", "name": "Empty id"},
        {"id": "nameless"},
        None,
        "text",
        {"id": "wrong", "name": "Wrong", "category": "magic"},
        {"id": "twice", "name": "Research Bot", "pricingModel": "free"},
        {"id": "twice", "name": "Again"},
    ]
    reply = sync_agents(api, made, *rows)
    assert reply.status == 200
    told = reply.json
    assert (told["success"], told["status"], told["instanceId"]) == (True, "pending_review", made.instance_id)
    assert (told["synced"], told["reReviewed"], told["total"]) == (3, 0, 10)
    results = told["results"]
    assert [each["status"] for each in results] == [
        "created", "updated", "skipped", "skipped", "skipped", "error", "error", "error", "skipped", "created",
    ]  # fmt: skip
    assert results[0] == {
        "remoteId": "new",
        "name": "Research Bot",
        "status": "created",
        "marketplaceId": results[0]["marketplaceId"],
        "slug": "acme-corp-research-bot",
        "approvalStatus": "pending_review",
        "version": "1.0.0",
        "pricePerTask": 2.5,
        "pricingModel": "per_task",
    }
    assert (results[1]["materialChanges"], results[1]["changedFields"]) == (True, ["description"])
    assert (results[1]["version"], results[1]["previousStatus"]) == ("1.0.1", "pending_review")
    refused = results[2:9]
    assert [each["remoteId"] for each in refused] == [None, None, "nameless", None, None, "wrong", "twice"]
    assert all(each["reason"] for each in refused)
    assert agent_ids(api, made) == ["new", "old", "twice"]


@pytest.mark.parametrize("body", [{}, {"agents": []}, {"agents": None}, {"agents": {}}, {"agents": "x"}, []])
def test_an_invalid_batch_is_refused(api: Api, desk: Desk, body: Any) -> None:
    assert api.post(AGENTS, body, desk.demo["federation"]["platform_token"]).status == 400


def test_a_batch_of_more_than_fifty_is_refused_whole(api: Api, desk: Desk) -> None:
    made = add_member(api)
    rows = [{"id": str(number), "name": f"Agent {number}"} for number in range(51)]
    assert sync_agents(api, made, *rows).status == 400
    assert agent_ids(api, made) == []
    assert sync_agents(api, made, *rows[:50]).json["synced"] == 50
    assert len(agent_ids(api, made)) == 50


def test_an_agent_is_created_updated_read_and_deleted(api: Api, desk: Desk) -> None:
    made = add_member(api, name="Acme")
    first = put_agent(api, made, "a%20b%2Fc", name="Bot")
    assert (first.status, first.json["action"], first.json["remoteId"]) == (201, "created", "a b/c")
    again = put_agent(api, made, "a%20b%2Fc", name="Bot")
    assert (again.status, again.json["action"]) == (200, "updated")
    assert again.json["marketplaceId"] == first.json["marketplaceId"]
    assert get_agent(api, made, "a%20b%2Fc")["id"] == first.json["marketplaceId"]
    gone = api.call("DELETE", f"{AGENTS}/a%20b%2Fc", token=made.token, key="k")
    assert gone.json == {"success": True, "deleted": True, "remoteId": "a b/c"}
    assert api.call("DELETE", f"{AGENTS}/a%20b%2Fc", token=made.token, key="k").text == gone.text
    assert api.call("DELETE", f"{AGENTS}/a%20b%2Fc", token=made.token).status == 404
    assert api.get(f"{AGENTS}/a%20b%2Fc", made.token).status == 404
