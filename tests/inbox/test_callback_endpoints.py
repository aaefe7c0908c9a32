"""Endpoints of callbacks: paused by hand or by failures, resumed by hand or by a probe; and replays of what failed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.inbox.domain.endpoints import (
    MOST_PAUSED,
    PAUSED_AFTER,
    Endpoint,
    PausedBy,
    after_failure,
    origin_of,
    probe_after,
)
from chalicelib.inbox.domain.replays import PER_STEP
from chalicelib.inbox.stores.endpoints import DynamoEndpoints
from chalicelib.resources import CALLBACK_REPLAYS, CALLBACKS
from tests.conftest import Desk
from tests.operate.conftest import ADMIN, data, find_entries
from tests.support import inputs
from tests.support.api import Api
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

EVENTS, INBOX = "/api/v1/events", "/api/v1/inbox"
ENDPOINTS = f"{ADMIN}/callback-endpoints"
NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "PERSONAL", "TOOLS"):
        monkeypatch.setenv(f"FLUXDEN_{name}_BUDGET", "100000")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def origin(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}"


def click(api: Api, desk: Desk, receiver: Receiver) -> str:
    button = {"label": "Approve", "action_type": "webhook", "webhook_url": receiver.url}
    sent = api.post(EVENTS, inputs.new_event(actions=[button]), desk.alice)
    delivery = str(sent.json["deliveryId"])
    assert api.post(f"{INBOX}/{delivery}/actions/0", None, desk.alice_key).status == 202
    return delivery


def outcome(api: Api, desk: Desk, delivery: str) -> str:
    (action,) = api.get(f"{INBOX}/{delivery}", desk.alice_key).json["actions"]
    return str(action["outcome"])


def listed(api: Api, desk: Desk) -> list[dict[str, Any]]:
    return list(data(api.get(ENDPOINTS, desk.alice_key)))


def change(api: Api, desk: Desk, receiver: Receiver, what: str) -> Any:
    body = {"integrator": "fd1", "origin": receiver.url}
    return data(api.post(f"{ENDPOINTS}/{what}", body, desk.alice_key))


def work_off(pump: Pumps) -> None:
    for queue in (CALLBACK_REPLAYS, CALLBACKS):
        pump.drain(queue)


def pause_by_failures(receiver: Receiver, now: datetime) -> Endpoint:
    at = timestamp(now)
    paused = Endpoint("fd1", origin(receiver), at, at, at, PausedBy.FAILURES, timestamp(now + timedelta(hours=1)))
    assert DynamoEndpoints().save(paused, over=None)
    return paused


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


def fail(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> str:
    receiver.status = 410
    delivery = click(api, desk, receiver)
    pump.drain(CALLBACKS)
    receiver.status = 204
    receiver.received.clear()
    return delivery


def test_a_replay_sends_what_failed_in_the_range_again(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, clock: time_machine.Traveller
) -> None:
    before = fail(api, desk, pump, receiver)
    clock.shift(timedelta(days=1))
    failed = [fail(api, desk, pump, receiver) for _ in range(2)]
    click(api, desk, receiver)
    pump.drain(CALLBACKS)
    receiver.received.clear()
    clock.shift(timedelta(days=1))
    bounds = {"since": timestamp(NOON + timedelta(hours=1)), "until": timestamp(NOON + timedelta(days=2))}
    body = {"integrator": "fd1", "origin": origin(receiver), **bounds}
    begun = api.post(f"{ENDPOINTS}/replay", body, desk.alice_key)
    assert (begun.status, begun.json["data"]["status"]) == (202, "running")
    replay_id = begun.json["data"]["replayId"]
    assert api.post(f"{ENDPOINTS}/replay", body, desk.alice_key).json["data"]["replayId"] == replay_id
    work_off(pump)
    shown = data(api.get(f"{ADMIN}/callback-replays/{replay_id}", desk.alice_key))
    assert (shown["status"], shown["examined"], shown["replayed"]) == ("done", 3, 2)
    assert [outcome(api, desk, each) for each in (before, *failed)] == ["gone", "delivered", "delivered"]
    assert len(receiver.received) == 2
    assert api.post(f"{ENDPOINTS}/replay", body, desk.alice_key).json["data"]["replayId"] == replay_id
    work_off(pump)
    assert len(receiver.received) == 2, "what was delivered is left alone"
    assert api.get(f"/api/v1/callback-replays/{replay_id}", desk.fd1).json["status"] == "done"
    assert api.get(f"/api/v1/callback-replays/{replay_id}", desk.hr).status == 403


def test_a_replay_takes_several_steps(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    began = datetime.now(UTC) - timedelta(minutes=1)
    receiver.status = 410
    number = PER_STEP + 3
    failed = [click(api, desk, receiver) for _ in range(number)]
    pump.drain(CALLBACKS)
    receiver.status = 204
    receiver.received.clear()
    body = {"origin": receiver.url, "since": timestamp(began), "until": timestamp(datetime.now(UTC))}
    replay_id = api.post("/api/v1/callback-endpoints/replay", body, desk.fd1).json["replayId"]
    work_off(pump)
    shown = api.get(f"/api/v1/callback-replays/{replay_id}", desk.fd1).json
    assert (shown["status"], shown["replayed"], len(receiver.received)) == ("done", number, number)
    assert {outcome(api, desk, each) for each in failed} == {"delivered"}


@pytest.mark.parametrize(
    ("since", "until"), [("12:00", "12:00"), ("12:00", "11:00"), ("12:00", "2099")], ids=["empty", "reversed", "future"]
)
def test_a_range_that_cannot_be_replayed_is_refused(api: Api, desk: Desk, since: str, until: str) -> None:
    day = "2026-05-01T"
    end = "2099-01-01T00:00:00Z" if until == "2099" else f"{day}{until}:00Z"
    start = "2098-12-31T00:00:00Z" if until == "2099" else f"{day}{since}:00Z"
    body = {"integrator": "fd1", "origin": "https://a.example", "since": start, "until": end}
    assert api.post(f"{ENDPOINTS}/replay", body, desk.alice_key).status == 400


@pytest.mark.parametrize(
    "text", ["", "ftp://a.example", "https://", "//a.example", "https://a.example/\n", "a", "https://a b"]
)
def test_what_is_no_origin_is_refused(api: Api, desk: Desk, text: str) -> None:
    body = {"integrator": "fd1", "origin": text}
    assert api.post(f"{ENDPOINTS}/pause", body, desk.alice_key).status == 400


def test_an_unknown_integrator_has_no_endpoints(api: Api, desk: Desk) -> None:
    body = {"integrator": "nobody", "origin": "https://a.example"}
    for what in ("pause", "resume"):
        assert api.post(f"{ENDPOINTS}/{what}", body, desk.alice_key).status == 404
    assert find_entries("callback.") == []


def test_pausing_twice_changes_nothing_and_has_one_entry(api: Api, desk: Desk, receiver: Receiver) -> None:
    first = change(api, desk, receiver, "pause")
    assert change(api, desk, receiver, "pause") == first
    data(api.post(f"{ENDPOINTS}/resume", {"integrator": "fd1", "origin": "https://other.example"}, desk.alice_key))
    assert len(find_entries("callback.")) == 1


def test_an_integrator_can_pause_so_many_endpoints(api: Api, desk: Desk) -> None:
    store, at = DynamoEndpoints(), timestamp(NOON)
    for number in range(MOST_PAUSED):
        assert store.pause(Endpoint("fd1", f"https://{number}.example", paused_at=at, paused_by=PausedBy.INTEGRATOR))
    body = {"origin": "https://more.example"}
    assert api.post("/api/v1/callback-endpoints/pause", body, desk.fd1).status == 409


def test_only_an_admin_token_changes_endpoints(api: Api, desk: Desk) -> None:
    body = {"origin": "https://a.example"}
    for what in ("pause", "resume"):
        assert api.post(f"/api/v1/callback-endpoints/{what}", body, desk.alice).status in (401, 403)


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
