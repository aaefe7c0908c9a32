"""Rows are recognised by their keys, and belong to the person whom key or owner names."""

import pytest

from chalicelib.core.stores.items import Row
from chalicelib.personal_data.stores.registry import KINDS
from chalicelib.personal_data.stores.row_kinds import find_kind
from chalicelib.resources import CATALOG, DIRECTORY, FEEDBACK, PEERS, QUEUE_ITEMS, SOCKETS, TOKENS, Table

BOB, ALICE = "0a1b2c3d-0000-4000-8000-00000000000b", "0a1b2c3d-0000-4000-8000-00000000000a"
ADDRESS = "bob@example.com"


@pytest.mark.parametrize(
    ("table", "row", "data"),
    [
        (DIRECTORY, {"pk": f"USER#{BOB}", "sk": "USER"}, "account"),
        (DIRECTORY, {"pk": f"EMAIL#{ADDRESS}", "sk": "USER"}, "account"),
        (DIRECTORY, {"pk": "PEOPLE", "sk": ADDRESS}, "account"),
        (DIRECTORY, {"pk": "TEAM#t", "sk": f"MEMBER#{BOB}#apollo"}, "memberships"),
        (CATALOG, {"pk": "ITEM#printer", "sk": f"APPROVAL#{BOB}"}, "approvals"),
        (QUEUE_ITEMS, {"pk": BOB, "sk": "ITEM#1"}, "tasks"),
        (FEEDBACK, {"pk": f"person#{BOB}", "sk": "1"}, "feedback"),
        (SOCKETS, {"pk": "CONNECTION#1", "sk": "CONNECTION", "userId": BOB}, "open connections"),
        (TOKENS, {"pk": "KEY#hash", "userId": BOB}, "keys"),
        (TOKENS, {"pk": f"MINUTE#{BOB}#7"}, "budgets"),
        (PEERS, {"pk": "TOKEN#hash", "sk": "CONNECTION#1", "userId": BOB}, "connections"),
    ],
)
def test_a_row_belongs_to_the_person_it_names(table: Table, row: Row, data: str) -> None:
    kind = find_kind(KINDS, table, row)
    assert kind is not None
    assert kind.data == data
    assert kind.belongs_to(row, BOB, ADDRESS)
    assert not kind.belongs_to(row, ALICE, "alice@example.com")


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (TOKENS, {"pk": "TOOLS#1", "userId": BOB}),
        (CATALOG, {"pk": "ITEM#printer", "sk": "ITEM", "contactUserId": BOB}),
        (FEEDBACK, {"pk": "integrator#fd1", "sk": "1"}),
        (DIRECTORY, {"pk": "PROJECT#apollo", "sk": "PROJECT"}),
    ],
)
def test_what_a_person_is_responsible_for_is_not_theirs(table: Table, row: Row) -> None:
    kind = find_kind(KINDS, table, row)
    assert kind is not None
    assert not kind.belongs_to(row, BOB, ADDRESS)
    assert not kind.is_personal
