"""A person's say on what waits for it: items that agents suggest, and events that are held for a moderator."""

from dataclasses import dataclass, replace

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import CrossProjectBlocked, Invalid, NotFound
from chalicelib.core.domain.fields import is_uuid, timestamp
from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.domain.deliveries import Decision, Delivery, Moderation, ModerationStatus
from chalicelib.inbox.domain.live_events import new_delivery_event
from chalicelib.inbox.services.ports import Deliveries
from chalicelib.live.services.ports import Notifier
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import Directory
from chalicelib.tasks.domain.queue import Change, ConfirmedOut, ConfirmIn, Item, ItemStatus, shown
from chalicelib.tasks.services.ports import QueueItems
from chalicelib.tasks.services.queue import ItemRelays, Together, item_id_of, told


@dataclass(frozen=True)
class Confirmation:
    """One owner's approvals and rejections; of those at the same time one counts.

    Store calls after authentication, in sequence: 3. To let a held event through 5 to 8: the event, its recipient by
    the hint's id (1) or an address (2), its project if it has one, and the recipient's connections. Again as many,
    and 1 more for a held event, for each time that another call was faster or the event was found to be gone.
    """

    owner: ApiKey
    context: RequestContext
    queue: QueueItems
    deliveries: Deliveries
    people: Directory
    notifier: Notifier
    source_relays: ItemRelays
    together: Together

    def decide(self, item_id: str, given: ConfirmIn) -> ConfirmedOut:
        """Approve the item, which makes it ready, or reject it, which takes it away and leaves a trace.

        Raises:
            NotFound: there is no such item, it was rejected, or it is somebody else's.
            Invalid: it waits for no confirmation, or it is an event and names nobody who could get it.
            CrossProjectBlocked: the event is of a project that its recipient does not belong to.
            AlreadyAnswered: the idempotency key has been used; nothing was done.
        """
        now, user_id, item_id = self.context.now, self.owner.user_id, item_id_of(item_id)
        gone = False
        attempts = Attempts("The queue is being changed by many calls at once.")
        while attempts.again():
            item, log_state = self.together(
                lambda: self.queue.find(user_id, item_id), lambda: self.notifier.find_log_state(user_id, now=now)
            )
            if item is None:
                raise NotFound("No such item.")
            if item.status is not ItemStatus.PENDING_CONFIRMATION:
                raise Invalid(f"The item is {item.status}, and waits for no confirmation.")
            if given.recipient is not None and item.held_delivery_id is None:
                raise Invalid("recipient: only a held event goes to a recipient", {"recipient": ["is of no use here"]})
            change, delivery = self._approved(item, given) if given.action == "approve" else (Change(item, None), None)
            decision = None if gone else self._decision(item, delivery, given)
            answer = _answer(change)
            declined = given.action == "reject"
            ended = self.source_relays.decline_item(item, now=now) if declined else None
            if self.queue.save(
                [change],
                by=self.owner.key_id,
                seen=None,
                claim=self.context.claim,
                reply=answer.model_dump(mode="json", exclude_unset=True),
                decision=decision,
                also=ended.actions if ended else (),
            ):
                if ended:
                    ended.announce()
                self.notifier.notify(user_id, *told([change]), log_state=log_state, now=now)
                if delivery and delivery.recipient_user_id:
                    self.notifier.notify(
                        delivery.recipient_user_id, new_delivery_event(delivery), log_state=None, now=now
                    )
                return answer
            gone = item.held_delivery_id is not None and self.deliveries.find(item.held_delivery_id) is None

    def _approved(self, item: Item, given: ConfirmIn) -> tuple[Change, Delivery | None]:
        approved = Change(item, item.moved(ItemStatus.READY, now=self.context.now))
        if item.held_delivery_id is None:
            return approved, None
        detail = self.deliveries.find(item.held_delivery_id)
        if detail is None:
            raise Invalid("The event is gone; reject the item.")
        held = detail.delivery
        recipient = self._recipient(held, given.recipient)
        self._check_project(held, recipient)
        return approved, replace(held, recipient_user_id=recipient.user_id)

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

    def _decision(self, item: Item, delivery: Delivery | None, given: ConfirmIn) -> Decision | None:
        if item.held_delivery_id is None:
            return None
        status = ModerationStatus.APPROVED if given.action == "approve" else ModerationStatus.REJECTED
        recipient_id = delivery.recipient_user_id if delivery else None
        return Decision(item.held_delivery_id, Moderation(status, timestamp(self.context.now)), recipient_id)


def _answer(change: Change) -> ConfirmedOut:
    if change.to is None:
        return ConfirmedOut(message=f"“{change.met.title}” was rejected and removed from the queue.")
    return ConfirmedOut(**shown(change.to), message=f"“{change.met.title}” was approved and is ready.")
