"""Deliveries with all that the log shows of them, in the table `deliveries` (see inbox.stores.deliveries)."""

from chalicelib.core.stores.items import values
from chalicelib.core.stores.reads import query
from chalicelib.inbox.domain.deliveries import DeliveryDetail
from chalicelib.inbox.stores.deliveries import detail_from_rows
from chalicelib.reach.domain.outcomes import Outcome
from chalicelib.reach.stores.outcomes import list_outcomes
from chalicelib.resources import DELIVERIES

# After REACH#, and before SNOOZE and SUPPLEMENT#. Sort keys are in alphabetical order; ACTION# is the first.
_END = "REACH$"


class DynamoLoggedDeliveries:
    def find(self, delivery_id: str) -> tuple[DeliveryDetail, list[Outcome]] | None:
        """Find a delivery with its clicks and the messages to channels, without its supplements, read consistently.

        One store call per megabyte.
        """
        rows = list(
            query(
                DELIVERIES,
                KeyConditionExpression="pk = :pk AND sk < :end",
                ExpressionAttributeValues=values(pk=delivery_id, end=_END),
                ConsistentRead=True,
            )
        )
        detail = detail_from_rows(rows)
        return (detail, list_outcomes(rows)) if detail else None
