"""Pages of long lists, by offset."""

from collections.abc import Sequence
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, BaseModel, Field

from chalicelib.domain.fields import Out, Query

OutT = TypeVar("OutT", bound=BaseModel)

MOST = 200
# No list is as long, and an engine's numbers end somewhere above.
_FARTHEST = 1_000_000_000
# Of a page's rows, together; a function's reply has at most 6 MB.
_LARGEST_PAGE = 5_000_000


class PageQuery(Query):
    """A page of a list."""

    limit: Annotated[int, Field(ge=1), AfterValidator(lambda limit: min(limit, MOST))] = Field(
        100, description=f"How many rows at most; anything above {MOST} counts as {MOST}."
    )
    offset: Annotated[int, Field(ge=0), AfterValidator(lambda offset: min(offset, _FARTHEST))] = Field(
        0, description="How many rows to pass over."
    )


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


def paged(rows: Sequence[OutT], total: int, query: PageQuery) -> tuple[list[OutT], Pagination]:
    """The rows of the page that fit into one reply, the first in any case, and what to say of the page."""
    fitting: list[OutT] = []
    limit, size = query.limit, 0
    for row in rows:
        size += len(row.model_dump_json(by_alias=True, exclude_unset=True).encode())
        if fitting and size > _LARGEST_PAGE:
            limit = len(fitting)
            break
        fitting.append(row)
    return fitting, Pagination.of(total, limit=limit, offset=query.offset)
