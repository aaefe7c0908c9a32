"""Long lists: pages over several ranges, exact totals, and conditional counts."""

from collections.abc import Sequence

import pytest

from chalicelib.aws import dynamodb
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
    pages = [
        lists.sort_keys(QUEUE_ITEMS, ORDER_INDEX, PK, ["a#", "b#"], offset=offset, limit=7, order=lambda key: key[2:])
        for offset in range(0, 35, 7)
    ]
    assert [key[-2:] for page in pages for key in page] == [f"{number:02d}" for number in range(30)]
    assert lists.sort_keys(QUEUE_ITEMS, ORDER_INDEX, PK, ["a#"], offset=14, limit=7) == ["ITEM#a#28"]


def test_page_reads_no_more_rows_than_its_offset_and_limit() -> None:
    for number in range(120):
        _put(f"a#{number:03d}")
    with record_store_calls() as seen:
        assert len(lists.sort_keys(QUEUE_ITEMS, ORDER_INDEX, PK, [""], offset=100, limit=10)) == 10
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


def _put(key: str) -> None:
    row = {"pk": PK, "sk": f"ITEM#{key}", "orderKey": key}
    dynamodb().put_item(TableName=QUEUE_ITEMS.physical_name, Item=to_item(row))


def _count(added: Sequence[lists.Facets] = (), taken: Sequence[lists.Facets] = (), seen: int | None = None) -> None:
    commit([lists.count_action(QUEUE_ITEMS, PK, added=added, taken=taken, seen=seen)], claim=None, reply={})
