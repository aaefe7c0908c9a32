"""The task queue: what agents and people do with its items, and how the next one is handed out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Invalid, NotFound
from chalicelib.core.domain.fields import is_uuid, timestamp
from chalicelib.core.domain.pages import paged
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import RelayEnd
from chalicelib.live.domain.frames import LiveEvent
from chalicelib.live.services.ports import Notifier
from chalicelib.tasks.domain.desk_settings import Desk, Mode
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
    changed,
    check_move,
    queued,
    shown,
    wakes,
)
from chalicelib.tasks.services.ports import QueueItems

Together = Callable[..., list[Any]]

_NO_ITEM = "No such item."


class ItemRelays(Protocol):
    """The relays that queue items came from."""

    def complete_item(self, item: Item, result: str | None, *, now: datetime) -> RelayEnd | None: ...
    def decline_item(self, item: Item, *, now: datetime) -> RelayEnd | None: ...


def list_page(query: ItemQuery, *, owner: ApiKey, queue: QueueItems) -> ItemsOut:
    """A page of the owner's queue. Store calls after authentication, in sequence: 2, however long the queue is."""
    found, total = queue.list_page(owner.user_id, query) if query.is_known else ([], 0)
    items, pagination = paged([ItemOut(**shown(item)) for item in found], total, limit=query.count, offset=query.offset)
    return ItemsOut(items=items, pagination=pagination)


def item_id_of(text: str) -> str:
    """The item id that a path names.

    Raises:
        NotFound: it is none.
    """
    if not is_uuid(text):
        raise NotFound(_NO_ITEM)
    return text.lower()


def read(item_id: str, *, owner: ApiKey, queue: QueueItems) -> ItemOut:
    """One item. Store calls after authentication: 1.

    Raises:
        NotFound: there is no such item, it was rejected, or it is somebody else's.
    """
    item = queue.find(owner.user_id, item_id_of(item_id))
    if item is None:
        raise NotFound(_NO_ITEM)
    return ItemOut(**shown(item))


