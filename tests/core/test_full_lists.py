"""Lists without room: the refusal says what to end, and is counted."""

import pytest

from chalicelib.core.domain.errors import ListFull
from chalicelib.core.domain.measures import FULL_LISTS, collect
from chalicelib.core.stores.actions import delete, put, update
from chalicelib.core.stores.writes import change_row, commit, write_all
from chalicelib.resources import CHAT, CONTACTS, DIRECTORY, QUEUE_ITEMS
from chalicelib.settings import settings
from tests.support.faults import Fault, inject_faults, intercept_engine

pytestmark = [pytest.mark.usefixtures("tables"), pytest.mark.engine("embedded")]

KEY = {"pk": "a", "sk": "1"}


@pytest.mark.parametrize(
    "write",
    [
        lambda: commit([put(QUEUE_ITEMS, KEY)]),
        lambda: commit([put(DIRECTORY, KEY), put(QUEUE_ITEMS, KEY)]),
        lambda: change_row(update(QUEUE_ITEMS, KEY, "SET a = :a", a=1)),
        lambda: write_all(QUEUE_ITEMS, puts=[KEY]),
    ],
)
def test_every_way_to_write_says_that_the_list_is_full(write, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("FLUXDEN_KEEP_TASKS_DAYS", "40")
    settings.cache_clear()
    said = pytest.raises(ListFull, match=r"Finish or reject tasks.* 40 days after .*FLUXDEN_KEEP_TASKS_DAYS")
    with intercept_engine(), inject_faults(lambda *_: Fault.FULL), collect() as collected, said:
        write()
    assert [(each.measure, each.dimensions) for each in collected] == [(FULL_LISTS, (("list", "queue-items"),))]


def test_what_never_ends_is_not_said_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEEP_CHAT_DAYS", "0")
    settings.cache_clear()
    with intercept_engine(), inject_faults(lambda *_: Fault.FULL):
        with pytest.raises(ListFull, match="for ever"):
            commit([put(CHAT, KEY)])
        with pytest.raises(ListFull, match=r"Delete contacts\.$"):
            commit([put(CONTACTS, KEY)])


def test_rows_of_a_full_list_can_be_deleted() -> None:
    with intercept_engine(), inject_faults(lambda *_: Fault.FULL):
        commit([delete(CONTACTS, KEY)])
        write_all(CONTACTS, deletes=[KEY])
