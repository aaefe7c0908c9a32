"""Leased rows: one attempt at a time, its record, and the due time that announces the next one."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.retries import Attempt
from chalicelib.core.stores.actions import put
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.leased import LeasedRows
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import commit
from chalicelib.resources import NETWORK, NOTICES
from tests.support.concurrency import run_concurrently
from tests.support.store_calls import record_store_calls

ROWS = LeasedRows(NETWORK, NOTICES)
KEY = {"pk": "A", "sk": "1"}
NOON = datetime(2026, 5, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FAILED = Attempt(timestamp(NOON), 500, "answered 500", timestamp(NOON + MINUTE))
DELIVERED = Attempt(timestamp(NOON), 204, None, None)

pytestmark = pytest.mark.usefixtures("tables")


def add() -> None:
    row = {"outcome": "pending", "nextAttemptAt": timestamp(NOON), "attempts": []}
    commit([put(NETWORK, KEY | row | ROWS.due_columns(NOON))])


def stored() -> Row:
    row = get(NETWORK, KEY)
    assert row is not None
    return row


def attempts_of(row: Row) -> list[Attempt]:
    return [Codec(Attempt).from_row(each) for each in row["attempts"]]


def lease(lease_id: str, *, made: int = 0, now: datetime = NOON) -> bool:
    return ROWS.lease(KEY, lease_id, made=made, now=now, until=now + MINUTE)


def record(lease_id: str, attempt: Attempt | None, outcome: str = "pending", due_at: datetime | None = None) -> bool:
    return ROWS.record(KEY, lease_id, made=0, outcome=outcome, attempt=attempt, due_at=due_at)


def test_only_the_holder_of_the_lease_takes_it_again_until_it_ends() -> None:
    add()
    assert lease("one")
    assert not lease("two")
    assert lease("one")
    assert lease("two", now=NOON + MINUTE)
    assert not record("one", DELIVERED, "delivered")
    assert record("two", DELIVERED, "delivered")


def test_only_one_of_simultaneous_leases_is_given() -> None:
    add()
    assert sum(run_concurrently(8, lambda number: lease(str(number)))) == 1


def test_attempt_that_has_been_made_is_not_leased_again() -> None:
    add()
    assert lease("one")
    assert record("one", FAILED, due_at=NOON + MINUTE)
    assert not lease("two", made=0, now=NOON + 2 * MINUTE)
    assert lease("two", made=1, now=NOON + 2 * MINUTE)


def test_failed_attempt_is_recorded_with_the_time_of_the_next() -> None:
    add()
    lease("one")
    assert record("one", FAILED, due_at=NOON + 2 * MINUTE)
    row = stored()
    assert attempts_of(row) == [FAILED]
    assert (row["outcome"], row["nextAttemptAt"]) == ("pending", timestamp(NOON + MINUTE))
    assert (row["dueQueue"], row["dueAt"]) == (NOTICES.name, timestamp(NOON + 2 * MINUTE))
    assert not row.keys() & {"leaseId", "leaseUntil"}


@pytest.mark.parametrize("attempt", [DELIVERED, None])
def test_work_that_has_ended_is_neither_due_nor_leased(attempt: Attempt | None) -> None:
    add()
    lease("one")
    assert record("one", attempt, "delivered")
    row = stored()
    assert row["outcome"] == "delivered"
    assert attempts_of(row) == ([attempt] if attempt else [])
    assert not row.keys() & {"leaseId", "leaseUntil", "nextAttemptAt", "dueQueue", "dueAt"}
    assert ROWS.list_due(now=NOON + timedelta(days=9), limit=9) == []
    assert not lease("two", made=len(attempts_of(row)), now=NOON + timedelta(days=9))


def test_lease_that_is_never_recorded_is_announced_when_it_ends() -> None:
    add()
    lease("one")
    assert ROWS.list_due(now=NOON, limit=9) == []
    (due,) = ROWS.list_due(now=NOON + MINUTE, limit=9)
    assert (due["pk"], due["sk"], due["dueAt"]) == ("A", "1", timestamp(NOON + MINUTE))


def test_due_time_is_postponed_by_only_one_of_those_who_saw_it() -> None:
    add()
    seen = timestamp(NOON)
    assert sum(run_concurrently(4, lambda _: ROWS.postpone(KEY, seen, until=NOON + MINUTE))) == 1
    assert stored()["dueAt"] == timestamp(NOON + MINUTE)


def test_each_step_takes_one_store_call() -> None:
    add()
    with record_store_calls() as seen:
        lease("one")
        ROWS.list_due(now=NOON, limit=9)
        record("one", FAILED, due_at=NOON)
        ROWS.postpone(KEY, timestamp(NOON), until=NOON + MINUTE)
    assert seen.calls == ["UpdateItem", "Query", "UpdateItem", "UpdateItem"]


def test_row_that_does_not_exist_is_never_leased() -> None:
    assert not lease("one")
    assert get(NETWORK, KEY) is None
