"""Lambda's event source mapping for queues: receive messages, call the worker, delete what it processed."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Protocol

from botocore.config import Config
from chalice.local import LambdaContext

from chalicelib.aws import queue_url, session, sqs
from chalicelib.resources import Queue
from infra.queues import visibility_timeout

log = logging.getLogger("fluxden")

# Long polling of a queue elsewhere, as long as SQS allows. With the pause after it, an idle queue costs at most two
# requests a minute. What this process sends ends the pause, so only messages of other processes wait for it.
WAIT_SECONDS = 20
PAUSE_SECONDS = 11.0
# After a receive that failed.
RETRY_SECONDS = 2.0
# A message is hidden for so long until the batch has begun. An engine may give a message to a poll whose process has
# ended: then another process receives it after this time, and not after that of a whole batch.
CLAIM_SECONDS = 10
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

    def __init__(self, worker: Worker, *, wait_seconds: int = 0, watch: QueueWatch | None = None) -> None:
        self._worker, self._wait_seconds, self._watch = worker, wait_seconds, watch
        self._woken, self._stopped = threading.Event(), threading.Event()
        self._idle = threading.Semaphore(WORKERS)
        self._thread: threading.Thread | None = None
        # The receipt handles of received messages that are not finished.
        self._in_work: set[str] = set()
        self._finished = threading.Condition()
        self.polled_at = time.monotonic()

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
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"pump {self._worker.__name__}")
        self._thread.start()

    @property
    def name(self) -> str:
        """The worker's name."""
        return self._worker.__name__

    @property
    def is_busy(self) -> bool:
        """Return whether messages are in work."""
        return bool(self._in_work)

    def stop(self) -> None:
        """Stop receiving messages. Those in work are processed; what a last poll receives is given back."""
        self._stopped.set()
        self._woken.set()

    def join(self, seconds: float) -> bool:
        """Wait until a stopped pump has ended its last poll and batches; False if that takes longer.

        An engine may give a message to a poll that nobody waits for any more, and hides it for a while.
        """
        deadline = time.monotonic() + seconds
        if self._thread is not None:
            self._thread.join(seconds)
        # Whoever holds all of them knows that no batch is left.
        left = (max(0.0, deadline - time.monotonic()) for _ in range(WORKERS))
        held = [self._idle.acquire(timeout=each) for each in left]
        for _ in filter(None, held):
            self._idle.release()
        return all(held) and not (self._thread and self._thread.is_alive())

    def finish(self, until: float) -> bool:
        """Wait after `stop` until the messages in work are processed; False if some are not by then.

        Those are given back: another process receives them at once. `until` is a time of the monotonic clock. A last
        poll is not waited for, because the engine gives what it hides to the next process soon.
        """
        with self._finished:
            is_finished = self._finished.wait_for(lambda: not self._in_work, max(0.0, until - time.monotonic()))
            left = list(self._in_work)
        self._give_back(left)
        return is_finished

    def wake(self, **_: object) -> None:
        """Poll the queue now."""
        self._woken.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._idle.acquire()
            self._woken.clear()
            if self._stopped.is_set():
                self._idle.release()
                return
            messages: list[Any] = []
            failed = False
            try:
                messages = self._receive()
                self.polled_at = time.monotonic()
            except Exception:
                failed = True
                if not self._stopped.is_set():
                    log.exception("receiving messages for %s failed", self._worker.__name__)
            if self._stopped.is_set():
                self._give_back([each["ReceiptHandle"] for each in messages])
                messages = []
            with self._finished:
                self._in_work |= {each["ReceiptHandle"] for each in messages}
            if messages:
                # Daemon threads, unlike a pool's, don't delay the end of the process.
                threading.Thread(target=self._process_in_thread, args=(messages,), daemon=True).start()
            else:
                self._idle.release()
                self._woken.wait(RETRY_SECONDS if failed else self._seconds_until_message())

    def _seconds_until_message(self) -> float | None:
        if self._watch is None:
            return PAUSE_SECONDS
        # The engine wakes this pump for a new message. A delayed or failed one is waited for.
        due = self._watch.seconds_until_message(self.queue_name)
        return None if due is None else due + 0.01

    def _process_in_thread(self, messages: list[Any]) -> None:
        try:
            if self._wait_seconds:
                self._hide(messages)
            self._process(messages)
        except Exception:
            log.exception("a batch of %s was not finished", self._worker.__name__)
        finally:
            with self._finished:
                self._in_work -= {each["ReceiptHandle"] for each in messages}
                self._finished.notify_all()
            self._idle.release()

    def _give_back(self, receipt_handles: Iterable[str]) -> None:
        for each in receipt_handles:
            try:
                sqs().change_message_visibility(QueueUrl=self._url, ReceiptHandle=each, VisibilityTimeout=0)
            except Exception:
                log.exception("a message of %s comes again after its timeout", self._worker.__name__)

    def _receive(self) -> list[Any]:
        client, request = sqs(), self._request()
        if self._wait_seconds:
            client = _polling_client()
            request |= {"WaitTimeSeconds": self._wait_seconds, "VisibilityTimeout": CLAIM_SECONDS}
        return list(client.receive_message(**request).get("Messages", []))

    def _request(self) -> Any:
        return {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": self._worker.batch_size,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }

    def _hide(self, messages: list[Any]) -> None:
        """Hide the messages of a batch from others for as long as its worker may take."""
        seconds = visibility_timeout(self._worker.queue)
        entries: Any = [
            {"Id": str(number), "ReceiptHandle": each["ReceiptHandle"], "VisibilityTimeout": seconds}
            for number, each in enumerate(messages)
        ]
        try:
            sqs().change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
        except Exception:
            # Then it may be processed twice, which does no harm.
            log.exception("a batch of %s was not hidden from other processes", self._worker.__name__)

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
                self.wake()

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


def start(workers: Iterable[Worker], *, watch: QueueWatch | None = None) -> list[Pump]:
    """Process every worker's queue in the background.

    `watch` is the engine of this process, which says when there is a message. Other queues are read by long polling.
    """
    pumps = [Pump(worker, wait_seconds=0 if watch else WAIT_SECONDS, watch=watch) for worker in workers]
    for pump in pumps:
        if watch is not None:
            watch.watch_queue(pump.queue_name, pump.wake)
        pump.start()
    if watch is None:
        _wake_when_sending(pumps)
    return pumps


def stop(pumps: Iterable[Pump], seconds: float) -> bool:
    """Stop the pumps, and wait until their last polls and batches have ended; False if that takes longer.

    Messages that a last poll receives are given back. A poll takes up to `WAIT_SECONDS`.
    """
    stopped, deadline = list(pumps), time.monotonic() + seconds
    for each in stopped:
        each.stop()
    ended = [each.join(max(0.0, deadline - time.monotonic())) for each in stopped]
    return all(ended)


def _wake_when_sending(pumps: Iterable[Pump]) -> None:
    """Let a pump poll when this process is about to send a message to its queue."""
    by_queue = {pump.queue_name: pump for pump in pumps}

    def note(params: dict[str, Any], **_: object) -> None:
        if pump := by_queue.get(params["QueueUrl"].rpartition("/")[2]):
            pump.wake()

    for operation in ("SendMessage", "SendMessageBatch"):
        sqs().meta.events.register(f"provide-client-params.sqs.{operation}", note)


@cache
def _polling_client() -> Any:
    """The client for polls, which take longer than any other call. It may have one connection for each queue."""
    config = Config(
        connect_timeout=2,
        read_timeout=WAIT_SECONDS + 5,
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=64,
        parameter_validation=False,
        user_agent="fluxden",
    )
    made: Any = session()
    return made.client("sqs", config=config)
