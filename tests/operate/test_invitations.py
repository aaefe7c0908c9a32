"""Employees are invited, and get links that sign them in once."""

from typing import Any

import pytest

from chalicelib.settings import settings
from tests.conftest import Desk
from tests.operate.conftest import ADMIN, data, recorded_about
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.sessions import cookie, session_of, use_code

pytestmark = pytest.mark.usefixtures("running_minute")

EMPLOYEES = f"{ADMIN}/employees"
ZOE = {"email": "Zoe@example.com", "name": "Zoe Zander"}


def path_of(desk: Desk, name: str, *parts: str) -> str:
    return "/".join((EMPLOYEES, desk.user_id(name), *parts))


def test_an_employee_is_invited_once_with_a_link_that_signs_them_in(api: Api, desk: Desk) -> None:
    wanted = ZOE | {"projects": ["apollo"], "operator": True}
    answer = api.post(EMPLOYEES, wanted, desk.alice_key, key="k")
    invited = data(answer, 201)
    assert (invited["employee"]["email"], invited["employee"]["operator"]) == ("zoe@example.com", True)
    assert answer.steps == 4
    assert api.post(EMPLOYEES, wanted, desk.alice_key, key="k").json == answer.json
    assert recorded_about("person.", invited["employee"]["id"]) == ["person.create"]

    base, _, code = invited["link"].partition("/#sign-in=")
    assert base == "http://desk.test"
    signed_in = use_code(api, code)
    assert signed_in.json["data"]["person"]["id"] == invited["employee"]["id"]
    assert use_code(api, code).status == 401
    session = session_of(signed_in)
    assert api.get("/api/v2/projects", headers=cookie(session)).json["data"]["projects"][0]["slug"] == "apollo"
    assert api.get(EMPLOYEES, headers=cookie(session)).status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (ZOE | {"email": "Alice@Example.com"}, 409),
        (ZOE | {"email": "dave@example.com"}, 409),
        (ZOE | {"projects": ["nothing"]}, 404),
        (ZOE | {"projects": ["Not A Slug"]}, 400),
        (ZOE | {"projects": [f"p{number}" for number in range(11)]}, 400),
        (ZOE | {"email": "zoe"}, 400),
        (ZOE | {"name": ""}, 400),
        (ZOE | {"name": "a\nb"}, 400),
        ({"email": "zoe@example.com"}, 400),
    ],
)
def test_an_invitation_that_is_refused_changes_nothing(api: Api, desk: Desk, body: Any, status: int) -> None:
    before = data(api.get(f"{ADMIN}/people", desk.alice_key))
    assert api.post(EMPLOYEES, body, desk.alice_key).status == status
    assert data(api.get(f"{ADMIN}/people", desk.alice_key)) == before


def test_a_desk_without_an_address_makes_no_links(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_BASE_URL", "")
    settings.cache_clear()
    refused = api.post(EMPLOYEES, ZOE, desk.alice_key)
    assert (refused.status, "FLUXDEN_BASE_URL" in refused.text) == (409, True)
    assert api.post(path_of(desk, "bob", "sign-in-links"), None, desk.alice_key).status == 409
    assert data(api.get(f"{EMPLOYEES}?search=zoe", desk.alice_key))["items"] == []


def test_only_one_of_simultaneous_invitations_of_an_address_succeeds(api: Api, desk: Desk) -> None:
    statuses = run_concurrently(4, lambda _: api.status("POST", EMPLOYEES, ZOE, desk.alice_key))
    assert sorted(statuses) == [201, 409, 409, 409]


def test_a_sign_in_link_is_made_for_active_employees(api: Api, desk: Desk) -> None:
    answer = api.post(path_of(desk, "bob", "sign-in-links"), None, desk.alice_key, key="k")
    link = data(answer, 201)
    assert api.post(path_of(desk, "bob", "sign-in-links"), None, desk.alice_key, key="k").json == answer.json
    assert use_code(api, link["link"].partition("=")[2]).json["data"]["person"]["email"] == "bob@example.com"
    assert recorded_about("signInLink.", desk.user_id("bob")) == ["signInLink.create"]
    refused = api.post(path_of(desk, "dave", "sign-in-links"), None, desk.alice_key)
    assert (refused.status, "not active" in refused.text) == (409, True)
