"""What a list operation takes is bounded: calls and read units stay as they are while the list grows.

The figures are those of `bench.growth`, counted at 10, 1,000 and, for the lists of which a page needs more than the
page's own rows, 10,000 rows.
"""

from collections.abc import Iterator
from functools import cache

import pytest

from bench import growth
from tests.laws.test_cursors import PAGED
from tests.support.api import ROUTES

pytestmark = pytest.mark.engine("embedded")

_KINDS = ("inbox", "counted types", "queue", "contacts", "board", "chat", "relays", "feedback")
_LONG = ("contacts", "counted types")
_OFFSET = "at an offset of 9,000"
# A page of a hundred rows is read with its keys and what its rows are linked with. A search reads up to 5,000 entries
# of each filter; counts of event types are 20,000 small rows at most.
_MOST_CALLS = {"contacts": 6, "counted types": 24, "inbox": 21}
_MOST_UNITS = {
    "search that finds all contacts": 250,
    "the same, with a tag that all have": 400,
    "event types, days counted": 600,
}
_OTHERWISE_CALLS, _OTHERWISE_UNITS = 12, 120
# An entry of an index has some 150 bytes.
_ROWS_PER_UNIT = 20


@pytest.fixture(autouse=True)
def _budgets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("PERSONAL", "TOOLS", "KEY", "PLATFORM"):
        monkeypatch.setenv(f"FLUXDEN_{name}_BUDGET", "1000000")
    yield
    _measured.cache_clear()


@cache
def _measured(kind: str, size: int) -> dict[str, dict[str, float]]:
    return growth.measure_kind(kind, size)


@pytest.mark.parametrize("kind", _KINDS)
def test_a_page_takes_a_bounded_number_of_calls_and_units_however_long_the_list(kind: str) -> None:
    for size in (10, 1_000, 10_000)[: 3 if kind in _LONG else 2]:
        for name, found in _measured(kind, size).items():
            units, calls = _MOST_UNITS.get(name, _OTHERWISE_UNITS), _MOST_CALLS.get(kind, _OTHERWISE_CALLS)
            if _OFFSET in name:
                units += size // _ROWS_PER_UNIT
                calls += size // 4_000
            assert found["calls"] <= calls, (size, name, found)
            assert found["read"] <= units, (size, name, found)
            assert found["written"] <= 20, (size, name, found)


def test_every_kind_of_list_is_measured(api: object, desk: object) -> None:
    kinds = growth.list_kinds(api, desk)  # type: ignore[arg-type]
    assert set(_KINDS) == set(kinds)


def test_every_list_with_pages_by_offset_has_cursors_or_is_short() -> None:
    by_offset = {
        route.__name__
        for route in ROUTES.values()
        if "offset" in getattr(route.annotations.get("query"), "model_fields", {})
    }
    # A person's projects, a project's members, and the directory, whose rows are read whole for the search.
    assert by_offset - set(PAGED) == {"discover_network", "list_projects", "list_project_members"}
