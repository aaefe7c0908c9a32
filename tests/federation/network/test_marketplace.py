"""Offered agents: review, slugs, versions and concurrent changes."""

import json
from collections import Counter

import pytest

from chalicelib.core.domain.errors import Unavailable
from chalicelib.federation.network.domain.marketplace import bump_version, parse_version, slugify
from chalicelib.federation.network.stores.instances import DynamoInstances
from tests.conftest import Desk
from tests.federation.network.network_calls import agent_ids, get_agent, put_agent
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.instances import AGENTS, add_member, link_marketplace, offer_agent, run_admin, sync_agents

SPEND = "UpdateItem"


def test_an_instance_outside_the_marketplace_can_only_delete_agents(api: Api, desk: Desk) -> None:
    made = add_member(api)
    sync_agents(api, made, {"id": "a", "name": "A"})
    link_marketplace(api, made, "disable")
    assert sync_agents(api, made, {"id": "b", "name": "B"}).status == 403
    assert put_agent(api, made, "b").status == 403
    assert agent_ids(api, made) == ["a"]
    assert api.call("DELETE", f"{AGENTS}/a", token=made.token).status == 200


def test_an_active_agent_with_material_changes_is_reviewed_again(api: Api, desk: Desk) -> None:
    made = add_member(api)
    for change in (
        lambda **told: sync_agents(api, made, {"id": "a", "name": "Agent a"} | told).json["results"][0],
        lambda **told: put_agent(api, made, "a", **{"name": "Agent a"} | told).json,
    ):
        offer_agent(api, made, "a")
        same = change()  # type: ignore[no-untyped-call]
        assert (same["approvalStatus"], same["materialChanges"], same["version"]) == ("active", False, "1.0.0")
        told = change(version="2.0", installGuide="Not material.")  # type: ignore[no-untyped-call]
        assert (told["approvalStatus"], told["version"]) == ("active", "2.0.0")
        told = change(pricePerTask=5)  # type: ignore[no-untyped-call]
        assert (told["approvalStatus"], told["materialChanges"], told["version"]) == ("pending_review", True, "2.0.1")
        (note,) = get_agent(api, made, "a")["changelog"]
        assert (note["version"], note["previousVersion"]) == ("2.0.1", "2.0.0")
        assert note["diff"] == {"pricePerTask": {"from": "", "to": "5.0"}}
        told = change(pricePerTask=5, description="New", version="1.5")  # type: ignore[no-untyped-call]
        assert told["version"] == "1.5.0"
        api.call("DELETE", f"{AGENTS}/a", token=made.token)


def test_a_decision_is_kept_until_a_material_change(api: Api, desk: Desk) -> None:
    made = add_member(api)
    marketplace_id = offer_agent(api, made, "a")
    for command, status in (("suspend", "disabled"), ("reject", "rejected")):
        run_admin("agents", command, marketplace_id, "--reason", "Not now.")
        assert get_agent(api, made, "a")["status"] == status
        row = sync_agents(api, made, {"id": "a", "name": "Agent a", "description": command}).json["results"][0]
        assert (row["approvalStatus"], row["materialChanges"]) == (status, True)


def test_an_instance_can_not_approve_its_own_agents(api: Api, desk: Desk) -> None:
    made = add_member(api)
    row = sync_agents(api, made, {"id": "a", "name": "A", "status": "active", "approvalStatus": "active"}).json[
        "results"
    ][0]
    assert row["approvalStatus"] == "pending_review"
    assert put_agent(api, made, "b", status="active").json["approvalStatus"] == "pending_review"


def test_an_operator_lists_agents_that_wait_for_review(api: Api, desk: Desk) -> None:
    made = add_member(api, name="Acme")
    sync_agents(api, made, {"id": "a", "name": "A"})
    (waiting,) = json.loads(run_admin("agents", "offered", "--json"))
    assert (waiting["slug"], waiting["instance"], waiting["status"]) == ("acme-a", "Acme", "pending_review")
    assert len(json.loads(run_admin("agents", "offered", "--all", "--json"))) == 2
    run_admin("agents", "reject", waiting["id"])
    assert run_admin("agents", "offered") == "No agents are waiting for review.\n"


@pytest.mark.parametrize(
    ("instance", "agent", "slug"),
    [
        ("Acme Corp", "Research Bot", "acme-corp-research-bot"),
        ("Acme, Inc.", "My Agent!", "acme-inc--my-agent-"),
        ("株式会社", "調査", "---"),
    ],
)
def test_slugs_have_the_names_of_instance_and_agent(instance: str, agent: str, slug: str) -> None:
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
    assert put_agent(api, second, "a", name="Bot").status == 409
    assert agent_ids(api, second) == []
    rows = sync_agents(api, second, {"id": "a", "name": "Bot"}, {"id": "b", "name": "bot"}).json["results"]
    assert rows[0]["slug"] == f"{second.instance_id[:8]}-bot"
    assert (rows[1]["status"], "slug" in rows[1]["reason"]) == ("error", True)
    again = sync_agents(api, second, {"id": "a", "name": "Bot", "tags": ["kept"]}).json["results"][0]
    assert (again["slug"], again["status"], again["approvalStatus"]) == (rows[0]["slug"], "updated", "pending_review")
    assert agent_ids(api, second) == ["a"]


