"""Kinds of rows: how a row is recognised by its key, whose it is, and what becomes of it when a person is erased."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from chalicelib.core.stores.items import Row
from chalicelib.resources import Table

_PARTS = {"{user}": r"(?P<user>[^#\s]+)", "{email}": r"(?P<email>[^\s]+)", "*": r"[^\n]*"}
_PART = re.compile(r"(\{\w+\}|\*)")


# Why a person's own rows are in no export.
INDEX = "It only helps to find what is exported."
COUNTER = "It is a counter."
PASSING = "It is a copy that ends within days."
HASH = "It is a hash of a secret or of an id elsewhere."
HELPERS = "index entries and counters"


class Disposition(StrEnum):
    """What becomes of a person's own row.

    Rows of the account go last, in one transaction with the receipt: until then the address stays taken, and the
    erasure can be continued by it.
    """

    REMOVED = "removed"
    WITH_THE_ACCOUNT = "with the account"
    BY_ITS_OWN_RULE = "by its own rule"


@dataclass(frozen=True)
class RowKind:
    """A kind of row. `key` is its pattern, `<pk> / <sk>`: `*` stands for anything.

    A row belongs to the person whose id or address is in its key as `{user}` or `{email}`, or whose id is in the
    attribute `owner`; `disposition` says what an erasure does with it. What belongs to nobody, or to somebody else,
    stays, and nothing in it names the person any more. Attributes in `passed_on` name who is responsible for
    something, and then name the successor.

    `data` is what receipts, the documentation and the export call it. `exported` is the section of the export with the
    person's rows of this kind; without it `why_not` says why they are in none.
    """

    table: Table
    key: str
    data: str
    owner: str = ""
    disposition: Disposition = Disposition.REMOVED
    passed_on: tuple[str, ...] = ()
    exported: str = ""
    why_not: str = ""

    @property
    def counted_as(self) -> str:
        """What receipts count a row of this kind as."""
        return HELPERS if self.why_not in (INDEX, COUNTER) else self.data

    @property
    def is_personal(self) -> bool:
        """Whether rows of this kind belong to people."""
        return bool(self.owner) or "{" in self.key or self.disposition is not Disposition.REMOVED

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        parts = (_PARTS.get(each, re.escape(each)) for each in _PART.split(self.key.replace(" / ", "\n")))
        return re.compile("".join(parts))

    def belongs_to(self, row: Row, user_id: str, email: str) -> bool:
        """Whether the row is the person's own."""
        if self.owner and row.get(self.owner) == user_id:
            return True
        match = self.pattern.fullmatch(row_name(row))
        found = match.groupdict() if match else {}
        return found.get("user") == user_id or (found.get("email") or "").lower() == email


def row_name(row: Mapping[str, str]) -> str:
    """The key of a row as one text."""
    return "\n".join(row[name] for name in ("pk", "sk") if name in row)


def key_of_row(row: Row) -> dict[str, str]:
    """The key of a row."""
    return {name: row[name] for name in ("pk", "sk") if name in row}


def find_kind(kinds: Iterable[RowKind], table: Table, row: Row) -> RowKind | None:
    """Find the kind of a row; None if no kind is declared for it."""
    name = row_name(row)
    return next((each for each in kinds if each.table == table and each.pattern.fullmatch(name)), None)
