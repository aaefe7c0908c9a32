"""Count, list and redrive dead letters."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

from chalicelib.core.domain.errors import NotFound
from chalicelib.operate.domain.dead_letters import (
    MOST_LISTED,
    MOST_REDRIVEN,
    DeadLetter,
    DeadLetterOut,
    DeadLettersOut,
    RedriveIn,
    RedrivenOut,
)
from chalicelib.resources import QUEUES, Queue


class DeadLetters(Protocol):
    def count(self, source: Queue) -> int: ...
    def list_letters(self, source: Queue, *, most: int) -> list[DeadLetter]: ...
    def redrive(self, source: Queue, wanted: set[str] | None, *, most: int) -> set[str]: ...


class FailureNotes(Protocol):
    def find(self, message_ids: Iterable[str]) -> Mapping[str, tuple[str, str]]: ...


def count_dead_letters(*, letters: DeadLetters, gather: Callable[..., list[Any]]) -> list[DeadLettersOut]:
    """Count the dead letters of every queue, approximately. Queue calls in sequence: 1."""
    counts = gather(*(partial(letters.count, queue) for queue in QUEUES))
    return [DeadLettersOut(queue=queue.name, count=count) for queue, count in zip(QUEUES, counts, strict=True)]


def list_dead_letters(name: str, *, letters: DeadLetters, failures: FailureNotes) -> list[DeadLetterOut]:
    """List up to 100 dead letters of a queue, oldest first, with the reason for each one's last failure.

    Store calls: 1.

    Raises:
        NotFound: there is no such queue.
    """
    found = sorted(letters.list_letters(_queue(name), most=MOST_LISTED), key=lambda each: each.sent_at)
    reasons = failures.find(each.message_id for each in found) if found else {}
    return [_to_response(each, *reasons.get(each.message_id, (None, None))) for each in found]


def redrive_dead_letters(name: str, request: RedriveIn, *, letters: DeadLetters) -> RedrivenOut:
    """Send up to 500 dead letters back to their queue.

    Raises:
        NotFound: there is no such queue.
    """
    named = None if request.message_ids is None else set(request.message_ids)
    sent = letters.redrive(_queue(name), named, most=MOST_REDRIVEN)
    return RedrivenOut(sent=len(sent), missing=sorted((named or set()) - sent))


def _queue(name: str) -> Queue:
    queue = next((each for each in QUEUES if each.name == name), None)
    if queue is None:
        raise NotFound("Queue not found.")
    return queue


def _to_response(letter: DeadLetter, reason: str | None, failed_at: str | None) -> DeadLetterOut:
    return DeadLetterOut(
        message_id=letter.message_id,
        received=letter.received,
        sent_at=letter.sent_at,
        first_received_at=letter.first_received_at,
        reason=reason,
        failed_at=failed_at,
        job=letter.job,
    )
