"""Members of transactions, and the reads and writes that are made of one."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.actions import EXISTS, assignments, check, delete, put, put_new, update
from chalicelib.core.stores.reads import get, list_due, query_page, query_partition
from chalicelib.core.stores.writes import Refused, change_row, commit, try_commit
from chalicelib.resources import DIRECTORY, NETWORK

KEY = {"pk": "A", "sk": "1"}
NOW = datetime(2026, 3, 4, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("tables")


def test_a_new_row_is_stored_once_and_the_row_met_is_told() -> None:
    commit([put_new(DIRECTORY, KEY | {"name": "first"})])
    with pytest.raises(Refused) as refused:
        commit([put_new(DIRECTORY, KEY | {"name": "second"}), put(DIRECTORY, {"pk": "B", "sk": "1"})])
    assert (refused.value.rows[0]["name"], refused.value.failed) == ("first", [0])
    assert get(DIRECTORY, {"pk": "B", "sk": "1"}) is None


def test_reserved_names_and_aliases_are_written_as_they_are_called() -> None:
    commit([put(DIRECTORY, KEY | {"status": "old", "links": {}})])
    change = f"SET {assignments(('status', 'name'))}, #links.#other = :key REMOVE #missing"
    commit(
        [update(DIRECTORY, KEY, change, "#status = :seen", {"other": "a.b"}, status="new", name="n", key=1, seen="old")]
    )
    assert get(DIRECTORY, KEY) == KEY | {"status": "new", "name": "n", "links": {"a.b": 1}}


def test_a_condition_that_does_not_hold_changes_nothing() -> None:
    assert not try_commit([check(DIRECTORY, KEY, EXISTS), put(DIRECTORY, {"pk": "B", "sk": "1"})])
    assert not try_commit([delete(DIRECTORY, KEY, EXISTS)])
    assert change_row(update(DIRECTORY, KEY, "SET a = :a", EXISTS, a=1)) is None
    assert try_commit([put(DIRECTORY, KEY)])
    assert change_row(update(DIRECTORY, KEY, "SET a = :a", EXISTS, a=1)) == KEY | {"a": 1}


def test_a_partition_is_read_in_order_and_by_prefix() -> None:
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
