"""List the catalog for an employee, with their requests and the decisions on them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from chalicelib.catalog.domain.approvals import Approval
from chalicelib.catalog.domain.employee_catalog import MOST_ITEMS, OfferedItemOut, to_offered_item
from chalicelib.catalog.services.ports import Items

# Of all items of a list, in characters. A function's reply can have up to 6 MB.
_LARGEST_LIST = 5_000_000


class OwnApprovals(Protocol):
    def find_own(self, user_id: str, slugs: Sequence[str]) -> Mapping[str, Approval]: ...


def list_offered_items(user_id: str, *, items: Items, approvals: OwnApprovals) -> list[OfferedItemOut]:
    """List the items in use: pinned ones first, then by display order and name.

    Store calls after authentication: 3 in sequence; 1 if there are none.
    """
    entries = sorted((each for each in items.list_entries() if not each.archived), key=lambda each: each.sort_key)
    slugs = [each.slug for each in entries[:MOST_ITEMS]]
    if not slugs:
        return []
    own = approvals.find_own(user_id, slugs)
    listed: list[OfferedItemOut] = []
    size = 0
    for item in sorted(items.find_items(slugs), key=lambda each: not each.is_pinned):
        out = to_offered_item(item, own.get(item.slug))
        size += len(out.model_dump_json())
        if listed and size > _LARGEST_LIST:
            break
        listed.append(out)
    return listed
