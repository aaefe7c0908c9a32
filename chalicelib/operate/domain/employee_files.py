"""Employees as files of comma-separated values (RFC 4180), as spreadsheets write and read them."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field, ValidationError

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import Email, In, Omittable
from chalicelib.operate.domain.employees import MOST_PROJECTS
from chalicelib.people.domain.directory import Name, Person

MOST_ROWS = 1000
# In characters. The request of a file has more bytes, since JSON escapes line ends and quotes.
LARGEST_FILE = 1_000_000

COLUMNS = ("email", "name", "operator", "projects")
_OTHER_NAMES = {"e-mail": "email", "mail": "email", "e-mail address": "email", "email address": "email"}
_EXPORTED = ("email", "name", "operator", "active")

_YES, _NO = frozenset({"true", "yes", "y", "1", "x", "是"}), frozenset({"false", "no", "n", "0", "否"})
_SEPARATORS = ",;\t"
# Spreadsheets take a cell that begins so for a formula (OWASP, CSV injection). One that looks guarded is guarded too.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARD = "'"
_SLUG = re.compile(r"(?=.{1,60}\Z)[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)


@dataclass(frozen=True)
class FileRow:
    """A row of a file, with the number of its first line. None leaves a value as it is; `error` says what is wrong."""

    line: int
    email: str
    name: str | None = None
    operator: bool | None = None
    projects: tuple[str, ...] = ()
    error: str | None = None


@dataclass(frozen=True)
class EmployeeFile:
    """The rows of a file, and the columns that say nothing about employees here."""

    rows: Sequence[FileRow]
    ignored_columns: Sequence[str]


class _Cells(In):
    email: Email
    name: Omittable[Name] = None
    projects: list[str] = Field(max_length=MOST_PROJECTS)


def read_employee_file(text: str) -> EmployeeFile:
    """Read the rows of a file. The first one that is not blank names the columns.

    Values are separated by the comma, semicolon or tab that the first line has most of. Later rows with an address of
    an earlier one are errors.

    Raises:
        Invalid: this is no such file, it lacks a column, or it has too many rows.
    """
    records = _read_records(text.removeprefix("\ufeff"))
    _, heading = next(records, (0, []))
    names = [_column_name(each) for each in heading]
    for wanted in ("email", "name"):
        if wanted not in names:
            raise _invalid(f"The first line must name the columns, and has no column “{wanted}”.")
    for each in COLUMNS:
        if names.count(each) > 1:
            raise _invalid(f"There are several columns “{each}”.")
    rows: list[FileRow] = []
    lines: dict[str, int] = {}
    for line, cells in records:
        if len(rows) == MOST_ROWS:
            raise _invalid(f"A file may have at most {MOST_ROWS:,} rows. Split it, and import the parts.")
        row = _read_row(line, cells, names)
        if row.error is None and row.email in lines:
            row = FileRow(line, row.email, row.name, error=f"Line {lines[row.email]} has the same address.")
        lines.setdefault(row.email, line)
        rows.append(row)
    return EmployeeFile(rows, [each.strip()[:60] for each in heading if _column_name(each) not in ("", *COLUMNS)])


def write_employee_file(people: Sequence[Person], *, heading: bool) -> str:
    """Write employees as a file. Cells that a spreadsheet would calculate begin with an apostrophe."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    if heading:
        writer.writerow(_EXPORTED)
    for each in people:
        flags = ["true" if flag else "false" for flag in (each.operator, each.active)]
        writer.writerow([_guard(each.email), _guard(each.name), *flags])
    return written.getvalue()


def _read_records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank, with the number of its first line."""
    skipped = 0
    if declared := re.match(r"sep=([,;\t])\r?\n", text):
        # Excel reads and writes it.
        text, skipped = text[declared.end() :], 1
    separator = declared[1] if declared else _find_separator(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + skipped + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _invalid(f"Line {line} is no line of comma-separated values. Is a quote missing?") from error
        if any(cell.strip() for cell in cells):
            yield line, cells


def _find_separator(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(_SEPARATORS, key=first.count)


def _column_name(heading: str) -> str:
    name = " ".join(heading.split()).casefold()
    return _OTHER_NAMES.get(name, name)


def _read_row(line: int, cells: list[str], names: Sequence[str]) -> FileRow:
    found = {name: _unguard(cell.strip()) for name, cell in zip(names, cells, strict=False) if name in COLUMNS}
    email = found.get("email", "").lower()
    shown = FileRow(line, email[:120], (found.get("name") or None) and found["name"][:100])
    if any(cell.strip() for cell in cells[len(names) :]):
        return _refuse(shown, "The line has more values than the first line names.")
    operator = found.get("operator", "").casefold()
    if operator and operator not in _YES | _NO:
        return _refuse(shown, "operator: Must be true or false.")
    projects = list(dict.fromkeys(re.findall(r"[^\s,;|]+", found.get("projects", ""))))
    try:
        read = _Cells.model_validate(_given(email, shown.name and found["name"], projects))
    except ValidationError as error:
        return _refuse(shown, "; ".join(f"{each['loc'][0]}: {each['msg']}." for each in error.errors()))
    if not all(_SLUG.fullmatch(each) for each in projects):
        return _refuse(shown, "projects: Must be slugs of projects, separated by spaces.")
    return FileRow(line, read.email.lower(), read.name, operator in _YES if operator else None, tuple(read.projects))


def _given(email: str, name: str | None, projects: list[str]) -> Mapping[str, object]:
    return {"email": email, "projects": projects} | ({"name": name} if name else {})


def _refuse(row: FileRow, reason: str) -> FileRow:
    return FileRow(row.line, row.email, row.name, error=reason)


def _guard(cell: str) -> str:
    return _GUARD + cell if _FORMULA.match(cell) else cell


def _unguard(cell: str) -> str:
    return cell[1:] if cell[:1] == _GUARD and _FORMULA.match(cell[1:]) else cell


def _invalid(reason: str) -> Invalid:
    return Invalid(reason, {"csv": [reason]})
