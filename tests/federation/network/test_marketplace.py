"""The agents that instances offer: synced, reviewed, renamed, removed."""

import json
from collections import Counter
from typing import Any

import pytest

from chalicelib.core.domain.errors import Unavailable
from chalicelib.federation.network.domain.marketplace import bump_version, parse_version, slugify
from chalicelib.federation.network.stores.instances import DynamoInstances
from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.concurrency import run_concurrently
from tests.support.instances import AGENTS, Member, add_member, link_marketplace, offer_agent, run_admin, sync_agents

SPEND = "UpdateItem"


def put(
    api: Api, made: Member, remote_id: str, token: str | None = None, key: str | None = None, **told: Any
) -> Answer:
    return api.call(
        "PUT", f"{AGENTS}/{remote_id}", {"name": f"Agent {remote_id[:9]}"} | told, token=token or made.token, key=key
    )


def get(api: Api, made: Member, remote_id: str) -> Any:
    return api.get(f"{AGENTS}/{remote_id}", made.token).json["agent"]


def ids(api: Api, made: Member) -> list[str]:
    return [each["remoteAgentId"] for each in api.get(AGENTS, made.token).json["agents"]]


# The batch


def test_a_batch_tells_what_became_of_each_row(api: Api, desk: Desk) -> None:
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
        {"id": "new", "name": "Again"},
    ]
    reply = sync_agents(api, made, *rows)
    assert reply.status == 200
    told = reply.json
    assert (told["success"], told["status"], told["instanceId"]) == (True, "pending_review", made.instance_id)
    assert (told["synced"], told["reReviewed"], told["total"]) == (2, 0, 9)
    results = told["results"]
    assert [each["status"] for each in results] == [
        "created", "updated", "skipped", "skipped", "skipped", "error", "error", "error", "error",
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
    assert [each["remoteId"] for each in results[2:]] == [None, None, "nameless", None, None, "wrong", "new"]
    assert all(each["reason"] for each in results[2:])
    assert ids(api, made) == ["new", "old"]


@pytest.mark.parametrize("body", [{}, {"agents": []}, {"agents": None}, {"agents": {}}, {"agents": "x"}, []])
def test_a_batch_that_is_no_list_of_agents_is_refused(api: Api, desk: Desk, body: Any) -> None:
    assert api.post(AGENTS, body, desk.demo["federation"]["platform_token"]).status == 400


def test_more_than_fifty_are_refused_and_none_is_taken(api: Api, desk: Desk) -> None:
    made = add_member(api)
    rows = [{"id": str(number), "name": f"Agent {number}"} for number in range(51)]
    assert sync_agents(api, made, *rows).status == 400
    assert ids(api, made) == []
    assert sync_agents(api, made, *rows[:50]).json["synced"] == 50
    assert len(ids(api, made)) == 50


def test_whoever_does_not_take_part_can_change_nothing_but_can_remove(api: Api, desk: Desk) -> None:
    made = add_member(api)
    sync_agents(api, made, {"id": "a", "name": "A"})
    link_marketplace(api, made, "disable")
    assert sync_agents(api, made, {"id": "b", "name": "B"}).status == 403
    assert put(api, made, "b").status == 403
    assert ids(api, made) == ["a"]
    assert api.call("DELETE", f"{AGENTS}/a", token=made.token).status == 200


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
def test_a_wrong_agent_is_refused_in_a_batch_and_alone(api: Api, desk: Desk, wrong: dict[str, Any]) -> None:
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
def test_prices_are_read_as_they_are_written(api: Api, desk: Desk, given: dict[str, Any], price: float | None) -> None:
    made = add_member(api)
    (row,) = sync_agents(api, made, {"id": "a", "name": "A"} | given).json["results"]
    assert row["pricePerTask"] == price
    assert get(api, made, "a")["pricePerTask"] == price


def test_what_is_left_out_has_its_usual_value_again(api: Api, desk: Desk) -> None:
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
    found = get(api, made, "a")
    assert json.loads(found["pricingDetails"]) == whole["pricingConfig"]
    assert (found["taskTypes"], found["contextInstructions"]) == ('["code"]', "Say what.")
    assert (found["commands"], found["samplePrompts"]) == (
        json.dumps(whole["commands"], separators=(",", ":")),
        "Do it",
    )
    assert (found["supportsMCP"], found["supportsA2A"], found["category"]) == (True, False, "coding")
    sync_agents(api, made, {"id": "a", "name": "A"})
    found = get(api, made, "a")
    assert found["description"] == "Agent from Acme"
    assert found["endpointUrl"] == f"{made.base_url}/api/a2a"
    assert (found["category"], found["pricingModel"], found["supportsA2A"]) == ("general", "free", True)
    for name in ("longDescription", "pricingDetails", "taskLimit", "commands", "taskTypes", "contextInstructions"):
        assert found[name] is None


# Review


def test_an_approved_agent_whose_terms_change_is_approved_anew(api: Api, desk: Desk) -> None:
    made = add_member(api)
    for change in (
        lambda **told: sync_agents(api, made, {"id": "a", "name": "Agent a"} | told).json["results"][0],
        lambda **told: put(api, made, "a", **{"name": "Agent a"} | told).json,
    ):
        offer_agent(api, made, "a")
        same = change()  # type: ignore[no-untyped-call]
        assert (same["approvalStatus"], same["materialChanges"], same["version"]) == ("active", False, "1.0.0")
        told = change(version="2.0", installGuide="Not material.")  # type: ignore[no-untyped-call]
        assert (told["approvalStatus"], told["version"]) == ("active", "2.0.0")
        told = change(pricePerTask=5)  # type: ignore[no-untyped-call]
        assert (told["approvalStatus"], told["materialChanges"], told["version"]) == ("pending_review", True, "2.0.1")
        (note,) = get(api, made, "a")["changelog"]
        assert (note["version"], note["previousVersion"]) == ("2.0.1", "2.0.0")
        assert note["diff"] == {"pricePerTask": {"from": "", "to": "5.0"}}
        told = change(pricePerTask=5, description="New", version="1.5")  # type: ignore[no-untyped-call]
        assert told["version"] == "1.5.0"
        api.call("DELETE", f"{AGENTS}/a", token=made.token)


def test_decisions_are_kept_until_terms_change(api: Api, desk: Desk) -> None:
    made = add_member(api)
    marketplace_id = offer_agent(api, made, "a")
    for command, status in (("suspend", "disabled"), ("reject", "rejected")):
        run_admin("agents", command, marketplace_id, "--reason", "Not now.")
        assert get(api, made, "a")["status"] == status
        row = sync_agents(api, made, {"id": "a", "name": "Agent a", "description": command}).json["results"][0]
        assert (row["approvalStatus"], row["materialChanges"]) == (status, True)


def test_a_caller_does_not_approve_its_own_agents(api: Api, desk: Desk) -> None:
    made = add_member(api)
    row = sync_agents(api, made, {"id": "a", "name": "A", "status": "active", "approvalStatus": "active"}).json[
        "results"
    ][0]
    assert row["approvalStatus"] == "pending_review"
    assert put(api, made, "b", status="active").json["approvalStatus"] == "pending_review"


def test_the_operator_sees_what_waits(api: Api, desk: Desk) -> None:
    made = add_member(api, name="Acme")
    sync_agents(api, made, {"id": "a", "name": "A"})
    (waiting,) = json.loads(run_admin("agents", "offered", "--json"))
    assert (waiting["slug"], waiting["instance"], waiting["status"]) == ("acme-a", "Acme", "pending_review")
    assert len(json.loads(run_admin("agents", "offered", "--all", "--json"))) == 2
    run_admin("agents", "reject", waiting["id"])
    assert run_admin("agents", "offered") == "No agents are waiting for review.\n"


# Slugs and versions


@pytest.mark.parametrize(
    ("instance", "agent", "slug"),
    [
        ("Acme Corp", "Research Bot", "acme-corp-research-bot"),
        ("Acme, Inc.", "My Agent!", "acme-inc--my-agent-"),
        ("株式会社", "調査", "---"),
    ],
)
def test_slugs_are_made_of_both_names(instance: str, agent: str, slug: str) -> None:
    assert f"{slugify(instance)}-{slugify(agent)}" == slug


@pytest.mark.parametrize(
    ("text", "version", "after"),
    [("1.0.0", "1.0.0", "1.0.1"), ("1.2", "1.2.0", "1.2.1"), ("1.2.9-rc.1+7", "1.2.9-rc.1+7", "1.2.10")],
)
def test_versions_are_semantic(text: str, version: str, after: str) -> None:
    assert (parse_version(text), bump_version(parse_version(text))) == (version, after)


def test_a_taken_slug_is_replaced_in_a_batch_and_refused_alone(api: Api, desk: Desk) -> None:
    first, second = add_member(api, name="Acme"), add_member(api, name="ACME")
    sync_agents(api, first, {"id": "a", "name": "Bot"})
    assert put(api, second, "a", name="Bot").status == 409
    assert ids(api, second) == []
    rows = sync_agents(api, second, {"id": "a", "name": "Bot"}, {"id": "b", "name": "bot"}).json["results"]
    assert rows[0]["slug"] == f"{second.instance_id[:8]}-bot"
    assert (rows[1]["status"], "slug" in rows[1]["reason"]) == ("error", True)
    again = sync_agents(api, second, {"id": "a", "name": "Bot", "tags": ["kept"]}).json["results"][0]
    assert (again["slug"], again["status"], again["approvalStatus"]) == (rows[0]["slug"], "updated", "pending_review")
    assert ids(api, second) == ["a"]


def test_a_renamed_agent_gets_a_new_slug_by_batch_and_keeps_it_alone(api: Api, desk: Desk) -> None:
    made = add_member(api, name="Acme")
    sync_agents(api, made, {"id": "a", "name": "One"})
    assert sync_agents(api, made, {"id": "a", "name": "Two"}).json["results"][0]["slug"] == "acme-two"
    assert put(api, made, "a", name="Three").json["slug"] == "acme-two"
    assert sync_agents(api, made, {"id": "b", "name": "One"}).json["results"][0]["slug"] == "acme-one"
    api.call("DELETE", f"{AGENTS}/b", token=made.token)
    assert sync_agents(api, made, {"id": "c", "name": "One"}).json["results"][0]["slug"] == "acme-one"


# One agent


def test_one_agent_is_created_changed_read_and_deleted(api: Api, desk: Desk) -> None:
    made = add_member(api, name="Acme")
    first = put(api, made, "a%20b%2Fc", name="Bot")
    assert (first.status, first.json["action"], first.json["remoteId"]) == (201, "created", "a b/c")
    again = put(api, made, "a%20b%2Fc", name="Bot")
    assert (again.status, again.json["action"]) == (200, "updated")
    assert again.json["marketplaceId"] == first.json["marketplaceId"]
    assert get(api, made, "a%20b%2Fc")["id"] == first.json["marketplaceId"]
    gone = api.call("DELETE", f"{AGENTS}/a%20b%2Fc", token=made.token, key="k")
    assert gone.json == {"success": True, "deleted": True, "remoteId": "a b/c"}
    assert api.call("DELETE", f"{AGENTS}/a%20b%2Fc", token=made.token, key="k").text == gone.text
    assert api.call("DELETE", f"{AGENTS}/a%20b%2Fc", token=made.token).status == 404
    assert api.get(f"{AGENTS}/a%20b%2Fc", made.token).status == 404


@pytest.mark.parametrize("remote_id", ["x" * 201, "%E4%BD%A0" * 400, "%00", "%ff%fe"])
def test_ids_that_nothing_can_have_are_no_faults(api: Api, desk: Desk, remote_id: str) -> None:
    made = add_member(api)
    assert api.get(f"{AGENTS}/{remote_id}", made.token).status == 404
    assert api.call("DELETE", f"{AGENTS}/{remote_id}", token=made.token).status == 404
    assert put(api, made, remote_id).status in (201, 400, 404)


def test_agents_of_another_instance_are_not_to_be_seen(api: Api, desk: Desk) -> None:
    made, other = add_member(api), add_member(api)
    sync_agents(api, made, {"id": "a", "name": "A"})
    assert ids(api, other) == []
    assert api.get(f"{AGENTS}/a", other.token).status == 404
    assert api.call("DELETE", f"{AGENTS}/a", token=other.token).status == 404
    assert put(api, other, "a").status == 201
    assert ids(api, made) == ["a"]


# Repeats, and at the same time


def test_repeats_change_nothing(api: Api, desk: Desk) -> None:
    made = add_member(api)
    first = sync_agents(api, made, {"id": "a", "name": "A"}, key="k")
    sync_agents(api, made, {"id": "a", "name": "A", "description": "Since"})
    again = sync_agents(api, made, {"id": "a", "name": "A"}, key="k")
    assert (again.text, again.headers["idempotent-replayed"]) == (first.text, "true")
    assert get(api, made, "a")["description"] == "Since"
    assert sync_agents(api, made, {"id": "b", "name": "B"}, key="k").status == 409
    one = put(api, made, "p", key="p")
    assert (put(api, made, "p", key="p").text, put(api, made, "p", key="p").status) == (one.text, 201)


def test_agents_put_at_the_same_time_are_one_and_slugs_belong_to_one(api: Api, desk: Desk) -> None:
    made = add_member(api)
    replies = run_concurrently(8, lambda number: put(api, made, "a", description=f"By {number}"))
    assert Counter(reply.status for reply in replies) == {201: 1, 200: 7}
    assert len(get(api, made, "a")["changelog"]) == 7
    replies = run_concurrently(8, lambda number: put(api, made, f"s{number}", name="Same"))
    assert Counter(reply.status for reply in replies) == {201: 1, 409: 7}


def test_approvals_and_changes_at_the_same_time_count_right(api: Api, desk: Desk) -> None:
    made = add_member(api)
    sync_agents(api, made, *({"id": str(number), "name": f"Agent {number}"} for number in range(6)))
    for each in api.get(AGENTS, made.token).json["agents"]:
        run_admin("agents", "approve", each["id"])

    def change(number: int) -> int:
        body = {"name": f"Agent {number % 6}", "description": f"{number}"}
        return api.status("PUT", f"{AGENTS}/{number % 6}", body, made.token)

    assert set(run_concurrently(12, change)) == {200}
    active = [each for each in api.get(AGENTS, made.token).json["agents"] if each["status"] == "active"]
    assert link_marketplace(api, made, "status").json["agentCount"] == len(active) == 0


def test_a_sync_that_could_not_be_noted_is_done_again(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise Unavailable("not now")

    made = add_member(api)
    with monkeypatch.context() as broken:
        broken.setattr(DynamoInstances, "save_report", fail)
        assert sync_agents(api, made, {"id": "a", "name": "A"}, key="k").status == 503
    again = sync_agents(api, made, {"id": "a", "name": "A"}, key="k")
    assert (again.status, again.headers.get("idempotent-replayed")) == (200, None)


def test_store_calls(api: Api, desk: Desk) -> None:
    made = add_member(api)
    rows = [{"id": str(number), "name": f"Agent {number}"} for number in range(50)]
    api.get(AGENTS, made.token)
    assert [sync_agents(api, made, *some).steps for some in (rows, rows, rows[:1])] == [4, 4, 4]
    assert sync_agents(api, made, *rows, key="k").steps == 6
    assert put(api, made, "x").calls == [SPEND, "GetItem", "BatchGetItem", "TransactWriteItems"]
    assert api.get(AGENTS, made.token).calls == [SPEND, "Query"]
    assert api.get(f"{AGENTS}/x", made.token).calls == [SPEND, "BatchGetItem"]
    assert api.call("DELETE", f"{AGENTS}/x", token=made.token).calls == [SPEND, "BatchGetItem", "TransactWriteItems"]
