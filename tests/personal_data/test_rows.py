"""Pages of rows: what an erasure plans, and rows of kinds that nobody has declared."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from chalicelib.aws import dynamodb
from chalicelib.core.stores.items import Row, from_item, to_item
from chalicelib.personal_data.domain.erasures import Place
from chalicelib.personal_data.domain.subjects import Subject
from chalicelib.personal_data.stores.registry import TABLES
from chalicelib.personal_data.stores.rows import DynamoPersonalRows, kind_of
from chalicelib.personal_data.stores.rules import Eraser
from chalicelib.resources import BOARD, CHAT, NETWORK, TOKENS, Table

BOB, OTHER, STAND_IN = "0a1b2c3d-0000-4000-8000-00000000000b", "other", "ffffffff-0000-4000-8000-000000000000"
SUBJECT = Subject(BOB, "bob@example.com", "Bob", STAND_IN)

pytestmark = pytest.mark.usefixtures("tables")


@pytest.fixture
def rows() -> DynamoPersonalRows:
    return DynamoPersonalRows(Eraser(SUBJECT, datetime.now(UTC), lambda: str(uuid4()), lambda _: None))


def store(table: Table, *stored: Row) -> None:
    for row in stored:
        dynamodb().put_item(TableName=table.physical_name, Item=to_item(row))


def read(table: Table) -> list[Row]:
    return [from_item(dict(item)) for item in dynamodb().scan(TableName=table.physical_name)["Items"]]


def erase(rows: DynamoPersonalRows, table: Table) -> int:
    """Erase what the pages of a table find, and return how many pages found something."""
    place: Place | None = Place(TABLES.index(table))
    pages = 0
    while place is not None and TABLES[place.table] == table:
        page = rows.find_page(place)
        for key in page.keys:
            rows.erase(place.table, key)
        pages += bool(page.keys)
        place = page.following
    return pages


def test_a_page_plans_a_hundred_rows_and_the_next_begins_after_them(rows: DynamoPersonalRows) -> None:
    store(CHAT, *({"pk": BOB, "sk": f"MESSAGE#{number:03}", "content": "x"} for number in range(230)))
    store(CHAT, *({"pk": OTHER, "sk": f"MESSAGE#{number:03}", "content": "x"} for number in range(30)))
    assert erase(rows, CHAT) == 3
    assert {row["pk"] for row in read(CHAT)} == {OTHER}
    assert len(read(CHAT)) == 30


def test_a_repeat_finds_nothing(rows: DynamoPersonalRows) -> None:
    store(CHAT, {"pk": OTHER, "sk": "MESSAGE#1", "content": "Ask bob@example.com"})
    assert erase(rows, CHAT) == 1
    assert erase(rows, CHAT) == 0
    assert read(CHAT)[0]["content"] == "Ask ffffffff@erased.invalid"


def test_a_row_that_is_gone_or_has_changed_is_no_failure(rows: DynamoPersonalRows) -> None:
    chat = TABLES.index(CHAT)
    rows.erase(chat, {"pk": BOB, "sk": "MESSAGE#1"})
    store(CHAT, {"pk": OTHER, "sk": "MESSAGE#1", "content": "x"})
    rows.erase(chat, {"pk": OTHER, "sk": "MESSAGE#1"})
    assert read(CHAT) == [{"pk": OTHER, "sk": "MESSAGE#1", "content": "x"}]


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (BOARD, {"pk": BOB, "sk": "NEW#1"}),
        (BOARD, {"pk": f"USER#{BOB}", "sk": "NEW#1"}),
        (NETWORK, {"pk": "NEW#1", "sk": "NEW", "userId": BOB}),
        (TOKENS, {"pk": "NEW#1", "userId": BOB}),
    ],
)
def test_rows_of_a_kind_that_nobody_declared_are_their_owners(rows: DynamoPersonalRows, table: Table, row: Row) -> None:
    assert kind_of(table, row).data == "rows of other kinds"
    store(table, row | {"orderKey": "1", "facetsKey": "1"})
    assert erase(rows, table) == 1
    assert read(table) == []


def test_a_row_of_others_whose_key_names_the_person_gets_another_key(rows: DynamoPersonalRows) -> None:
    store(NETWORK, {"pk": f"GUESSES#AT#{BOB}", "sk": "2026-03-04", "number": 2})
    assert erase(rows, NETWORK) == 1
    assert read(NETWORK) == [{"pk": f"GUESSES#AT#{STAND_IN}", "sk": "2026-03-04", "number": 2}]
