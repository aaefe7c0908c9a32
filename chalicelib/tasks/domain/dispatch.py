"""What the chief of staff dispatches with a change of the queue."""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.live.domain.frames import LiveEvent
from chalicelib.tasks.domain.queue import Change, Item, added_event, queue_event, wake_events
from chalicelib.tasks.domain.queue_messages import ItemOut, to_item_response
from chalicelib.tasks.domain.settings import QueueState


@dataclass(frozen=True)
class Dispatch:
    """An item as it is to be stored, and what the chief of staff dispatches with it.

    That is the item itself if `is_own`, or the item of `further`, or nothing. It is valid for the `state` that it was
    planned for, and is to be stored on the condition that this state is still current.
    """

    item: Item
    state: QueueState
    is_own: bool = False
    further: Change | None = None

    @property
    def changes(self) -> list[Change]:
        """The change of the other item, if there is one."""
        return [self.further] if self.further else []

    @property
    def added_events(self) -> list[LiveEvent]:
        """The live events about the item, where it is new, and about what is dispatched with it."""
        added = [added_event(self.item), *wake_events(self.item)]
        return added + status_events(self.changes)

    @property
    def response(self) -> ItemOut | None:
        """The dispatched item, as replies show it."""
        found = self.item if self.is_own else self.further.after if self.further else None
        return to_item_response(found) if found else None


def status_events(changes: Sequence[Change]) -> list[LiveEvent]:
    """Build the live events about changes of status, and about who has claimed an item."""
    events: list[LiveEvent] = []
    for each in changes:
        if each.after is None:
            outcome = each.verdict.outcome if each.verdict else "rejected"
            events.append(queue_event(each.before, "removed", outcome, each.verdict))
        elif each.after.status is not each.before.status:
            changed = queue_event(each.after, "status_changed", each.after.status, each.decided)
            events += [changed, *wake_events(each.after)]
        elif each.after.claimant != each.before.claimant:
            events.append(queue_event(each.after, "status_changed", each.after.status))
    return events
