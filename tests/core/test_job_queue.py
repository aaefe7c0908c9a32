"""Typed queues: bodies, batches within SQS's limits, and what happens when the queue refuses messages."""

import json
from typing import Any

import pytest

from chalicelib import aws
from chalicelib.core.domain.errors import Unavailable
from chalicelib.core.gateways import job_queue
from chalicelib.core.gateways.job_queue import JobQueue
from chalicelib.inbox.domain.bulk import FanOutJob
from chalicelib.inbox.domain.callbacks import CallbackJob
from chalicelib.live.domain.push import PushJob, Urgency
from chalicelib.live.domain.sockets import CatchUpJob
from chalicelib.resources import CALLBACKS

JOBS = JobQueue[CallbackJob](CALLBACKS)


class FakeSqs:
    """An SQS client that refuses the first `refusals` tries of every message."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.sent: list[dict[str, Any]] = []
        self.batches: list[list[str]] = []
        self.tries: dict[str, int] = {}

    def send_message(self, **request: Any) -> None:
        if self.refusals:
            raise RuntimeError("the queue is down")
        self.sent.append(request)

    def send_message_batch(self, *, Entries: list[dict[str, str]], **_: Any) -> dict[str, Any]:  # noqa: N803 - SQS's
        self.batches.append([each["MessageBody"] for each in Entries])
        failed = []
        for each in Entries:
            self.tries[each["MessageBody"]] = self.tries.get(each["MessageBody"], 0) + 1
            if self.tries[each["MessageBody"]] <= self.refusals:
                failed.append({"Id": each["Id"], "Code": "Throttled"})
        return {"Failed": failed}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeSqs:
    made = FakeSqs()
    monkeypatch.setattr(job_queue, "sqs", lambda: made)
    monkeypatch.setattr(job_queue, "queue_url", lambda name: f"https://queues/{name}")
    monkeypatch.setattr("time.sleep", lambda _: None)
    return made


def jobs(count: int, size: int = 1) -> list[CallbackJob]:
    return [CallbackJob(delivery_id=f"{number:04d}".ljust(size, "x"), index=0) for number in range(count)]


def test_job_is_sent_as_json_under_its_wire_names(fake: FakeSqs) -> None:
    JOBS.send(CallbackJob(delivery_id="d", index=1))
    assert fake.sent == [
        {
            "QueueUrl": f"https://queues/{CALLBACKS.physical_name}",
            "MessageBody": '{"deliveryId":"d","index":1,"isProbe":false}',
        }
    ]


OPTIONAL = ("subscriptionId", "deliveryId", "taskId", "integrator", "eventType")


@pytest.mark.parametrize(
    ("job", "body"),
    [
        (FanOutJob(event_part="e", fire="f", people=["p"]), '{"event_part":"e","fire":"f","people":["p"],"behind":[]}'),
        (
            CatchUpJob(user_id="u", connection_id="c", after=7),
            '{"user_id":"u","connection_id":"c","after":7,"resumes":false}',
        ),
        (
            PushJob(user_id="u", urgency=Urgency.LOW),
            '{"userId":"u","urgency":"low"' + "".join(f',"{each}":null' for each in OPTIONAL) + "}",
        ),
    ],
)
def test_bodies_of_jobs_stay_what_running_workers_read(fake: FakeSqs, job: Any, body: str) -> None:
    JobQueue[Any](CALLBACKS).send(job)
    assert fake.sent[0]["MessageBody"] == body


def test_announced_job_can_be_delayed(fake: FakeSqs) -> None:
    JOBS.announce(CallbackJob(delivery_id="d", index=1), delay=900)
    assert fake.sent[0]["DelaySeconds"] == 900


def test_announcement_that_fails_is_only_logged(fake: FakeSqs, caplog: pytest.LogCaptureFixture) -> None:
    fake.refusals = 1
    JOBS.announce(CallbackJob(delivery_id="d", index=1))
    assert "not announced in callbacks" in caplog.text
    with pytest.raises(RuntimeError):
        JOBS.send(CallbackJob(delivery_id="d", index=1))


def test_many_jobs_are_sent_in_batches_of_ten(fake: FakeSqs) -> None:
    JOBS.send_all(jobs(25))
    assert sorted(len(batch) for batch in fake.batches) == [5, 10, 10]
    sent = sorted(json.loads(body)["deliveryId"] for batch in fake.batches for body in batch)
    assert sent == [job.delivery_id for job in jobs(25)]


def test_batch_is_no_larger_than_sqs_takes(fake: FakeSqs) -> None:
    JOBS.send_all(jobs(10, size=100_000))
    assert [len(batch) for batch in fake.batches] == [2] * 5


def test_without_jobs_nothing_is_sent(fake: FakeSqs) -> None:
    JOBS.send_all([])
    assert fake.batches == []


def test_only_refused_messages_of_a_batch_are_sent_again(fake: FakeSqs) -> None:
    fake.refusals = 1
    first = jobs(1)[0].model_dump_json(by_alias=True)
    fake.tries = {job.model_dump_json(by_alias=True): 1 for job in jobs(10)[1:]}
    JOBS.send_all(jobs(10))
    assert [len(batch) for batch in fake.batches] == [10, 1]
    assert fake.batches[1] == [first]


def test_jobs_that_stay_refused_are_an_outage_or_only_logged(fake: FakeSqs, caplog: pytest.LogCaptureFixture) -> None:
    fake.refusals = 5
    with pytest.raises(Unavailable):
        JOBS.send_all(jobs(3))
    fake.tries.clear()
    JOBS.announce_all(jobs(3))
    assert "not all of 3 jobs were announced in callbacks" in caplog.text


@pytest.mark.usefixtures("tables")
def test_queue_holds_what_was_sent() -> None:
    JOBS.send_all(jobs(12))
    url = aws.queue_url(CALLBACKS.physical_name)
    messages = [
        message
        for _ in range(2)
        for message in aws.sqs().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    ]
    assert len(messages) == 12
