"""Events of the command line."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import click

from fluxden.generated import v1_models as models

SEVERITIES = ("critical", "warn", "info", "success")


def new_event(given: Mapping[str, Any]) -> models.InboundEvent:
    """Return an event of the options that were given. Without an id, it gets a new one."""
    event = {
        "spec_version": "2",
        "event_id": given["event_id"] or str(uuid4()),
        "occurred_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "markdown_body": read_text(given["body"]),
        "labels": pairs(given["labels"], "--label") or None,
        **{name: given[name] for name in ("event_type", "severity", "title", "summary", "external_url")},
    }
    return cast("models.InboundEvent", {name: value for name, value in event.items() if value is not None})


def bulk_request(event: models.InboundEvent, recipients: Iterable[str]) -> models.BulkEventRequest:
    return cast("models.BulkEventRequest", {"event": event, "recipients": [recipient(each) for each in recipients]})


def recipient(text: str) -> dict[str, str]:
    """Return the recipient that `--to` names.

    Raises:
        click.BadParameter: it is none of the three forms.
    """
    kind, colon, rest = text.partition(":")
    if colon and kind == "user":
        return {"type": "user_id", "user_id": rest}
    if colon and kind == "project":
        return {"type": "group", "slug": rest}
    if "@" not in text:
        raise click.BadParameter(f"{text} is not an address, user:ID or project:SLUG.", param_hint="--to")
    return {"type": "email", "email": text}


def describe_rows(rows: Iterable[Any]) -> Iterator[str]:
    """Return a line for each recipient: whom, and the delivery's id or why there is none."""
    for row in rows:
        named = row.get("recipient") or {}
        whom = row.get("email") or named.get("user_id") or named.get("slug") or "?"
        yield f"{whom}\t{row['error'] if 'error' in row else row.get('deliveryId', '')}"


def pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """Read NAME=VALUE.

    Raises:
        click.BadParameter: one of them has no name or no equals sign.
    """
    made = {}
    for each in texts:
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{each} is not NAME=VALUE.", param_hint=option)
        made[name] = value
    return made


def read_text(given: str | None) -> str | None:
    """Return a text, or what the file `@FILE` or with `-` standard input has.

    Raises:
        click.BadParameter: the file can't be read.
    """
    if given == "-":
        return sys.stdin.read()
    if given is None or not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"Can't read {given[1:]}: {error}", param_hint="--body") from error
