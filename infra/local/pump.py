"""What Lambda does for queues: takes messages, calls their worker, deletes what it dealt with."""

import logging
import threading
from collections.abc import Iterable
from typing import Any, Protocol

from chalice.local import LambdaContext

from chalicelib.aws import queue_url, sqs
from chalicelib.resources import Queue

log = logging.getLogger("fluxden")

POLL_SECONDS = 0.1
# Batches of one queue that are worked on at the same time.
WORKERS = 8
# A failed message waits this long for each time it was taken, instead of the whole visibility timeout.
BACK_OFF_SECONDS = 1


class Worker(Protocol):
    """What the pump needs of a consumer."""

    @property
    def queue(self) -> Queue: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def __name__(self) -> str: ...
    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]: ...


class Pump:
    """One queue's messages on their way to its worker."""

    def __init__(self, worker: Worker, wait_seconds: int = 0) -> None:
        self._worker, self._wait_seconds = worker, wait_seconds
        self._woken, self._stopped = threading.Event(), threading.Event()
        self._idle = threading.Semaphore(WORKERS)

    def drain(self) -> int:
        """Work through every message that is visible, here and now; how many there were."""
        count = 0
        while messages := self._take():
            self._work(messages)
            count += len(messages)
        return count

    def start(self) -> None:
        """Work through the queue from now on, in the background."""
        threading.Thread(target=self._run, daemon=True, name=f"pump {self._worker.__name__}").start()

    def stop(self) -> None:
        """Take no more messages; those taken are worked through."""
        self._stopped.set()
        self._woken.set()

    def wake(self, **_: object) -> None:
        """Look at the queue at once."""
        self._woken.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._idle.acquire()
            self._woken.clear()
            messages: list[Any] = []
            try:
                messages = self._take()
            except Exception:
                if not self._stopped.is_set():
                    log.exception("the queue of %s was not read", self._worker.__name__)
            if messages:
                # A daemon, unlike a pool's threads: who stops the desk does not wait for somebody's slow server.
                threading.Thread(target=self._work_aside, args=(messages,), daemon=True).start()
            else:
                self._idle.release()
                self._woken.wait(POLL_SECONDS)

    def _work_aside(self, messages: list[Any]) -> None:
        try:
            self._work(messages)
        except Exception:
            log.exception("a batch of %s was not worked through", self._worker.__name__)
        finally:
            self._idle.release()

    def _take(self) -> list[Any]:
        answer = sqs().receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=self._worker.batch_size,
            WaitTimeSeconds=self._wait_seconds,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages", []))

    def _work(self, messages: list[Any]) -> None:
        context = LambdaContext(self._worker.__name__, 256)
        try:
            answer = self._worker(
                {"Records": [to_lambda_record(self._worker.queue, each) for each in messages]}, context
            )
            failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        except Exception:
            # As Lambda sees it: a worker that ends with an error has dealt with nothing.
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
        return queue_url(self._worker.queue.physical_name)


def to_lambda_record(queue: Queue, message: Any) -> dict[str, Any]:
    """One message as Lambda's event source mapping hands it over."""
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


def start(workers: Iterable[Worker], *, wait_seconds: int = 0) -> list[Pump]:
    """Work through every worker's queue from now on; a send from this process is noticed at once.

    An engine beside this process may be asked to wait for messages for `wait_seconds`. Inside the embedded one that
    would keep everybody else waiting too.
    """
    pumps = [Pump(worker, wait_seconds) for worker in workers]
    for pump in pumps:
        for operation in ("SendMessage", "SendMessageBatch"):
            sqs().meta.events.register(f"after-call.sqs.{operation}", pump.wake)
        pump.start()
    return pumps
