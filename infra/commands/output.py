"""Print results: aligned columns for people, JSON for scripts."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

from chalicelib.core.domain.fields import timestamp

Command = TypeVar("Command", bound=Callable[..., Any])
Record = Mapping[str, Any]

_GAP = "  "


def json_option(command: Command) -> Command:
    """Add the option `--json` to a command. It is passed as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def print_records(records: Sequence[Record], *, as_json: bool, none: str) -> None:
    """Print the records as a table with a heading for each field, or `none` if there are none."""
    if as_json:
        click.echo(_to_json(records))
        return
    if not records:
        click.echo(none)
        return
    rows = [
        [_to_heading(name) for name in records[0]],
        *([_format_value(value) for value in each.values()] for each in records),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo(_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_record(record: Record, *, as_json: bool) -> None:
    """Print one record, one field per line."""
    if as_json:
        click.echo(_to_json(record))
        return
    width = max(len(_to_heading(name)) for name in record)
    for name, value in record.items():
        click.echo(f"{_to_heading(name).ljust(width)}{_GAP}{_format_value(value)}".rstrip())


def format_time(value: datetime | None) -> str | None:
    return timestamp(value) if value else None


def _to_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _to_heading(name: str) -> str:
    return "".join(f" {letter}" if letter.isupper() else letter for letter in name).upper().strip()


def _format_value(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ",".join(map(_format_value, value)) or "-"
    # Control characters in stored text must not steer a terminal.
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value))
