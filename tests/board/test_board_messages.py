"""Requests of the board: what they may say."""

from typing import Any

import pytest

from tests.board.client import KANBAN, create, listed, patch
from tests.support import inputs
from tests.support.api import Api

FLAWS: list[dict[str, Any]] = [
    {"title": ""},
    {"title": "  \n"},
    {"title": "x" * 501},
    {"title": None},
    {"title": 7},
    {"description": "x" * 10_001},
    {"description": ["x"]},
    {"status": "done"},
    {"status": None},
    {"status": "LEADS"},
    {"priority": "normal"},
    {"priority": None},
    {"assignee": "divi"},
    {"assignee": 1},
    {"dueDate": "tomorrow"},
    {"dueDate": "2040-06-31"},
    {"dueDate": "2040-02-30T10:00:00Z"},
    {"order": "1"},
    {"order": True},
    {"order": None},
    {"order": 2**53},
    {"order": -(2**53)},
    {"order": 10**400},
    {"order": 0, "after": inputs.uuid(1)},
    {"order": 0, "before": inputs.uuid(1)},
    {"after": inputs.uuid(1), "before": inputs.uuid(2)},
    {"after": inputs.uuid(1)},
    {"before": inputs.uuid(1)},
    {"after": "somewhere"},
    {"after": None},
    {"due_date": None},
    {"id": inputs.uuid(1)},
    {"checklist": []},
]


@pytest.mark.parametrize("flaw", FLAWS, ids=str)
def test_invalid_card_or_patch_is_refused_and_changes_nothing(api: Api, carol: str, flaw: dict[str, Any]) -> None:
    card = create(api, carol)
    for reply in (api.post(KANBAN, {"title": "new"} | flaw, carol), patch(api, carol, card["id"], flaw)):
        assert reply.status == 400, reply.text
        assert set(reply.json) == {"success", "error"}
    assert listed(api, carol) == [card]


@pytest.mark.parametrize("body", [{}, [], "x", {"description": "no title"}], ids=str)
def test_a_card_needs_a_title(api: Api, carol: str, body: Any) -> None:
    assert api.post(KANBAN, body, carol).status == 400


@pytest.mark.parametrize(
    "flaw",
    [
        {"text": ""},
        {"text": " "},
        {"text": "x" * 501},
        {"text": None},
        {"completed": None},
        {"completed": "yes"},
        {"order": None},
        {"order": "0"},
        {"done": True},
    ],
    ids=str,
)
def test_invalid_item_is_refused_and_changes_nothing(api: Api, carol: str, flaw: dict[str, Any]) -> None:
    path = f"{create(api, carol)['id']}/checklist"
    item = api.post(f"{KANBAN}/{path}", {"text": "x"}, carol).json["data"]
    assert api.post(f"{KANBAN}/{path}", {"text": "new"} | flaw, carol).status == 400
    assert patch(api, carol, f"{path}/{item['id']}", flaw).status == 400
    assert listed(api, carol)[0]["checklist"] == [item]
