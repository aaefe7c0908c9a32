"""The table `event-types`: deliveries by day. pk = integrator; sk = <day>#<event type>; count, lastSeenAt."""

import logging
from datetime import date
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb, is_transient
from chalicelib.core.stores.items import to_item, values
from chalicelib.core.stores.reads import query
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.event_types import DAYS_COUNTED, CountedType, EventTypeRow, first_day
from chalicelib.resources import EVENT_TYPES

log = logging.getLogger(__name__)


class DynamoEventTypes:
    def count(self, delivery: Delivery, times: int = 1) -> None:
        """Count a new delivery, or `times` new ones of one event, on its day. One store call.

        A transient failure is only logged: the delivery stays, and the count is too low until an operator recounts.
        """
        try:
            dynamodb().update_item(
                TableName=EVENT_TYPES.physical_name,
                Key=_key(delivery.integrator, delivery.created_at[:10], delivery.event_type),
                UpdateExpression="ADD #count :times SET lastSeenAt = :at, lastCounted = :id",
                # A retry by the client library brings the same delivery again.
                ConditionExpression="attribute_not_exists(lastCounted) OR lastCounted <> :id",
                ExpressionAttributeNames={"#count": "count"},
                ExpressionAttributeValues=values(times=times, at=delivery.created_at, id=delivery.delivery_id),
            )
        except Exception as error:
            if isinstance(error, ClientError) and "ConditionalCheckFailed" in error.response["Error"]["Code"]:
                return
            if not is_transient(error):
                raise
            log.warning("event type not counted: %s", delivery.delivery_id)

    def list_types(self, integrator: str, *, today: date) -> list[EventTypeRow]:
        """List the integrator's types of the last 90 days by name. One store call per megabyte."""
        return [
            EventTypeRow(event_type=each.event_type, last_seen_at=each.last_seen_at, count=each.count)
            for each in self.list_daily(integrator, today=today)
        ]

    def list_daily(self, integrator: str, *, today: date) -> list[CountedType]:
        """List the same types with the numbers of each day. One store call per megabyte."""
        daily: dict[str, list[int]] = {}
        last_seen: dict[str, str] = {}
        first = first_day(today)
        for row in query(
            EVENT_TYPES,
            KeyConditionExpression="pk = :pk AND sk >= :since",
            ExpressionAttributeValues=values(pk=integrator, since=first.isoformat()),
        ):
            day, _, name = row["sk"].partition("#")
            # A clock ahead of ours may have counted for tomorrow; that counts as today.
            place = min((date.fromisoformat(day) - first).days, DAYS_COUNTED - 1)
            daily.setdefault(name, [0] * DAYS_COUNTED)[place] += int(row["count"])
            last_seen[name] = max(last_seen.get(name, ""), row["lastSeenAt"])
        return [
            CountedType(event_type=name, last_seen_at=last_seen[name], count=sum(daily[name]), daily=daily[name])
            for name in sorted(daily)
        ]

    def replace_day(self, integrator: str, day: str, event_type: str, *, count: int, last_seen_at: str) -> None:
        """Set a day's count to the result of a recount. One store call."""
        row = {"count": count, "lastSeenAt": last_seen_at}
        dynamodb().put_item(
            TableName=EVENT_TYPES.physical_name, Item={**_key(integrator, day, event_type), **to_item(row)}
        )


def _key(integrator: str, day: str, event_type: str) -> dict[str, Any]:
    return to_item({"pk": integrator, "sk": f"{day}#{event_type}"})
