"""Delegations: let somebody else decide on one's proposals, and decide on those of others."""

from collections.abc import Callable
from dataclasses import replace

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.fields import is_uuid
from chalicelib.core.domain.pages import PageRequest, Pagination, fit_page
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Gather
from chalicelib.live.services.ports import Notifier
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import Directory
from chalicelib.tasks.domain.delegations import (
    MOST_GIVEN,
    MOST_RECEIVED,
    DelegatedConfirmIn,
    DelegatedTasksOut,
    Delegation,
    DelegationIn,
    DelegationOut,
    DelegationsOut,
    delegated_event,
    is_delegable,
    new_delegation,
    to_delegated_task,
    to_delegation_response,
)
from chalicelib.tasks.domain.queue import ItemStatus
from chalicelib.tasks.domain.queue_messages import ConfirmedOut, ConfirmIn, ItemFilter
from chalicelib.tasks.services.confirmations import Confirmation, OnBehalf
from chalicelib.tasks.services.ports import DelegationRows, QueueItems
from chalicelib.tasks.services.queue import parse_item_id

_MOST_OF_EACH = 100


def list_delegations(*, owner: ApiKey, delegations: DelegationRows, people: Directory) -> DelegationsOut:
    """List who decides on the owner's proposals, and on whose they decide. Store calls after authentication: 2."""
    found = delegations.list_all(owner.user_id)
    both = [*found.given, *found.received]
    names = people.find_people({id_ for each in both for id_ in (each.delegator_id, each.delegate_id)}) if both else {}
    return DelegationsOut(
        given=[to_delegation_response(each, names) for each in found.given],
        received=[to_delegation_response(each, names) for each in found.received],
    )


def add_delegation(
    request: DelegationIn,
    *,
    delegation_id: str,
    owner: ApiKey,
    context: RequestContext,
    delegations: DelegationRows,
    people: Directory,
    notifier: Notifier,
    gather: Gather,
    draft: Callable[[str], None],
) -> DelegationOut:
    """Let another employee decide on the owner's proposals until a time.

    Store calls after authentication, in sequence: 4, or 5 by address, and 2 to push. A conflict with another call
    repeats 3 of them.

    Raises:
        Invalid: it names no other active employee, or the end is none.
        Conflict: they do so already, or one of both has as many delegations as they can have.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    user_id, delegate = owner.user_id, _find_delegate(request.to, people)
    made = new_delegation(
        request.until, delegation_id=delegation_id, delegator_id=user_id, delegate=delegate, now=context.now
    )
    both = (made.delegator_id, made.delegate_id)
    attempts = Attempts("Too many calls are changing the queue. Try again.")
    while attempts.again():
        # The lists are not older than the versions that their numbers depend on.
        seen, names = gather(lambda: delegations.find_versions(both), lambda: people.find_people(both))
        given, received = gather(
            lambda: delegations.list_all(made.delegator_id).given,
            lambda: delegations.list_all(made.delegate_id).received,
        )
        draft(made.delegate_id)
        # An attempt whose response was lost may have stored it.
        is_stored = any(each.delegation_id == delegation_id for each in given)
        if not is_stored:
            if any(each.delegate_id == made.delegate_id for each in given):
                raise Conflict("This person decides on your proposals already. End that delegation first.")
            if len(given) >= MOST_GIVEN:
                raise Conflict(f"You have {MOST_GIVEN} delegates, which is the maximum. End a delegation first.")
            if len(received) >= MOST_RECEIVED:
                raise Conflict("This person decides for as many others as they can.")
        response = to_delegation_response(made, names)
        reply = response.model_dump(mode="json")
        if is_stored or delegations.add(made, seen=seen, claim=context.claim, reply=reply):
            notifier.notify(made.delegate_id, delegated_event("begun", user_id), log_state=None, now=context.now)
            return response


def end_delegation(
    delegation_id: str,
    *,
    owner: ApiKey,
    context: RequestContext,
    delegations: DelegationRows,
    notifier: Notifier,
    draft: Callable[[str], None],
) -> None:
    """End a delegation, by either of its people. Store calls after authentication, in sequence: 2, and 2 to push.

    Raises:
        NotFound: there is none, it has ended, or it is of others.
    """
    found = delegations.list_all(owner.user_id)
    both = [*found.given, *found.received]
    ended = next((each for each in both if each.delegation_id == delegation_id.lower()), None)
    if ended:
        draft(ended.partner_of(owner.user_id))
    if ended is None or not delegations.end(ended):
        raise NotFound("No such delegation.")
    event = delegated_event("ended", ended.delegator_id)
    notifier.notify(ended.partner_of(owner.user_id), event, log_state=None, now=context.now)


def list_delegated_tasks(
    *,
    owner: ApiKey,
    context: RequestContext,
    delegations: DelegationRows,
    queue: QueueItems,
    people: Directory,
    gather: Gather,
) -> DelegatedTasksOut:
    """List the proposals of others on which the owner decides. Store calls after authentication, in sequence: 3."""
    received = [each for each in delegations.list_all(owner.user_id).received if not each.is_over(context.now)]
    if not received:
        return DelegatedTasksOut(tasks=[], pagination=Pagination.of(0, limit=1, offset=0))
    waiting, first = ItemFilter(status=ItemStatus.PENDING_CONFIRMATION), PageRequest(_MOST_OF_EACH)
    names, *pages = gather(
        lambda: people.find_people([each.delegator_id for each in received]),
        *(lambda each=each: queue.list_page(each.delegator_id, waiting, first).rows for each in received),
    )
    found = [
        to_delegated_task(item, each, names)
        for each, page in zip(received, pages, strict=True)
        for item in page
        if is_delegable(item)
    ]
    tasks, pagination = fit_page(found, len(found), limit=max(len(found), 1), offset=0)
    return DelegatedTasksOut(tasks=tasks, pagination=pagination)


def decide_delegated(
    item_id: str,
    request: DelegatedConfirmIn,
    *,
    confirmation: Confirmation,
    delegations: DelegationRows,
    draft: Callable[[Delegation], None],
) -> ConfirmedOut:
    """Decide on a proposal of somebody who has delegated that to the caller.

    Store calls after authentication, in sequence: 3, and those of the decision.

    Raises:
        NotFound: there is no such proposal of such a person, or the delegation has ended.
        Invalid: the proposal does not wait for a decision any more, or the edits don't fit.
        Conflict: the proposal has expired.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    item_id, by, now = parse_item_id(item_id), confirmation.owner, confirmation.context.now
    received = [each for each in delegations.list_all(by.user_id).received if not each.is_over(now)]
    found = delegations.find_items({each.delegator_id: [item_id] for each in received})
    item = next((each for each in found if each.proposal is not None), None)
    if item is None:
        raise NotFound("Task not found.")
    delegation = next(each for each in received if each.delegator_id == item.user_id)
    draft(delegation)
    name = confirmation.people.find_people([by.user_id])[by.user_id].name
    on_behalf = OnBehalf(
        user_id=item.user_id,
        delegate_id=by.user_id,
        delegate_name=name,
        require=delegations.require(delegation),
        is_current=lambda: delegation in delegations.list_all(by.user_id).received,
    )
    members = {"action": request.action} | request.model_dump(exclude_unset=True, include={"arguments", "reason"})
    return replace(confirmation, on_behalf=on_behalf).decide(item_id, ConfirmIn.model_validate(members))


def _find_delegate(text: str, people: Directory) -> Person | None:
    text = text.strip().lower()
    return people.find_people([text]).get(text) if is_uuid(text) else people.find_person_by_email(text)
