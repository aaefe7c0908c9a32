"""Employees: found, invited, changed, deactivated and activated by operators."""

from typing import Any

import pytest

from chalicelib.people.stores.directory import DynamoDirectory
from tests.conftest import Desk
from tests.operate.conftest import ADMIN, data, recorded_about
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.concurrency import run_concurrently
from tests.support.sessions import cookie, sign_in, use_code

pytestmark = pytest.mark.usefixtures("running_minute")

EMPLOYEES = f"{ADMIN}/employees"
ZOE = {"email": "Zoe@example.com", "name": "Zoe Zander"}


def path_of(desk: Desk, name: str, *parts: str) -> str:
    return "/".join((EMPLOYEES, desk.user_id(name), *parts))


def change(api: Api, desk: Desk, who: str, by: str | None = None, **body: Any) -> Answer:
    return api.call("PATCH", path_of(desk, who), body, token=by or desk.alice_key)


def test_employees_are_listed_with_their_rights(api: Api, desk: Desk) -> None:
    answer = api.get(f"{ADMIN}/people", desk.alice_key)
    found = [(each["email"], each["active"], each["operator"]) for each in data(answer)]
    assert found[0] == ("alice@example.com", True, True)
    assert ("dave@example.com", False, False) in found
    assert answer.calls[1:] == ["BatchGetItem", "Query", "BatchGetItem"]


def test_an_employee_is_renamed_and_made_an_operator(api: Api, desk: Desk) -> None:
    made = data(change(api, desk, "bob", name="Robert Roe", operator=True))
    assert (made["name"], made["operator"], made["email"]) == ("Robert Roe", True, "bob@example.com")
    assert api.get(EMPLOYEES, desk.bob_key).status == 200
    assert api.get("/api/v2/me", desk.bob_key).json["data"]["name"] == "Robert Roe"
    assert data(change(api, desk, "bob", operator=False))["operator"] is False
    assert api.get(EMPLOYEES, desk.bob_key).status == 403
    bob = desk.user_id("bob")
    assert recorded_about("operator.", bob) == ["operator.change", "operator.change"]
    for body in ({}, {"confirmSelf": True}, {"name": " "}, {"email": "x@example.com"}, {"name": None}):
        assert change(api, desk, "bob", **body).status == 400


def test_own_rights_are_withdrawn_after_confirming_it_and_never_the_last_ones(api: Api, desk: Desk) -> None:
    refused = change(api, desk, "alice", operator=False)
    assert (refused.status, "confirmSelf" in refused.text) == (409, True)
    refused = change(api, desk, "alice", name="Ann", operator=False, confirmSelf=True)
    assert (refused.status, "last active operator" in refused.text) == (409, True)
    refused = api.post(path_of(desk, "alice", "deactivate"), {"confirmSelf": True}, desk.alice_key)
    assert (refused.status, "last active operator" in refused.text) == (409, True)
    assert data(api.get(path_of(desk, "alice"), desk.alice_key))["name"] == "Alice"

    assert change(api, desk, "bob", operator=True).status == 200
    assert change(api, desk, "alice", operator=False, confirmSelf=True).status == 200
    assert change(api, desk, "alice", operator=True).status == 403


def test_operators_who_deactivate_each_other_at_once_leave_one(api: Api, desk: Desk) -> None:
    assert change(api, desk, "bob", operator=True).status == 200
    pairs = [("alice", desk.bob_key), ("bob", desk.alice_key)]

    def deactivate(number: int) -> int:
        name, token = pairs[number]
        return api.status("POST", path_of(desk, name, "deactivate"), None, token)

    run_concurrently(2, deactivate)
    assert [each.is_active_operator for each in DynamoDirectory().list_people()].count(True) == 1


def test_a_deactivated_employee_has_no_access_until_they_are_activated(api: Api, desk: Desk) -> None:
    session = sign_in(api, desk.user_id("bob"))
    link = data(api.post(path_of(desk, "bob", "sign-in-links"), None, desk.alice_key), 201)["link"]
    ended = data(api.post(path_of(desk, "bob", "deactivate"), None, desk.alice_key))
    assert (ended["sessionsEnded"], ended["keysDisabled"] > 0) == (1, True)
    assert api.get("/api/v2/me", headers=cookie(session)).status == 401
    assert api.get("/api/v2/me", desk.bob_key).status == 403
    assert use_code(api, link.partition("=")[2]).status == 401
    again = data(api.post(path_of(desk, "bob", "deactivate"), None, desk.alice_key))
    assert (again["sessionsEnded"], again["keysDisabled"]) == (0, 0)

    assert data(api.post(path_of(desk, "bob", "activate"), None, desk.alice_key))["active"] is True
    assert api.get("/api/v2/me", desk.bob_key).status == 403
    assert use_code(api, data(api.post(path_of(desk, "bob", "sign-in-links"), None, desk.alice_key), 201)["link"]
                    .partition("=")[2]).status == 201  # fmt: skip
    assert recorded_about("person.", desk.user_id("bob")) == ["person.deactivate", "person.activate"]


def test_a_deactivation_of_oneself_is_confirmed(api: Api, desk: Desk) -> None:
    assert change(api, desk, "bob", operator=True).status == 200
    assert api.post(path_of(desk, "alice", "deactivate"), None, desk.alice_key).status == 409
    assert api.post(path_of(desk, "alice", "deactivate"), {"confirmSelf": True}, desk.alice_key).status == 200
    assert api.get("/api/v2/me", desk.alice_key).status == 403


@pytest.mark.parametrize("user_id", [inputs.uuid(1), "nobody", "x" * 100])
def test_unknown_employees_are_not_found(api: Api, desk: Desk, user_id: str) -> None:
    path = f"{EMPLOYEES}/{user_id}"
    calls: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("PATCH", "", {"name": "X"}),
        ("POST", "/deactivate", None),
        ("POST", "/activate", None),
        ("POST", "/sign-in-links", None),
        ("DELETE", "/sessions?id=x", None),
        ("DELETE", "/keys?id=x", None),
        ("PATCH", "/keys", {"id": "x", "isActive": True}),
        ("PATCH", "/personal-tokens", {"id": inputs.uuid(2), "isActive": True}),
    ]
    for method, part, body in calls:
        assert api.call(method, path + part, body, token=desk.alice_key).status == 404, (method, part)


def test_only_operators_manage_employees(api: Api, desk: Desk) -> None:
    for token, status in ((desk.bob_key, 403), (desk.alice, 403), (None, 401)):
        assert api.get(EMPLOYEES, token).status == status
        assert api.post(EMPLOYEES, ZOE, token).status == status
