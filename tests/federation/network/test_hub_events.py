"""Events of hubs about agents of this desk."""

import json
from typing import Any

import pytest

from chalicelib.core.stores.audit_log import AuditFilter, list_entries
from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.instances import add_member, run_admin, sync_agents
from tests.support.log_lines import read_texts

WEBHOOK, ALIAS = "/api/marketplace/webhook", "/api/v2/api/marketplace/webhook"


def post_event(api: Api, hub_key: str | None, path: str = WEBHOOK, again: str | None = None, **said: Any) -> Answer:
    headers = {"X-Federation-Token": hub_key} if hub_key is not None else {}
    return api.post(path, said, headers={**headers, "X-DiviDen-Event": "whatever"}, key=again)


def test_a_call_without_the_token_is_told_which_header_is_missing(api: Api) -> None:
    refused = post_event(api, None, event="agent_approval")
    assert (refused.status, refused.json["error"]) == (401, "The header X-Federation-Token is missing.")


@pytest.mark.parametrize("path", [WEBHOOK, ALIAS])
def test_a_decision_on_an_own_agent_changes_its_status(api: Api, desk: Desk, hub_key: str, path: str) -> None:
    def mentioned() -> bool:
        found = api.get("/api/chat/mentions?type=agents&q=scribe", desk.alice_key).json
        return bool(found)

    (scribe,) = [e for e in json.loads(run_admin("agents", "list", "--json")) if e["slug"] == "scribe"]
    before = "active"
    for agent, status, shown, now in (
        ("scribe", "rejected", False, "rejected"),
        (scribe["id"], "active", True, "active"),
        (scribe["id"], "suspended", False, "disabled"),
        ("scribe", "disabled", False, "disabled"),
        ("scribe", "active", True, "active"),
    ):
        reply = post_event(
            api, hub_key, path, event="agent_approval", agentId=agent, status=status, reason=None, marketplaceId="m"
        )
        assert reply.status == 200
        answer = reply.json
        assert (answer["received"], answer["event"], answer["agentId"], answer["name"]) == (
            True, "agent_approval", agent, "Scribe",
        )  # fmt: skip
        assert (answer["previousStatus"], answer["newStatus"], answer["reason"]) == (
            before,
            now,
            None,
        )
        assert answer["processedAt"]
        assert mentioned() is shown
        before = now


def test_a_member_can_not_decide_on_agents_it_offers(api: Api, desk: Desk) -> None:
    made = add_member(api)
    (row,) = sync_agents(api, made, {"id": "a", "name": "A"}).json["results"]
    for agent in (row["marketplaceId"], "a", row["slug"]):
        reply = post_event(api, made.key, event="agent_approval", agentId=agent, status="active")
        assert reply.status == 403
    assert api.get("/api/v2/federation/agents/a", made.token).json["agent"]["status"] == "pending_review"


@pytest.mark.parametrize("event", ["agent_approval", "capability_approval", "instance_status", "weather"])
def test_a_members_key_changes_nothing_and_is_audited(
    api: Api, desk: Desk, event: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = add_member(api)
    said = {"event": event, "agentId": "scribe", "capabilityId": "c", "status": "rejected"}
    with caplog.at_level("INFO", logger="fluxden"):
        assert post_event(api, made.key, **said).status == 403
    (scribe,) = [e for e in json.loads(run_admin("agents", "list", "--json")) if e["slug"] == "scribe"]
    assert scribe["status"] == "active"
    (entry,) = list_entries(AuditFilter(kind="hubEvent."), after=None, limit=5).entries
    assert (entry.kind, entry.actor.id) == ("hubEvent.refuse", made.instance_id)
    assert made.key not in str(read_texts(caplog))


def test_other_events_are_accepted(api: Api, desk: Desk, hub_key: str) -> None:
    assert post_event(api, hub_key, event="weather", status="sunny").json["message"]
    approved_member = post_event(api, hub_key, event="instance_status", status="active").json
    assert (approved_member["status"], bool(approved_member["processedAt"])) == ("active", True)
    approved_member = post_event(api, hub_key, event="capability_approval", capabilityId="c", status="approved").json
    assert (approved_member["capabilityId"], bool(approved_member["warning"])) == ("c", True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": None},
        {"event": ""},
        {"event": 1},
        {"agentId": None},
        {"status": None},
        {"status": "approved"},
        {"status": "ACTIVE"},
        {"timestamp": "yesterday"},
        {"event": "capability_approval"},
        {"reason": 1},
    ],
    ids=json.dumps,
)
def test_an_invalid_event_is_refused(api: Api, desk: Desk, hub_key: str, wrong: dict[str, Any]) -> None:
    said = {"event": "agent_approval", "agentId": "scribe", "status": "rejected"} | wrong
    said = {name: value for name, value in said.items() if value is not None}
    assert post_event(api, hub_key, **said).status == 400
    assert api.post(WEBHOOK, raw="{", headers={"X-Federation-Token": hub_key}).status == 400
    (scribe,) = [e for e in json.loads(run_admin("agents", "list", "--json")) if e["slug"] == "scribe"]
    assert scribe["status"] == "active"


def test_events_need_a_known_key(api: Api, desk: Desk, hub_key: str) -> None:
    said = {"event": "agent_approval", "agentId": "scribe", "status": "rejected"}
    for unknown in (None, "", "nonsense", "x" * 5000, desk.alice_key, desk.demo["federation"]["platform_token"]):
        reply = post_event(api, unknown, **said)
        assert (reply.status, reply.json["success"]) == (401, False), unknown
    assert api.post(WEBHOOK, said, token=hub_key).status == 401
    assert post_event(api, hub_key, event="weather").headers["x-ratelimit-limit"] == "600"


def test_a_repeated_event_gets_the_same_reply(api: Api, desk: Desk, hub_key: str) -> None:
    said = {"event": "agent_approval", "agentId": "scribe", "status": "rejected"}
    first, again = post_event(api, hub_key, again="k", **said), post_event(api, hub_key, again="k", **said)
    assert (again.text, again.headers["idempotent-replayed"]) == (first.text, "true")
    assert first.json["previousStatus"] == "active"


def test_an_event_takes_a_constant_number_of_store_calls(api: Api, desk: Desk, hub_key: str) -> None:
    post_event(api, hub_key, event="x")
    said = {"event": "agent_approval", "agentId": "scribe", "status": "rejected"}
    calls = post_event(api, hub_key, **said).calls
    assert sorted(calls) == ["BatchGetItem", "GetItem", "Query", "UpdateItem", "UpdateItem"]
    assert sorted(post_event(api, hub_key, event="x").calls) == ["BatchGetItem", "GetItem", "UpdateItem"]


def test_an_event_outside_the_contract_is_ignored_and_named_in_warnings(api: Api, desk: Desk, hub_key: str) -> None:
    reply = post_event(api, hub_key, event="weather", status="sunny")
    assert (reply.status, reply.json["warnings"]) == (200, ["event: is not in the contract; ignored"])
    assert "warnings" not in post_event(api, hub_key, event="instance_status", status="active").json
