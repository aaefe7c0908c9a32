"""Writes: all or nothing, conditions, and the idempotency record of a claim."""

from datetime import UTC, datetime

import pytest

from chalicelib.core.domain.errors import IdempotencyInProgress, Unavailable
from chalicelib.core.domain.idempotency import AlreadyAnswered, Claim, ReplyRecord
from chalicelib.core.stores.actions import EXISTS, check, delete, put, put_new, update
from chalicelib.core.stores.reads import get, query_partition
from chalicelib.core.stores.writes import Refused, change_row, commit, try_commit, write_all
from chalicelib.resources import DIRECTORY
from tests.support.faults import Fault, fault_at, inject_faults, intercept_engine
from tests.support.store_calls import record_store_calls

pytestmark = pytest.mark.usefixtures("tables")

KEY = {"pk": "A", "sk": "1"}


def test_new_row_is_stored_once_and_the_row_met_is_told() -> None:
    commit([put_new(DIRECTORY, KEY | {"name": "first"})])
    with pytest.raises(Refused) as refused:
        commit([put_new(DIRECTORY, KEY | {"name": "second"}), put(DIRECTORY, {"pk": "B", "sk": "1"})])
    assert (refused.value.rows[0]["name"], refused.value.failed) == ("first", [0])
    assert get(DIRECTORY, {"pk": "B", "sk": "1"}) is None


def test_condition_that_does_not_hold_changes_nothing() -> None:
    assert not try_commit([check(DIRECTORY, KEY, EXISTS), put(DIRECTORY, {"pk": "B", "sk": "1"})])
    assert not try_commit([delete(DIRECTORY, KEY, EXISTS)])
    assert change_row(update(DIRECTORY, KEY, "SET a = :a", EXISTS, a=1)) is None
    assert try_commit([put(DIRECTORY, KEY)])
    assert change_row(update(DIRECTORY, KEY, "SET a = :a", EXISTS, a=1)) == KEY | {"a": 1}


def test_a_put_whose_response_is_lost_is_not_refused_by_its_own_row() -> None:
    row = KEY | {"name": "first", "tags": {"b", "a"}, "parts": [1, None, {"x": b"y"}]}
    with intercept_engine():
        with inject_faults(fault_at(1, Fault.LOST)) as faults:
            commit([put_new(DIRECTORY, row)])
        assert faults.attempts == ["PutItem"] * 2
        with inject_faults(fault_at(1, Fault.LOST)), pytest.raises(Refused):
            commit([put_new(DIRECTORY, row | {"name": "second"})])
        # Without a retry an equal row is somebody else's.
        with pytest.raises(Refused):
            commit([put_new(DIRECTORY, row)])
    assert get(DIRECTORY, KEY) == row


def test_a_single_write_with_a_token_is_recognised_when_its_response_is_lost() -> None:
    commit([put_new(DIRECTORY, KEY)])
    with intercept_engine(), inject_faults(fault_at(1, Fault.LOST)) as faults:
        assert try_commit([delete(DIRECTORY, KEY, EXISTS)], tokened=True)
    assert faults.attempts == ["TransactWriteItems"] * 2


# Later than the clock, since the engine drops rows that have expired.
NOW = int(datetime(2040, 5, 21, tzinfo=UTC).timestamp())


def claim(nonce: str, fingerprint: str = "body", *, now: int = NOW) -> Claim:
    return Claim("scope", fingerprint, nonce, now, now + 3_600)


def test_claim_is_used_once_and_a_repeat_gets_the_first_reply() -> None:
    first, second = put(DIRECTORY, KEY | {"name": "first"}), put(DIRECTORY, KEY | {"name": "second"})
    commit([first], claim=claim("one"), reply={"name": "first"})
    with pytest.raises(AlreadyAnswered) as repeated:
        commit([second], claim=claim("two", "another body"), reply={"name": "second"})
    assert repeated.value.answered == ReplyRecord("body", {"name": "first"})
    assert get(DIRECTORY, KEY) == KEY | {"name": "first"}


def test_write_repeated_by_the_request_that_made_it_is_a_success() -> None:
    actions = [update(DIRECTORY, KEY, "SET used = if_not_exists(used, :zero) + :one", zero=0, one=1)]
    for _ in range(2):
        commit(actions, claim=claim("one"), reply={})
    assert get(DIRECTORY, KEY) == KEY | {"used": 1}


def test_expired_claim_may_be_used_again() -> None:
    commit([put(DIRECTORY, KEY)], claim=claim("one"), reply={})
    later = claim("two", now=claim("one").expires_at)
    with pytest.raises(AlreadyAnswered):
        commit([delete(DIRECTORY, KEY)], claim=claim("two", now=later.now - 1), reply={})
    commit([delete(DIRECTORY, KEY)], claim=later, reply={})
    assert get(DIRECTORY, KEY) is None


def test_condition_that_does_not_hold_leaves_the_claim_unused() -> None:
    assert not try_commit([delete(DIRECTORY, KEY, EXISTS)], claim=claim("one"), reply={})
    commit([put(DIRECTORY, KEY)], claim=claim("two"), reply={})
    assert get(DIRECTORY, KEY) == KEY


def test_a_single_condition_is_checked() -> None:
    with pytest.raises(Refused) as refused:
        commit([check(DIRECTORY, KEY, EXISTS)])
    assert (refused.value.rows, refused.value.failed) == ([{}], [0])
    commit([put(DIRECTORY, KEY)])
    with record_store_calls() as seen:
        assert try_commit([check(DIRECTORY, KEY, EXISTS)])
    assert seen.calls == ["TransactWriteItems"]


def test_one_action_is_a_plain_call_and_several_are_a_transaction() -> None:
    for actions, call in (
        ([put(DIRECTORY, KEY)], "PutItem"),
        ([update(DIRECTORY, KEY, "SET a = :a", a=1)], "UpdateItem"),
        ([put(DIRECTORY, KEY | {"sk": "2"}), check(DIRECTORY, KEY, EXISTS)], "TransactWriteItems"),
        ([delete(DIRECTORY, KEY)], "DeleteItem"),
    ):
        with record_store_calls() as seen:
            commit(actions)
        assert seen.calls == [call]


def test_rows_that_stay_busy_are_reported_and_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    actions = [put(DIRECTORY, KEY), put(DIRECTORY, KEY | {"sk": "2"})]
    with intercept_engine(), inject_faults(lambda *_: Fault.CONFLICTED):
        with pytest.raises(Unavailable):
            commit(actions)
        with pytest.raises(IdempotencyInProgress):
            commit(actions, claim=claim("one"), reply={})
    assert get(DIRECTORY, KEY) is None


def test_many_rows_are_put_and_deleted_in_batches_of_25() -> None:
    rows = [{"pk": "A", "sk": f"{number:02d}"} for number in range(60)]
    with record_store_calls() as seen:
        write_all(DIRECTORY, puts=rows[:50])
        write_all(DIRECTORY, puts=rows[50:], deletes=rows[:50])
        write_all(DIRECTORY)
    assert seen.calls == ["BatchWriteItem"] * 5
    assert list(query_partition(DIRECTORY, "A")) == rows[50:]


def test_rows_that_the_store_never_takes_are_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with intercept_engine(), inject_faults(lambda *_: Fault.PARTIAL), pytest.raises(Unavailable):
        write_all(DIRECTORY, puts=[{"pk": "A", "sk": str(number)} for number in range(25)])
