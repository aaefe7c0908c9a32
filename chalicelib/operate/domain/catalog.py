"""The catalog as administrators manage it in the console: v1's models under camelCase names."""

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from chalicelib.catalog.domain.approvals import ApprovalIn, ApprovalOut, ReviewIn
from chalicelib.catalog.domain.catalog import CatalogItemOut
from chalicelib.core.domain.fields import Out


class CatalogItemsOut(Out):
    """Catalog items in display order, then by name. `totalCount` counts every item that matches the filters."""

    items: list[CatalogItemOut]
    total_count: int


class ApprovalsOut(Out):
    """A page of approvals. `nextCursor` is null on the last page."""

    items: list[ApprovalOut]
    next_cursor: str | None


class AssignmentIn(ApprovalIn):
    """An employee and a catalog item."""

    model_config = ConfigDict(alias_generator=to_camel)


class VerdictIn(ReviewIn):
    """A reviewer's decision on an access request."""

    model_config = ConfigDict(alias_generator=to_camel)
