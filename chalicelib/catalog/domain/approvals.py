"""Approvals: who has applied for, and who has, what the catalog offers."""

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
    """Where an employee's access to an item stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    REVOKED = "revoked"

    @property
    def is_live(self) -> bool:
        """Whether the item is needed by it: it has been granted, or may yet be."""
        return self in (ApprovalStatus.PENDING, ApprovalStatus.APPROVED)


class Decision(StrEnum):
    """What a reviewer says to an application."""

    APPROVE = "approve"
    REJECT = "reject"

    @property
    def outcome(self) -> ApprovalStatus:
        return ApprovalStatus.APPROVED if self is Decision.APPROVE else ApprovalStatus.REJECTED


def approval_id(slug: str, user_id: str, /) -> str:
    """The id of an employee's approval for an item: there is one, however often it is revoked and given again."""
    return str(uuid5(_NAMESPACE, "\n".join(("approval", slug, user_id))))


@dataclass(frozen=True)
class Approval:
    """An employee's application for, or access to, one item. Times are RFC 3339 in UTC."""

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

    def decided(
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


def requested(
    slug: str, user_id: str, email: str, *, over: Approval | None, now: datetime, note: str | None = None
) -> Approval:
    """A new application, in the place of an earlier one that came to nothing."""
    version = over.version + 1 if over else 1
    return Approval(slug, user_id, email, ApprovalStatus.PENDING, timestamp(now), note=note, version=version)


@dataclass(frozen=True)
class Backing:
    """The grant that an approval entitles to, at one of its item's integrators.

    `state` is None when none has been issued. `kept_by` is another item through which the employee is approved for
    the same integrator: then the grant stays.
    """

    grant_id: str
    state: GrantState | None
    kept_by: str | None


@dataclass(frozen=True)
class Standing:
    """An approval and all that hangs on it. `integrators` are those that its item has been linked to."""

    approval: Approval
    integrators: tuple[str, ...]
    backings: tuple[Backing, ...]

    @property
    def ending(self) -> int:
        """How many usable grants end with the approval."""
        return sum(1 for each in self.backings if each.kept_by is None and each.state and each.state.usable)


@dataclass(frozen=True)
class ApprovalPosition:
    """Where a page of approvals ended."""

    slug: str
    user_id: str
    requested_at: str


_Slug = Annotated[str, Field(min_length=1, max_length=80)]


class ApprovalIn(In):
    """Whose access to which item."""

    email: Address
    catalog_slug: _Slug


class RevocationQuery(Query):
    """Whose access to which item, for clients that send no body with DELETE."""

    email: Omittable[Address] = None
    catalog_slug: Omittable[_Slug] = None

    def merged(self, body: ApprovalIn | None) -> ApprovalIn:
        """What body and parameters say together.

        Raises:
            Invalid: they differ, or something is said by neither.
        """
        given = body.model_dump() if body else {}
        asked = self.model_dump(exclude_unset=True)
        reasons = {name: ["differs from the body"] for name, value in asked.items() if given.get(name, value) != value}
        reasons |= {name: ["is required"] for name in ApprovalIn.model_fields if name not in given | asked}
        if reasons:
            name, (reason, *_) = next(iter(reasons.items()))
            raise Invalid(f"{name}: {reason}", reasons)
        return ApprovalIn(**given | asked)


class RequestIn(In):
    """An application for access to an item."""

    catalog_slug: _Slug
    note: Omittable[Annotated[str, Field(max_length=500)]] = Field(None, description="For the reviewer.")


class ReviewIn(In):
    """A reviewer's answer to an application."""

    request_id: Uuid = Field(description="The `id` of the application.")
    decision: Decision
    note: Omittable[Annotated[str, Field(max_length=500)]] = None


class ApprovalQuery(Query):
    """Which approvals to list."""

    email: Omittable[Address] = None
    catalog_slug: Omittable[str] = None
    status: Omittable[ApprovalStatus] = None
    limit: int = Field(1000, ge=1, le=1000)
    cursor: Omittable[str] = Field(None, description="`nextCursor` of the page before, with the same filters.")


class ApprovalOut(Out):
    """An application for, or access to, a catalog item."""

    id: UuidOut
    email: str = Field(json_schema_extra={"format": "email"})
    catalog_slug: str
    status: ApprovalStatus
    requested_at: TimeOut
    reviewed_at: TimeOut | None
    reviewed_by_email: str | None


class ApprovalPage(Out):
    """Approvals; `nextCursor` is null on the last page, and a page may be short before that."""

    items: list[ApprovalOut]
    next_cursor: str | None
    request_id: str


class Revocation(Out):
    """What a revocation ended."""

    revoked: bool = Field(description="False when there was no approval to revoke.")
    tokens_invalidated: int = Field(ge=0, description="Personal tokens that ended with the approval.")
    request_id: str


def review(approval: Approval, given: ReviewIn, *, by_email: str | None, now: datetime) -> Approval:
    """The approval after its review; itself when that is its status already.

    Raises:
        Conflict: it has been decided otherwise.
    """
    if approval.status is given.decision.outcome:
        return approval
    if approval.status is not ApprovalStatus.PENDING:
        raise Conflict(f"The application has been {approval.status} already.")
    return approval.decided(given.decision.outcome, by_email=by_email, now=now, note=given.note)


def shown(approval: Approval) -> ApprovalOut:
    return ApprovalOut(
        id=approval.approval_id,
        email=approval.email,
        catalog_slug=approval.slug,
        status=approval.status,
        requested_at=approval.requested_at,
        reviewed_at=approval.reviewed_at,
        reviewed_by_email=approval.reviewed_by_email,
    )
