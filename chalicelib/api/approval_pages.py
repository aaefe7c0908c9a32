"""Pages of catalog approvals, which v1 and the admin API list alike."""

from chalicelib.catalog.domain.approvals import ApprovalOut, ApprovalPosition, ApprovalQuery
from chalicelib.catalog.services import approvals
from chalicelib.catalog.stores.approvals import DynamoApprovals
from chalicelib.core.domain.cursors import foreign_cursor, from_cursor, to_cursor


def approval_page(query: ApprovalQuery, *, reader: str) -> tuple[list[ApprovalOut], str | None]:
    """List a page of approvals, with the cursor of the next page, or None on the last.

    A cursor is valid for the same `reader` and filters only. Store calls: 1.

    Raises:
        Invalid: the query's cursor was made for another reader or other filters.
    """
    bound = ("approvals", reader, query.email, query.catalog_slug, query.status)
    after = ApprovalPosition(*from_cursor(query.cursor, 3, *bound)) if query.cursor is not None else None
    if after and query.email is None and query.catalog_slug not in (None, after.slug):
        raise foreign_cursor()
    items, end = approvals.list_page(query, after, approvals=DynamoApprovals())
    return items, to_cursor((end.slug, end.user_id, end.requested_at), *bound) if end else None
