"""`event-types`: rebuild the daily counts of event types."""

from datetime import UTC, datetime

import click

from chalicelib.inbox.domain.event_types import Tally, first_day
from chalicelib.inbox.services.event_types import count_event_types
from chalicelib.inbox.stores.event_types import DynamoEventTypes
from chalicelib.people.stores.directory import DynamoDirectory
from infra.commands.stored_deliveries import scan_deliveries


@click.group("event-types")
def event_types() -> None:
    """Rebuild the daily counts of event types.

    A schedule counts the deliveries of each hour. Counts of before the desk had it can be too low after an outage.
    """


@event_types.command(epilog="Example: event-types recount")
def recount() -> None:
    """Recount the deliveries of the last 90 days.

    Reads the whole table of deliveries.
    """
    now = datetime.now(UTC)
    types = DynamoEventTypes()
    # What is sent from now on is counted by the schedule, so both never count the same hour.
    count_event_types(now, integrators=DynamoDirectory(), types=types)
    since = first_day(now.date()).isoformat()
    until: dict[str, str] = {}
    found: dict[tuple[str, str, str], Tally] = {}
    for row in scan_deliveries(("integrator", "eventType", "createdAt", "sentKey")):
        at, integrator = str(row.get("sentKey", row["createdAt"])).partition("#")[0], row["integrator"]
        if integrator not in until:
            until[integrator] = types.find_counted_until(integrator) or since
        if since <= at < until[integrator]:
            key = (integrator, at[:10], row["eventType"])
            found[key] = found.get(key, Tally()).plus(Tally(1, at))
    for (integrator, day, event_type), tally in found.items():
        types.replace_day(integrator, day, event_type, tally, counted_until=until[integrator])
    total = sum(each.count for each in found.values())
    click.echo(f"Counted {total} deliveries for {len(found)} event types and days.")
