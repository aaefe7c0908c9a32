"""Access to catalog items: request, review, grant and revoke it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

from chalicelib.catalog.domain import approvals as rules
from chalicelib.catalog.domain.approvals import (
    Approval,
    ApprovalImpact,
    ApprovalIn,
    ApprovalOut,
    ApprovalPosition,
    ApprovalQuery,
    ApprovalStatus,
    RequestIn,
    ReviewIn,
    Revocation,
    new_request,
    to_response,
)
from chalicelib.catalog.domain.catalog import is_slug
from chalicelib.catalog.services.ports import Items
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound
from chalicelib.core.domain.idempotency import Claim, StoredReply, to_stored_reply
from chalicelib.core.domain.requests import RequestContext
from chalicelib.parallel import gather
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import People

Decide = Callable[[Approval | None], Approval]

_BUSY = "Too many calls are changing this approval. Try again."
_NO_ITEM = "Catalog item not found, or archived."


class Approvals(Protocol):
    def find_request(self, request_id: str) -> Approval | None: ...
    def find_impact(self, slug: str, user_id: str, *, now: datetime) -> ApprovalImpact | None: ...
    def save(
        self, approval: Approval, *, over: Approval | None, claim: Claim | None, reply: StoredReply
    ) -> Approval | None: ...
    def revoke(self, revoked: Approval, *, impact: ApprovalImpact, claim: Claim | None, reply: StoredReply) -> bool: ...
    def store_reply(self, claim: Claim, *, reply: StoredReply) -> None: ...
    def list_page(
        self, query: ApprovalQuery, after: ApprovalPosition | None
    ) -> tuple[Sequence[Approval], ApprovalPosition | None]: ...


def list_page(
    query: ApprovalQuery, after: ApprovalPosition | None, *, approvals: Approvals
) -> tuple[list[ApprovalOut], ApprovalPosition | None]:
    """List a page of approvals, and its end position if there are more. Store calls after authentication: 1."""
    if query.catalog_slug is not None and not is_slug(query.catalog_slug):
        return [], None
    found, end = approvals.list_page(query, after)
    return [to_response(each) for each in found], end


def assign(
    request: ApprovalIn, *, reviewer_id: str, context: RequestContext, approvals: Approvals, people: People
) -> ApprovalOut:
    """Grant an employee access to an item, with or without a request. An existing approval stays unchanged.

    Store calls after authentication: 3 in sequence, and 1 more if there is a request or an approval.

    Raises:
        NotFound: there is no such employee or item, or the item is archived.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    person, reviewer = _find_parties(request.email, reviewer_id, people)
    if person is None:
        raise NotFound("Employee not found.")
    if not is_slug(request.catalog_slug):
        raise NotFound(_NO_ITEM)

    def decide(current: Approval | None) -> Approval:
        if current and current.status is ApprovalStatus.APPROVED:
            return current
        waiting = current and current.status is ApprovalStatus.PENDING
        start = current if current and waiting else _new_request(request.catalog_slug, person, current, context)
        return start.with_decision(ApprovalStatus.APPROVED, by_email=_email(reviewer), now=context.now)

    return _save_decision(decide, None, context=context, status=201, approvals=approvals)


