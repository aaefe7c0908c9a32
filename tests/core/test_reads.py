"""Reads: whole partitions, many keys, and the rows that are due."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.core.domain.errors import Unavailable
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.actions import put
from chalicelib.core.stores.reads import get_all, list_due, query_page, query_partition
from chalicelib.core.stores.writes import commit, write_all
from chalicelib.resources import DIRECTORY, NETWORK
from tests.support.faults import Fault, inject_faults, intercept_engine
from tests.support.store_calls import record_store_calls

pytestmark = pytest.mark.usefixtures("tables")

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def test_partition_is_read_in_order_and_by_prefix() -> None:
    for sk in ("b2", "a1", "b1"):
        commit([put(DIRECTORY, {"pk": "A", "sk": sk})])
    assert [row["sk"] for row in query_partition(DIRECTORY, "A")] == ["a1", "b1", "b2"]
    assert [row["sk"] for row in query_partition(DIRECTORY, "A", "b", ScanIndexForward=False)] == ["b2", "b1"]
    values = {":pk": {"S": "A"}}
    page = query_page(DIRECTORY, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=values, Limit=2)
    assert [row["sk"] for row in page] == ["a1", "b1"]


def test_due_rows_are_those_of_the_queue_whose_time_has_come() -> None:
    for sk, queue, minutes in (("1", "q", 0), ("2", "q", -5), ("3", "q", 5), ("4", "other", -5)):
        due = NOW + timedelta(minutes=minutes)
        commit([put(NETWORK, {"pk": "A", "sk": sk, "dueQueue": queue, "dueAt": timestamp(due)})])
    assert [row["sk"] for row in list_due(NETWORK, "q", now=NOW, limit=9)] == ["2", "1"]


def test_many_keys_are_read_each_once_and_only_existing_rows_come_back() -> None:
    keys = [{"pk": "A", "sk": f"{number:03d}"} for number in range(120)]
    write_all(DIRECTORY, puts=[key | {"name": "n", "status": "s"} for key in keys])
    found = get_all(DIRECTORY, [*keys, *keys[:5], {"pk": "A", "sk": "none"}], ("sk", "name"))
    assert sorted(found, key=lambda row: row["sk"]) == [{"sk": key["sk"], "name": "n"} for key in keys]


def test_hundred_keys_take_one_call_and_one_key_more_takes_two() -> None:
    keys = [{"pk": "A", "sk": f"{number:03d}"} for number in range(101)]
    for count, calls in ((0, 0), (1, 1), (100, 1), (101, 2)):
        with record_store_calls() as seen:
            assert get_all(DIRECTORY, keys[:count]) == []
        assert seen.calls == ["BatchGetItem"] * calls
    assert seen.steps == 1


def test_keys_that_the_store_never_answers_are_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    write_all(DIRECTORY, puts=[{"pk": "A", "sk": str(number)} for number in range(100)])
    keys = [{"pk": "A", "sk": str(number)} for number in range(100)]
    with intercept_engine(), inject_faults(lambda *_: Fault.PARTIAL), pytest.raises(Unavailable):
        get_all(DIRECTORY, keys)


def test_query_is_read_over_all_its_pages() -> None:
    write_all(DIRECTORY, puts=[{"pk": "A", "sk": f"{number:02d}"} for number in range(25)])
    with record_store_calls() as seen:
        assert [row["sk"] for row in query_partition(DIRECTORY, "A", Limit=10)] == [f"{n:02d}" for n in range(25)]
    assert seen.calls == ["Query"] * 3
