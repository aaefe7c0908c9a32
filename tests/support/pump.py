"""Process queues and run schedules when a test asks for it."""

from dataclasses import dataclass
from typing import Any

from app import app
from chalicelib import aws
from chalicelib.edge.consumer import Consumer
from chalicelib.resources import Queue
from infra import catalog
from infra.local.pump import Pump
from tests.support.store_calls import record_store_calls


@dataclass(frozen=True)
class _RecordingConsumer:
    """A worker whose store calls are recorded and compared with its grants."""

    worker: Consumer
    calls: list[str]
    beyond: set[tuple[str, str, str | None]]

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
        with record_store_calls() as seen:
            answer = self.worker(event, context)
        self.beyond.update(seen.beyond_grants(self.worker.grants))
        self.calls.extend(seen.calls)
        return answer


class Pumps:
    """The local cloud's pumps without threads. `calls` are the store calls of the last drain or run."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._beyond: set[tuple[str, str, str | None]] = set()
        self._pumps = {
            each.queue: Pump(_RecordingConsumer(each, self.calls, self._beyond)) for each in catalog.consumers(app)
        }

    def drain(self, queue: Queue) -> int:
        """Process the queue's visible messages, and return how many there were."""
        self.calls.clear()
        count = self._pumps[queue].drain()
        assert not self._beyond, f"the worker of {queue.name} went beyond its grants: {self._beyond}"
        return count

    def run(self, name: str) -> None:
        """Run a schedule once."""
        (schedule,) = (each for each in catalog.schedules(app) if each.__name__ == name)
        with record_store_calls() as seen:
            schedule({}, None)
        assert not seen.beyond_grants(schedule.grants), (
            f"{name} went beyond its grants: {seen.beyond_grants(schedule.grants)}"
        )
        self.calls[:] = seen.calls


def count_messages(queue: Queue) -> int:
    """Return how many messages are in the queue, visible or not."""
    names: Any = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
    ]
    url = aws.queue_url(queue.physical_name)
    found = aws.sqs().get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(each) for each in found.values())