def add(
    given: ItemIn,
    *,
    item_id: str,
    owner: ApiKey,
    context: RequestContext,
    queue: QueueItems,
    notifier: Notifier,
    together: Together,
) -> ItemOut:
    """Queue an item: ready where the owner approves of everything, else for them to confirm.

    Store calls after authentication, in sequence: 3.

    Raises:
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    desk, log_state = together(
        lambda: queue.find_desk(owner.user_id), lambda: notifier.find_log_state(owner.user_id, now=context.now)
    )
    status = ItemStatus.READY if desk.queue_auto_approve else ItemStatus.PENDING_CONFIRMATION
    item = queued(given, item_id=item_id, user_id=owner.user_id, status=status, now=context.now)
    answer = ItemOut(**shown(item))
    queue.add(item, claim=context.claim, reply=answer.model_dump(mode="json"))
    notifier.notify(
        owner.user_id, changed(item, "added", item.status), *wakes(item), log_state=log_state, now=context.now
    )
    return answer


def next_item(desk: Desk, *, besides: Item | None, user_id: str, now: datetime, queue: QueueItems) -> Change | None:
    """What the chief of staff hands out now: the first ready item, when nothing but `besides` is in progress.

    Store calls in sequence: 2; none when there is nothing to hand out. What is decided holds for this `desk` only.
    """
    busy, ready = desk.count(ItemStatus.IN_PROGRESS), desk.count(ItemStatus.READY)
    if besides:
        busy -= besides.status is ItemStatus.IN_PROGRESS
        ready -= besides.status is ItemStatus.READY
    if desk.mode is not Mode.CHIEF_OF_STAFF or busy or not ready:
        return None
    found = queue.find_next(user_id, besides=besides.item_id if besides else None)
    return Change(found, found.moved(ItemStatus.IN_PROGRESS, now=now)) if found else None


def told(changes: Sequence[Change]) -> list[LiveEvent]:
    """What open connections are told of changes of status."""
    events: list[LiveEvent] = []
    for each in changes:
        if each.to is None:
            events.append(changed(each.met, "removed", "rejected"))
        elif each.to.status is not each.met.status:
            events += [changed(each.to, "status_changed", each.to.status), *wakes(each.to)]
    return events


@dataclass(frozen=True)
class Work:
    """Changes of one owner's items: compared and set, so that of calls that conflict one succeeds.

    A change that ends an item decides in the same transaction which one the chief of staff hands out next, so
    exactly one is, whatever else happens meanwhile; and queues word for the desk that sent it, if another did. Store
    calls after authentication, in sequence: 3, and 2 more to find the item to hand out, and 3 for another desk's; again
    as many for each time that another call was faster.
    """

    owner: ApiKey
    context: RequestContext
    queue: QueueItems
    notifier: Notifier
    source_relays: ItemRelays
    together: Together

    def set_status(self, item_id: str, status: ItemStatus) -> MovedOut:
        """Move an item; where it stands already nothing happens.

        Raises:
            NotFound: there is no such item, it was rejected, or it is somebody else's.
            Invalid: the queue's rules rule it out.
            AlreadyAnswered: the idempotency key has been used; nothing was done.
        """

        def moved(item: Item) -> Item:
            check_move(item, status)
            return item if item.status is status else item.moved(status, now=self.context.now)

        return self._change(item_id, moved)

    def complete(self, item_id: str, given: ResultIn) -> MovedOut:
        """Keep what came of an item, and end or block it.

        Raises:
            NotFound: there is no such item, it was rejected, or it is somebody else's.
            Invalid: the item is done already, waits for its confirmation, or would grow too large.
            AlreadyAnswered: the idempotency key has been used; nothing was done.
        """
        status = ItemStatus(given.status)
        notes = {
            "agentResult": given.result,
            "completedBy": self.owner.name,
            "completedAt": timestamp(self.context.now),
        }

        def ended(item: Item) -> Item:
            if item.status is ItemStatus.DONE_TODAY:
                raise Invalid("The item is done already, with its result.")
            check_move(item, status)
            return item.noted(**notes).moved(status, now=self.context.now)

        return self._change(item_id, ended, given.result)

    def _change(self, item_id: str, change: Callable[[Item], Item], result: str | None = None) -> MovedOut:
        now, user_id, item_id = self.context.now, self.owner.user_id, item_id_of(item_id)
        attempts = Attempts("The queue is being changed by many calls at once.")
        while attempts.again():
            (met, desk), log_state = self.together(
                lambda: self.queue.find_with_desk(user_id, item_id),
                lambda: self.notifier.find_log_state(user_id, now=now),
            )
            if met is None:
                raise NotFound(_NO_ITEM)
            item = change(met)
            ends = item.status is ItemStatus.DONE_TODAY and met.status is not ItemStatus.DONE_TODAY
            handed_out = next_item(desk, besides=met, user_id=user_id, now=now, queue=self.queue) if ends else None
            answer = moved_out(item, handed_out)
            if item is met and self.context.claim is None:
                return answer
            changes = [Change(met, item), *([handed_out] if handed_out else [])]
            ended = self.source_relays.complete_item(met, result, now=now) if ends else None
            if self.queue.save(
                changes,
                by=self.owner.key_id,
                seen=desk if ends else None,
                claim=self.context.claim,
                reply=answer.model_dump(mode="json"),
                also=ended.actions if ended else (),
            ):
                if ended:
                    ended.announce()
                if events := told(changes):
                    self.notifier.notify(user_id, *events, log_state=log_state, now=now)
                return answer


def moved_out(item: Item, handed_out: Change | None) -> MovedOut:
    dispatched = ItemOut(**shown(handed_out.to)) if handed_out and handed_out.to else None
    return MovedOut(**shown(item), auto_dispatched=dispatched)
