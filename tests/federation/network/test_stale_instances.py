"""Instances whose heartbeats are missing."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from app import app
from chalicelib.federation.network.stores.instances import DynamoInstances
from infra import catalog
from tests.conftest import Desk
from tests.federation.network.network_calls import NOON, SILENT
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.instances import (
    HEARTBEAT,
    Member,
    add_member,
    link_marketplace,
    offer_agent,
    run_admin,
)
from tests.support.log_lines import read_lines
from tests.support.pump import Pumps


def listed_instance(made: Member) -> dict[str, Any]:
    found = json.loads(run_admin("instances", "list", "--json"))
    return next(each for each in found if each["id"] == made.instance_id)


def offered_agents(api: Api) -> set[str]:
    return {each["name"] for each in api.get("/api/v2/network/discover?type=agents").json["agents"]["items"]}


def test_an_instance_that_misses_three_heartbeats_is_stale_until_the_next(
    api: Api, desk: Desk, pump: Pumps, caplog: pytest.LogCaptureFixture
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        made, other = add_member(api), add_member(api)
        offer_agent(api, made)
        for each in (made, other):
            assert api.post(HEARTBEAT, {"status": "healthy"}, each.token).status == 200
        clock.shift(timedelta(minutes=14, seconds=59))
        assert api.post(HEARTBEAT, None, other.token).status == 200
        pump.run(SILENT)
        assert (pump.calls, listed_instance(made)["health"]) == (["Query"], "healthy")
        clock.shift(timedelta(seconds=1))
        with caplog.at_level(logging.WARNING, logger="fluxden"):
            for _ in range(2):
                pump.run(SILENT)
        (told,) = read_lines(caplog, "instance_stale")
        assert (told["instanceId"], told["since"]) == (made.instance_id, "2026-05-21T12:25:00.000Z")
        assert pump.calls == ["Query"], "marked once"
        assert (listed_instance(made)["health"], listed_instance(other)["health"]) == ("stale", "healthy")
        assert "Agent a" not in offered_agents(api)
        back = api.post(HEARTBEAT, None, made.token)
        assert (back.status, back.steps) == (200, 6)
        assert api.post(HEARTBEAT, None, made.token).steps == 3
        assert listed_instance(made)["health"] == "healthy"
        assert "Agent a" in offered_agents(api)


def test_a_heartbeat_does_not_show_a_suspended_instance_or_one_outside_the_marketplace(
    api: Api, desk: Desk, pump: Pumps
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        made, suspended = add_member(api), add_member(api)
        offer_agent(api, made)
        for each in (made, suspended):
            api.post(HEARTBEAT, None, each.token)
        run_admin("instances", "suspend", suspended.instance_id)
        clock.shift(timedelta(minutes=20))
        pump.run(SILENT)
        assert listed_instance(suspended)["health"] is None
        link_marketplace(api, made, "disable")
        api.post(HEARTBEAT, None, made.token)
        assert "Agent a" not in offered_agents(api)
        pump.run(SILENT)
        assert pump.calls == ["Query"], "a suspended instance is no longer watched"


def test_a_heartbeat_at_the_moment_of_marking_stale_is_all_or_nothing(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        made = [add_member(api) for _ in range(4)]
        for each in made:
            api.post(HEARTBEAT, None, each.token)
        clock.shift(timedelta(minutes=15))
        run = next(each for each in catalog.schedules(app) if each.__name__ == SILENT)
        calls = [lambda: run({}, None)] * 4 + [
            lambda each=each: api.status("POST", HEARTBEAT, {}, each.token) for each in made
        ]
        answers = run_concurrently(len(calls), lambda number: calls[number]())
        assert answers[4:] == [200] * 4
        for each in made:
            stale = listed_instance(each)["health"] == "stale"
            assert (each.instance_id not in DynamoInstances().find_network_stats().shown) == stale
            assert api.post(HEARTBEAT, None, each.token).status == 200
            assert each.instance_id in DynamoInstances().find_network_stats().shown
