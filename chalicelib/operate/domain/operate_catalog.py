"""What operators see and ask for of the catalog, and of who gets at what it offers."""

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.catalog.domain.approvals import ApprovalOut, Decision, Revocation
from chalicelib.catalog.domain.catalog import CatalogItemOut, CatalogItemRemoved
from chalicelib.core.domain.fields import Address, In, Omittable, Out, Query, Uuid


class CatalogItemsOut(Out):
    """Items by display order and then by name, and how many there are of them."""

    items: list[CatalogItemOut]
    total_count: int


class CatalogItemsAnswer(Out):
    """Items of the catalog."""

    success: Literal[True]
    data: CatalogItemsOut


class CatalogItemAnswer(Out):
    """The item as it stands now."""

    success: Literal[True]
    data: CatalogItemOut


class CatalogRemovedAnswer(Out):
    """What became of the item."""

    success: Literal[True]
    data: CatalogItemRemoved


class ApprovalsOut(Out):
    """Approvals; `nextCursor` is null on the last page."""

    items: list[ApprovalOut]
    next_cursor: str | None


class ApprovalsAnswer(Out):
    """A page of approvals."""

    success: Literal[True]
    data: ApprovalsOut


class ApprovalAnswer(Out):
    """The approval as it stands now."""

    success: Literal[True]
    data: ApprovalOut


class RevocationAnswer(Out):
    """What ended."""

    success: Literal[True]
    data: Revocation


class AssignmentIn(In):
    """Whose access to which item."""

    email: Address
    catalog_slug: str = Field(min_length=1, max_length=80, alias="catalogSlug")


class AssignmentQuery(Query):
    """Whose access to which item."""

    email: Address
    catalog_slug: str = Field(min_length=1, max_length=80, alias="catalogSlug")


class VerdictIn(In):
    """A reviewer's answer to an application."""

    request_id: Uuid = Field(alias="requestId", description="The `id` of the application.")
    decision: Decision
    note: Omittable[Annotated[str, Field(max_length=500)]] = None
