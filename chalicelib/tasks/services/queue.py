"""The task queue: add, list and update items, and dispatch the next one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Invalid, NotFound
from chalicelib.core.domain.fields import is_uuid, timestamp
from chalicelib.core.domain.pages import fit_page
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Gather, RelayEnd
from chalicelib.live.domain.frames import LiveEvent
from chalicelib.live.services.ports import Notifier
from chalicelib.tasks.domain.queue import (
    Change,
    Item,
    ItemIn,
    ItemOut,
    ItemQuery,
    ItemsOut,
    ItemStatus,
    MovedOut,
    ResultIn,
    check_move,
    item_fields,
    new_item,
    queue_event,
    to_item_response,
    wake_events,
)
from chalicelib.tasks.domain.settings import Mode, QueueState
from chalicelib.tasks.services.ports import QueueItems

_NO_ITEM = "Task not found."


class ItemRelays(Protocol):
    """The relays that queue items came from."""

    def complete_item(self, item: Item, result: str | None, *, now: datetime) -> RelayEnd | None: ...
    def decline_item(self, item: Item, *, now: datetime) -> RelayEnd | None: ...


def list_items(query: ItemQuery, *, owner: ApiKey, queue: QueueItems) -> ItemsOut:
    """List a page of the owner's queue. Store calls after authentication, in sequence: 2."""
    found, total = queue.list_page(owner.user_id, query) if query.is_known else ([], 0)
    items, pagination = fit_page(
        [to_item_response(item) for item in found], total, limit=query.count, offset=query.offset
    )
    return ItemsOut(items=items, pagination=pagination)


def parse_item_id(text: str) -> str:
    """Parse the item id in a path.

    Raises:
        NotFound: it is not a valid id.
    """
    if not is_uuid(text):
        raise NotFound(_NO_ITEM)
    return text.lower()


def read_item(item_id: str, *, owner: ApiKey, queue: QueueItems) -> ItemOut:
    """Return one item. Store calls after authentication: 1.

    Raises:
        NotFound: there is no such item, it was rejected, or it is somebody else's.
    """
    item = queue.find(owner.user_id, parse_item_id(item_id))
    if item is None:
        raise NotFound(_NO_ITEM)
    return to_item_response(item)


