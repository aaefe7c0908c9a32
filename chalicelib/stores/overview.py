"""What of the traffic among desks is in trouble, across the tables `outbox` and `relays`: for the operator's eye."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.domain.fields import timestamp
from chalicelib.domain.outbox import Outbox
from chalicelib.domain.outgoing import Dispatch
from chalicelib.resources import DUE_INDEX, OUTBOX, OUTBOX_WORK, RELAYS
from chalicelib.stores.items import Row, from_item, values
from chalicelib.stores.outbox import outbox_of
from chalicelib.stores.reads import get_all, query


class DynamoOverview:
    def list_failing_desks(self) -> list[Outbox]:
        """The desks that have something to be sent to and failed last. Store calls: 1 per megabyte, then 1."""
        found = query(
            OUTBOX,
            IndexName=DUE_INDEX,
            KeyConditionExpression="dueQueue = :queue",
            ExpressionAttributeValues=values(queue=OUTBOX_WORK.name),
        )
        keys = [{"pk": row["pk"], "sk": row["sk"]} for row in found]
        boxes = [outbox_of(row) for row in (get_all(OUTBOX, keys) if keys else ())]
        return sorted((each for each in boxes if each.failures), key=lambda each: each.peer_url)

    def list_lost_relays(self, *, since: datetime) -> Sequence[Row]:
        """The relays that were refused for good or given up since then, the latest first.

        It reads the whole table, since nobody but an operator asks: one store call per megabyte.
        """
        found, more = list[Row](), dict[str, Any]()
        while True:
            page = dynamodb().scan(
                TableName=RELAYS.physical_name,
                FilterExpression="dispatch IN (:parked, :expired) AND updatedAt >= :since",
                ProjectionExpression="id, peerInstanceUrl, dispatch, sendError, updatedAt, tries",
                ExpressionAttributeValues=values(
                    parked=Dispatch.PARKED.value, expired=Dispatch.EXPIRED.value, since=timestamp(since)
                ),
                **more,
            )
            found += [from_item(dict(item)) for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return sorted(found, key=lambda row: row["updatedAt"], reverse=True)
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
