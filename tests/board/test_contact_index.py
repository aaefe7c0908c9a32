"""The search index of contacts: how much of it a search reads, and what entries of earlier releases do."""

from urllib.parse import quote

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


def test_of_many_candidates_those_of_the_page_are_compared(
    api: Api, carol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_store, "MOST_COMPARED", 3)
    beginning = "International Business Machines"
    for number in range(6):
        create(api, carol, f"{beginning} {number % 2} {number}")
    seen: list[str] = []
    for offset in range(0, 6, 2):
        data = api.get(f"{CONTACTS}?search={quote(beginning)}%201&limit=2&offset={offset}", carol).json["data"]
        seen += [each["name"][len(beginning) :] for each in data["contacts"]]
        assert data["pagination"]["total"] == 6
    assert seen == [" 1 1", " 1 3", " 1 5"]


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
