"""moto's queues, counted without a look at the clock for each message.

moto counts a queue's messages whenever one is sent or received, several times over, and asks of each what time it is.
Where thousands wait, as after a call in bulk, hardly anything else would be done.
"""

from typing import Any


def install() -> None:
    """Let moto look at the clock once, and not count where it wants to know something else."""
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
