"""Membership of this desk at hubs: joining, heartbeats and leaving."""

import json
import logging
from datetime import timedelta

import pytest
import time_machine

from chalicelib.federation.network.domain.membership import next_slot
from chalicelib.resources import OUTBOX_WORK
from chalicelib.settings import settings
from tests.conftest import Desk
from tests.federation.network.network_calls import (
    BEAT,
    NOON,
    SILENT,
    hub_answers,
    own_membership,
    refused_command,
    send_heartbeats,
)
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.instances import (
    HEARTBEAT,
    add_member,
    register_instance,
    run_admin,
)
from tests.support.peer import CONNECTIONS, allow_federation, connection_request
from tests.support.pump import Pumps
from tests.support.receiver import Receiver


def test_a_desk_joins_a_hub_proves_itself_and_sends_heartbeats(
    api: Api, desk: Desk, receiver: Receiver, own_hub: str
) -> None:
    told = run_admin("hub", "join", own_hub, "--name", "Acme desk")
    instance_id = own_membership()["instanceId"]
    assert (
        told
        == f"Registered {own_hub} at {own_hub} as {instance_id}. It is waiting for approval by the hub's operator.\n"
    )
    send_heartbeats()
    waiting = own_membership()
    assert (waiting["status"], waiting["failures"], waiting["lastSuccessAt"]) == ("pending", 0, None)
    run_admin("instances", "approve", instance_id)
    with time_machine.travel(NOON + timedelta(minutes=5), tick=False):
        send_heartbeats()
        send_heartbeats()
    assert [each.path for each in receiver.received].count(HEARTBEAT) == 2, "each is one run's"
    now = own_membership()
    assert (now["status"], now["failures"], now["lastSuccessAt"]) == ("active", 0, "2026-05-21T12:15:00.000Z")
    seen = next(each for each in json.loads(run_admin("instances", "list", "--json")) if each["id"] == instance_id)
    assert (seen["name"], seen["health"], seen["version"]) == ("Acme desk", "healthy", "0.1.0")


def test_heartbeats_report_this_desk_take_four_calls_and_survive_failures(
    api: Api, desk: Desk, receiver: Receiver, own_hub: str, pump: Pumps, caplog: pytest.LogCaptureFixture
) -> None:
    pump.run(BEAT)
    assert pump.calls == ["Query"], "without a hub"
    hub_answers(
        receiver, 201, {"success": True, "instanceId": "id-1", "platformToken": "dvd_fed_first", "status": "active"}
    )
    run_admin("hub", "join", own_hub)
    hub_answers(receiver, 200, {"success": True, "platformToken": "dvd_fed_rotated"})
    pump.run(BEAT)
    assert sorted(pump.calls) == sorted(["Query", "GetItem", "Query", "UpdateItem", "GetItem", "UpdateItem"])
    first = receiver.received[-1]
    said = {"version": "0.1.0", "userCount": 4, "agentCount": 2, "status": "healthy"}
    assert (first.headers["authorization"], json.loads(first.body)) == ("Bearer dvd_fed_first", said)
    caplog.clear()
    with time_machine.travel(NOON, tick=False) as clock, caplog.at_level(logging.WARNING, logger="fluxden"):
        for failures in (1, 2):
            hub_answers(receiver, 503, {}, **{"Retry-After": "1800"})
            clock.shift(timedelta(minutes=36))
            pump.run(BEAT)
            assert own_membership()["failures"] == failures
        assert receiver.received[-1].headers["authorization"] == "Bearer dvd_fed_rotated"
        clock.shift(timedelta(minutes=29))
        pump.run(BEAT)
        assert pump.calls == ["Query"], "the hub asked for half an hour"
        shown = own_membership()
        assert shown["lastError"].startswith("answered 503")
        assert caplog.messages == ["hub_heartbeat_failed"] * 2
        hub_answers(receiver, 200, {"success": True})
        clock.shift(timedelta(minutes=7))
        pump.run(BEAT)
        assert (own_membership()["failures"], own_membership()["lastError"]) == (0, None)


def test_each_desk_has_its_own_second_for_heartbeats() -> None:
    desks = [f"https://desk-{number}.example" for number in range(200)]
    offsets = set()
    for desk in desks:
        one = next_slot("https://hub.example", desk, after=NOON)
        two = next_slot("https://hub.example", desk, after=one)
        assert timedelta(0) < one - NOON <= timedelta(minutes=5)
        assert two - one == timedelta(minutes=5)
        offsets.add(one)
    assert len(offsets) > 100


def test_a_desk_without_a_public_url_can_not_join(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_BASE_URL", "")
    settings.cache_clear()
    assert "Set FLUXDEN_BASE_URL" in refused_command("hub", "join", "https://hub.example")
    assert "must start with https" in refused_command("hub", "join", "http://hub.example")
    monkeypatch.setenv("FLUXDEN_BASE_URL", "desk.example")
    settings.cache_clear()
    assert "FLUXDEN_BASE_URL must be an http or https URL" in refused_command("hub", "join", "https://hub.example")


def test_simultaneous_runs_send_one_heartbeat(api: Api, desk: Desk, receiver: Receiver, own_hub: str) -> None:
    run_admin("hub", "join", own_hub)
    run_concurrently(6, lambda _: send_heartbeats())
    assert [each.path for each in receiver.received].count(HEARTBEAT) == 1


def test_the_network_command_shows_what_is_unhealthy(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, own_hub: str
) -> None:
    well = json.loads(run_admin("network", "status", "--json"))
    assert (len(well), [each for each in well.values() if each]) == (5, [])
    hub_answers(
        receiver, 201, {"success": True, "instanceId": "id-1", "platformToken": "dvd_fed_first", "status": "active"}
    )
    run_admin("hub", "join", own_hub)
    silent, waiting = add_member(api), register_instance(api)
    api.post(HEARTBEAT, None, silent.token)
    allow_federation()
    made = api.post(CONNECTIONS, connection_request(fromInstanceUrl=own_hub)).json["connectionId"]
    relay = {"connectionId": made, "intent": "custom", "subject": "Hello", "toUserEmail": "sam@other.example.org"}
    hub_answers(receiver, 401, {})
    parked = api.post("/api/v2/relays", relay, desk.alice_key).json["data"]["id"]
    pump.drain(OUTBOX_WORK)
    hub_answers(receiver, 503, {})
    api.post("/api/v2/relays", relay, desk.alice_key)
    pump.drain(OUTBOX_WORK)
    with time_machine.travel(NOON + timedelta(minutes=15), tick=False):
        pump.run(BEAT)
        pump.run(SILENT)
        found = json.loads(run_admin("network", "status", "--json"))
        shown = run_admin("network", "status")
    assert [each["id"] for each in found["staleInstances"]] == [silent.instance_id]
    assert [each["id"] for each in found["waitingInstances"]] == [waiting.instance_id]
    assert [(each["hub"], each["failures"]) for each in found["failingHubs"]] == [(own_hub, 1)]
    assert [(each["desk"], each["failures"]) for each in found["failingDesks"]] == [(own_hub, 1)]
    assert [(each["id"], each["dispatch"], each["tries"]) for each in found["lostRelays"]] == [(parked, "parked", 1)]
    assert shown.count(": 1\n") == 5, "each under its title"
    assert shown.startswith("Stale instances (no heartbeats): 1\nID ")
