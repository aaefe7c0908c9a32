"""The catalog as an employee sees it: what they can apply for, and what became of it."""

from chalicelib.catalog.domain.approvals import Approval, ApprovalStatus
from chalicelib.catalog.domain.catalog import AssetType, CatalogItem, category_display
from chalicelib.core.domain.fields import Out, TimeOut

# An employee sees so many items, in display order.
MOST_ITEMS = 200


class AccessOut(Out):
    """Your latest request for an item, and the decision on it."""

    status: ApprovalStatus
    requested_at: TimeOut
    reviewed_at: TimeOut | None
    note: str | None


class OfferedItemOut(Out):
    """A catalog item that you can apply for. `access` is null if you never did."""

    slug: str
    name: str
    type: AssetType
    description: str | None
    category: str
    url: str | None
    application_guide: str | None
    is_pinned: bool
    approval_required: bool
    access: AccessOut | None


def to_offered_item(item: CatalogItem, approval: Approval | None) -> OfferedItemOut:
    return OfferedItemOut(
        slug=item.slug,
        name=item.name,
        type=item.type,
        description=item.description,
        category=category_display(item.category),
        url=item.url,
        application_guide=item.application_guide,
        is_pinned=item.is_pinned,
        approval_required=item.approval_required,
        access=approval
        and AccessOut(
            status=approval.status,
            requested_at=approval.requested_at,
            reviewed_at=approval.reviewed_at,
            note=approval.note,
        ),
    )
