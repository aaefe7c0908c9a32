"""What operators see and ask for of the catalog, and of who gets at what it offers."""

from typing import Annotated

from pydantic import Field

from chalicelib.catalog.domain.approvals import ApprovalOut, Decision
from chalicelib.catalog.domain.catalog import CatalogItemOut
from chalicelib.core.domain.fields import Address, In, Omittable, Out, Query, Uuid


class CatalogItemsOut(Out):
    """Items by display order and then by name, and how many there are of them."""

    items: list[CatalogItemOut]
    total_count: int


class ApprovalsOut(Out):
    """Approvals; `nextCursor` is null on the last page."""

    items: list[ApprovalOut]
    next_cursor: str | None


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
