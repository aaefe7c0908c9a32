"""The search index of contacts: how much of it a search reads, and what entries of earlier releases do."""

import pytest
from click.testing import CliRunner

from chalicelib import aws
from chalicelib.board.stores import contact_index
from chalicelib.board.stores import contacts as contact_store
from chalicelib.core.stores.items import to_item
from chalicelib.resources import CONTACTS as TABLE
from infra.admin import main
from tests.board.test_contacts import CONTACTS, carol, create, index_of, names, rows
from tests.conftest import Desk
from tests.support.api import Api

__all__ = ["carol"]


def test_a_search_reads_a_bounded_number_of_entries_and_still_narrows_by_tag(
    api: Api, carol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_index, "MOST_ENTRIES", 5)
    monkeypatch.setattr(contact_store, "MOST_COMPARED", 3)
    for number in range(9):
        create(api, carol, f"Hay {number}", tags="late" if number > 6 else "early")
    data = api.get(f"{CONTACTS}?search=hay&limit=2", carol).json["data"]
    assert [each["name"] for each in data["contacts"]] == ["Hay 0", "Hay 1"]
    assert data["pagination"]["total"] == 5
    assert names(api, carol, search="hay", tag="late") == ["Hay 7", "Hay 8"]
    assert set(names(api, carol, search="hay", tag="early")) < {f"Hay {number}" for number in range(6)}
    assert names(api, carol, search="hay 8") == ["Hay 8"]


def test_a_tag_is_found_among_many_contacts_with_a_tag_that_begins_like_it(
    api: Api, carol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_store, "MOST_COMPARED", 3)
    for number in range(6):
        create(api, carol, f"Hay {number}", tags="vip-2024")
    create(api, carol, "Zoe", tags="vip")
    assert names(api, carol, tag="vip", limit="2") == ["Zoe"]


def test_a_long_text_is_found_among_many_that_begin_like_it(
    api: Api, carol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_store, "MOST_COMPARED", 3)
    beginning = "International Business Machines"
    for number in range(6):
        create(api, carol, f"{beginning} {number}")
    assert names(api, carol, search=f"{beginning} 5", limit="2") == [f"{beginning} 5"]
    assert len(names(api, carol, search=beginning)) == 6


def test_of_many_candidates_those_of_the_page_are_compared(
    api: Api, desk: Desk, carol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_store, "MOST_COMPARED", 3)
    made = [create(api, carol, f"Hay {number}")["id"] for number in range(6)]
    owner = desk.user_id("carol")
    for sk in (each for each in index_of(owner) if made[0] in each):
        left_behind = {"pk": owner, "sk": sk.replace(made[0], f"{made[0][:-1]}x"), "place": "hay"}
        aws.dynamodb().put_item(TableName=TABLE.physical_name, Item=to_item(left_behind))
    seen: list[list[str]] = []
    for offset in (0, 2, 4, 6):
        data = api.get(f"{CONTACTS}?search=hay&limit=2&offset={offset}", carol).json["data"]
        seen.append([each["name"] for each in data["contacts"]])
        assert data["pagination"]["total"] == 7, "an entry that a crash left behind is counted"
    assert seen == [["Hay 0"], ["Hay 1", "Hay 2"], ["Hay 3", "Hay 4"], ["Hay 5"]]


def test_entries_of_earlier_releases_are_found_in_order_and_get_their_places_when_reindexed(
    api: Api, desk: Desk, carol: str
) -> None:
    owner = desk.user_id("carol")
    for name in ("Hay c", "Hay a", "Hay b"):
        create(api, carol, name, tags="x")
    for sk in index_of(owner):
        aws.dynamodb().put_item(TableName=TABLE.physical_name, Item=to_item({"pk": owner, "sk": sk}))
    for query in ({"search": "hay"}, {"tag": "x"}, {"search": "hay", "tag": "x"}):
        assert names(api, carol, **query) == ["Hay a", "Hay b", "Hay c"]
    assert CliRunner().invoke(main, ["contacts", "reindex"]).exit_code == 0
    assert {row["place"] for row in rows() if row["sk"] in index_of(owner) and row["pk"] == owner} == {
        "hay a",
        "hay b",
        "hay c",
    }
    assert names(api, carol, search="hay") == ["Hay a", "Hay b", "Hay c"]
