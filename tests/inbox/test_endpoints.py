"""Endpoints of callbacks: paused by hand or by failures, resumed by hand or by a probe."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.inbox.domain.endpoints import (
    PAUSED_AFTER,
    after_failure,
    origin_of,
    probe_after,
)
from chalicelib.resources import CALLBACK_REPLAYS, CALLBACKS
from tests.conftest import Desk
from tests.operate.conftest import ADMIN, data, find_entries
from tests.support.api import Api
from tests.support.endpoints import ENDPOINTS, NOON, change, click, listed, origin, outcome, pause_by_failures, work_off
from tests.support.pump import Pumps
from tests.support.receiver import Receiver


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "PERSONAL", "TOOLS"):
        monkeypatch.setenv(f"FLUXDEN_{name}_BUDGET", "100000")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def test_callbacks_wait_while_their_endpoint_is_paused_and_are_sent_when_it_is_resumed(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    assert change(api, desk, receiver, "pause")["status"] == "paused"
    waiting = [click(api, desk, receiver) for _ in range(3)]
    pump.drain(CALLBACKS)
    assert receiver.received == []
    (shown,) = listed(api, desk)
    assert (shown["origin"], shown["pausedBy"], shown["waiting"]) == (origin(receiver), "operator", 3)
    clock.shift(timedelta(days=3))
    for schedule in ("announce_due_callbacks", "probe_callback_endpoints"):
        pump.run(schedule)
    pump.drain(CALLBACKS)
    assert receiver.received == [], "a pause by hand is not probed"
    assert change(api, desk, receiver, "resume")["status"] == "active"
    work_off(pump)
    assert {outcome(api, desk, each) for each in waiting} == {"delivered"}
    assert len(receiver.received) == 3
    assert listed(api, desk) == []
    assert [each.kind for each in find_entries("callback.")] == ["callback.resume", "callback.pause"]


def test_a_pause_of_another_origin_or_integrator_holds_nothing_up(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    for integrator, url in (("fd1", "https://hooks.example.com"), ("hr", receiver.url)):
        data(api.post(f"{ENDPOINTS}/pause", {"integrator": integrator, "origin": url}, desk.alice_key))
    delivery = click(api, desk, receiver)
    pump.drain(CALLBACKS)
    assert outcome(api, desk, delivery) == "delivered"


def test_an_endpoint_that_only_fails_for_five_days_is_paused(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    receiver.status = 500
    for day in range(6):
        click(api, desk, receiver)
        pump.drain(CALLBACKS)
        (shown,) = listed(api, desk)
        assert shown["status"] == ("paused" if day == PAUSED_AFTER.days else "failing")
        clock.shift(timedelta(days=1))
    assert (shown["pausedBy"], shown["failingSince"]) == ("failures", timestamp(NOON))
    mine = api.get("/api/v1/callback-endpoints", desk.fd1).json["items"]
    assert [(each["origin"], each["status"]) for each in mine] == [(origin(receiver), "paused")]
    assert api.get("/api/v1/callback-endpoints", desk.hr).json["items"] == []


def test_a_success_ends_failing(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    for status, found in ((500, ["failing"]), (410, ["failing"]), (204, [])):
        receiver.status = status
        click(api, desk, receiver)
        pump.drain(CALLBACKS)
        assert [each["status"] for each in listed(api, desk)] == found, status


def test_a_probe_that_succeeds_resumes_an_endpoint_that_failures_have_paused(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    pause_by_failures(receiver, NOON)
    waiting = [click(api, desk, receiver) for _ in range(3)]
    pump.drain(CALLBACKS)
    receiver.status = 503
    clock.shift(timedelta(hours=1))
    pump.run("probe_callback_endpoints")
    pump.drain(CALLBACKS)
    assert len(receiver.received) == 1
    assert listed(api, desk)[0]["status"] == "paused"
    receiver.status = 204
    clock.shift(timedelta(hours=1))
    pump.run("probe_callback_endpoints")
    work_off(pump)
    pump.drain(CALLBACK_REPLAYS)
    pump.drain(CALLBACKS)
    assert listed(api, desk) == []
    clock.shift(timedelta(days=2))
    pump.run("announce_due_callbacks")
    pump.drain(CALLBACKS)
    assert {outcome(api, desk, each) for each in waiting} == {"delivered"}


def test_a_resent_callback_is_a_probe(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    pause_by_failures(receiver, datetime.now(UTC))
    delivery = click(api, desk, receiver)
    pump.drain(CALLBACKS)
    assert receiver.received == []
    data(api.post(f"{ADMIN}/deliveries/{delivery}/callbacks/0/resend", None, desk.alice_key))
    pump.drain(CALLBACKS)
    assert (outcome(api, desk, delivery), listed(api, desk)) == ("delivered", [])


def test_failures_far_apart_are_not_one() -> None:
    first = after_failure(None, integrator="fd1", origin="https://a.example", now=NOON)
    assert first is not None
    later = after_failure(first, integrator="fd1", origin="https://a.example", now=NOON + PAUSED_AFTER)
    assert later is not None
    assert (later.is_paused, parse_timestamp(later.failing_since or "")) == (False, NOON + PAUSED_AFTER)
    soon = NOON + timedelta(minutes=5)
    assert after_failure(first, integrator="fd1", origin="https://a.example", now=soon) is None


def test_probes_come_after_as_long_as_the_pause_has_lasted() -> None:
    for hours, wait in ((0, 1), (1, 1), (4, 4), (100, 24)):
        now = NOON + timedelta(hours=hours)
        assert probe_after(timestamp(NOON), now=now) - now == timedelta(hours=wait)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://CI.example.com/hooks/1?x=2", "https://ci.example.com"),
        ("https://ci.example.com:443", "https://ci.example.com"),
        ("https://ci.example.com:8443/a", "https://ci.example.com:8443"),
        ("http://127.0.0.1:80/", "http://127.0.0.1"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin
