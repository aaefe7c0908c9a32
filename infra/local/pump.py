"""Lambda's event source mapping for queues: receive messages, call the worker, delete what it processed."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from chalice.local import LambdaContext

from chalicelib.aws import queue_url, sqs
from chalicelib.resources import Queue

log = logging.getLogger("fluxden")

POLL_SECONDS = 0.1
# Concurrent batches for each queue.
WORKERS = 8
# A failed message is retried after this many seconds for each time it was received.
BACK_OFF_SECONDS = 1


class Worker(Protocol):
    """The part of a consumer that a pump uses."""

    @property
    def queue(self) -> Queue: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def __name__(self) -> str: ...
    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]: ...


class QueueWatch(Protocol):
    """An engine in this process, which knows when a queue has a message to receive."""

    def watch_queue(self, name: str, notify: Callable[[], None]) -> None: ...
    def seconds_until_message(self, name: str) -> float | None: ...


class Pump:
    """Moves the messages of one queue to its worker."""

    def __init__(self, worker: Worker, wait_seconds: int = 0, watch: QueueWatch | None = None) -> None:
        self._worker, self._wait_seconds, self._watch = worker, wait_seconds, watch
        self._woken, self._stopped = threading.Event(), threading.Event()
        self._idle = threading.Semaphore(WORKERS)

    def drain(self) -> int:
        """Process every visible message in this thread, and return how many there were."""
        count = 0
        while messages := self._receive():
            self._process(messages)
            count += len(messages)
        return count

    @property
    def queue_name(self) -> str:
        """The queue's name in the engine."""
        return self._worker.queue.physical_name

    def start(self) -> None:
        """Process the queue in the background from now on."""
        threading.Thread(target=self._run, daemon=True, name=f"pump {self._worker.__name__}").start()

    def stop(self) -> None:
        """Stop receiving messages. Messages already received are processed."""
        self._stopped.set()
        self._woken.set()

    def wake(self, **_: object) -> None:
        """Poll the queue now."""
        self._woken.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._idle.acquire()
            self._woken.clear()
            messages: list[Any] = []
            try:
                messages = self._receive()
            except Exception:
                if not self._stopped.is_set():
                    log.exception("receiving messages for %s failed", self._worker.__name__)
            if messages:
                # Daemon threads, unlike a pool's, don't delay the end of the process.
                threading.Thread(target=self._process_in_thread, args=(messages,), daemon=True).start()
            else:
                self._idle.release()
                self._woken.wait(self._seconds_until_message())

    def _seconds_until_message(self) -> float | None:
        if self._watch is None:
            return POLL_SECONDS
        # The engine wakes this pump for a new message. A delayed or failed one is waited for.
        due = self._watch.seconds_until_message(self.queue_name)
        return None if due is None else due + 0.01

    def _process_in_thread(self, messages: list[Any]) -> None:
        try:
            self._process(messages)
        except Exception:
            log.exception("a batch of %s was not finished", self._worker.__name__)
        finally:
            self._idle.release()

    def _receive(self) -> list[Any]:
        answer = sqs().receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=self._worker.batch_size,
            WaitTimeSeconds=self._wait_seconds,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", []))

    def _process(self, messages: list[Any]) -> None:
        context = LambdaContext(self._worker.__name__, 256)
        try:
            answer = self._worker(
                {"Records": [to_lambda_record(self._worker.queue, each) for each in messages]}, context
            )
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        except Exception:
            # As on Lambda, every message fails if the worker raises.
            log.exception("%s failed", self._worker.__name__)
            failed = {each["MessageId"] for each in messages}
        for message in messages:
            if message["MessageId"] not in failed:
                sqs().delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            else:
                received = int(message["Attributes"]["ApproximateReceiveCount"])
                sqs().change_message_visibility(
                    QueueUrl=self._url,
                    ReceiptHandle=message["ReceiptHandle"],
                    VisibilityTimeout=BACK_OFF_SECONDS * received,
                )

    @property
    def _url(self) -> str:
        return queue_url(self.queue_name)


def to_lambda_record(queue: Queue, message: Any) -> dict[str, Any]:
    """Return a message as a record of a Lambda event."""
    region, account = sqs().meta.region_name, queue_url(queue.physical_name).split("/")[-2]
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {
                "stringValue": held.get("StringValue"),
                "binaryValue": held.get("BinaryValue"),
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": held["DataType"],
            }
            for name, held in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{region}:{account}:{queue.physical_name}",
        "awsRegion": region,
    }


def start(workers: Iterable[Worker], *, wait_seconds: int = 0, watch: QueueWatch | None = None) -> list[Pump]:
    """Process every worker's queue in the background. A message is received immediately.

    `watch` is the engine of this process, which says when there is a message. Queues elsewhere are polled;
    `wait_seconds` is for long polling.
    """
    pumps = [Pump(worker, wait_seconds, watch) for worker in workers]
    for pump in pumps:
        if watch is not None:
            watch.watch_queue(pump.queue_name, pump.wake)
        else:
            # A message that another process sends is noticed by long polling.
            for operation in ("SendMessage", "SendMessageBatch"):
                sqs().meta.events.register(f"after-call.sqs.{operation}", pump.wake)
        pump.start()
    return pumps
