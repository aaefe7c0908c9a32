"""Approvals: employees' requests for, and access to, catalog items."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID, uuid5

from pydantic import Field

from chalicelib.core.domain.errors import Conflict, Invalid
from chalicelib.core.domain.fields import Address, In, Omittable, Out, Query, TimeOut, Uuid, UuidOut, timestamp
from chalicelib.tokens.domain.tokens import GrantState

_NAMESPACE = UUID("8b6a9df4-0f0c-5d0b-8a55-2d3f7a1c9e04")


class ApprovalStatus(StrEnum):
    """Statuses of an employee's access to an item."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    REVOKED = "revoked"

    @property
    def is_live(self) -> bool:
        """Whether the approval depends on the item: access is granted, or a request is pending."""
        return self in (ApprovalStatus.PENDING, ApprovalStatus.APPROVED)


class Decision(StrEnum):
    """Decisions about an access request."""

    APPROVE = "approve"
    REJECT = "reject"

    @property
    def outcome(self) -> ApprovalStatus:
        return ApprovalStatus.APPROVED if self is Decision.APPROVE else ApprovalStatus.REJECTED


def approval_id(slug: str, user_id: str, /) -> str:
    """Return the id of an employee's approval for an item. It stays the same after a revocation."""
    return str(uuid5(_NAMESPACE, "\n".join(("approval", slug, user_id))))


@dataclass(frozen=True)
class Approval:
    """An employee's request for, or access to, one item. Times are RFC 3339 in UTC."""

    slug: str
    user_id: str
    email: str
    status: ApprovalStatus
    requested_at: str
    reviewed_at: str | None = None
    reviewed_by_email: str | None = None
    note: str | None = None
    review_note: str | None = None
    version: int = 1

    @property
    def approval_id(self) -> str:
        return approval_id(self.slug, self.user_id)

    def with_decision(
        self, status: ApprovalStatus, *, by_email: str | None, now: datetime, note: str | None = None
    ) -> "Approval":
        return replace(
            self,
            status=status,
            reviewed_at=timestamp(now),
            reviewed_by_email=by_email,
            review_note=note,
            version=self.version + 1,
        )


def new_request(
    slug: str, user_id: str, email: str, *, over: Approval | None, now: datetime, note: str | None = None
) -> Approval:
    """Create an access request. It replaces an earlier one that was rejected or revoked."""
    version = over.version + 1 if over else 1
    return Approval(slug, user_id, email, ApprovalStatus.PENDING, timestamp(now), note=note, version=version)


@dataclass(frozen=True)
class DependentGrant:
    """The personal token that an approval allows at one of its item's integrators.

    `state` is None if no token was issued. `kept_by_item` is another item that approves the employee for the same
    integrator. The token then survives a revocation.
    """

    grant_id: str
    state: GrantState | None
    kept_by_item: str | None


@dataclass(frozen=True)
class ApprovalImpact:
    """What revoking an approval affects. `integrators` are all that its item was ever linked to."""

    approval: Approval
    integrators: tuple[str, ...]
    dependent_grants: tuple[DependentGrant, ...]

    @property
    def ending_tokens(self) -> int:
        """The number of usable tokens that end with the approval."""
        ending = [each.state for each in self.dependent_grants if each.kept_by_item is None]
        return sum(1 for state in ending if state and state.usable)


@dataclass(frozen=True)
class ApprovalPosition:
    """The position where a page of approvals ended."""

    slug: str
    user_id: str
    requested_at: str


_Slug = Annotated[str, Field(min_length=1, max_length=80)]


class ApprovalIn(In):
    """An employee and a catalog item."""

    email: Address
    catalog_slug: _Slug


class RevocationQuery(Query):
    """An employee and a catalog item, for clients that can't send a body with DELETE."""

    email: Omittable[Address] = None
    catalog_slug: Omittable[_Slug] = None

    def merged(self, body: ApprovalIn | None) -> ApprovalIn:
        """Merge the body and the query parameters.

        Raises:
            Invalid: they differ, or a value is missing from both.
        """
        request = body.model_dump() if body else {}
        asked = self.model_dump(exclude_unset=True)
        reasons = {
            name: ["differs from the body"] for name, value in asked.items() if request.get(name, value) != value
        }
        reasons |= {name: ["is required"] for name in ApprovalIn.model_fields if name not in request | asked}
        if reasons:
            name, (reason, *_) = next(iter(reasons.items()))
            raise Invalid(f"{name}: {reason}", reasons)
        return ApprovalIn(**request | asked)


class RequestIn(In):
    """A request for access to a catalog item."""

    catalog_slug: _Slug
    note: Omittable[Annotated[str, Field(max_length=500)]] = Field(None, description="A note for the reviewer.")


class ReviewIn(In):
    """A reviewer's decision on an access request."""

    request_id: Uuid = Field(description="The `id` of the access request.")
    decision: Decision
    note: Omittable[Annotated[str, Field(max_length=500)]] = None


class ApprovalQuery(Query):
    """Filters and selects a page of approvals."""

    email: Omittable[Address] = None
    catalog_slug: Omittable[str] = None
    status: Omittable[ApprovalStatus] = None
    limit: int = Field(1000, ge=1, le=1000)
    cursor: Omittable[str] = Field(None, description="The `nextCursor` of the previous page. Keep the same filters.")


class ApprovalOut(Out):
    """A request for, or access to, a catalog item."""

    id: UuidOut
    email: str = Field(json_schema_extra={"format": "email"})
    catalog_slug: str
    status: ApprovalStatus
    requested_at: TimeOut
    reviewed_at: TimeOut | None
    reviewed_by_email: str | None


class ApprovalPage(Out):
    """A page of approvals. `nextCursor` is null on the last page; earlier pages may be short."""

    items: list[ApprovalOut]
    next_cursor: str | None
    request_id: str


class Revocation(Out):
    """The result of a revocation."""

    revoked: bool = Field(description="Whether there was an approval to revoke.")
    tokens_invalidated: int = Field(ge=0, description="The number of personal tokens that ended with the approval.")
    request_id: str


def review(approval: Approval, request: ReviewIn, *, by_email: str | None, now: datetime) -> Approval:
    """Return the approval after a review, or the same approval if it already has that status.

    Raises:
        Conflict: the request was decided differently.
    """
    if approval.status is request.decision.outcome:
        return approval
    if approval.status is not ApprovalStatus.PENDING:
        raise Conflict(f"The request was already {approval.status}.")
    return approval.with_decision(request.decision.outcome, by_email=by_email, now=now, note=request.note)


def to_response(approval: Approval) -> ApprovalOut:
    return ApprovalOut(
        id=approval.approval_id,
        email=approval.email,
        catalog_slug=approval.slug,
        status=approval.status,
        requested_at=approval.requested_at,
        reviewed_at=approval.reviewed_at,
        reviewed_by_email=approval.reviewed_by_email,
    )
