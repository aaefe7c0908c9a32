"""Queue events that are held for moderation."""

from datetime import datetime

from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.live.domain.frames import LogState
from chalicelib.live.services.ports import Notifier
from chalicelib.tasks.domain.queue import added_event, moderation_item
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
    """Queue a held event for its moderator and notify them, unless it is queued already.

    Store calls in sequence: 1, and 2 for the notification.
    """
    item = moderation_item(delivery, owner_id=owner_id)
    if queue.add_once(item):
        notifier.notify(owner_id, added_event(item), log_state=log_state, now=now)
