"""`bounds`: how much of something one person can have, and who is near it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from chalicelib.chat.stores.stream_slots import DynamoStreamSlots
from chalicelib.core.domain import bounds as known
from chalicelib.core.domain.bounds import PER_PERSON, Bound
from chalicelib.live.stores.push import DynamoPush
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.operate.services.employees import person_by_email
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.reach.stores.channels import DynamoChannels
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.passkeys import DynamoPasskeys
from chalicelib.tokens.stores.sessions import DynamoSessions
from infra.commands.output import json_option, print_records


@click.group("bounds")
def bounds() -> None:
    """Show how much of something one person can have, and who is near it.

    A person who meets a bound is also a log line ("bound met") and a count of the metric BoundsMet.
    """


@bounds.command("list", epilog="Example: bounds list")
@json_option
def list_bounds(*, as_json: bool) -> None:
    """List the bounds, and what happens at each."""
    rows = [{"bound": each.name, "most": each.most, "of": each.of, "beyond": each.beyond} for each in PER_PERSON]
    print_records(rows, as_json=as_json, none="There are no bounds.")


@bounds.command(epilog="Example: bounds people --percent 50")
@click.option("--email", help="Only this person, with everything they have.")
@click.option("--percent", default=80, show_default=True, help="Only who has so much of a bound, or more.")
@json_option
def people(email: str | None, percent: int, *, as_json: bool) -> None:
    """List the people who have most of what a bound allows.

    Reads some rows of each employee. Calls of a minute are left out, since they are soon over.
    """
    directory = DynamoDirectory()
    found = [person_by_email(email, directory)] if email else [each for each in directory.list_people() if each.active]
    least = 0 if email else percent
    rows: list[dict[str, Any]] = [
        {"email": person.email, "bound": bound.name, "has": count, "most": bound.most}
        for person in found
        for bound, count in _usage(person, datetime.now(UTC))
        if count * 100 >= bound.most * least
    ]
    print_records(rows, as_json=as_json, none="Nobody is near a bound.")


def _usage(person: Person, now: datetime) -> Iterator[tuple[Bound, int]]:
    user_id = person.user_id
    yield known.KEYS, len(DynamoGrants().list_keys(user_id))
    yield known.SOCKETS, sum(each.expires_at > now.timestamp() for each in DynamoSockets().list_of(user_id))
    yield known.STREAMS, DynamoStreamSlots().count(user_id, now=now)
    yield known.BROWSERS, len(DynamoPush().list_subscriptions(user_id))
    yield known.CHANNELS, len(DynamoChannels().list_of(user_id))
    yield known.PASSKEYS, len(DynamoPasskeys().list_of(user_id))
    yield known.SESSIONS, len(DynamoSessions().list_of(user_id, now=now))
