"""The end of deliveries, in the table `deliveries`, for everything that hangs on one (see delivery_rows)."""

from datetime import datetime

from chalicelib.core.stores.actions import EXISTS, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all, list_due, query_partition
from chalicelib.core.stores.writes import try_commit
from chalicelib.inbox.stores.delivery_rows import SORT_KEY, STAMPS, end_with, from_row
from chalicelib.inbox.stores.sent import label_rows
from chalicelib.resources import DELIVERIES


class DynamoDeliveryEnds:
    def end_due(self, *, now: datetime, limit: int) -> int:
        """Give some of the held deliveries that were decided on their end for all that hangs on them.

        Returns how many. Store calls in sequence: 1, and for each 3 and 1 for each row that hangs on it.
        """
        due = list_due(DELIVERIES, STAMPS, now=now, limit=limit)
        return sum(self._stamp(row["pk"], row["dueAt"]) for row in due)

    def stamp(self, delivery_id: str) -> int:
        """Give everything that hangs on a delivery the delivery's end; return the number of rows that had another one.

        A repeat does no harm. Store calls in sequence: 2, and 1 for each such row.
        """
        rows = list(query_partition(DELIVERIES, delivery_id, with_ended=True))
        found = next((row for row in rows if row["sk"] == SORT_KEY), None)
        if found is None:
            return 0
        delivery = from_row(found)
        labels = [{"pk": row["pk"], "sk": row["sk"]} for row in label_rows(delivery)]
        hanging = [row for row in rows if row["sk"] != SORT_KEY]
        hanging += get_all(DELIVERIES, labels, ("pk", "sk"), with_ended=True) if labels else []
        return sum(_set_end(row, end_with(delivery)) for row in hanging)

    def _stamp(self, delivery_id: str, due_at: str) -> bool:
        self.stamp(delivery_id)
        key = {"pk": delivery_id, "sk": SORT_KEY}
        return try_commit([update(DELIVERIES, key, "REMOVE dueQueue, dueAt", "dueAt = :due", due=due_at)])


def _set_end(row: Row, end: Row) -> bool:
    if row.get("expiresAt") == end.get("expiresAt"):
        return False
    key = {"pk": row["pk"], "sk": row["sk"]}
    if not end:
        return try_commit([update(DELIVERIES, key, "REMOVE expiresAt", EXISTS)])
    return try_commit([update(DELIVERIES, key, "SET expiresAt = :expiresAt", EXISTS, **end)])
