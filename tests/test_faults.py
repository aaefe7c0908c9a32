"""Every operation that changes something, while stores fail and functions die: once, whole, or not at all."""

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
import time_machine

from app import app
from chalicelib import aws
from chalicelib.edge.consumer import Consumer
from chalicelib.resources import CALLBACKS, DELIVERIES, FAN_OUT, OUTBOX_WORK, RELAYS, Queue, Table
from chalicelib.stores.items import from_item
from infra import catalog
from infra.local.pump import Pump
from tests.conftest import Desk
from tests.support import hub, scene
from tests.support.api import ROUTES, Api
from tests.support.faults import Fault, Killed, Plan, at, between, injected, never
from tests.support.pump import Pumps, waiting
from tests.support.receiver import Receiver
from tests.support.scene import Scene
from tests.support.scenes import asked_of
from tests.support.sockets import Sockets
from tests.support.sweep import Point, Sweep, prepared
from tests.support.world import World

T = TypeVar("T")

pytestmark = pytest.mark.engine("embedded")

CHANGING = sorted(route.__name__ for route in ROUTES.values() if route.method != "GET")
# All points are swept by `make chaos SWEEP=whole`; the tests take some, others with each seed.
WHOLE = os.environ.get("SWEEP") == "whole"
SEED = os.environ.get("SWEEP_SEED", "1")


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "PERSONAL", "TOOLS", "PLATFORM"):
        monkeypatch.setenv(f"FLUXDEN_{name}_BUDGET", "100000")


@pytest.fixture
def sweep(api: Api, desk: Desk, sockets: Sockets, request: pytest.FixtureRequest) -> Iterator[Sweep]:
    route, ask = asked_of(request.node.callspec.params["name"], Scene(api, desk))
    with between():
        yield prepared(api, route, ask)


@pytest.mark.parametrize("name", CHANGING)
def test_what_is_asked_for_happens_once_whatever_fails(sweep: Sweep, name: str) -> None:
    lost = Point(Fault.LOST)
    passing = [lost, *some([each for each in sweep.passing() if each != lost], 1, name)]
    for point in passing + some(list(sweep.lasting()), 1, name):
        sweep.check(point, keyed=True)
        if sweep.key and (point == lost or point not in passing):
            sweep.check(point, keyed=False)


@dataclass(frozen=True)
class Mortal:
    """A worker that meets a fault at one of its calls, the first time that it is called."""

    worker: Consumer
    plans: list[Plan]

    @property
    def queue(self) -> Queue:
        return self.worker.queue

    @property
    def batch_size(self) -> int:
        return self.worker.batch_size

    @property
    def __name__(self) -> str:
        return self.worker.__name__

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        with injected(self.plans.pop() if self.plans else never):
            try:
                return self.worker(event, context)
            except Killed as killed:
                raise RuntimeError("the function ended") from killed


@dataclass(frozen=True)
class Pipeline:
    """Work that a queue's worker does later: what is asked for, by which schedule it is found again, and its marks."""

    operation: str
    queue: Queue
    schedule: str | None
    table: Table
    done: Callable[[dict[str, Any]], Any]


PIPELINES = [
    Pipeline("publish_bulk", FAN_OUT, None, DELIVERIES, lambda row: row.get("fireCount")),
    Pipeline("click_action", CALLBACKS, "announce_due_callbacks", DELIVERIES, lambda row: row.get("outcome")),
    Pipeline("send_relay", OUTBOX_WORK, "announce_due_outboxes", RELAYS, lambda row: row.get("dispatch")),
]
DONE: dict[str, list[Any]] = {"publish_bulk": [1, 1], "click_action": ["delivered"], "send_relay": ["sent"]}


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda each: each.operation)
def test_work_that_is_queued_is_done_wherever_its_worker_ends(
    api: Api, desk: Desk, sockets: Sockets, receiver: Receiver, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{receiver.port}"
    monkeypatch.setattr(scene, "HOOK", address)
    monkeypatch.setattr(scene, "PEER", address)
    receiver.status, receiver.body = 200, b'{"success": true}'
    hub.operate("webhook-secret", "show", "fd1")
    route, ask = asked_of(pipeline.operation, Scene(api, desk))
    assert ask.send(api, route).status == route.status
    queued = World.taken()
    (worker,) = (each for each in catalog.consumers(app) if each.queue == pipeline.queue)
    with between():
        calls = _work_off(pipeline, worker, never)
        for number in some(list(range(1, calls + 1)), 1, pipeline.operation):
            for fault in (Fault.KILLED, Fault.KILLED_BEFORE, Fault.LOST):
                queued.put_back()
                receiver.received.clear()
                _work_off(pipeline, worker, at(number, fault))
                _check_done(pipeline, receiver, fault)


def _work_off(pipeline: Pipeline, worker: Consumer, plan: Plan) -> int:
    """Let the worker meet the fault, and then time pass; how many calls it made while it was under observation."""
    pumps, seen = Pumps(), list[str]()

    def counted(number: int, action: str) -> Fault | None:
        seen.append(action)
        return plan(number, action)

    pumping = Pump(Mortal(worker, [counted]))
    now = datetime.now(UTC)
    for minutes in (0, 1, 3, 6):
        with time_machine.travel(now + timedelta(minutes=minutes), tick=False):
            if pipeline.schedule and minutes:
                pumps.run(pipeline.schedule)
            pumping.drain()
    assert (waiting(pipeline.queue), waiting(pipeline.queue.dead_letters)) == (0, 0)
    return len(seen)


def _check_done(pipeline: Pipeline, receiver: Receiver, fault: Fault) -> None:
    found = [from_item(dict(item)) for item in aws.dynamodb().scan(TableName=pipeline.table.physical_name)["Items"]]
    marks = [mark for row in found if (mark := pipeline.done(row)) is not None]
    assert marks[-len(DONE[pipeline.operation]) :] == DONE[pipeline.operation], (fault, found)
    named = Counter(each.headers.get("webhook-id") or json.loads(each.body)["relayId"] for each in receiver.received)
    # Whoever is told something twice is told so under the same id, and only when a function has died.
    assert len(named) == (0 if pipeline.queue == FAN_OUT else 1)
    assert sum(named.values()) <= len(named) * (2 if fault.kills else 1)


def some(found: list[T], count: int, name: str) -> list[T]:
    """As many of these as the tests take, by the seed; or all."""
    return found if WHOLE else random.Random(f"{SEED} {name}").sample(found, min(count, len(found)))
