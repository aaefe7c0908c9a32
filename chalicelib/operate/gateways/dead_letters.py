"""Dead letters: messages that workers failed to process, in the dead-letter queue of each queue."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from chalicelib.aws import queue_url, sqs
from chalicelib.core.domain.fields import timestamp
from chalicelib.operate.domain.dead_letters import DeadLetter
from chalicelib.resources import QUEUES, Queue

Message = dict[str, Any]

# Long enough to read every message of a queue once. After that, the messages are visible again.
_READ_SECONDS = 120
_BATCH_SIZE = 10
_MOST_REWRITTEN = 1_000


class SqsDeadLetters:
    """Reads dead letters. Reading counts as receiving, and hides a message from other readers for a moment.

    Reading stops after `seconds`, even if messages are left.
    """

    def __init__(self, seconds: float = _READ_SECONDS / 2) -> None:
        self._seconds = seconds

    def count(self, source: Queue) -> int:
        """Count the dead letters of a queue, approximately. One queue call."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        got = sqs().get_queue_attributes(QueueUrl=_url(source.dead_letters), AttributeNames=names)["Attributes"]
        return sum(int(got.get(name, "0")) for name in names)

    def list_letters(self, source: Queue, *, most: int) -> list[DeadLetter]:
        """List up to `most` dead letters. One queue call per ten, and one to count them."""
        with self._reading(source, most) as messages:
            return [_letter(source, message) for message in messages]

    def redrive(self, source: Queue, wanted: set[str] | None, *, most: int) -> set[str]:
        """Send the wanted dead letters, or all if None, back to their queue, and return the ids of those sent.

        At most `most` are sent. Each message is sent before it is deleted, so none is lost, and workers ignore
        duplicates.
        """
        sent: set[str] = set()
        while len(sent) < most and (wanted is None or wanted - sent):
            with self._reading(source, most) as messages:
                chosen = [each for each in messages if wanted is None or each["MessageId"] in wanted]
                for message in chosen[: most - len(sent)]:
                    _send_back(source, message)
                    messages.remove(message)
                    sent.add(message["MessageId"])
            if not chosen:
                break
        return sent

    def rewrite(self, change: Callable[[str], str], *, most: int = _MOST_REWRITTEN) -> int:
        """Replace every dead letter whose body `change` changes by one with the changed body; return how many.

        Looks at `most` of each queue. Each is sent before it is deleted, so none is lost. Queue calls: 2 for each
        queue, 1 for each ten messages, and 2 for each that is replaced.
        """
        rewritten = 0
        for source in QUEUES:
            with self._reading(source, most) as messages:
                for message in [each for each in messages if change(each["Body"]) != each["Body"]]:
                    _send(source.dead_letters, message, change(message["Body"]))
                    _delete(source, message)
                    messages.remove(message)
                    rewritten += 1
        return rewritten

    @contextmanager
    def _reading(self, source: Queue, most: int) -> Iterator[list[Message]]:
        """Yield up to `most` dead letters. Those still in the list at the end become visible again."""
        url, messages, expected = _url(source.dead_letters), list[Message](), self.count(source)
        known: set[str] = set()
        ends = time.monotonic() + self._seconds
        try:
            while len(messages) < most and time.monotonic() < ends:
                received: Any = sqs().receive_message(
                    QueueUrl=url,
                    MaxNumberOfMessages=min(_BATCH_SIZE, most - len(messages)),
                    VisibilityTimeout=_READ_SECONDS,
                    # A wait asks every server of the queue, which is not needed once all messages were received.
                    WaitTimeSeconds=1 if len(messages) < expected else 0,
                    MessageSystemAttributeNames=["All"],
                    MessageAttributeNames=["All"],
                )
                fresh = [each for each in received.get("Messages", []) if each["MessageId"] not in known]
                if not fresh:
                    break
                known |= {each["MessageId"] for each in fresh}
                messages += fresh
            yield messages
        finally:
            for start in range(0, len(messages), _BATCH_SIZE):
                batch = messages[start : start + _BATCH_SIZE]
                sqs().change_message_visibility_batch(
                    QueueUrl=url,
                    Entries=[
                        {"Id": str(place), "ReceiptHandle": each["ReceiptHandle"], "VisibilityTimeout": 0}
                        for place, each in enumerate(batch)
                    ],
                )


def _url(queue: Queue) -> str:
    return queue_url(queue.physical_name)


def _send_back(source: Queue, message: Message) -> None:
    _send(source, message, message["Body"])
    _delete(source, message)


def _send(queue: Queue, message: Message, body: str) -> None:
    attributes: Any = {
        name: {key: value for key, value in attribute.items() if key in ("DataType", "StringValue", "BinaryValue")}
        for name, attribute in message.get("MessageAttributes", {}).items()
    }
    sqs().send_message(
        QueueUrl=_url(queue),
        MessageBody=body,
        MessageAttributes=attributes,
    )


def _delete(source: Queue, message: Message) -> None:
    sqs().delete_message(QueueUrl=_url(source.dead_letters), ReceiptHandle=message["ReceiptHandle"])


def _letter(source: Queue, message: Message) -> DeadLetter:
    given = message["Attributes"]
    own = {
        name: str(each.get("StringValue", "(binary)")) for name, each in message.get("MessageAttributes", {}).items()
    }
    return DeadLetter(
        queue=source.name,
        message_id=message["MessageId"],
        # This read itself does not count.
        received=int(given["ApproximateReceiveCount"]) - 1,
        first_received_at=timestamp(_moment(given["ApproximateFirstReceiveTimestamp"])),
        sent_at=timestamp(_moment(given["SentTimestamp"])),
        body=message["Body"],
        job=_job(message["Body"]),
        attributes=dict(given) | own,
    )


def _job(body: str) -> dict[str, Any]:
    # Jobs contain ids, never content. Lists and objects may be long, so only their length is shown.
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    plain = parsed.items() if isinstance(parsed, dict) else ()
    return {name: len(value) if isinstance(value, list | dict) else value for name, value in plain}


def _moment(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
