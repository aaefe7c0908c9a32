"""Patterns of keys, and what receipts count a row as."""

import pytest

from chalicelib.personal_data.stores.row_kinds import COUNTER, HELPERS, INDEX, PASSING, RowKind, find_kind, row_name
from chalicelib.resources import CHAT, TOKENS


@pytest.mark.parametrize(
    ("key", "name", "fits"),
    [
        ("A#{user} / B", "A#1\nB", True),
        ("A#{user} / B", "A#1#2\nB", False),
        ("A#{user}#* / B", "A#1#2\nB", True),
        ("A#* / B#*", "A#x#y\nB#z", True),
        ("A#* / B", "A#x", False),
        ("A#*", "A#x\nB", False),
        ("{user}.x / B", "1-x\nB", False),
    ],
)
def test_a_pattern_fits_a_whole_key(key: str, name: str, *, fits: bool) -> None:
    assert bool(RowKind(CHAT, key, "x").pattern.fullmatch(name)) is fits


def test_an_address_is_compared_without_case() -> None:
    kind = RowKind(CHAT, "PEOPLE / {email}", "account")
    assert kind.belongs_to({"pk": "PEOPLE", "sk": "Bob@Example.com"}, "id", "bob@example.com")
    assert not kind.belongs_to({"pk": "PEOPLE", "sk": "rob@example.com"}, "id", "bob@example.com")


def test_the_first_kind_that_fits_counts_and_only_in_its_table() -> None:
    kinds = (RowKind(CHAT, "A#*", "first"), RowKind(CHAT, "*", "second"))
    found = [find_kind(kinds, table, {"pk": pk}) for table, pk in ((CHAT, "A#1"), (CHAT, "B"), (TOKENS, "B"))]
    assert [kind and kind.data for kind in found] == ["first", "second", None]
    assert row_name({"pk": "a", "sk": "b", "other": "c"}) == "a\nb"


@pytest.mark.parametrize(("why_not", "counted_as"), [(INDEX, HELPERS), (COUNTER, HELPERS), (PASSING, "x"), ("", "x")])
def test_entries_and_counters_are_counted_as_such(why_not: str, counted_as: str) -> None:
    assert RowKind(CHAT, "{user} / B", "x", why_not=why_not).counted_as == counted_as
