"""Exports: all that is a person's, in sections, page by page."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, unquote

from pydantic import Field

from chalicelib.core.domain.cursors import foreign_cursor, from_cursor, to_cursor
from chalicelib.core.domain.fields import Clamped, Out, Query

# In the order of an export.
SECTIONS = (
    "account",
    "settings",
    "deliveries",
    "tasks",
    "standingApprovals",
    "delegations",
    "cards",
    "contacts",
    "chat",
    "connections",
    "relays",
    "approvals",
    "feedback",
    "keys",
    "passkeys",
    "integrations",
    "ingestTokens",
    "sessions",
)
# A function's reply has at most 6 MB, and its body is a string in it.
_LARGEST = 4_000_000

MOST = 100

Position = tuple[str, ...]
Record = Mapping[str, Any]


class ExportQuery(Query):
    """Where the page begins; without a cursor, at the beginning."""

    limit: Annotated[int, Field(ge=1), Clamped(MOST)] = Field(
        MOST, description=f"How many records at most; anything above {MOST} counts as {MOST}. A page may have fewer."
    )

    cursor: str | None = Field(None, min_length=1, max_length=2_000, description="The `nextCursor` of the page before.")


class ExportPageOut(Out):
    """A page of an export: records of one section."""

    section: str = Field(description="What the records are.", json_schema_extra={"enum": list(SECTIONS)})
    records: list[dict[str, Any]] = Field(
        description="Rows as this desk stores them, without secrets and what only serves to find them."
    )
    next_cursor: str | None = Field(description="Where the next page begins; null after the last one.")
    sections: list[str] = Field(description="All sections of an export, in their order. A section may have no records.")


@dataclass(frozen=True)
class Owner:
    """Whose data is exported."""

    user_id: str
    email: str


@dataclass(frozen=True)
class ExportPage:
    """Some records of a section, each with its position, and the position after which others follow, if any."""

    records: Sequence[tuple[Position, Record]]
    following: Position | None


def fit(page: ExportPage) -> ExportPage:
    """Cut a page to the records that fit into one reply, at least one."""
    size = 0
    for count, (_, record) in enumerate(page.records):
        size += len(json.dumps(record, ensure_ascii=False).encode())
        if count and size > _LARGEST:
            return ExportPage(page.records[:count], page.records[count - 1][0])
    return page


def to_export_cursor(section: str, position: Position, user_id: str) -> str:
    """Return the cursor of what follows a position in a section."""
    return to_cursor([section, *(quote(part, safe="#@:/") or "%" for part in position)], user_id)


def from_export_cursor(cursor: str | None, user_id: str) -> tuple[str, Position]:
    """Return the section and the position of a cursor; the beginning without one.

    Raises:
        Invalid: it is no cursor of this person's export.
    """
    if cursor is None:
        return SECTIONS[0], ()
    for length in range(1, 5):
        try:
            section, *parts = from_cursor(cursor, length, user_id)
        except type(foreign_cursor()):
            continue
        if section in SECTIONS:
            return section, tuple("" if part == "%" else unquote(part) for part in parts)
    raise foreign_cursor()


def manifest_of(owner: Owner, counts: Mapping[str, int], *, at: str) -> Record:
    """Return what an archive says of itself."""
    sections = [{"section": each, "file": f"{each}.jsonl", "records": counts.get(each, 0)} for each in SECTIONS]
    return {"of": owner.email, "exportedAt": at, "format": "fluxden-export-1", "sections": sections}


def to_lines(records: Iterable[Record]) -> str:
    """Return records as JSON lines."""
    return "".join(f"{json.dumps(each, ensure_ascii=False, separators=(',', ':'))}\n" for each in records)