def request_access(
    request: RequestIn, *, caller: ApiKey, context: RequestContext, approvals: Approvals, people: People, items: Items
) -> ApprovalOut:
    """Request access to an item. An item without approval grants it at once; a pending request stays unchanged.

    Store calls after authentication: 2 in sequence, and 1 more if there was a request before.

    Raises:
        NotFound: there is no such item, or it is archived.
        Conflict: the employee already has access.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    slug = request.catalog_slug
    if not is_slug(slug):
        raise NotFound(_NO_ITEM)
    person, item = gather(partial(people.find_person, caller.user_id), partial(items.find_item, slug))
    if person is None:
        raise Forbidden("The owner of this key is not an employee.")
    if item is None or item.archived_at is not None:
        raise NotFound(_NO_ITEM)

    def decide(current: Approval | None) -> Approval:
        if current and current.status is ApprovalStatus.PENDING:
            return current
        if current and current.status is ApprovalStatus.APPROVED:
            raise Conflict("You already have access to this catalog item.")
        asked = new_request(slug, person.user_id, person.email, over=current, now=context.now, note=request.note)
        if item.approval_required:
            return asked
        return asked.with_decision(ApprovalStatus.APPROVED, by_email=None, now=context.now)

    return _save_decision(decide, None, context=context, status=201, approvals=approvals)


def review(
    request: ReviewIn, *, reviewer_id: str, context: RequestContext, approvals: Approvals, people: People
) -> ApprovalOut:
    """Decide an access request. Repeating a decision changes nothing. Store calls after authentication: 3 in sequence.

    Raises:
        NotFound: there is no such request.
        Conflict: the request was decided differently, or its item is archived.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    current, reviewer = gather(
        partial(approvals.find_request, request.request_id), partial(people.find_person, reviewer_id)
    )
    if current is None:
        raise NotFound("Access request not found.")

    def decide(current: Approval | None) -> Approval:
        assert current is not None
        return rules.review(current, request, by_email=_email(reviewer), now=context.now)

    try:
        return _save_decision(decide, current, context=context, status=200, approvals=approvals)
    except NotFound as error:
        # A pending request keeps its item from being deleted, so the item must be archived.
        raise Conflict("The catalog item is archived.") from error


def revoke(
    request: ApprovalIn, *, reviewer_id: str, context: RequestContext, approvals: Approvals, people: People
) -> Revocation:
    """Revoke an employee's access to an item, and end the personal tokens that depend on it alone.

    Without an approval nothing changes, and the reply says so. Store calls after authentication: 6 in
    sequence at most; 3 without an approval.

    Raises:
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    person, reviewer = _find_parties(request.email, reviewer_id, people)
    attempts = Attempts(_BUSY)
    while attempts.again():
        impact = None
        if person and is_slug(request.catalog_slug):
            impact = approvals.find_impact(request.catalog_slug, person.user_id, now=context.now)
        if impact is None or impact.approval.status is not ApprovalStatus.APPROVED:
            nothing = Revocation(revoked=False, tokens_invalidated=0, request_id=context.request_id)
            if context.claim:
                approvals.store_reply(context.claim, reply=to_stored_reply(200, nothing))
            return nothing
        revoked = impact.approval.with_decision(ApprovalStatus.REVOKED, by_email=_email(reviewer), now=context.now)
        done = Revocation(revoked=True, tokens_invalidated=impact.ending_tokens, request_id=context.request_id)
        if approvals.revoke(revoked, impact=impact, claim=context.claim, reply=to_stored_reply(200, done)):
            return done


def _save_decision(
    decide: Decide, current: Approval | None, *, context: RequestContext, status: int, approvals: Approvals
) -> ApprovalOut:
    """Save the decision about the current approval, and decide again whenever the approval has changed.

    Raises:
        NotFound: the item is missing, or archived while the decision would grant access.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        decided = decide(current)
        answer = to_response(decided)
        stands = approvals.save(decided, over=current, claim=context.claim, reply=to_stored_reply(status, answer))
        if stands is None:
            raise NotFound(_NO_ITEM)
        if stands is decided:
            return answer
        current = stands


def _find_parties(email: str, reviewer_id: str, people: People) -> tuple[Person | None, Person | None]:
    person, reviewer = gather(partial(people.find_person_by_email, email), partial(people.find_person, reviewer_id))
    return person, reviewer


def _new_request(slug: str, person: Person, current: Approval | None, context: RequestContext) -> Approval:
    return new_request(slug, person.user_id, person.email, over=current, now=context.now)


def _email(reviewer: Person | None) -> str | None:
    return reviewer.email if reviewer else None
