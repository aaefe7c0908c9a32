"""The queues and their dead-letter queues, for the local cloud, the tests and the template."""

import json
from dataclasses import dataclass
from typing import Any

from chalicelib.aws import sqs
from chalicelib.resources import (
    CALLBACK_REPLAYS,
    CALLBACKS,
    CHAT_MESSAGES,
    EMAIL,
    FAN_OUT,
    INBOX_CHANGES,
    MAIL_REPORTS,
    NOTICES,
    OUTBOX_WORK,
    PEER_NOTICES,
    PERSONAL_WEBHOOK,
    REACH,
    SNOOZES,
    SOCKET_WORK,
    WEB_PUSH,
    Queue,
)

MOST_RECEIVES = 5
DEAD_LETTER_SECONDS = 14 * 24 * 3600


@dataclass(frozen=True)
class Definition:
    """How a queue is processed. `timeout` is the worker's limit for a batch, in seconds.

    On AWS, at most `concurrency` batches are processed at the same time. `topic` is the parameter that
    names an SNS topic which sends to the queue. While it is empty, the queue is not read there, and has no alarms.
    """

    queue: Queue
    timeout: int = 30
    concurrency: int = 20
    topic: str = ""

    @property
    def visibility_timeout(self) -> int:
        """Seconds until a message that was received but not deleted is visible again."""
        return 6 * self.timeout


DEFINITIONS = (
    Definition(FAN_OUT),
    Definition(EMAIL, timeout=60),
    Definition(INBOX_CHANGES, timeout=60),
    Definition(MAIL_REPORTS, topic="MailReportsTopic"),
    Definition(CALLBACKS, timeout=60),
    Definition(CALLBACK_REPLAYS, timeout=60),
    Definition(NOTICES, timeout=60),
    Definition(OUTBOX_WORK, timeout=60),
    Definition(CHAT_MESSAGES, timeout=60),
    Definition(PEER_NOTICES, timeout=60),
    Definition(PERSONAL_WEBHOOK, timeout=60),
    Definition(REACH, timeout=60),
    Definition(SNOOZES, timeout=60),
    Definition(SOCKET_WORK, timeout=60),
    Definition(WEB_PUSH, timeout=60),
)


def definition_of(queue: Queue) -> Definition:
    return next(each for each in DEFINITIONS if each.queue == queue)


def visibility_timeout(queue: Queue) -> int:
    """Seconds for which a received message of the queue is hidden from others."""
    return definition_of(queue).visibility_timeout


def create_queues() -> None:
    """Create missing queues on the engine that the client reaches."""
    for definition in DEFINITIONS:
        dead = _create(definition.queue.dead_letters, {"MessageRetentionPeriod": str(DEAD_LETTER_SECONDS)})
        arn = sqs().get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MOST_RECEIVES})
        attributes = {"VisibilityTimeout": str(definition.visibility_timeout), "RedrivePolicy": redrive}
        _create(definition.queue, attributes)


def _create(queue: Queue, attributes: Any) -> str:
    return sqs().create_queue(QueueName=queue.physical_name, Attributes=attributes)["QueueUrl"]
