"""The local cloud's queue pump and scheduler behave as Lambda's event sources."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest
import time_machine

from app import app
from chalicelib import aws
from chalicelib.edge.consumer import Consumer
from chalicelib.edge.schedule import Schedule
from chalicelib.resources import FAN_OUT, Queue
from infra import catalog
from infra.local import engine, pump, scheduler
from infra.queues import DEFINITIONS, MOST_RECEIVES
from tests.support.pump import count_messages


@dataclass
class Worker:
    """A worker that records its events, and fails for messages whose body says so."""

    queue: Queue = FAN_OUT
    batch_size: int = 10
    events: list[dict[str, Any]] = field(default_factory=list)
    woken: threading.Event = field(default_factory=threading.Event)
    __name__: str = "worker"

    @property
    def bodies(self) -> list[str]:
        return [each["body"] for event in self.events for each in event["Records"]]

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        self.events.append(event)
        self.woken.set()
        assert context.get_remaining_time_in_millis() > 0
        if any(each["body"] == "crash" for each in event["Records"]):
            raise RuntimeError("crash")
        failed = [each["messageId"] for each in event["Records"] if each["body"] == "fail"]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


class Clock(Protocol):
    def shift(self, delta: timedelta) -> None: ...


class Waiting:
    """Waits in real time, because tests can't move the clock of external queues."""

    def shift(self, delta: timedelta) -> None:
        time.sleep(delta.total_seconds())


@pytest.fixture(autouse=True)
def _short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test wait for the last poll of its pumps, which would take the messages of the next test."""
    monkeypatch.setattr(pump, "WAIT_SECONDS", 1)


@pytest.fixture
def clock(tables: None, request: pytest.FixtureRequest) -> Iterator[Clock]:
    if request.config.getoption("engine") == "real":
        yield Waiting()
        return
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False) as traveller:
        yield traveller


def send(body: str, **more: Any) -> None:
    aws.sqs().send_message(QueueUrl=aws.queue_url(FAN_OUT.physical_name), MessageBody=body, **more)


@contextmanager
def started(worker: Worker) -> Iterator[None]:
    """Run the pump's threads during the block."""
    (pumping,) = pump.start([worker], watch=None if engine.is_external() else engine)
    try:
        yield
    finally:
        pumping.stop()
        assert pumping.join(30)


def test_every_queue_has_a_worker_and_a_definition() -> None:
    consumers = list(catalog.consumers(app))
    assert all(isinstance(each, Consumer) for each in consumers)
    assert {each.queue for each in consumers} <= {each.queue for each in DEFINITIONS}
    assert "deliver_callback" in {each.__name__ for each in consumers}
    assert "announce_due_callbacks" in {each.__name__ for each in catalog.schedules(app)}


def test_a_message_has_the_shape_of_a_lambda_record(tables: None) -> None:
    worker = Worker()
    send("{}", MessageAttributes={"kind": {"DataType": "String", "StringValue": "x"}})
    assert pump.Pump(worker).drain() == 1
    ((record,),) = [event["Records"] for event in worker.events]
    assert record["body"] == "{}"
    assert record["md5OfBody"] == "99914b932bd37a50b983c5e7c90ae93b"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert {"SenderId", "SentTimestamp", "ApproximateFirstReceiveTimestamp"} <= set(record["attributes"])
    assert record["messageAttributes"]["kind"]["stringValue"] == "x"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == f"arn:aws:sqs:{engine.REGION}:{engine.ACCOUNT}:fluxden-fan-out"
    assert record["awsRegion"] == engine.REGION
    assert record["messageId"]
    assert record["receiptHandle"]


def test_messages_come_in_batches_of_the_workers_size(tables: None) -> None:
    for batch_size, batches in ((10, 2), (1, 12)):
        worker = Worker(batch_size=batch_size)
        for number in range(12):
            send(str(number))
        assert pump.Pump(worker).drain() == 12
        assert len(worker.events) == batches
        assert sorted(worker.bodies, key=int) == [str(number) for number in range(12)]
    assert count_messages(FAN_OUT) == 0


def test_only_failed_messages_of_a_batch_are_retried(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "BACK_OFF_SECONDS", 3)
    worker = Worker()
    for body in ("one", "fail", "two"):
        send(body)
    pumping = pump.Pump(worker)
    assert pumping.drain() == 3
    assert pumping.drain() == 0
    assert count_messages(FAN_OUT) == 1
    clock.shift(timedelta(seconds=4))
    assert pumping.drain() == 1
    assert worker.events[-1]["Records"][0]["attributes"]["ApproximateReceiveCount"] == "2"


@pytest.mark.parametrize("body", ["fail", "crash"])
def test_a_message_that_always_fails_becomes_a_dead_letter(
    clock: Clock, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump, "BACK_OFF_SECONDS", 0)
    worker = Worker()
    send(body)
    pumping = pump.Pump(worker)
    for _ in range(MOST_RECEIVES + 3):
        pumping.drain()
        clock.shift(timedelta(seconds=0.1))
    assert worker.bodies == [body] * MOST_RECEIVES
    assert (count_messages(FAN_OUT), count_messages(FAN_OUT.dead_letters)) == (0, 1)


def test_a_delayed_message_waits(clock: Clock) -> None:
    worker = Worker()
    send("much later", DelaySeconds=900)
    send("later", DelaySeconds=3)
    pumping = pump.Pump(worker)
    assert pumping.drain() == 0
    clock.shift(timedelta(seconds=4))
    assert pumping.drain() == 1
    assert worker.bodies == ["later"]


def test_a_running_pump_processes_a_sent_message_immediately(tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    # So that only the message ends the pause after the first poll.
    monkeypatch.setattr(pump, "PAUSE_SECONDS", 600.0)
    worker = Worker()
    with started(worker):
        time.sleep(2 if engine.is_external() else 0.1)
        send("now")
        assert worker.woken.wait(60)
    assert worker.bodies == ["now"]


def test_a_running_pump_processes_batches_concurrently(tables: None) -> None:
    for number in range(3):
        send(str(number))
    release, begun = threading.Event(), threading.Semaphore(0)

    class Slow(Worker):
        def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
            begun.release()
            release.wait(60)
            return super().__call__(event, context)

    worker = Slow(batch_size=1)
    with started(worker):
        assert all(begun.acquire(timeout=60) for _ in range(3)), "none waits for another"
        release.set()
        deadline = time.monotonic() + 60
        while count_messages(FAN_OUT) and time.monotonic() < deadline:
            time.sleep(0.02)
    assert sorted(worker.bodies) == ["0", "1", "2"]


def test_a_failing_schedule_is_logged_and_runs_again(caplog: pytest.LogCaptureFixture) -> None:
    def break_down(_: datetime) -> int:
        raise RuntimeError("broken")

    with caplog.at_level(logging.ERROR, "fluxden"):
        for _ in range(2):
            scheduler.run_once(Schedule(break_down, 1, ()))
    assert [each.getMessage() for each in caplog.records] == ["break_down failed"] * 2


def test_schedules_run_at_their_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "SECONDS_A_MINUTE", 0.1)
    runs: list[str] = []

    def often(_: datetime) -> int:
        runs.append("often")
        return 1

    def seldom(_: datetime) -> int:
        runs.append("seldom")
        return 1

    timers = scheduler.start([Schedule(often, 1, ()), Schedule(seldom, 1000, ())])
    deadline = time.monotonic() + 3
    while runs.count("often") < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    for each in timers:
        each.stop()
    assert all(each.finish(time.monotonic() + 3) for each in timers)
    assert runs.count("often") >= 3
    assert runs.count("seldom") == 1
