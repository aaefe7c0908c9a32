"""Make moto count the messages of a queue faster, and answer a long poll at once.

moto counts messages several times whenever one is sent or received, and reads the clock for each message. With
thousands of messages, as after a bulk send, that takes most of the time. A long poll waits outside of moto, where it
holds no lock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_answers_at_once: ContextVar[bool] = ContextVar("answers_at_once", default=False)


@contextmanager
def answer_at_once() -> Iterator[None]:
    """Let moto ignore how long a request of this thread wants to wait for a message.

    The request stays as its client sent it: its signature covers the body, and moto can be told to check it.
    """
    token = _answers_at_once.set(True)
    try:
        yield
    finally:
        _answers_at_once.reset(token)


def install() -> None:
    """Read the clock once for each count, skip counts that are not needed, and heed `answer_at_once`."""
    from moto.core.utils import unix_time, unix_time_millis
    from moto.sqs.models import Queue, SQSBackend

    def messages(queue: Any) -> list[Any]:
        now = unix_time_millis()
        return [each for each in queue._messages if now > each.visible_at and now >= each.delayed_until]

    def delayed(queue: Any) -> int:
        now = unix_time_millis()
        return sum(1 for each in queue._messages if now < each.delayed_until)

    def taken(queue: Any) -> int:
        now = unix_time_millis()
        return sum(1 for each in queue._messages if now <= each.visible_at)

    def is_kept(backend: Any, queue_name: str, message: Any) -> bool:
        kept: float = backend.get_queue(queue_name).message_retention_period
        return bool(kept + message.sent_timestamp / 1000 > unix_time())

    waits: Any = SQSBackend.receive_message

    def receive(backend: Any, queue_name: str, count: int, seconds: int, *more: Any, **named: Any) -> Any:
        return waits(backend, queue_name, count, 0 if _answers_at_once.get() else seconds, *more, **named)

    queue: Any = Queue
    queue.messages = property(messages)
    queue.approximate_number_of_messages_delayed = property(delayed)
    queue.approximate_number_of_messages_not_visible = property(taken)
    backend: Any = SQSBackend
    backend.is_message_valid_based_on_retention_period = is_kept
    backend.receive_message = receive
