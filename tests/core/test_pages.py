"""Pages: their cursors continue the same list only, wherever a page was cut."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.cursors import to_cursor
from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import Out
from chalicelib.core.domain.pages import Listed, PageQuery, PageRequest, Start

POSITIONS = st.text(min_size=1, max_size=225)


class Row(Out):
    text: str


class Paged(PageQuery):
    cursor: str | None = None


def _cursor(position: str, offset: int = 0) -> str:
    page = PageRequest(5, Start(offset), ("list", "owner"))
    cursor = page.fit([Row(text="x")], Listed(["x"], [position], 9, position))[1].cursor
    assert cursor is not None
    return cursor


@given(POSITIONS, st.integers(0, 10**9))
def test_a_cursor_continues_after_its_position(position: str, offset: int) -> None:
    page = PageRequest.of(Paged(cursor=_cursor(position, offset), limit=3, offset=8), "list", "owner")
    assert (page.limit, page.start) == (3, Start(min(offset + 5, 10**9), position))


def test_without_a_cursor_the_offset_counts() -> None:
    assert PageRequest.of(Paged(offset=8), "list").start == Start(8)
    assert PageRequest.after_cursor(None, 7, "list").start == Start()


@pytest.mark.parametrize("bound", [("list", "other"), ("other", "owner"), ("list",), ()])
def test_a_cursor_of_another_list_is_refused(bound: tuple[str, ...]) -> None:
    with pytest.raises(Invalid):
        PageRequest.after_cursor(_cursor("x"), 3, *bound)


@pytest.mark.parametrize(
    "parts",
    [
        ("-1", "eA==", "-."),
        ("1_0", "eA==", "-."),
        ("٣", "eA==", "-."),
        ("x", "eA==", "-."),
        ("9" * 12, "eA==", "-."),
        ("1", "-.", "-."),
        ("1", "!", "-."),
        ("1", "_w==", "-."),
        ("1", urlsafe_b64encode(b"x" * 901).decode()[:650], urlsafe_b64encode(b"x" * 901).decode()[650:]),
        ("1", "eA==", "eA=="),
        ("1", "eA=="),
    ],
)
def test_a_forged_position_is_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(Invalid):
        PageRequest.after_cursor(to_cursor(parts, "list", "owner"), 3, "list", "owner")


def test_a_page_that_is_cut_continues_after_its_last_row() -> None:
    rows = [Row(text="x" * 3_000_000) for _ in range(3)]
    page = PageRequest(3, Start(4), ("list",))
    shown, pagination = page.fit(rows, Listed(rows, ["a", "b", "c"], 9, None))
    assert (len(shown), pagination.limit, pagination.offset, pagination.has_more) == (1, 1, 4, True)
    assert PageRequest.after_cursor(pagination.cursor, 3, "list").start == Start(5, "a")


@pytest.mark.parametrize(("total", "end"), [(4, "y"), (99, None)])
def test_a_page_by_cursor_has_more_as_its_cursor_says_whatever_was_added_or_removed_before(
    total: int, end: str | None
) -> None:
    page = PageRequest(1, Start(5, "x"), ("list",))
    pagination = page.fit([Row(text="x")], Listed(["x"], ["y"], total, end))[1]
    assert pagination.has_more is (pagination.cursor is not None) is (end is not None)


def test_the_last_page_has_no_cursor() -> None:
    empty: Listed[Any] = Listed()
    assert PageRequest(3).fit([], empty)[1].cursor is None
