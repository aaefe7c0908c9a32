"""Notices of the operator's decisions to instances."""

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
from tests.support.api import Api
from tests.support.instances import Member, offer_agent, run_admin, sync_agents
from tests.support.pump import Pumps, count_messages
from tests.support.receiver import Received, Receiver

NOON = datetime(2040, 5, 21, 12, 0, 10, tzinfo=UTC)


def expected_signature(hub_key: str, sent: Received) -> str:
    signed = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode() + sent.body
    return "v1," + base64.b64encode(hmac.new(hub_key.encode(), signed, hashlib.sha256).digest()).decode()


def stored_notices() -> list[dict[str, Any]]:
    rows = aws.dynamodb().scan(TableName=NETWORK.physical_name)["Items"]
    return [row for row in rows if row["sk"] == {"S": "NOTICE"}]


def test_a_notice_has_the_instances_key_and_a_signature(
    api: Api, approved_member: Member, receiver: Receiver, pump: Pumps
) -> None:
    marketplace_id = offer_agent(api, approved_member, "a", name="Bot")
    assert pump.drain(NOTICES) == 1
    (sent,) = receiver.received
    assert (sent.method, sent.path) == ("POST", "/api/marketplace/webhook")
    assert sent.headers["x-federation-token"] == approved_member.key
    assert (sent.headers["x-dividen-event"], bool(sent.headers["x-dividen-source"])) == ("agent_approval", True)
    assert sent.headers["webhook-signature"] == expected_signature(approved_member.key, sent)
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
    assert pump.calls == ["GetItem", "UpdateItem", "BatchGetItem", "GetItem", "UpdateItem"]
    assert count_messages(NOTICES) == 0


def test_a_notice_is_retried_until_it_is_delivered(
    api: Api, approved_member: Member, receiver: Receiver, pump: Pumps
) -> None:
    receiver.status = 503
    with time_machine.travel(NOON, tick=False) as clock:
        offer_agent(api, approved_member)
        pump.drain(NOTICES)
        for _ in range(3):
            clock.shift(timedelta(hours=3))
            pump.run("announce_due_notices")
            pump.drain(NOTICES)
        assert len(receiver.received) == 4
        receiver.status = 200
        clock.shift(timedelta(hours=10))
        pump.run("announce_due_notices")
        pump.drain(NOTICES)
        clock.shift(timedelta(days=3))
        pump.run("announce_due_notices")
        assert pump.drain(NOTICES) == 0
    assert len({sent.headers["webhook-id"] for sent in receiver.received}) == 1
    assert len({sent.body for sent in receiver.received}) == 1
    assert len(receiver.received) == 5


def test_a_notice_whose_message_was_lost_is_sent_by_the_schedule(
    api: Api, approved_member: Member, receiver: Receiver, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        sync_agents(api, approved_member, {"id": "a", "name": "A"})
        (waits,) = json.loads(run_admin("agents", "offered", "--json"))
        with monkeypatch.context() as broken:
            broken.setattr("chalicelib.core.gateways.job_queue.sqs", lambda: None)
            run_admin("agents", "approve", waits["id"])
        assert pump.drain(NOTICES) == 0
        clock.shift(60)
        pump.run("announce_due_notices")
        pump.drain(NOTICES)
    assert len(receiver.received) == 1


def test_an_instance_that_was_down_gets_the_last_decision_only(
    api: Api, approved_member: Member, receiver: Receiver, pump: Pumps
) -> None:
    marketplace_id = offer_agent(api, approved_member)
    run_admin("agents", "suspend", marketplace_id)
    assert pump.drain(NOTICES) == 2
    assert [json.loads(sent.body)["status"] for sent in receiver.received] == ["disabled"]
    run_admin("instances", "suspend", approved_member.instance_id)
    run_admin("instances", "approve", approved_member.instance_id, "--without-challenge")
    pump.drain(NOTICES)
    assert [json.loads(sent.body)["status"] for sent in receiver.received[1:]] == ["active"]
    outcomes = sorted(row["outcome"]["S"] for row in stored_notices() if row["kind"]["S"] != "registration")
    assert outcomes == ["delivered", "delivered", "delivered", "superseded", "superseded"]


def test_a_notice_about_a_deleted_agent_is_not_sent(
    api: Api, approved_member: Member, receiver: Receiver, pump: Pumps
) -> None:
    offer_agent(api, approved_member)
    api.call("DELETE", "/api/v2/federation/agents/a", token=approved_member.token)
    pump.drain(NOTICES)
    assert receiver.received == []


def test_a_decision_on_an_unknown_agent_is_refused(desk: Desk) -> None:
    for command in ("approve", "reject", "suspend"):
        result = CliRunner().invoke(main, ["agents", command, "x"], prog_name="admin")
        assert (result.exit_code, "No instance offers an agent x" in result.stderr) == (1, True)
