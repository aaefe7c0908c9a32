"""`event-types`: rebuild the daily counts of event types."""

from datetime import UTC, datetime
from typing import Any

import click

from chalicelib.aws import dynamodb
from chalicelib.core.stores.items import from_item, values
from chalicelib.inbox.domain.event_types import first_day
from chalicelib.inbox.stores.event_types import DynamoEventTypes
from chalicelib.resources import DELIVERIES


@click.group("event-types")
def event_types() -> None:
    """Rebuild the daily counts of event types.

    Counts are stored separately from deliveries. An outage can lose a count, but not the delivery.
    """


@event_types.command(epilog="Example: event-types recount")
def recount() -> None:
    """Recount the deliveries of the last 90 days.

    Reads the whole table of deliveries. The new counts can miss events that arrive meanwhile, so run it when few events
    are published.
    """
    found: dict[tuple[str, str, str], tuple[int, str]] = {}
    since = first_day(datetime.now(UTC).date()).isoformat()
    request: dict[str, Any] = {
        "TableName": DELIVERIES.physical_name,
        "FilterExpression": "sk = :delivery AND createdAt >= :since",
        "ProjectionExpression": "integrator, eventType, createdAt",
        "ExpressionAttributeValues": values(delivery="DELIVERY", since=since),
    }
    while True:
        page = dynamodb().scan(**request)
        for item in page["Items"]:
            row = from_item(dict(item))
            key = (row["integrator"], row["createdAt"][:10], row["eventType"])
            count, last = found.get(key, (0, ""))
            found[key] = (count + 1, max(last, row["createdAt"]))
        if "LastEvaluatedKey" not in page:
            break
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    for (integrator, day, event_type), (count, last) in found.items():
        DynamoEventTypes().replace_day(integrator, day, event_type, count=count, last_seen_at=last)
    click.echo(f"Counted {sum(count for count, _ in found.values())} deliveries for {len(found)} event types and days.")
