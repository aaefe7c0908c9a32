"""`deliveries`: index the deliveries of before the desk listed what was sent."""

from datetime import UTC, datetime

import click

from chalicelib.inbox.services.event_types import count_event_types
from chalicelib.inbox.stores.delivery_rows import from_row
from chalicelib.inbox.stores.event_types import DynamoEventTypes
from chalicelib.inbox.stores.sent import DynamoSent
from chalicelib.people.stores.directory import DynamoDirectory
from infra.commands.stored_deliveries import scan_deliveries


@click.group("deliveries")
def deliveries() -> None:
    """Index deliveries for GET /api/v1/events."""


@deliveries.command(epilog="Example: deliveries index --since 2026-10-01")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only deliveries from this day on.")
def index(since: datetime | None) -> None:
    """Index the deliveries that are not found yet.

    Deliveries of before the desk had the index are missing in the list of what was sent, and an outage can lose the
    labels of a delivery. Reads the whole table, writes what is missing, and may be repeated or stopped at any time.
    """
    # The counts have the older deliveries already, and go on from this hour.
    count_event_types(datetime.now(UTC), integrators=DynamoDirectory(), types=DynamoEventTypes())
    earliest = since.date().isoformat() if since else ""
    sent = DynamoSent()
    found = added = 0
    for row in scan_deliveries():
        if row["createdAt"] < earliest:
            continue
        delivery = from_row(row)
        found += 1
        added += "sentKey" not in row and sent.index(delivery)
        if delivery.content.get("labels"):
            sent.add_labels([delivery])
    click.echo(f"Indexed {added} of {found} deliveries, and the labels of all {found}.")
