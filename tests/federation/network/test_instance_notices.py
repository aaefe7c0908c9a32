"""Instances are told what our operator decides: once, signed, in the end; and hubs tell this desk."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner

from chalicelib import aws
from chalicelib.resources import NETWORK, NOTICES
from infra.admin import main
from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.instances import Member, add_member, offer_agent, run_admin, sync_agents
from tests.support.pump import Pumps, count_messages
from tests.support.receiver import Received, Receiver

WEBHOOK, ALIAS = "/api/marketplace/webhook", "/api/v2/api/marketplace/webhook"
NOON = datetime(2040, 5, 21, 12, 0, 10, tzinfo=UTC)


@pytest.fixture
def told(api: Api, desk: Desk, receiver: Receiver, pump: Pumps) -> Member:
    """A member that is reached at the receiver, and has been told that it is approved."""
    made = add_member(api, baseUrl=receiver.url.removesuffix("/hook"))
    assert pump.drain(NOTICES) == 1
    (approved,) = receiver.received
    assert json.loads(approved.body)["status"] == "active"
    assert approved.headers["x-dividen-event"] == "instance_status"
    receiver.received.clear()
    return made


def signature(key: str, sent: Received) -> str:
    signed = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode() + sent.body
    return "v1," + base64.b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()


def notices() -> list[dict[str, Any]]:
    rows = aws.dynamodb().scan(TableName=NETWORK.physical_name)["Items"]
    return [row for row in rows if row["sk"] == {"S": "NOTICE"}]


def test_an_instance_is_told_of_a_decision_with_its_key_and_a_signature(
    api: Api, told: Member, receiver: Receiver, pump: Pumps
) -> None:
    marketplace_id = offer_agent(api, told, "a", name="Bot")
    assert pump.drain(NOTICES) == 1
    (sent,) = receiver.received
    assert (sent.method, sent.path) == ("POST", "/api/marketplace/webhook")
    assert sent.headers["x-federation-token"] == told.key
    assert (sent.headers["x-dividen-event"], bool(sent.headers["x-dividen-source"])) == ("agent_approval", True)
    assert sent.headers["webhook-signature"] == signature(told.key, sent)
    said = json.loads(sent.body)
    assert said == {
        "event": "agent_approval",
        "agentId": "a",
        "marketplaceId": marketplace_id,
        "name": "Bot",
        "slug": said["slug"],
        "status": "active",
        "reason": None,
        "timestamp": said["timestamp"],
    }
    run_admin("agents", "reject", marketplace_id, "--reason", "Too slow.")
    pump.drain(NOTICES)
    assert json.loads(receiver.received[1].body)["reason"] == "Too slow."
    assert pump.calls == ["GetItem", "UpdateItem", "BatchGetItem", "UpdateItem"]
    assert count_messages(NOTICES) == 0


def test_a_notice_is_sent_until_it_is_taken(api: Api, told: Member, receiver: Receiver, pump: Pumps) -> None:
    receiver.status = 503
    with time_machine.travel(NOON, tick=False) as clock:
        offer_agent(api, told)
        pump.drain(NOTICES)
        for _ in range(3):
            clock.shift(timedelta(hours=3))
            pump.run("announce_due_notices")
            pump.drain(NOTICES)
        assert len(receiver.received) == 4
        receiver.status = 204
        clock.shift(timedelta(hours=10))
        pump.run("announce_due_notices")
        pump.drain(NOTICES)
        clock.shift(timedelta(days=3))
        pump.run("announce_due_notices")
        assert pump.drain(NOTICES) == 0
    assert len({sent.headers["webhook-id"] for sent in receiver.received}) == 1
    assert len({sent.body for sent in receiver.received}) == 1
    assert len(receiver.received) == 5


def test_a_notice_whose_message_got_lost_is_sent_all_the_same(
    api: Api, told: Member, receiver: Receiver, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        sync_agents(api, told, {"id": "a", "name": "A"})
        (waits,) = json.loads(run_admin("agents", "offered", "--json"))
        with monkeypatch.context() as broken:
            broken.setattr("chalicelib.core.gateways.job_queue.sqs", lambda: None)
            run_admin("agents", "approve", waits["id"])
        assert pump.drain(NOTICES) == 0
        clock.shift(60)
        pump.run("announce_due_notices")
        pump.drain(NOTICES)
    assert len(receiver.received) == 1


def test_an_instance_that_was_away_hears_the_last_word_only(
    api: Api, told: Member, receiver: Receiver, pump: Pumps
) -> None:
    marketplace_id = offer_agent(api, told)
    run_admin("agents", "suspend", marketplace_id)
    assert pump.drain(NOTICES) == 2
    assert [json.loads(sent.body)["status"] for sent in receiver.received] == ["disabled"]
    run_admin("instances", "suspend", told.instance_id)
    run_admin("instances", "approve", told.instance_id, "--without-challenge")
    pump.drain(NOTICES)
    assert [json.loads(sent.body)["status"] for sent in receiver.received[1:]] == ["active"]
    outcomes = sorted(row["outcome"]["S"] for row in notices())
    assert outcomes == ["delivered", "delivered", "delivered", "superseded", "superseded"]


def test_a_notice_about_an_agent_that_is_gone_is_not_sent(
    api: Api, told: Member, receiver: Receiver, pump: Pumps
) -> None:
    offer_agent(api, told)
    api.call("DELETE", "/api/v2/federation/agents/a", token=told.token)
    pump.drain(NOTICES)
    assert receiver.received == []


def test_an_unknown_agent_can_not_be_decided_on(desk: Desk) -> None:
    for command in ("approve", "reject", "suspend"):
        result = CliRunner().invoke(main, ["agents", command, "x"], prog_name="admin")
        assert (result.exit_code, "No instance offers an agent x" in result.stderr) == (1, True)


# What hubs tell this desk


def say(api: Api, key: str | None, path: str = WEBHOOK, again: str | None = None, **said: Any) -> Answer:
    headers = {"X-Federation-Token": key} if key is not None else {}
    return api.post(path, said, headers={**headers, "X-DiviDen-Event": "whatever"}, key=again)


@pytest.fixture
def key(desk: Desk) -> str:
    return str(desk.demo["federation"]["instance_api_key"])


@pytest.mark.parametrize("path", [WEBHOOK, ALIAS])
def test_a_decision_on_an_agent_of_ours_is_followed(api: Api, desk: Desk, key: str, path: str) -> None:
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
        reply = say(
            api, key, path, event="agent_approval", agentId=agent, status=status, reason=None, marketplaceId="m"
        )
        assert reply.status == 200
        told = reply.json
        assert (told["received"], told["event"], told["agentId"], told["name"]) == (
            True, "agent_approval", agent, "Scribe",
        )  # fmt: skip
        assert (told["previousStatus"], told["newStatus"], told["reason"]) == (before, now, None)
        assert told["processedAt"]
        assert mentioned() is shown
        before = now


def test_no_member_decides_on_the_agents_it_offers(api: Api, desk: Desk) -> None:
    made = add_member(api)
    (row,) = sync_agents(api, made, {"id": "a", "name": "A"}).json["results"]
    for agent in (row["marketplaceId"], "a", row["slug"]):
        reply = say(api, made.key, event="agent_approval", agentId=agent, status="active")
        assert (reply.status, set(reply.json)) == (200, {"received", "event", "agentId", "warning"})
    assert api.get("/api/v2/federation/agents/a", made.token).json["agent"]["status"] == "pending_review"


def test_other_events_are_noted(api: Api, desk: Desk, key: str) -> None:
    assert say(api, key, event="weather", status="sunny").json["message"]
    told = say(api, key, event="instance_status", status="active").json
    assert (told["status"], bool(told["processedAt"])) == ("active", True)
    told = say(api, key, event="capability_approval", capabilityId="c", status="approved").json
    assert (told["capabilityId"], bool(told["warning"])) == ("c", True)


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
def test_a_wrong_event_is_refused(api: Api, desk: Desk, key: str, wrong: dict[str, Any]) -> None:
    said = {"event": "agent_approval", "agentId": "scribe", "status": "rejected"} | wrong
    said = {name: value for name, value in said.items() if value is not None}
    assert say(api, key, **said).status == 400
    assert api.post(WEBHOOK, raw="{", headers={"X-Federation-Token": key}).status == 400
    (scribe,) = [e for e in json.loads(run_admin("agents", "list", "--json")) if e["slug"] == "scribe"]
    assert scribe["status"] == "active"


def test_only_known_keys_are_heard(api: Api, desk: Desk, key: str) -> None:
    said = {"event": "agent_approval", "agentId": "scribe", "status": "rejected"}
    for unknown in (None, "", "nonsense", "x" * 5000, desk.alice_key, desk.demo["federation"]["platform_token"]):
        reply = say(api, unknown, **said)
        assert (reply.status, reply.json["success"]) == (401, False), unknown
    assert api.post(WEBHOOK, said, token=key).status == 401
    assert say(api, key, event="weather").headers["x-ratelimit-limit"] == "600"


def test_a_repeat_is_told_again(api: Api, desk: Desk, key: str) -> None:
    said = {"event": "agent_approval", "agentId": "scribe", "status": "rejected"}
    first, again = say(api, key, again="k", **said), say(api, key, again="k", **said)
    assert (again.text, again.headers["idempotent-replayed"]) == (first.text, "true")
    assert first.json["previousStatus"] == "active"


def test_store_calls_of_an_event(api: Api, desk: Desk, key: str) -> None:
    say(api, key, event="x")
    said = {"event": "agent_approval", "agentId": "scribe", "status": "rejected"}
    assert say(api, key, **said).calls == ["UpdateItem", "Query", "UpdateItem"]
    assert say(api, key, event="x").calls == ["UpdateItem"]
