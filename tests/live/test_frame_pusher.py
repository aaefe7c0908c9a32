"""Whoever publishes tells a few sockets; a worker tells the others."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib.core.domain import bounds
from chalicelib.live.domain.frames import surplus_listeners
from chalicelib.live.domain.sockets import Socket
from chalicelib.parallel import Branch, branch
from chalicelib.resources import SOCKET_WORK
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.faults import Fault, inject_faults, intercept_engine
from tests.support.listeners import open_client, stored_rows
from tests.support.pump import Pumps, count_messages
from tests.support.sockets import Client, Sockets
from tests.support.store_calls import StoreCalls, record_store_calls

EVENTS = "/api/v1/events"
NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[time_machine.Traveller]:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def open_clients(sockets: Sockets, desk: Desk, pump: Pumps, count: int) -> list[Client]:
    return [open_client(sockets, desk.alice_key, pump) for _ in range(count)]


def publish(api: Api, desk: Desk, sockets: Sockets) -> tuple[Answer, StoreCalls]:
    """Publish to Alice, and record the calls with the posts among them."""
    posts: list[Branch] = []
    sockets.before_post = lambda _: posts.append(branch())
    with record_store_calls() as seen:
        answer = api.post(EVENTS, inputs.new_event(), desk.alice)
    sockets.before_post = lambda _: None
    seen.branches += posts
    return answer, seen


def deliveries(client: Client) -> list[str]:
    return [each["deliveryId"] for each in client.frames if each["type"] == "delivery"]


def test_publishing_to_twenty_sockets_takes_no_more_calls_in_sequence_than_to_one(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    open_clients(sockets, desk, pump, 1)
    publish(api, desk, sockets)  # begins the minute
    _, to_one = publish(api, desk, sockets)
    open_clients(sockets, desk, pump, bounds.SOCKETS.most - 1)
    answer, to_twenty = publish(api, desk, sockets)
    assert answer.json["pushed"] is True
    assert to_twenty.steps == to_one.steps == 4
    assert sorted(to_twenty.calls) == sorted([*to_one.calls, "SendMessage"])


def test_every_socket_gets_the_event_once(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    clients = open_clients(sockets, desk, pump, bounds.SOCKETS.most)
    sent = [publish(api, desk, sockets)[0].json["deliveryId"] for _ in range(3)]
    assert sorted(len(deliveries(each)) for each in clients) == [0] * 16 + [3] * 4
    assert pump.drain(SOCKET_WORK) == 3
    assert all(sorted(deliveries(each)) == sorted(sent) for each in clients)
    assert len(pump.calls) == 3 * 2


def test_few_sockets_need_no_worker(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    clients = open_clients(sockets, desk, pump, 4)
    publish(api, desk, sockets)
    assert count_messages(SOCKET_WORK) == 0
    assert all(len(deliveries(each)) == 1 for each in clients)


def test_sockets_are_ended_if_the_queue_does_not_take_their_frames(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    clients = open_clients(sockets, desk, pump, 6)
    with intercept_engine(), inject_faults(lambda _, action: Fault.FAILED if action == "SendMessage" else None):
        answer, _ = publish(api, desk, sockets)
    assert (answer.status, answer.json["pushed"]) == (202, True)
    assert [each.gone for each in clients].count(True) == 2
    left = next(each for each in clients if each.gone)
    again = open_client(sockets, desk.alice_key, pump, after=left.frames[0]["id"])
    assert deliveries(again) == [answer.json["deliveryId"]]


def test_socket_that_is_gone_is_deleted_by_the_worker(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    clients = open_clients(sockets, desk, pump, 6)
    publish(api, desk, sockets)
    untold = [each for each in clients if not deliveries(each)]
    untold[0].gone = True
    pump.drain(SOCKET_WORK)
    assert [len(deliveries(each)) for each in untold] == [0, 1]
    assert len(stored_rows("SOCKET#")) == 5


def test_heartbeat_does_not_run_ahead_of_what_a_worker_has_yet_to_push(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, clock: time_machine.Traveller
) -> None:
    clients = open_clients(sockets, desk, pump, 6)
    publish(api, desk, sockets)
    clock.shift(timedelta(seconds=10))
    told, untold = (next(each for each in clients if bool(deliveries(each)) is told) for told in (True, False))
    event = next(each for each in told.frames if each["type"] == "delivery")
    for each in (told, untold):
        each.send({"action": "ping"})
    assert told.frames[-1]["id"] == event["id"]
    assert untold.frames[-1]["id"] < event["id"]
    pump.drain(SOCKET_WORK)
    clock.shift(timedelta(seconds=61))
    untold.send({"action": "ping"})
    assert untold.frames[-1]["id"] == event["id"]


def _socket(number: int, **more: Any) -> Socket:
    return Socket(f"c{number}", "u", "k", "h", frozenset(["all"]), NOON_SECONDS + number, 0, **more)


NOON_SECONDS = int(NOON.timestamp())


def test_sockets_that_a_person_looks_at_are_told_first() -> None:
    agents = [_socket(number, by_browser=False) for number in range(6)]
    browsers = [_socket(10 + number, viewed_until=NOON_SECONDS + 1) for number in range(3)]
    assert surplus_listeners([*agents, *browsers], now=NOON) == {"c0", "c1", "c2", "c3", "c4"}
    assert surplus_listeners(browsers, now=NOON) == frozenset()
