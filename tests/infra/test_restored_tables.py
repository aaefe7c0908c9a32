"""`infra.admin tables`: restore beside the present tables, compare, and put rows back."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.resources import BOARD
from infra import restored_tables, tables
from infra.restored_tables import Pair
from tests.conftest import Desk
from tests.support import engine_state
from tests.support.api import Api
from tests.support.instances import run_admin

# DynamoDB Local does not restore.
pytestmark = pytest.mark.engine("embedded")

PREFIX, AT = "fluxden-restored", "2026-11-21T09:00:00Z"
CARDS = "/api/v2/kanban"
RESTORED = ("--prefix", PREFIX)


@pytest.fixture(autouse=True)
def _no_tables_left() -> Iterator[None]:
    yield
    engine_state.clear_engine()


def board(api: Api, desk: Desk) -> list[str]:
    return sorted(each["title"] for each in api.get(CARDS, desk.alice_key).json["data"]["cards"])


def add(api: Api, desk: Desk, title: str) -> str:
    made = api.post(CARDS, {"title": title}, desk.alice_key)
    assert made.status == 201, made.text
    return str(made.json["data"]["id"])


def counts(*more: str) -> dict[str, tuple[int, int, int]]:
    found: list[dict[str, Any]] = json.loads(run_admin("tables", "compare", *RESTORED, "--json", *more))
    return {each["table"]: (each["missing"], each["changed"], each["added"]) for each in found}


def test_deleted_rows_are_put_back_from_restored_tables(api: Api, desk: Desk) -> None:
    kept, lost = add(api, desk, "Kept"), add(api, desk, "Lost")
    before = board(api, desk)
    said = run_admin("tables", "restore", "--at", AT, *RESTORED)
    assert said.endswith(f"Restored {len(tables.DEFINITIONS)} tables.\n")
    assert "fluxden-restored-board: exists already" in run_admin("tables", "restore", "--at", AT, *RESTORED)
    assert set(counts()["board"]) == {0}

    assert api.call("DELETE", f"{CARDS}/{lost}", token=desk.alice_key).status == 200
    assert api.call("PATCH", f"{CARDS}/{kept}", {"title": "Spoiled"}, token=desk.alice_key).status == 200
    add(api, desk, "Since")
    missing, changed, added = counts("--table", "board")["board"]
    assert missing >= 1 and changed >= 1 and added >= 1
    assert counts("--table", "board", "--pk", "nobody") == {"board": (0, 0, 0)}

    run_admin("tables", "put-back", *RESTORED, "--table", "board", "--yes")
    assert counts("--table", "board")["board"] == (0, changed, added)
    run_admin("tables", "put-back", *RESTORED, "--table", "board", "--changed", "--added", "--yes")
    assert counts("--table", "board")["board"] == (0, 0, 0)
    assert board(api, desk) == before

    assert run_admin("tables", "drop", *RESTORED, "--yes") == f"Deleted {len(tables.DEFINITIONS)} tables.\n"
    assert run_admin("tables", "drop", *RESTORED, "--yes") == "Deleted 0 tables.\n"
    assert board(api, desk) == before


def test_the_tables_of_the_desk_are_no_restored_tables(api: Api, desk: Desk) -> None:
    for command in (("restore", "--at", AT), ("compare",), ("put-back", "--yes"), ("drop", "--yes")):
        assert "need another prefix" in run_admin("tables", *command, "--prefix", "fluxden", fails=True)
    assert list(engine_state.engine().rows())


def test_rows_are_compared_whatever_the_order_of_their_sets_and_attributes() -> None:
    one = {"pk": {"S": "a"}, "tags": {"SS": ["x", "y"]}, "deep": {"M": {"in": {"L": [{"SS": ["1", "2"]}]}}}}
    other = {"deep": {"M": {"in": {"L": [{"SS": ["2", "1"]}]}}}, "tags": {"SS": ["y", "x"]}, "pk": {"S": "a"}}
    assert restored_tables._digest(one) == restored_tables._digest(other)
    assert restored_tables._digest(one) != restored_tables._digest(one | {"tags": {"SS": ["x"]}})


def test_a_table_that_is_being_restored_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    states = iter(["CREATING", "CREATING", "ACTIVE"])
    asked: list[Any] = []

    class Client:
        def describe_table(self, **about: Any) -> Any:
            asked.append(about)
            return {"Table": {"TableStatus": next(states)}}

    monkeypatch.setattr(restored_tables, "dynamodb", Client)
    definition = next(each for each in tables.DEFINITIONS if each.table == BOARD)
    waited: list[float] = []
    restored_tables.finish_restore(Pair(definition, PREFIX), wait=waited.append)
    assert len(waited) == 2
    assert asked == [{"TableName": f"{PREFIX}-board"}] * 3
