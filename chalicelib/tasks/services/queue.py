"""The task queue: add, list and update items, and dispatch the next one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey, Session
from chalicelib.core.domain.errors import Conflict, Invalid, NotFound
from chalicelib.core.domain.fields import is_uuid, timestamp
from chalicelib.core.domain.pages import Listed, PageRequest
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Gather, RelayEnd
from chalicelib.live.services.ports import Notifier
from chalicelib.tasks.domain.delegations import Delegations
from chalicelib.tasks.domain.dispatch import Dispatch, status_events
from chalicelib.tasks.domain.proposals import Outcome, Verdict, is_over
from chalicelib.tasks.domain.queue import (
    FEDERATION,
    Change,
    Claimant,
    Item,
    ItemStatus,
    Proposer,
    check_move,
    queue_event,
)
from chalicelib.tasks.domain.queue_messages import (
    AddedOut,
    ItemIn,
    ItemOut,
    ItemQuery,
    ItemsOut,
    MovedOut,
    ResultIn,
    item_fields,
    new_item,
    to_item_response,
)
from chalicelib.tasks.domain.standing_approvals import find_covering
from chalicelib.tasks.services.delegates import tell_delegates
from chalicelib.tasks.services.dispatch import plan_dispatch
from chalicelib.tasks.services.ports import DelegationRows, QueueItems, RejectedItems, StandingApprovals

_NO_ITEM = "Task not found."
_BY_OWNER = "user"
_BUSY = "Too many calls are changing the queue. Try again."


class ItemRelays(Protocol):
    """The relays that queue items came from."""

    def complete_item(self, item: Item, result: str | None, *, now: datetime) -> RelayEnd | None: ...
    def decline_item(self, item: Item, *, now: datetime) -> RelayEnd | None: ...


def list_items(query: ItemQuery, *, owner: ApiKey, queue: QueueItems) -> ItemsOut:
    """List a page of the owner's queue. Store calls after authentication, in sequence: 2."""
    page = PageRequest.of(query, "queue", owner.user_id, query.status, query.priority, query.type)
    listed = queue.list_page(owner.user_id, query, page) if query.is_known else Listed()
    items, pagination = page.fit([to_item_response(item) for item in listed.rows], listed)
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


def restore_item(
    item_id: str, *, owner: ApiKey, context: RequestContext, queue: RejectedItems, notifier: Notifier
) -> ItemOut:
    """Undo the rejection of an item: the same item waits for confirmation again. Others that wait are left alone.

    Store calls after authentication, in sequence: 2, and 2 to push.

    Raises:
        NotFound: there is no such item, it is not rejected, or it is somebody else's.
        Conflict: the sender of the item's event or relay was told of the rejection, or the proposal has expired.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    item_id = parse_item_id(item_id)
    attempts = Attempts(_BUSY)
    while attempts.again():
        rejected = queue.find_rejected(owner.user_id, item_id)
        if rejected is None:
            raise NotFound("No such rejected task.")
        if rejected.held_delivery_id or rejected.source == FEDERATION:
            raise Conflict("The sender was told of the rejection. It can't be undone.")
        if is_over(rejected.expires_at, now=context.now):
            raise Conflict("The proposal has expired. It can't be approved any more.")
        item = replace(rejected.with_status(ItemStatus.PENDING_CONFIRMATION, now=context.now), verdict=None)
        response = to_item_response(item)
        if queue.restore(rejected, item, claim=context.claim, reply=response.model_dump(mode="json")):
            event = queue_event(item, "added", item.status)
            notifier.notify(owner.user_id, event, log_state=None, now=context.now)
            return response


def add_item(
    request: ItemIn,
    *,
    item_id: str,
    owner: ApiKey,
    context: RequestContext,
    queue: QueueItems,
    notifier: Notifier,
    gather: Gather,
    standing: StandingApprovals,
    delegations: DelegationRows,
) -> AddedOut:
    """Add an item. It is ready if the owner adds it or approves it in advance, else it waits for confirmation.

    Store calls after authentication, in sequence: 3. An agent's proposal reads standing approvals and delegations at
    the same time, and each delegate is told of it with 2 more. In chief-of-staff mode, a ready item is dispatched if
    nothing else is in progress, with 2 more calls if others are ready. A conflict with another call repeats all of
    them.

    Raises:
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    now, user_id = context.now, owner.user_id
    by_agent = request.metadata is not None and request.metadata.proposal is not None and not isinstance(owner, Session)
    attempts = Attempts(_BUSY)
    while attempts.again():
        state, log_state, known, delegated = gather(
            lambda: queue.find_state(user_id),
            lambda: notifier.find_log_state(user_id, now=now),
            lambda: standing.list_all(user_id) if by_agent else (),
            lambda: delegations.list_all(user_id) if by_agent else Delegations(),
        )
        is_approved = state.queue_auto_approve or isinstance(owner, Session)
        status = ItemStatus.READY if is_approved else ItemStatus.PENDING_CONFIRMATION
        item = new_item(request, item_id=item_id, user_id=user_id, status=status, now=now)
        if isinstance(owner, Session) and "source" not in request.model_fields_set:
            item = replace(item, source=_BY_OWNER)
        if by_agent:
            item = replace(item, proposer=Proposer(owner.key_id, owner.name))
        covering = None if is_approved else find_covering(known, item, now=now)
        if covering:
            verdict = Verdict(Outcome.APPROVED, timestamp(now), standing_id=covering.standing_id)
            item = replace(item, status=ItemStatus.READY, verdict=verdict)
        dispatch = plan_dispatch(item, before=None, state=state, now=now, queue=queue)
        response = AddedOut(**item_fields(dispatch.item), auto_dispatched=dispatch.response)
        reply = response.model_dump(mode="json")
        if queue.add(
            dispatch.item,
            further=dispatch.changes,
            by=owner.key_id,
            seen=state,
            claim=context.claim,
            reply=reply,
            also=[standing.use(covering)] if covering else (),
        ):
            notifier.notify(user_id, *dispatch.added_events, log_state=log_state, now=now)
            tell_delegates("added", dispatch.item, delegated, notifier=notifier, now=now)
            return response


