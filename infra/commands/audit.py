"""`audit`: read the audit log."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

import click

from chalicelib.core.domain.audit_responses import AuditEntryOut, find_known, to_response
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.domain.person_refs import is_person_ref
from chalicelib.core.stores.audit_log import AuditFilter, list_entries
from chalicelib.operate.services.employees import person_by_email
from chalicelib.people.stores.directory import DynamoDirectory
from infra.commands.output import json_option, print_records

_PAGE = 500
Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def audit() -> None:
    """Read who changed what, from where, and when."""


def _time(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_timestamp(text)
    except ValueError as error:
        raise click.BadParameter("Must be a date-time with offset, such as 2026-05-21T10:00:00Z") from error


def _filters(command: Command) -> Command:
    for option in (
        click.option("--to", "until", metavar="TIME", callback=_time, help="The latest time."),
        click.option("--from", "since", metavar="TIME", callback=_time, help="The earliest time."),
        click.option("--kind", default="", help="Only kinds that start with this, such as key."),
        click.option(
            "--person",
            metavar="EMAIL",
            help="Only what this employee did, or what concerns them; of an erased one, the id in their entries.",
        ),
    ):
        command = option(command)
    return command


@audit.command("list", epilog="Example: audit list --person alice@example.com --kind key.")
@_filters
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many entries at most.")
@json_option
def list_(
    person: str | None, kind: str, since: datetime | None, until: datetime | None, limit: int, *, as_json: bool
) -> None:
    """List the newest entries."""
    records = []
    for each in _read(person, kind, since, until):
        records.append(each.model_dump(mode="json", by_alias=True) if as_json else _to_record(each))
        if len(records) == limit:
            break
    print_records(records, as_json=as_json, none="No entries.")


@audit.command(epilog="Example: audit export --from 2026-01-01T00:00:00Z")
@_filters
def export(person: str | None, kind: str, since: datetime | None, until: datetime | None) -> None:
    """Print every entry as one line of JSON, newest first."""
    for each in _read(person, kind, since, until):
        click.echo(each.model_dump_json(by_alias=True))


def _read(person: str | None, kind: str, since: datetime | None, until: datetime | None) -> Iterator[AuditEntryOut]:
    directory = DynamoDirectory()
    person_id = person if not person or is_person_ref(person) else person_by_email(person, directory).user_id
    wanted, position = AuditFilter(person_id, kind, frozenset(), since, until), None
    user_ids = directory.list_user_ids()
    while True:
        page = list_entries(wanted, after=position, limit=_PAGE)
        people = find_known(page.entries, user_ids, directory.find_people)
        yield from (to_response(each, people) for each in page.entries)
        if (position := page.position) is None:
            return


def _to_record(entry: AuditEntryOut) -> dict[str, Any]:
    actor, subject = entry.actor, entry.subject
    who = actor.email or actor.id or actor.kind.value
    return {
        "at": entry.at,
        "kind": entry.kind,
        "actor": f"{who} (claimed)" if actor.is_claimed else who,
        "address": entry.address,
        "subject": f"{subject.type} {subject.person_email or subject.id}" if subject else None,
        "details": ", ".join(f"{name}: {text}" for name, text in entry.details.items()) or None,
    }
