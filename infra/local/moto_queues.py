"""Make moto count the messages of a queue faster.

moto counts messages several times whenever one is sent or received, and reads the clock for each message. With
thousands of messages, as after a bulk send, that takes most of the time.
"""

from typing import Any


def install() -> None:
    """Read the clock once for each count, and skip counts that are not needed."""
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

    queue: Any = Queue
    queue.messages = property(messages)
    queue.approximate_number_of_messages_delayed = property(delayed)
    queue.approximate_number_of_messages_not_visible = property(taken)
    backend: Any = SQSBackend
    backend.is_message_valid_based_on_retention_period = is_kept
