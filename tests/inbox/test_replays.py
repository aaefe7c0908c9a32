"""Replays of the callbacks that failed in a range."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from chalicelib.core.domain.fields import timestamp
from chalicelib.inbox.domain.replays import PER_STEP
from chalicelib.resources import CALLBACKS
from tests.conftest import Desk
from tests.operate.conftest import ADMIN, data
from tests.support.api import Api
from tests.support.endpoints import ENDPOINTS, NOON, click, origin, outcome, work_off
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
