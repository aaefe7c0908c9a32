"""Instances of which no heartbeat came, in their rows of the table `network` (see instances)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.items import from_item, to_item, values
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.federation.network.domain.instances import InstanceStatus
from chalicelib.federation.network.stores.instances import STALE_QUEUE, instance_key
from chalicelib.federation.network.stores.network_stats import mark_stale_action
from chalicelib.resources import DUE_INDEX, NETWORK


class DynamoStaleInstances:
    def list_overdue(self, *, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """Some of the instances whose heartbeat should have come by now, each with when. One store call."""
        page = dynamodb().query(
            TableName=NETWORK.physical_name,
            IndexName=DUE_INDEX,
            KeyConditionExpression="dueQueue = :queue AND dueAt <= :now",
            ExpressionAttributeValues=values(queue=STALE_QUEUE, now=timestamp(now)),
            Limit=limit,
        )
        rows = [from_item(dict(item)) for item in page["Items"]]
        return [(row["sk"], row["dueAt"]) for row in rows]

    def mark_stale(self, instance_id: str, due_at: str) -> bool:
        """Have the instance be stale since `due_at`, and hide its agents; False when it was heard meanwhile.

        One that is not trusted is no longer watched, which is False too. One store call, then two.
        """
        mark = _unwatched(instance_id, due_at)
        mark["UpdateExpression"] = "SET staleSince = :due REMOVE dueQueue, dueAt"
        mark["ConditionExpression"] += " AND #status = :active"
        mark["ExpressionAttributeNames"] = {"#status": "status"}
        mark["ExpressionAttributeValues"] |= values(active=InstanceStatus.ACTIVE.value)
        try:
            commit([{"Update": mark}, mark_stale_action(instance_id, stale=True)], claim=None, reply={})
        except Refused:
            try:
                dynamodb().update_item(**_unwatched(instance_id, due_at))
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
            return False
        return True


def _unwatched(instance_id: str, due_at: str) -> dict[str, Any]:
    return {
        "TableName": NETWORK.physical_name,
        "Key": to_item(instance_key(instance_id)),
        "UpdateExpression": "REMOVE dueQueue, dueAt",
        "ConditionExpression": "dueAt = :due",
        "ExpressionAttributeValues": values(due=due_at),
    }
