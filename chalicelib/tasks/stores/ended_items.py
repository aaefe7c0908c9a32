"""Done items whose time is over, in the table `queue-items` (see queue): each goes with its count."""

from datetime import datetime

from chalicelib.core.stores import lists
from chalicelib.core.stores.actions import delete
from chalicelib.core.stores.ends import ENDS
from chalicelib.core.stores.reads import get_all, list_due
from chalicelib.core.stores.writes import try_commit
from chalicelib.resources import QUEUE_ITEMS
from chalicelib.tasks.stores.queue import item_from_row


class DynamoEndedItems:
    def end_due(self, *, now: datetime, limit: int) -> int:
        """Delete some of the items that are due to end, and take them out of the counts; return how many.

        Store calls in sequence: 2, and 1 for each.
        """
        due = {(row["pk"], row["sk"]): row["dueAt"] for row in list_due(QUEUE_ITEMS, ENDS, now=now, limit=limit)}
        ended = 0
        for row in get_all(QUEUE_ITEMS, [{"pk": pk, "sk": sk} for pk, sk in due], with_ended=True) if due else []:
            item = item_from_row(row)
            gone = delete(
                QUEUE_ITEMS, {"pk": row["pk"], "sk": row["sk"]}, "dueAt = :due", due=due[row["pk"], row["sk"]]
            )
            counted = [lists.count_action(QUEUE_ITEMS, item.user_id, taken=[item.facets])] if item else []
            ended += try_commit([gone, *counted])
        return ended
