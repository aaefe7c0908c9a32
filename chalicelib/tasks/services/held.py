"""A held event waits in the queue of whoever decides on it."""

from datetime import datetime

from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.live.domain.frames import LogState
from chalicelib.live.services.ports import Notifier
from chalicelib.tasks.domain.queue import changed, held_item
from chalicelib.tasks.services.ports import QueueItems


def queue_held(
    delivery: Delivery,
    *,
    owner_id: str,
    log_state: LogState | None,
    now: datetime,
    queue: QueueItems,
    notifier: Notifier,
) -> None:
    """Queue the event for its owner, unless it is there already, and tell them. Store calls in sequence: 1, and 2."""
    item = held_item(delivery, owner_id=owner_id)
    if queue.add(item, claim=None, reply={}):
        notifier.notify(owner_id, changed(item, "added", item.status), log_state=log_state, now=now)
