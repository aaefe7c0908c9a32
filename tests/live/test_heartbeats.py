"""Heartbeats that sockets get without asking for them."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from chalicelib.core.domain.fields import timestamp
from chalicelib.live.domain.sockets import CatchUpJob, HeartbeatJob, SocketJob
from chalicelib.live.services.heartbeats import queue_heartbeats
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.resources import SOCKET_WORK
from chalicelib.schedules import heartbeats
from chalicelib.settings import settings
from infra.local.heartbeats import send_heartbeat
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.listeners import frame_types, new_key, open_client, send_messages, stored_rows
from tests.support.pump import Pumps, count_messages
from tests.support.sockets import Client, Sockets

NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def _heartbeats_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_SOCKET_HEARTBEATS", "1")


def run_schedule() -> None:
    heartbeats.queue_heartbeats({}, None)


@dataclass
class People:
    """People with open sockets, and the jobs that are sent for them."""

    count: int
    jobs: list[tuple[HeartbeatJob, int]] = field(default_factory=list)

    def list_listeners(self) -> Iterator[str]:
        return (f"person-{number}" for number in range(self.count))

    def announce(self, job: HeartbeatJob, *, delay: int = 0) -> None:
        self.jobs.append((job, delay))

    def queue(self) -> int:
        def gather(*calls: object) -> None:
            for call in calls:
                assert callable(call)
                call()

        return queue_heartbeats(NOON, sockets=self, jobs=self, gather=gather)


@pytest.mark.engine("embedded")  # its queue's clock can be moved
def test_every_open_socket_gets_a_heartbeat_every_30_seconds(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, clock: time_machine.Traveller
) -> None:
    clients = [open_client(sockets, key, pump) for key in (desk.alice_key, desk.alice_key, desk.bob_key)]
    for _ in range(2):
        run_schedule()
        pump.drain(SOCKET_WORK)
        clock.shift(timedelta(seconds=30))
        pump.drain(SOCKET_WORK)
        clock.shift(timedelta(seconds=30))
    for each in clients:
        beats = [frame for frame in each.frames if frame["type"] == "heartbeat"]
        assert [beat["timestamp"] for beat in beats] == [
            timestamp(NOON + timedelta(seconds=seconds)) for seconds in (0, 30, 60, 90)
        ]
        assert all(set(beat) == {"id", "type", "timestamp"} for beat in beats)


def test_functions_send_none_while_the_setting_is_off(
    desk: Desk, sockets: Sockets, pump: Pumps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXDEN_SOCKET_HEARTBEATS", "0")
    settings.cache_clear()
    client = open_client(sockets, desk.alice_key, pump)
    run_schedule()
    assert count_messages(SOCKET_WORK) == 0
    client.send({"action": "ping"})
    assert frame_types(client) == ["connected", "heartbeat"], "a ping is always answered"


@pytest.mark.engine("embedded")  # its queue's clock can be moved
def test_a_heartbeat_says_up_to_where_everything_was_sent(
    desk: Desk, sockets: Sockets, pump: Pumps, clock: time_machine.Traveller
) -> None:
    client = open_client(sockets, desk.alice_key, pump)
    send_messages(desk, "1")
    clock.shift(timedelta(seconds=3))
    send_messages(desk, "2")
    run_schedule()
    pump.drain(SOCKET_WORK)
    first, second, beat = client.frames[1:]
    assert (beat["type"], beat["id"]) == ("heartbeat", first["id"]), "the other may be overtaken"
    clock.shift(timedelta(seconds=30))
    pump.drain(SOCKET_WORK)
    assert client.frames[-1]["id"] == second["id"]


def test_the_id_of_a_heartbeat_never_goes_back(
    desk: Desk, sockets: Sockets, pump: Pumps, clock: time_machine.Traveller
) -> None:
    client = open_client(sockets, desk.alice_key, pump)
    send_messages(desk, "1")
    clock.shift(timedelta(seconds=3))
    client.send({"action": "ping"})
    settled = client.frames[-1]["id"]
    send_messages(desk, *["x"] * 50)
    client.send({"action": "ping"})
    assert client.frames[-1] == client.frames[-1] | {"type": "heartbeat", "id": settled}


def test_sockets_that_are_gone_or_expired_get_none(
    desk: Desk, sockets: Sockets, pump: Pumps, clock: time_machine.Traveller
) -> None:
    expired = open_client(sockets, desk.alice_key, pump)
    clock.shift(timedelta(hours=2, minutes=6))
    gone, opened = (open_client(sockets, desk.bob_key, pump) for _ in range(2))
    gone.gone = True
    run_schedule()
    pump.drain(SOCKET_WORK)
    assert frame_types(expired) == ["connected"]
    assert frame_types(opened) == ["connected", "heartbeat"]
    assert gone.connection_id not in {row["connectionId"]["S"] for row in stored_rows("SOCKET#")}


def test_a_late_heartbeat_is_left_out(desk: Desk, sockets: Sockets, pump: Pumps, clock: time_machine.Traveller) -> None:
    client = open_client(sockets, desk.alice_key, pump)
    run_schedule()
    clock.shift(timedelta(minutes=10))
    pump.drain(SOCKET_WORK)
    assert frame_types(client) == ["connected"]


def test_one_persons_failure_costs_others_nothing(
    desk: Desk, sockets: Sockets, pump: Pumps, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alice, bob = (open_client(sockets, key, pump) for key in (desk.alice_key, desk.bob_key))
    real = DynamoFrames.list_last

    def fail_for_alice(self: DynamoFrames, user_id: str, **more: int) -> object:
        if user_id == desk.user_id("alice"):
            raise ConnectionError
        return real(self, user_id, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(DynamoFrames, "list_last", fail_for_alice)
    run_schedule()
    pump.drain(SOCKET_WORK)
    assert (frame_types(alice), frame_types(bob)) == (["connected"], ["connected", "heartbeat"])
    assert "get no heartbeat" in caplog.text


def test_each_person_is_listed_once(desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    for key in (desk.alice_key, desk.bob_key, desk.alice_key):
        open_client(sockets, key, pump)
    ended = open_client(sockets, desk.bob_key, pump)
    ended.close()
    assert sorted(DynamoSockets().list_listeners()) == sorted(map(desk.user_id, ("alice", "bob")))


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (100, [100]), (250, [100, 100, 50])])
def test_people_are_queued_in_batches_twice_a_minute(count: int, sizes: list[int]) -> None:
    people = People(count)
    assert people.queue() == count
    for delay in (0, 30):
        jobs = [job for job, after in people.jobs if after == delay]
        assert [len(job.user_ids) for job in jobs] == sizes
        assert {job.due_at for job in jobs} <= {timestamp(NOON + timedelta(seconds=delay))}


def test_a_run_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    people = People(20_500)
    with caplog.at_level(logging.ERROR):
        assert people.queue() == 20_000
    assert "more than 20000 people" in caplog.text


def test_messages_of_both_kinds_are_told_apart() -> None:
    catch_up = CatchUpJob(user_id="a", connection_id="c", after=5)
    beat = HeartbeatJob(user_ids=["a"], due_at=timestamp(NOON))
    for job in (catch_up, beat):
        assert SocketJob.model_validate_json(job.model_dump_json(by_alias=True)).root == job


def test_a_host_sends_no_heartbeat_before_the_greeting(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    client = sockets.connect(new_key(api, desk, "all"))
    send_heartbeat(client.connection_id)
    assert frame_types(client) == []
    pump.drain(SOCKET_WORK)
    send_heartbeat(client.connection_id)
    assert frame_types(client) == ["connected", "heartbeat"]


def test_a_host_closes_a_socket_that_has_ended_in_the_store(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    client = open_client(sockets, new_key(api, desk, "all"), pump)
    send_heartbeat(client.connection_id)
    assert frame_types(client) == ["connected", "heartbeat"]
    _end_in_store(client)
    send_heartbeat(client.connection_id)
    assert client.gone


def _end_in_store(client: Client) -> None:
    store = DynamoSockets()
    socket = store.find(client.connection_id, now=datetime.now(UTC))
    assert socket is not None
    store.remove(socket)
