"""How many unread deliveries match each of several filters, counted in one reading of the unread ones."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from chalicelib.core.domain.fields import timestamp
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.inbox import MOST_COUNTED, InboxFilter, InboxStatus, Position
from chalicelib.inbox.domain.inbox_states import View
from chalicelib.inbox.domain.saved_views import MOST_READ_WHOLE
from chalicelib.inbox.stores.inbox import list_range, ranges, with_content
from chalicelib.parallel import gather


class DynamoUnreadCounts:
    def __init__(self, now: datetime) -> None:
        self._now = now

    def count_unread(self, user_id: str, filters: Sequence[InboxFilter]) -> list[int]:
        """Count the unread deliveries that match each filter, among the newest thousand.

        With words or a label, among the newest of `MOST_READ_WHOLE`. Store calls in sequence: 1, and 1 for these; one
        more for each further megabyte.
        """
        shelves = ranges(InboxFilter(view=View.UNREAD), None, now=self._now)
        pages = gather(*(partial(list_range, user_id, each, MOST_COUNTED) for each in shelves))
        found: list[Delivery] = [each for page in pages for each in page if each.read_at is None]
        unread = sorted(found, key=Position.of, reverse=True)[:MOST_COUNTED]
        reads_whole = any(each.reads_whole_rows for each in filters)
        whole = with_content(unread[:MOST_READ_WHOLE]) if reads_whole and unread else []
        return [sum(_matches(each, one) for each in (whole if one.reads_whole_rows else unread)) for one in filters]


def _matches(delivery: Delivery, one: InboxFilter) -> bool:
    """Whether the list with this filter has the delivery. `DynamoInbox` lets the table compare."""
    return (
        (one.severity is None or delivery.severity == one.severity)
        and (one.event_type is None or delivery.event_type == one.event_type)
        and (one.integrator is None or delivery.event_type.startswith(f"{one.integrator}."))
        and (
            one.status is InboxStatus.ALL or (one.status is InboxStatus.RESOLVED) == (delivery.resolved_at is not None)
        )
        and (one.since is None or delivery.created_at >= timestamp(one.since))
        and (not one.reads_whole_rows or one.matches(delivery))
    )
