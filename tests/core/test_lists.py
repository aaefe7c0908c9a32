"""Long lists: pages over several ranges, exact totals, and conditional counts."""

from collections.abc import Sequence

import pytest

from chalicelib.aws import dynamodb
from chalicelib.core.domain.pages import Start
from chalicelib.core.stores import lists
from chalicelib.core.stores.items import to_item
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.resources import ORDER_INDEX, QUEUE_ITEMS
from tests.support.store_calls import record_store_calls

PK = "someone"

pytestmark = pytest.mark.usefixtures("tables")


def test_pages_of_several_ranges_are_in_order_and_complete() -> None:
    for number in range(30):
        _put(f"{'ab'[number % 2]}#{number:02d}")
    wanted = [f"{number:02d}" for number in range(30)]
    pages = [_page(["a#", "b#"], Start(offset), limit=7, interleaved=True) for offset in range(0, 35, 7)]
    assert [key[-2:] for page in pages for key, _ in page.places] == wanted
    assert [position for page in pages for _, position in page.places] == wanted
    assert _page(["a#"], Start(14), limit=7).places == [("ITEM#a#28", "a#28")]


@pytest.mark.parametrize(
    ("prefixes", "interleaved"), [([""], False), (["a#", "b#"], False), (["b#", "a#"], True), (["a#"], True)]
)
@pytest.mark.parametrize("limit", [1, 7, 15, 30])
def test_pages_by_position_have_every_row_once(prefixes: list[str], limit: int, *, interleaved: bool) -> None:
    for number in range(30):
        _put(f"{'ab'[number % 2]}#{number:02d}")
    whole = [sk for sk, _ in _page(prefixes, Start(), limit=100, interleaved=interleaved).places]
    assert len(whole) == (30 if prefixes != ["a#"] else 15)
    found: list[str] = []
    start = Start()
    while True:
        page = _page(prefixes, start, limit=limit, interleaved=interleaved)
        found += [sk for sk, _ in page.places]
        if page.end is None:
            break
        start = Start(after=page.end)
    assert found == whole


def test_a_page_by_position_reads_its_own_rows_only_and_misses_none_that_stay() -> None:
    for number in range(120):
        _put(f"a#{number:03d}")
    with record_store_calls() as seen:
        page = _page([""], Start(offset=100, after="a#099"), limit=10)
    assert seen.calls == ["Query"]
    assert [position for _, position in page.places] == [f"a#{number}" for number in range(100, 110)]
    dynamodb().delete_item(TableName=QUEUE_ITEMS.physical_name, Key=to_item({"pk": PK, "sk": "ITEM#a#109"}))
    assert page.end is not None
    assert _page([""], Start(after=page.end), limit=1).places == [("ITEM#a#110", "a#110")]


@pytest.mark.parametrize("after", ["", "\U0010ffff", "\U0010ffff\U0010ffff", "b#", "a"])
def test_a_position_outside_the_list_is_its_start_or_end(after: str) -> None:
    _put("a#1")
    for prefixes, interleaved in (([""], False), (["a#"], False), (["a#"], True)):
        assert len(_page(prefixes, Start(after=after), limit=3, interleaved=interleaved).places) <= 1


def test_a_page_by_position_has_keys_of_the_last_characters_of_unicode() -> None:
    for key in ("a#1", "\U0010fffe", "\U0010ffff#2"):
        _put(key)
    places = _page([""], Start(after="a#1"), limit=3).places
    assert [position for _, position in places] == ["\U0010fffe", "\U0010ffff#2"]
    assert _page([""], Start(after="\U0010ffff#2"), limit=3).places == []


def test_page_reads_no_more_rows_than_its_offset_and_limit() -> None:
    for number in range(120):
        _put(f"a#{number:03d}")
    with record_store_calls() as seen:
        assert len(_page([""], Start(100), limit=10).places) == 10
        rows = lists.in_order(QUEUE_ITEMS, PK, ["ITEM#a#003", "ITEM#none", "ITEM#a#001"])
    assert seen.calls == ["Query", "BatchGetItem"]
    assert [row["sk"] for row in rows] == ["ITEM#a#003", "ITEM#a#001"]


def test_totals_follow_added_and_removed_facets() -> None:
    _count(added=[("ready", "high"), ("ready", "low"), ("done", "low")])
    _count(added=[("done", "high")], taken=[("ready", "high")])
    counts = lists.find_counts(QUEUE_ITEMS, PK)
    assert lists.total(counts, None, None) == 3
    assert lists.total(counts, "ready", None) == 1
    assert lists.total(counts, None, "high") == 1
    assert lists.total(counts, "none", None) == 0
    assert counts["version"] == 2


def test_change_of_counts_that_changed_meanwhile_is_refused() -> None:
    _count(added=[("ready", "low")], seen=0)
    with pytest.raises(Refused):
        _count(added=[("ready", "low")], seen=0)
    _count(taken=[("ready", "low")], seen=1)
    with pytest.raises(Refused):
        _count(taken=[("ready", "low")], seen=1)
    assert lists.total(lists.find_counts(QUEUE_ITEMS, PK), None, None) == 0


def _page(prefixes: Sequence[str], start: Start, *, limit: int, interleaved: bool = False) -> lists.Keys:
    return lists.page_keys(QUEUE_ITEMS, ORDER_INDEX, PK, prefixes, start=start, limit=limit, interleaved=interleaved)


def _put(key: str) -> None:
    row = {"pk": PK, "sk": f"ITEM#{key}", "orderKey": key}
    dynamodb().put_item(TableName=QUEUE_ITEMS.physical_name, Item=to_item(row))


def _count(added: Sequence[lists.Facets] = (), taken: Sequence[lists.Facets] = (), seen: int | None = None) -> None:
    commit([lists.count_action(QUEUE_ITEMS, PK, added=added, taken=taken, seen=seen)], claim=None, reply={})
