"""Turn a function of one message into an SQS Lambda function that reports the messages it failed on."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Protocol, get_type_hints

from chalice.app import Blueprint
from pydantic import BaseModel

from chalicelib.core.domain.errors import Refusal
from chalicelib.core.domain.measures import MESSAGES
from chalicelib.resources import Grant, Queue
from chalicelib.telemetry import logs
from chalicelib.telemetry.observe import observe, report_error, worker_output

log = logging.getLogger("fluxden")


class Failures(Protocol):
    def note(self, message_id: str, reason: str, *, now: datetime) -> None: ...


@dataclass(frozen=True)
class Consumer:
    """The worker of a queue. `failures` keeps the reason of each failure, to be shown with the dead letters.

    The function takes one parsed `message`. When it raises, only this message is delivered again, at most as often as
    the queue allows. So the function must be idempotent.
    """

    function: Callable[[Any], None]
    queue: Queue
    grants: tuple[Grant, ...]
    batch_size: int
    failures: Failures

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Process an SQS event: the entry point of this worker's Lambda function."""
        # Imported on first use: operations that send to the queue load this module too, and would start more slowly.
        from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        with logs.bind(**logs.function_fields(context)):
            return dict(process_partial_response(event, self._process, processor, context))

    @property
    def __name__(self) -> str:
        return self.function.__name__

    @cached_property
    def message(self) -> type[BaseModel]:
        model: type[BaseModel] = get_type_hints(self.function)["message"]
        return model

    def _process(self, record: Any) -> None:
        sent = (record.get("messageAttributes") or {}).get(logs.CORRELATION_ID) or {}
        ids = {"messageId": record.message_id, "requestId": sent.get("stringValue")}
        with observe("message", self.__name__, output=worker_output(), **ids) as line:
            line |= {"outcome": "failed", "received": int(record.attributes.approximate_receive_count)}
            try:
                self.function(self.message.model_validate_json(record.body))
                line["outcome"] = "done"
            except Exception as error:
                # The message itself is not logged, since it may contain what people wrote.
                report_error("message", error, "message %s of %s failed", record.message_id, self.__name__)
                self._note(record.message_id, error)
                raise
            finally:
                MESSAGES.add(worker=self.__name__, outcome=line["outcome"])

    def _note(self, message_id: str, error: Exception) -> None:
        # The texts of other errors may contain what people wrote, so only their type is kept.
        reason = type(error).__name__ + (f": {error.detail}" if isinstance(error, Refusal) else "")
        try:
            self.failures.note(message_id, reason, now=datetime.now(UTC))
        except Exception:
            log.exception("why message %s failed was not noted", message_id)


def consumer(
    bp: Blueprint, queue: Queue, *, failures: Failures, grants: tuple[Grant, ...] = (), batch_size: int = 10
) -> Callable[[Callable[[Any], None]], Consumer]:
    """Declare the worker of `queue` on `bp`; it gets at most `batch_size` messages at a time, one after the other."""

    def declare(function: Callable[[Any], None]) -> Consumer:
        declared = Consumer(function, queue, grants, batch_size, failures)
        bp.on_sqs_message(queue=queue.name, batch_size=batch_size, name=declared.__name__)(declared)
        return declared

    return declare