def test_a_renamed_agent_gets_a_new_slug_by_batch_and_keeps_it_alone(api: Api, desk: Desk) -> None:
    made = add_member(api, name="Acme")
    sync_agents(api, made, {"id": "a", "name": "One"})
    assert sync_agents(api, made, {"id": "a", "name": "Two"}).json["results"][0]["slug"] == "acme-two"
    assert put_agent(api, made, "a", name="Three").json["slug"] == "acme-two"
    assert sync_agents(api, made, {"id": "b", "name": "One"}).json["results"][0]["slug"] == "acme-one"
    api.call("DELETE", f"{AGENTS}/b", token=made.token)
    assert sync_agents(api, made, {"id": "c", "name": "One"}).json["results"][0]["slug"] == "acme-one"


@pytest.mark.parametrize("remote_id", ["x" * 201, "%E4%BD%A0" * 400, "%00", "%ff%fe"])
def test_impossible_ids_are_not_found(api: Api, desk: Desk, remote_id: str) -> None:
    made = add_member(api)
    assert api.get(f"{AGENTS}/{remote_id}", made.token).status == 404
    assert api.call("DELETE", f"{AGENTS}/{remote_id}", token=made.token).status == 404
    assert put_agent(api, made, remote_id).status in (201, 400, 404)


def test_agents_of_another_instance_are_not_found(api: Api, desk: Desk) -> None:
    made, other = add_member(api), add_member(api)
    sync_agents(api, made, {"id": "a", "name": "A"})
    assert agent_ids(api, other) == []
    assert api.get(f"{AGENTS}/a", other.token).status == 404
    assert api.call("DELETE", f"{AGENTS}/a", token=other.token).status == 404
    assert put_agent(api, other, "a").status == 201
    assert agent_ids(api, made) == ["a"]


def test_repeated_requests_change_nothing(api: Api, desk: Desk) -> None:
    made = add_member(api)
    first = sync_agents(api, made, {"id": "a", "name": "A"}, key="k")
    sync_agents(api, made, {"id": "a", "name": "A", "description": "Since"})
    again = sync_agents(api, made, {"id": "a", "name": "A"}, key="k")
    assert (again.text, again.headers["idempotent-replayed"]) == (first.text, "true")
    assert get_agent(api, made, "a")["description"] == "Since"
    assert sync_agents(api, made, {"id": "b", "name": "B"}, key="k").status == 409
    one = put_agent(api, made, "p", key="p")
    assert (put_agent(api, made, "p", key="p").text, put_agent(api, made, "p", key="p").status) == (one.text, 201)


def test_simultaneous_puts_make_one_agent_with_one_slug(api: Api, desk: Desk) -> None:
    made = add_member(api)
    replies = run_concurrently(8, lambda number: put_agent(api, made, "a", description=f"By {number}"))
    assert Counter(reply.status for reply in replies) == {201: 1, 200: 7}
    assert len(get_agent(api, made, "a")["changelog"]) == 7
    replies = run_concurrently(8, lambda number: put_agent(api, made, f"s{number}", name="Same"))
    assert Counter(reply.status for reply in replies) == {201: 1, 409: 7}


def test_simultaneous_approvals_and_changes_are_counted_correctly(api: Api, desk: Desk) -> None:
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


def test_a_sync_that_was_not_recorded_is_repeated(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise Unavailable("not now")

    made = add_member(api)
    with monkeypatch.context() as broken:
        broken.setattr(DynamoInstances, "save_report", fail)
        assert sync_agents(api, made, {"id": "a", "name": "A"}, key="k").status == 503
    again = sync_agents(api, made, {"id": "a", "name": "A"}, key="k")
    assert (again.status, again.headers.get("idempotent-replayed")) == (200, None)


def test_a_sync_takes_a_constant_number_of_store_calls(api: Api, desk: Desk) -> None:
    made = add_member(api)
    rows = [{"id": str(number), "name": f"Agent {number}"} for number in range(50)]
    api.get(AGENTS, made.token)
    assert [sync_agents(api, made, *some).steps for some in (rows, rows, rows[:1])] == [5, 5, 5]
    assert sync_agents(api, made, *rows, key="k").steps == 7
    assert sorted(put_agent(api, made, "x").calls) == ["BatchGetItem"] * 2 + ["GetItem"] * 2 + [
        "TransactWriteItems",
        SPEND,
    ]
    guarded = ["BatchGetItem", SPEND]
    assert sorted(api.get(AGENTS, made.token).calls) == sorted([*guarded, "Query"])
    assert sorted(api.get(f"{AGENTS}/x", made.token).calls) == sorted([*guarded, "BatchGetItem"])
    deleted = api.call("DELETE", f"{AGENTS}/x", token=made.token)
    assert sorted(deleted.calls) == sorted([*guarded, "GetItem", "BatchGetItem", "TransactWriteItems"])


def test_of_two_rows_with_one_id_the_later_counts(api: Api, desk: Desk) -> None:
    made = add_member(api)

    first, other, second, invalid = sync_agents(
        api,
        made,
        {"id": "a", "name": "First"},
        {"id": "b", "name": "Other"},
        {"id": "a", "name": "Second"},
        {"id": "a", "name": "Third", "description": 5},
    ).json["results"]
    assert (first["status"], "later row" in first["reason"]) == ("skipped", True)
    assert (other["status"], second["status"], invalid["status"]) == ("created", "created", "error")
    assert api.get(f"{AGENTS}/a", made.token).json["agent"]["name"] == "Second"
