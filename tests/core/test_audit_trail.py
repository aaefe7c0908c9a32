"""The transaction of a change stores the change's audit entry: both, or neither."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.core.domain.audit import STRANGER, Actor, ActorKind, AuditEntry, Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.person_refs import person_ref
from chalicelib.core.stores.actions import put, put_new
from chalicelib.core.stores.audit_log import recording
from chalicelib.core.stores.audit_trail import Draft, note, note_changes, note_no_change
from chalicelib.core.stores.writes import commit, try_commit
from chalicelib.parallel import gather
from chalicelib.resources import AUDIT, FEEDBACK
from tests.conftest import Desk
from tests.support.worker_scenarios import scan_rows

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ENTRY = AuditEntry("e1", NOW, AuditKind.KEY_CREATE, STRANGER)
ROW = {"pk": "a", "sk": "a"}

pytestmark = pytest.mark.usefixtures("desk")


@pytest.fixture(autouse=True)
def _no_entries(desk: Desk) -> None:
    assert entries() == []


def entries() -> list[dict[str, Any]]:
    return list(scan_rows(AUDIT))


@contextmanager
def change(*, each: bool = False) -> Iterator[Draft]:
    with recording(ENTRY, each=each) as draft:
        yield draft


def test_the_transaction_of_a_change_has_its_entry() -> None:
    with change():
        commit([put_new(FEEDBACK, ROW)], audited=Subject("key", "k1", "u1"))
        (stored,) = entries()
        commit([put(FEEDBACK, ROW)], audited=True)
    assert entries() == [stored]
    assert (stored["kind"], stored["subject"], stored["subjectId"], stored["personId"]) == (
        "key.create",
        "key",
        "k1",
        person_ref("u1"),
    )


def test_an_entry_whose_actor_and_person_have_empty_ids_is_stored_without_them() -> None:
    entry = replace(ENTRY, actor=Actor(ActorKind.INSTANCE, ""), subject=Subject("connection", "c1", ""))
    with recording(entry):
        commit([put_new(FEEDBACK, ROW)], audited=True)
    (stored,) = entries()
    assert (stored["subjectId"], stored.keys() & {"actorId", "personId"}) == ("c1", set())


def test_a_change_that_is_refused_has_no_entry_and_its_next_attempt_has_one() -> None:
    commit([put_new(FEEDBACK, ROW)])
    with change():
        assert not try_commit([put_new(FEEDBACK, ROW)], audited=True)
        assert entries() == []
        assert try_commit([put(FEEDBACK, ROW)], audited=True)
        assert len(entries()) == 1
    assert len(entries()) == 1


def test_a_change_without_a_transaction_of_its_own_has_its_entry_at_the_end() -> None:
    with change():
        commit([put_new(FEEDBACK, ROW)])
        assert entries() == []
    assert len(entries()) == 1


def test_a_failed_change_has_no_entry() -> None:
    with pytest.raises(KeyError), change():
        raise KeyError("x")
    assert entries() == []


def test_what_changes_nothing_has_no_entry() -> None:
    with change():
        note_no_change()
    assert entries() == []


def test_a_change_after_an_attempt_that_changed_nothing_has_an_entry() -> None:
    with change():
        note_no_change()
        commit([put_new(FEEDBACK, ROW)], audited=True)
    assert len(entries()) == 1


def test_what_becomes_known_during_the_change_is_in_its_entry() -> None:
    with change():
        note(sent=3)
        note_changes({"name": "a", "type": "c"}, {"name": "b", "type": "d"}, {"type"})
    assert entries()[0]["details"] == {"sent": "3", "name": "changed", "type": "c → d"}


def test_each_row_of_a_batch_has_an_entry_also_when_they_are_written_at_the_same_time() -> None:
    def claim(number: int) -> None:
        commit([put_new(FEEDBACK, {"pk": "a", "sk": f"{number}"})], audited=Subject("personalToken", f"{number}"))

    with change(each=True):
        gather(*(lambda number=number: claim(number) for number in range(20)))
    assert sorted(int(each["subjectId"]) for each in entries()) == list(range(20))


def test_one_of_simultaneous_transactions_has_the_entry() -> None:
    def write(number: int) -> None:
        commit([put_new(FEEDBACK, {"pk": "a", "sk": f"{number}"})], audited=True)

    with change():
        gather(*(lambda number=number: write(number) for number in range(20)))
    assert len(entries()) == 1
    assert len([row for row in scan_rows(FEEDBACK) if row["pk"] == "a"]) == 20


def test_an_entry_never_replaces_another() -> None:
    with change():
        note(first=True)
    with change():
        note(second=True)
    assert [each["details"] for each in entries()] == [{"first": "yes"}]
