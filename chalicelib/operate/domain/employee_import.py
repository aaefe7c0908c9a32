"""The import of employees from a file, as it is asked for and reported."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chalicelib.core.domain.fields import Clamped, In, Omittable, Out, Query
from chalicelib.operate.domain.employee_files import LARGEST_FILE, MOST_ROWS


class ImportIn(In):
    """A file of employees."""

    csv: str = Field(
        min_length=1,
        max_length=LARGEST_FILE,
        description="Comma-separated values in UTF-8. The first line names the columns: `email`, `name`, and if you "
        "like `operator` (true or false) and `projects` (slugs, separated by spaces).",
    )
    dry_run: bool = Field(default=False, alias="dryRun", description="Only report what an import would do.")


class ImportOutcome(StrEnum):
    """What an import does with a row."""

    CREATED = "created"
    UPDATED = "updated"
    EXISTS = "exists"
    ERROR = "error"


class ImportedRowOut(Out):
    """A row of the file, with the number of its line."""

    line: int
    email: str
    name: str | None
    outcome: ImportOutcome
    changes: list[str] = Field(description="The columns that change an employee who exists.")
    reason: str | None = Field(description="What is wrong with the row; nothing is done with it.")


class ImportOut(Out):
    """What an import did, or with `dryRun` would do."""

    dry_run: bool
    created: int
    updated: int
    exists: int
    errors: int
    ignored_columns: list[str] = Field(description="Columns of the file that say nothing about employees here.")
    rows: list[ImportedRowOut]


class ExportQuery(Query):
    """A part of the employees' file."""

    limit: Annotated[int, Field(ge=1), Clamped(MOST_ROWS)] = MOST_ROWS
    cursor: Omittable[str] = Field(None, description="The `nextCursor` of the previous part.")


class ExportOut(Out):
    """A part of a file of comma-separated values. The parts joined are the file; `nextCursor` is null in the last."""

    csv: str
    next_cursor: str | None
