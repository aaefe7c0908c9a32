"""Who gets at what the catalog offers: applications, reviews, assignments, revocations."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

from chalicelib.catalog.domain import approvals as rules
from chalicelib.catalog.domain.approvals import (
    Approval,
    ApprovalIn,
    ApprovalOut,
    ApprovalPosition,
    ApprovalQuery,
    ApprovalStatus,
    RequestIn,
    ReviewIn,
    Revocation,
    Standing,
    requested,
    shown,
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

_BUSY = "The approval is being changed by many calls at once."
_NO_ITEM = "No such catalog item in use."


class Approvals(Protocol):
    def find_request(self, request_id: str) -> Approval | None: ...
    def find_standing(self, slug: str, user_id: str, *, now: datetime) -> Standing | None: ...
    def save(
        self, approval: Approval, *, over: Approval | None, claim: Claim | None, reply: StoredReply
    ) -> Approval | None: ...
    def revoke(self, revoked: Approval, *, standing: Standing, claim: Claim | None, reply: StoredReply) -> bool: ...
    def remember(self, claim: Claim, *, reply: StoredReply) -> None: ...
    def list_page(
        self, query: ApprovalQuery, after: ApprovalPosition | None
    ) -> tuple[Sequence[Approval], ApprovalPosition | None]: ...


def list_page(
    query: ApprovalQuery, after: ApprovalPosition | None, *, approvals: Approvals
) -> tuple[list[ApprovalOut], ApprovalPosition | None]:
    """Approvals, and where the page ended if there are more. Store calls after authentication: 1."""
    if query.catalog_slug is not None and not is_slug(query.catalog_slug):
        return [], None
    found, end = approvals.list_page(query, after)
    return [shown(each) for each in found], end


def assign(
    given: ApprovalIn, *, reviewer_id: str, context: RequestContext, approvals: Approvals, people: People
) -> ApprovalOut:
    """Approve an employee for an item, whether there is an application or not; once approved nothing changes.

    Store calls after authentication: 3 in sequence, and 1 more when there is an application or an approval.

    Raises:
        NotFound: there is no such employee, or no such item in use.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    person, reviewer = _parties(given.email, reviewer_id, people)
    if person is None:
        raise NotFound("No such employee.")
    if not is_slug(given.catalog_slug):
        raise NotFound(_NO_ITEM)

    def decide(met: Approval | None) -> Approval:
        if met and met.status is ApprovalStatus.APPROVED:
            return met
        waiting = met and met.status is ApprovalStatus.PENDING
        start = met if met and waiting else _requested(given.catalog_slug, person, met, context)
        return start.decided(ApprovalStatus.APPROVED, by_email=_email(reviewer), now=context.now)

    return _settle(decide, None, context=context, status=201, approvals=approvals)


def apply(
    given: RequestIn, *, caller: ApiKey, context: RequestContext, approvals: Approvals, people: People, items: Items
) -> ApprovalOut:
    """Apply for an item; where none is needed, approval follows at once. A pending application stays as it is.

    Store calls after authentication: 2 in sequence, and 1 more when there has been an application before.

    Raises:
        NotFound: there is no such item in use.
        Conflict: the employee is approved for it already.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    slug = given.catalog_slug
    if not is_slug(slug):
        raise NotFound(_NO_ITEM)
    person, item = gather(partial(people.find_person, caller.user_id), partial(items.find_item, slug))
    if person is None:
        raise Forbidden("The key's owner is no employee.")
    if item is None or item.archived_at is not None:
        raise NotFound(_NO_ITEM)

    def decide(met: Approval | None) -> Approval:
        if met and met.status is ApprovalStatus.PENDING:
            return met
        if met and met.status is ApprovalStatus.APPROVED:
            raise Conflict("You are approved for this catalog item already.")
        asked = requested(slug, person.user_id, person.email, over=met, now=context.now, note=given.note)
        if item.approval_required:
            return asked
        return asked.decided(ApprovalStatus.APPROVED, by_email=None, now=context.now)

    return _settle(decide, None, context=context, status=201, approvals=approvals)


def review(
    given: ReviewIn, *, reviewer_id: str, context: RequestContext, approvals: Approvals, people: People
) -> ApprovalOut:
    """Decide an application; deciding the same again changes nothing. Store calls after authentication: 3 in sequence.

    Raises:
        NotFound: there is no such application.
        Conflict: it has been decided otherwise, or its item has been archived.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    met, reviewer = gather(partial(approvals.find_request, given.request_id), partial(people.find_person, reviewer_id))
    if met is None:
        raise NotFound("No such application.")

    def decide(met: Approval | None) -> Approval:
        assert met is not None
        return rules.review(met, given, by_email=_email(reviewer), now=context.now)

    try:
        return _settle(decide, met, context=context, status=200, approvals=approvals)
    except NotFound as error:
        # A pending application keeps its item from being deleted.
        raise Conflict("The catalog item has been archived.") from error


def revoke(
    given: ApprovalIn, *, reviewer_id: str, context: RequestContext, approvals: Approvals, people: People
) -> Revocation:
    """End an employee's approval for an item, and at once the personal tokens that rest on it alone.

    Where nothing is approved nothing changes, and that is the answer. Store calls after authentication: 6 in
    sequence at most; 3 when nothing is approved.

    Raises:
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    person, reviewer = _parties(given.email, reviewer_id, people)
    attempts = Attempts(_BUSY)
    while attempts.again():
        standing = None
        if person and is_slug(given.catalog_slug):
            standing = approvals.find_standing(given.catalog_slug, person.user_id, now=context.now)
        if standing is None or standing.approval.status is not ApprovalStatus.APPROVED:
            nothing = Revocation(revoked=False, tokens_invalidated=0, request_id=context.request_id)
            if context.claim:
                approvals.remember(context.claim, reply=to_stored_reply(200, nothing))
            return nothing
        revoked = standing.approval.decided(ApprovalStatus.REVOKED, by_email=_email(reviewer), now=context.now)
        done = Revocation(revoked=True, tokens_invalidated=standing.ending, request_id=context.request_id)
        if approvals.revoke(revoked, standing=standing, claim=context.claim, reply=to_stored_reply(200, done)):
            return done


def _settle(
    decide: Decide, met: Approval | None, *, context: RequestContext, status: int, approvals: Approvals
) -> ApprovalOut:
    """Put what `decide` makes of the present approval in its place, however often that changes meanwhile.

    Raises:
        NotFound: the item is missing, or archived while the decision would open it.
    """
    attempts = Attempts(_BUSY)
    while attempts.again():
        decided = decide(met)
        answer = shown(decided)
        stands = approvals.save(decided, over=met, claim=context.claim, reply=to_stored_reply(status, answer))
        if stands is None:
            raise NotFound(_NO_ITEM)
        if stands is decided:
            return answer
        met = stands


def _parties(email: str, reviewer_id: str, people: People) -> tuple[Person | None, Person | None]:
    person, reviewer = gather(partial(people.find_person_by_email, email), partial(people.find_person, reviewer_id))
    return person, reviewer


def _requested(slug: str, person: Person, met: Approval | None, context: RequestContext) -> Approval:
    return requested(slug, person.user_id, person.email, over=met, now=context.now)


def _email(reviewer: Person | None) -> str | None:
    return reviewer.email if reviewer else None
