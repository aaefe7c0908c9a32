"""Typed SQS queues: every message is one job, a pydantic model as JSON."""

import logging
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from chalicelib.aws import queue_url, sqs
from chalicelib.core.domain.errors import Unavailable
from chalicelib.core.domain.person_refs import person_ref
from chalicelib.parallel import gather
from chalicelib.resources import Queue
from chalicelib.telemetry import logs

log = logging.getLogger("fluxden")

J = TypeVar("J", bound=BaseModel)

_ENTRIES_PER_BATCH = 10
_BYTES_PER_BATCH = 256 * 1024
# Of the attribute with the request's id, which counts like the body.
_ATTRIBUTE_BYTES = 160
_ATTEMPTS = 5


@dataclass(frozen=True)
class JobQueue(Generic[J]):
    """The sending end of `queue`.

    `send` and `send_all` raise when a job is not taken. `announce` and `announce_all` only log it: they are for work
    that is stored, so that the due index has it announced later.
    """

    queue: Queue

    def send(self, job: J, *, delay: int = 0) -> None:
        """Send a job that becomes visible in `delay` seconds, at most 900. One queue call."""
        self._send(job, {"DelaySeconds": delay} if delay else {})

    def announce(self, job: J, *, delay: int = 0) -> None:
        """Send a job that becomes visible in `delay` seconds, at most 900; a failure is only logged. One queue call."""
        try:
            self._send(job, {"DelaySeconds": delay})
        except Exception:
            log.exception("not announced in %s: %s", self.queue.name, _described(job))

    def send_all(self, jobs: Sequence[J]) -> None:
        """Send the jobs and return when the queue has stored all of them. One queue call for ten, at the same time.

        Raises:
            Unavailable: the queue did not take every job, even after retries; some may have been sent.
        """
        batches = _batches([_body(job) for job in jobs])
        gather(*(partial(self._send_batch, batch) for batch in batches))

    def announce_all(self, jobs: Sequence[J]) -> None:
        """Send the jobs; those that the queue refuses are only logged. One queue call for ten, at the same time."""
        try:
            self.send_all(jobs)
        except Unavailable:
            log.exception("not all of %d jobs were announced in %s", len(jobs), self.queue.name)

    def _send(self, job: J, options: Any) -> None:
        sent: Any = {"QueueUrl": queue_url(self.queue.physical_name), "MessageBody": _body(job), **_correlation()}
        sqs().send_message(**(sent | options))

    def _send_batch(self, bodies: list[str]) -> None:
        pending = dict(enumerate(bodies))
        for attempt in range(_ATTEMPTS):
            entries: Any = [{"Id": str(each), "MessageBody": body, **_correlation()} for each, body in pending.items()]
            answer = sqs().send_message_batch(QueueUrl=queue_url(self.queue.physical_name), Entries=entries)
            pending = {int(failed["Id"]): pending[int(failed["Id"])] for failed in answer.get("Failed", [])}
            if not pending:
                return
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 - spreads retries
        raise Unavailable("The queue did not take every message.")


def _correlation() -> Any:
    """Return the attribute by which the worker's log lines name the request that the job comes from."""
    request_id = logs.bound_fields().get("requestId")
    attribute = {"DataType": "String", "StringValue": request_id}
    return {"MessageAttributes": {logs.CORRELATION_ID: attribute}} if request_id else {}


def _described(job: BaseModel) -> dict[str, Any]:
    """Return a job for a line, which outlives the erasure of a person."""
    return {name: person_ref(value) if name == "user_id" else value for name, value in job.model_dump().items()}


def _body(job: BaseModel) -> str:
    return job.model_dump_json(by_alias=True)


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Split the bodies into batches within SQS's limits on their number and total size."""
    batch, size = list[str](), 0
    for body in bodies:
        length = len(body.encode()) + _ATTRIBUTE_BYTES
        if batch and (len(batch) == _ENTRIES_PER_BATCH or size + length > _BYTES_PER_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch
