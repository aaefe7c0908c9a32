"""Approve and reject tasks that wait for confirmation, and events that are held for moderation."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, CrossProjectBlocked, Invalid, NotFound
from chalicelib.core.domain.fields import is_uuid, timestamp
from chalicelib.core.domain.measures import DELIVERIES
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Action, Gather
from chalicelib.inbox.domain.deliveries import Decision, Delivery, Moderation, ModerationStatus
from chalicelib.inbox.domain.delivery_responses import DeliveryOut, to_response
from chalicelib.inbox.domain.live_events import new_delivery_event
from chalicelib.inbox.services.ports import Deliveries
from chalicelib.live.services.ports import Notifier
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import Directory
from chalicelib.tasks.domain.dispatch import Dispatch, status_events
from chalicelib.tasks.domain.proposals import Outcome, Verdict, edit_arguments, is_over
from chalicelib.tasks.domain.queue import FEDERATION, Change, Item, ItemStatus
from chalicelib.tasks.domain.queue_messages import ConfirmedOut, ConfirmIn, item_fields
from chalicelib.tasks.domain.settings import QueueState
from chalicelib.tasks.services.delegates import tell_delegates
from chalicelib.tasks.services.dispatch import plan_dispatch
from chalicelib.tasks.services.ports import DelegationRows, QueueItems
from chalicelib.tasks.services.queue import ItemRelays, parse_item_id


def read_held_event(item_id: str, *, owner: ApiKey, queue: QueueItems, deliveries: Deliveries) -> DeliveryOut:
    """Return the whole event that an item of the owner stands for. Store calls after authentication, in sequence: 2.

    Raises:
        NotFound: there is no such item, it stands for no event, or the event has ended.
    """
    item = queue.find(owner.user_id, parse_item_id(item_id))
    detail = deliveries.find(item.held_delivery_id) if item and item.held_delivery_id else None
    if detail is None:
        raise NotFound("No such held event.")
    return to_response(detail)


@dataclass(frozen=True)
class OnBehalf:
    """For whom a delegate decides.

    `require` is the action that fails once the delegation has ended, and `is_current` asks for that.
    """

    user_id: str
    delegate_id: str
    delegate_name: str
    require: Action
    is_current: Callable[[], bool]


@dataclass(frozen=True)
class Confirmation:
    """Decides about one owner's items. Of several decisions at the same time, one succeeds.

    In chief-of-staff mode, an approved item is dispatched if nothing else is in progress and no other ready item comes
    first. Store calls after authentication, in sequence: 3. Approving a held event takes 5 to 8: the event, its
    recipient by id (1) or by address (2), its project if it has one, and the recipient's connections. With the chief of
    staff, 2 more find another ready item. A conflict with another call, or an event that no longer exists, repeats all
    of them, with 1 more for a held event. Each delegate who saw the proposal is told, with 2 more.
    """

    owner: ApiKey
    context: RequestContext
    queue: QueueItems
    deliveries: Deliveries
    people: Directory
    notifier: Notifier
    source_relays: ItemRelays
    gather: Gather
    delegations: DelegationRows
    on_behalf: OnBehalf | None = None

    def decide(self, item_id: str, request: ConfirmIn) -> ConfirmedOut:
        """Approve the item, which makes it ready, or reject it, which removes it from the queue.

        A held event that is approved is delivered, and its item is done.

        Raises:
            NotFound: there is no such item, it was rejected, or it is somebody else's.
            Invalid: the item does not wait for confirmation, or it is an event without a valid recipient.
            Conflict: the item's proposal has expired.
            CrossProjectBlocked: the recipient is not a member of the event's project.
            AlreadyAnswered: the idempotency key has been used; nothing was done.
        """
        now, item_id, behalf = self.context.now, parse_item_id(item_id), self.on_behalf
        user_id = behalf.user_id if behalf else self.owner.user_id
        gone = False
        attempts = Attempts("Too many calls are changing the queue. Try again.")
        while attempts.again():
            (item, state), log_state, delegations = self.gather(
                lambda: self.queue.find_with_state(user_id, item_id),
                lambda: self.notifier.find_log_state(user_id, now=now),
                lambda: self.delegations.list_all(user_id),
            )
            if item is None or (behalf and item.proposal is None):
                raise NotFound("Task not found.")
            if item.status is not ItemStatus.PENDING_CONFIRMATION:
                raise Invalid(f"The task is {item.status} and does not wait for confirmation.")
            if request.recipient is not None and item.held_delivery_id is None:
                raise Invalid("recipient: only held events have a recipient", {"recipient": ["must be left out"]})
            declined = request.action == "reject"
            verdict, edited = self._verdict(item, request)
            delivery = None if declined else self._held_event(item, request)
            decision = None if gone else self._decision(item, delivery, request)
            dispatch = None if declined or delivery else self._dispatch(edited, state)
            # An event that was let through leaves nothing to do.
            done = edited.with_status(ItemStatus.DONE_TODAY, now=now) if delivery else None
            changes = [Change(item, dispatch.item), *dispatch.changes] if dispatch else [Change(item, done, verdict)]
            response = _response(item, dispatch, done, is_of_other=bool(behalf))
            ended = self.source_relays.decline_item(item, now=now) if declined else None
            if self.queue.save(
                changes,
                by=self.owner.key_id,
                seen=state if dispatch else None,
                claim=self.context.claim,
                reply=response.model_dump(mode="json", exclude_unset=True),
                decision=decision,
                also=[*(ended.actions if ended else ()), *([behalf.require] if behalf else ())],
            ):
                if ended:
                    ended.announce()
                self.notifier.notify(user_id, *status_events(changes), log_state=log_state, now=now)
                tell_delegates("decided", item, delegations, notifier=self.notifier, now=now)
                if delivery and delivery.recipient_user_id:
                    DELIVERIES.add(outcome="approved")
                    self.notifier.notify(
                        delivery.recipient_user_id, new_delivery_event(delivery), log_state=None, now=now
                    )
                return response
            if behalf and not behalf.is_current():
                raise NotFound("Task not found.")
            gone = item.held_delivery_id is not None and self.deliveries.find(item.held_delivery_id) is None

    def _verdict(self, item: Item, request: ConfirmIn) -> tuple[Verdict, Item]:
        """Return what is decided, and the item as it is approved."""
        at, behalf = timestamp(self.context.now), self.on_behalf
        by_id, by_name = (behalf.delegate_id, behalf.delegate_name) if behalf else (None, None)
        if request.action == "reject":
            if request.arguments is not None:
                raise Invalid("arguments: only approving changes them", {"arguments": ["must be left out"]})
            return Verdict(Outcome.REJECTED, at, request.reason, by_id=by_id, by_name=by_name), item
        if is_over(item.expires_at, now=self.context.now):
            raise Conflict("The proposal has expired. It can't be approved any more.")
        metadata, changed = item.metadata, tuple[str, ...]()
        if request.arguments is not None:
            metadata, changed = edit_arguments(item.metadata, request.arguments)
        verdict = Verdict(Outcome.APPROVED, at, request.reason, changed, by_id=by_id, by_name=by_name)
        return verdict, replace(item, metadata=metadata, verdict=verdict)

    def _dispatch(self, item: Item, state: QueueState) -> Dispatch:
        approved = item.with_status(ItemStatus.READY, now=self.context.now)
        return plan_dispatch(
            approved, before=replace(item, verdict=None), state=state, now=self.context.now, queue=self.queue
        )

    def _held_event(self, item: Item, request: ConfirmIn) -> Delivery | None:
        """Return the event that the item stands for with its recipient, or None if it stands for none."""
        if item.held_delivery_id is None:
            return None
        detail = self.deliveries.find(item.held_delivery_id)
        if detail is None:
            raise Invalid("The event no longer exists. Reject the task.")
        held = detail.delivery
        recipient = self._recipient(held, request.recipient)
        self._check_project(held, recipient)
        return replace(held, recipient_user_id=recipient.user_id, listed_at=timestamp(self.context.now))

    def _recipient(self, held: Delivery, named: str | None) -> Person:
        hint = held.content.get("recipient_hint", {})
        for meant in [named] if named else [hint.get("user_id"), hint.get("email")]:
            found = self._person((meant or "").strip().lower())
            if found and found.active:
                return found
        raise Invalid(
            "recipient: must name an active employee, by e-mail address or user id",
            {"recipient": ["must name an active employee"]},
        )

    def _person(self, text: str) -> Person | None:
        if is_uuid(text):
            return self.people.find_people([text]).get(text)
        return self.people.find_person_by_email(text) if text else None

    def _check_project(self, held: Delivery, recipient: Person) -> None:
        if held.project_id is None:
            return
        access = self.people.find_access(
            held.project_slug or "", sender_id=self.owner.user_id, recipient_id=recipient.user_id
        )
        if access is None or not access.recipient_is_member:
            raise CrossProjectBlocked("cross_project_blocked: the recipient does not belong to the event's project.")

    def _decision(self, item: Item, delivery: Delivery | None, request: ConfirmIn) -> Decision | None:
        if item.held_delivery_id is None:
            return None
        status = ModerationStatus.APPROVED if request.action == "approve" else ModerationStatus.REJECTED
        recipient_id = delivery.recipient_user_id if delivery else None
        return Decision(item.held_delivery_id, Moderation(status, timestamp(self.context.now)), recipient_id)


def _response(before: Item, dispatch: Dispatch | None, done: Item | None, *, is_of_other: bool = False) -> ConfirmedOut:
    # Agents read this as the desk's own words, so it quotes nobody at another desk.
    name = "The task" if before.source == FEDERATION else f"“{before.title}”"
    if done:
        return ConfirmedOut(**item_fields(done), auto_dispatched=None, message=f"{name} was approved and delivered.")
    if dispatch is None:
        return ConfirmedOut(message=f"{name} was rejected and removed from the queue.")
    status = "in progress" if dispatch.is_own else "ready"
    message = f"{name} was approved and is {status}."
    # The next task of the queue is nothing that a delegate sees.
    next_task = None if is_of_other else dispatch.response
    return ConfirmedOut(**item_fields(dispatch.item), auto_dispatched=next_task, message=message)
