"""Dispatch in chief-of-staff mode: whenever nothing is in progress, the first ready item is put in progress."""

from datetime import datetime
from typing import Protocol

from chalicelib.tasks.domain.dispatch import Dispatch
from chalicelib.tasks.domain.queue import Change, Item, ItemStatus
from chalicelib.tasks.domain.settings import Mode, QueueState


class ReadyItems(Protocol):
    """Finds the ready item to dispatch."""

    def find_next(self, user_id: str, *, excluding: str | None) -> Item | None: ...


def plan_dispatch(item: Item, *, before: Item | None, state: QueueState, now: datetime, queue: ReadyItems) -> Dispatch:
    """Return what to store for a new item, or for one that was `before`.

    In chief-of-staff mode the first ready item is dispatched, if nothing is in progress then. This can be the item
    itself, unless somebody has just put it back. Store calls in sequence: 2, or none if nothing else is ready.
    """
    moves = item.status is ItemStatus.READY if before is None else item.status is not before.status
    busy = state.count(ItemStatus.IN_PROGRESS) + _counts(item, ItemStatus.IN_PROGRESS)
    busy -= _counts(before, ItemStatus.IN_PROGRESS)
    if state.mode is not Mode.CHIEF_OF_STAFF or not moves or busy:
        return Dispatch(item, state)
    is_put_back = before is not None and before.status is ItemStatus.IN_PROGRESS
    own = item if item.status is ItemStatus.READY and not is_put_back else None
    others = state.count(ItemStatus.READY) - _counts(before, ItemStatus.READY)
    other = queue.find_next(item.user_id, excluding=item.item_id) if others else None
    if own and (other is None or own.dispatch_key < other.dispatch_key):
        return Dispatch(own.dispatched(now=now), state, is_own=True)
    return Dispatch(item, state, further=Change(other, other.dispatched(now=now)) if other else None)


def dispatch_first(state: QueueState, *, user_id: str, now: datetime, queue: ReadyItems) -> Change | None:
    """Return the dispatch of the first ready item, if nothing is in progress; valid for this state only.

    Store calls in sequence: 2, or none if nothing is ready.
    """
    if (
        state.mode is not Mode.CHIEF_OF_STAFF
        or state.count(ItemStatus.IN_PROGRESS)
        or not state.count(ItemStatus.READY)
    ):
        return None
    found = queue.find_next(user_id, excluding=None)
    return Change(found, found.dispatched(now=now)) if found else None


def _counts(item: Item | None, status: ItemStatus) -> int:
    return int(item is not None and item.status is status)