@dataclass(frozen=True)
class ItemUpdater:
    """Updates one owner's items by compare and set: of calls that conflict, one succeeds.

    A change that leaves nothing in progress dispatches the next item in the same transaction, so exactly one is
    dispatched. `agent_name` names the agent that the call comes from, if it differs from the name of its key. If
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
    agent_name: str | None = None

    @property
    def claimant(self) -> Claimant:
        return Claimant(self.owner.key_id, self.agent_name or self.owner.name, timestamp(self.context.now))

    def set_status(self, item_id: str, status: ItemStatus) -> MovedOut:
        """Change an item's status. Setting the status that it has changes nothing.

        The first agent that sets an item in progress claims it; for later ones nothing changes.

        Raises:
            NotFound: there is no such item, it was rejected, or it is somebody else's.
            Invalid: the rules of the queue don't allow the change.
            AlreadyAnswered: the idempotency key has been used; nothing was done.
        """

        def with_status(item: Item) -> Item:
            check_move(item, status)
            if status is ItemStatus.IN_PROGRESS:
                return item.claimed(self.claimant)
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
        attempts = Attempts(_BUSY)
        while attempts.again():
            (before, state), log_state = self.gather(
                lambda: self.queue.find_with_state(user_id, item_id),
                lambda: self.notifier.find_log_state(user_id, now=now),
            )
            if before is None:
                raise NotFound(_NO_ITEM)
            item = change(before)
            moves = item.status is not before.status
            ends = moves and item.status is ItemStatus.DONE_TODAY
            dispatch = plan_dispatch(item, before=before, state=state, now=now, queue=self.queue)
            response = self._response(dispatch)
            if item is before and self.context.claim is None:
                return response
            changes = [Change(before, dispatch.item), *dispatch.changes]
            ended = self.source_relays.complete_item(before, result, now=now) if ends else None
            if self.queue.save(
                changes,
                by=self.owner.key_id,
                seen=state if moves else None,
                claim=self.context.claim,
                reply=response.model_dump(mode="json"),
                also=ended.actions if ended else (),
            ):
                if ended:
                    ended.announce()
                if events := status_events(changes):
                    self.notifier.notify(user_id, *events, log_state=log_state, now=now)
                return response

    def _response(self, dispatch: Dispatch) -> MovedOut:
        item = dispatch.item
        is_own = item.claimant.is_same_as(self.claimant) if item.claimant else False
        return MovedOut(
            **item_fields(item),
            auto_dispatched=dispatch.response,
            claimed_by_caller=is_own if item.status is ItemStatus.IN_PROGRESS else None,
        )
