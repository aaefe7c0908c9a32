"""Pages of lists, by limit, and by offset or cursor.

To reach an offset, everything before it is read. A cursor costs the same on every page.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, Protocol, Self, TypeVar

from pydantic import AfterValidator, BaseModel, Field

from chalicelib.core.domain.cursors import foreign_cursor, from_cursor, to_cursor
from chalicelib.core.domain.fields import Clamped, Omittable, Out, Query

OutT = TypeVar("OutT", bound=BaseModel)
RowT = TypeVar("RowT")

MOST = 200
# No list is longer, and engines limit the size of numbers.
_FARTHEST = 1_000_000_000
# In bytes, with the rows quoted as one string. A function's reply has at most 6 MB, and its body is a string in it.
_LARGEST_PAGE = 5_000_000

# How many rows to pass over. No contract has a maximum, so a larger number is no error.
Offset = Annotated[int, Field(ge=0), AfterValidator(lambda offset: min(offset, _FARTHEST))]
Cursor = Annotated[
    Omittable[str],
    Field(
        description="The `pagination.cursor` of the previous page, with the same filters. It is quicker than a large "
        "offset, which is then ignored, and no row is missed when others are added or removed meanwhile."
    ),
]
# A position is part of a key in the store, which has at most a kilobyte. In a cursor it is two parts.
_LONGEST_POSITION, _LONGEST_PART, _NOTHING = 900, 650, "-."


class PageQuery(Query):
    """A page of a list."""

    limit: Annotated[int, Field(ge=1), Clamped(MOST)] = Field(
        100, description=f"How many rows at most; anything above {MOST} counts as {MOST}."
    )
    offset: Offset = Field(0, description="How many rows to pass over.")


class Pagination(Out):
    """Which page this is: `total` counts the rows of all pages, and the next page's offset is `offset` + `limit`.

    `limit` is lower than was asked for where so many rows would have been too large for one reply.
    """

    total: int = Field(ge=0)
    limit: int = Field(ge=1)
    offset: int = Field(ge=0)
    has_more: bool

    @classmethod
    def of(cls, total: int, *, limit: int, offset: int) -> Self:
        return cls(total=total, limit=limit, offset=offset, has_more=offset + limit < total)


class CursorPagination(Pagination):
    """A page of a list that can also be read by cursor, which is null on the last page."""

    cursor: str | None


@dataclass(frozen=True)
class Start:
    """Where a page starts: after the position `after` with the `offset` rows up to it, or else after `offset` rows."""

    offset: int = 0
    after: str | None = None


@dataclass(frozen=True)
class Listed(Generic[RowT]):
    """The rows of a page, each with its position in the list, and the number of rows of all pages.

    `end` is the position that the next page starts after, and None on the last page.
    """

    rows: Sequence[RowT] = ()
    positions: Sequence[str] = ()
    total: int = 0
    end: str | None = None


class _PagedQuery(Protocol):
    @property
    def limit(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def cursor(self) -> str | None: ...


@dataclass(frozen=True)
class PageRequest:
    """The page that was asked for. `bound` is what its cursors belong to: the list, its owner and its filters."""

    limit: int
    start: Start = Start()
    bound: tuple[object, ...] = ()

    @classmethod
    def of(cls, query: _PagedQuery, *bound: object) -> Self:
        """Return the request of the query's page.

        Raises:
            Invalid: the cursor was made for another list.
        """
        if query.cursor is None:
            return cls(query.limit, Start(query.offset), bound)
        return cls.after_cursor(query.cursor, query.limit, *bound)

    @classmethod
    def after_cursor(cls, cursor: str | None, limit: int, *bound: object) -> Self:
        """Return the request of the page that the cursor is of, or of the first page.

        Raises:
            Invalid: the cursor was made for another list.
        """
        return cls(limit, Start() if cursor is None else _start_from_cursor(cursor, bound), bound)

    def fit(self, shown: Sequence[OutT], listed: Listed[RowT]) -> tuple[list[OutT], CursorPagination]:
        """Cut the page, as it is shown, to the rows that fit into one reply, at least one, and describe the page."""
        count = count_fitting(map(to_json, shown))
        limit, end = self.limit, listed.end
        if count < len(shown):
            limit, end = count, listed.positions[count - 1]
        page = Pagination.of(listed.total, limit=limit, offset=self.start.offset)
        cursor = None if end is None else _to_page_cursor(Start(self.start.offset + limit, end), self.bound)
        pagination = CursorPagination(**page.model_dump(), cursor=cursor)
        if self.start.after is not None:
            # Rows that were added or removed before this page move its offset, so this doesn't tell what is left.
            pagination.has_more = cursor is not None
        return list(shown[:count]), pagination


def _to_page_cursor(start: Start, bound: Sequence[object]) -> str:
    position = urlsafe_b64encode((start.after or "").encode()).decode()
    parts = [each or _NOTHING for each in (position[:_LONGEST_PART], position[_LONGEST_PART:])]
    return to_cursor((str(min(start.offset, _FARTHEST)), *parts), *bound)


def _start_from_cursor(text: str, bound: Sequence[object]) -> Start:
    offset, *parts = from_cursor(text, 3, *bound)
    try:
        position = urlsafe_b64decode("".join(each for each in parts if each != _NOTHING))
        start = Start(int(offset), position.decode())
    except ValueError as error:
        raise foreign_cursor() from error
    is_possible = 0 <= start.offset <= _FARTHEST and 0 < len(position) <= _LONGEST_POSITION
    if not is_possible or _to_page_cursor(start, bound) != text:
        raise foreign_cursor()
    return start


def count_fitting(texts: Iterable[str]) -> int:
    """Count the texts, from the first on, that fit into one reply; at least 1."""
    size = count = 0
    for text in texts:
        size += len(json.dumps(text, ensure_ascii=False).encode())
        if count and size > _LARGEST_PAGE:
            break
        count += 1
    return count


def fit_page(rows: Sequence[OutT], total: int, *, limit: int, offset: int) -> tuple[list[OutT], Pagination]:
    """Cut a page to the rows that fit into one reply, at least one, and describe the page."""
    count = count_fitting(map(to_json, rows))
    if count < len(rows):
        limit = count
    return list(rows[:count]), Pagination.of(total, limit=limit, offset=offset)


def to_json(row: BaseModel) -> str:
    """Convert a row to its JSON text in replies."""
    return row.model_dump_json(by_alias=True, exclude_unset=True)