def add_item(
    request: ItemIn,
    *,
    item_id: str,
    owner: ApiKey,
    context: RequestContext,
    queue: QueueItems,
    notifier: Notifier,
    gather: Gather,
) -> ItemOut:
    """Add an item. It is ready if the owner approves items automatically, else it waits for confirmation.

    Store calls after authentication, in sequence: 3.

    Raises:
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    state, log_state = gather(
        lambda: queue.find_state(owner.user_id), lambda: notifier.find_log_state(owner.user_id, now=context.now)
    )
    status = ItemStatus.READY if state.queue_auto_approve else ItemStatus.PENDING_CONFIRMATION
    item = new_item(request, item_id=item_id, user_id=owner.user_id, status=status, now=context.now)
    response = to_item_response(item)
    queue.add(item, claim=context.claim, reply=response.model_dump(mode="json"))
    notifier.notify(
        owner.user_id, queue_event(item, "added", item.status), *wake_events(item), log_state=log_state, now=context.now
    )
    return response


def next_dispatch(
    state: QueueState, *, excluding: Item | None, user_id: str, now: datetime, queue: QueueItems
) -> Change | None:
    """Return the item that the chief of staff dispatches now, if nothing but `excluding` is in progress.

    It is the first ready item, and the decision is valid for this `state` only. Store calls in sequence: 2, or none if
    nothing can be dispatched.
    """
    busy, ready = state.count(ItemStatus.IN_PROGRESS), state.count(ItemStatus.READY)
    if excluding:
        busy -= excluding.status is ItemStatus.IN_PROGRESS
        ready -= excluding.status is ItemStatus.READY
    if state.mode is not Mode.CHIEF_OF_STAFF or busy or not ready:
        return None
    found = queue.find_next(user_id, excluding=excluding.item_id if excluding else None)
    return Change(found, found.with_status(ItemStatus.IN_PROGRESS, now=now)) if found else None


def status_events(changes: Sequence[Change]) -> list[LiveEvent]:
    """Build the live events about changes of status."""
    events: list[LiveEvent] = []
    for each in changes:
        if each.after is None:
            events.append(queue_event(each.before, "removed", "rejected"))
        elif each.after.status is not each.before.status:
            events += [queue_event(each.after, "status_changed", each.after.status), *wake_events(each.after)]
    return events


@dataclass(frozen=True)
class ItemUpdater:
    """Updates one owner's items by compare and set: of calls that conflict, one succeeds.

    A change that completes an item dispatches the next one in the same transaction, so exactly one is dispatched. If
    another instance sent the item by a relay, the transaction also queues the acknowledgement. Store calls after
    authentication, in sequence: 3, with 2 more to find the item to dispatch, and 3 more for a relay. A conflict with
    another call repeats all of them.
    """

    owner: ApiKey
    context: RequestContext
    queue: QueueItems
    notifier: Notifier
    source_relays: ItemRelays
    gather: Gather

    def set_status(self, item_id: str, status: ItemStatus) -> MovedOut:
        """Change an item's status. Setting the status that it has changes nothing.

        Raises:
            NotFound: there is no such item, it was rejected, or it is somebody else's.
            Invalid: the rules of the queue don't allow the change.
            AlreadyAnswered: the idempotency key has been used; nothing was done.
        """

        def with_status(item: Item) -> Item:
            check_move(item, status)
            return item if item.status is status else item.with_status(status, now=self.context.now)

        return self._change(item_id, with_status)

    def complete(self, item_id: str, request: ResultIn) -> MovedOut:
        """Store an item's result, and complete or block the item.

        Raises:
            NotFound: there is no such item, it was rejected, or it is somebody else's.
            Invalid: the item is done, waits for confirmation, or would be too large.
            AlreadyAnswered: the idempotency key has been used; nothing was done.
        """
        status = ItemStatus(request.status)
        notes = {
            "agentResult": request.result,
            "completedBy": self.owner.name,
            "completedAt": timestamp(self.context.now),
        }

        def completed(item: Item) -> Item:
            if item.status is ItemStatus.DONE_TODAY:
                raise Invalid("The task is done and has a result.")
            check_move(item, status)
            return item.with_metadata(**notes).with_status(status, now=self.context.now)

        return self._change(item_id, completed, request.result)

    def _change(self, item_id: str, change: Callable[[Item], Item], result: str | None = None) -> MovedOut:
        now, user_id, item_id = self.context.now, self.owner.user_id, parse_item_id(item_id)
        attempts = Attempts("Too many calls are changing the queue. Try again.")
        while attempts.again():
            (before, state), log_state = self.gather(
                lambda: self.queue.find_with_state(user_id, item_id),
                lambda: self.notifier.find_log_state(user_id, now=now),
            )
            if before is None:
                raise NotFound(_NO_ITEM)
            item = change(before)
            ends = item.status is ItemStatus.DONE_TODAY and before.status is not ItemStatus.DONE_TODAY
            dispatched = (
                next_dispatch(state, excluding=before, user_id=user_id, now=now, queue=self.queue) if ends else None
            )
            response = to_moved_response(item, dispatched)
            if item is before and self.context.claim is None:
                return response
            changes = [Change(before, item), *([dispatched] if dispatched else [])]
            ended = self.source_relays.complete_item(before, result, now=now) if ends else None
            if self.queue.save(
                changes,
                by=self.owner.key_id,
                seen=state if ends else None,
                claim=self.context.claim,
                reply=response.model_dump(mode="json"),
                also=ended.actions if ended else (),
            ):
                if ended:
                    ended.announce()
                if events := status_events(changes):
                    self.notifier.notify(user_id, *events, log_state=log_state, now=now)
                return response


def to_moved_response(item: Item, dispatched: Change | None) -> MovedOut:
    """Build the response with the changed item and the one that was dispatched."""
    following = to_item_response(dispatched.after) if dispatched and dispatched.after else None
    return MovedOut(**item_fields(item), auto_dispatched=following)
