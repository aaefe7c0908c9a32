"""Pages of lists, by limit and offset."""

import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, BaseModel, Field

from chalicelib.core.domain.fields import Clamped, Out, Query

OutT = TypeVar("OutT", bound=BaseModel)

MOST = 200
# No list is longer, and engines limit the size of numbers.
_FARTHEST = 1_000_000_000
# In bytes, with the rows quoted as one string. A function's reply has at most 6 MB, and its body is a string in it.
_LARGEST_PAGE = 5_000_000

# How many rows to pass over. No contract has a maximum, so a larger number is no error.
Offset = Annotated[int, Field(ge=0), AfterValidator(lambda offset: min(offset, _FARTHEST))]


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
