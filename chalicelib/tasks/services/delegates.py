"""Tell delegates of the proposals on which they decide."""

from datetime import datetime
from typing import Literal

from chalicelib.live.services.ports import Notifier
from chalicelib.tasks.domain.delegations import Delegations, delegated_event, is_delegable
from chalicelib.tasks.domain.queue import Item


def tell_delegates(
    change: Literal["added", "decided"], item: Item, delegations: Delegations, *, notifier: Notifier, now: datetime
) -> None:
    """Tell the delegates of the item's person that it waits, or waited until now. Store calls: 2 for each delegate."""
    if not is_delegable(item):
        return
    for each in delegations.given:
        if not each.is_over(now):
            notifier.notify(each.delegate_id, delegated_event(change, item.user_id, item), log_state=None, now=now)
