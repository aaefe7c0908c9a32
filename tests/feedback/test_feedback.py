"""Feedback: kept under who gives it, read by its author and by administrators."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.conftest import Desk
from tests.support.api import Api
from tests.support.api_keys import new_api_key

PATH = "/api/v2/feedback"
NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)


def test_what_is_given_is_answered_and_listed_with_its_author(api: Api, desk: Desk) -> None:
    given = {"kind": "bug", "message": "task_list lies.", "about": "task_list"}
    made = api.post(PATH, given, desk.alice_key)
    author = {"kind": "person", "id": desk.user_id("alice")}
    assert made.status == 201
    assert made.json["data"] == {
        **given,
        "id": made.json["data"]["id"],
        "author": author,
        "createdAt": made.json["data"]["createdAt"],
    }
    brief = api.post(PATH, {"message": "Nice."}, desk.hr).json["data"]
    assert (brief["kind"], brief["about"], brief["author"]) == ("other", None, {"kind": "integrator", "id": "hr"})
    assert api.get(PATH, desk.alice_key).json["data"] == {"items": [made.json["data"]], "nextCursor": None}


def test_administrators_see_everybodys_and_all_others_their_own(api: Api, desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for number, token in enumerate((desk.alice_key, desk.bob_key, desk.hr, new_api_key(desk, "alice", "chat"))):
            assert api.post(PATH, {"message": f"{number}"}, token).status == 201
            clock.shift(timedelta(seconds=1))

    def said(token: str) -> str:
        return "".join(each["message"] for each in api.get(PATH, token).json["data"]["items"])

    assert [said(token) for token in (desk.alice_key, desk.bob_key, desk.hr, desk.fd1)] == ["30", "1", "2", "3210"]


@pytest.mark.parametrize("token", ["alice_key", "fd1"])
def test_pages_have_everything_once_and_take_two_calls(api: Api, desk: Desk, token: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(7):
            api.post(PATH, {"message": f"{number}"}, getattr(desk, token))
            clock.shift(timedelta(seconds=1))
        path, found = f"{PATH}?limit=3", ""
        while path:
            page = api.get(path, getattr(desk, token))
            assert page.calls == ["UpdateItem", "Query"]
            found += "".join(each["message"] for each in page.json["data"]["items"])
            cursor = page.json["data"]["nextCursor"]
            path = f"{PATH}?limit=3&cursor={cursor}" if cursor else ""
    assert found == "6543210"
    assert len(api.get(f"{PATH}?limit=9999", getattr(desk, token)).json["data"]["items"]) == 7


def test_giving_takes_two_calls_and_the_same_key_gives_it_once(api: Api, desk: Desk) -> None:
    api.get(PATH, desk.alice_key)
    assert api.post(PATH, {"message": "x"}, desk.alice_key).calls == ["UpdateItem", "PutItem"]
    first = api.post(PATH, {"message": "y"}, desk.alice_key, key="k")
    assert first.calls == ["UpdateItem", "TransactWriteItems"]
    again = api.post(PATH, {"message": "y"}, desk.alice_key, key="k")
    assert (again.json, again.status) == (first.json, 201)
    assert api.post(PATH, {"message": "z"}, desk.alice_key, key="k").status == 409
    assert len(api.get(PATH, desk.alice_key).json["data"]["items"]) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"message": ""},
        {"message": " \n"},
        {"message": "x" * 10_001},
        {"message": 7},
        {"message": "x", "kind": "rant"},
        {"message": "x", "kind": None},
        {"message": "x", "about": None},
        {"message": "x", "about": ""},
        {"message": "x", "author": "bob"},
    ],
)
def test_malformed_feedback_is_refused_and_not_kept(api: Api, desk: Desk, wrong: dict[str, Any]) -> None:
    assert api.post(PATH, wrong, desk.alice_key).status == 400
    assert api.get(PATH, desk.alice_key).json["data"]["items"] == []


def test_malformed_pages_and_strangers_are_refused(api: Api, desk: Desk) -> None:
    for query in ("limit=0", "limit=x", "cursor=x", "kind=bug"):
        assert api.get(f"{PATH}?{query}", desk.alice_key).status == 400
    assert api.get(PATH).status == 401
    assert api.get(PATH, desk.alice).status == 403
