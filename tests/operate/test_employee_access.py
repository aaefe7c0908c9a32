"""Operators end the sessions of employees, and disable and delete their keys and tokens."""

import pytest

from chalicelib.core.domain.person_refs import person_ref
from tests.conftest import Desk
from tests.operate.conftest import ADMIN, data, find_entries, recorded
from tests.support.api import Api
from tests.support.sample_data import SampleData
from tests.support.sessions import cookie, sign_in

pytestmark = pytest.mark.usefixtures("running_minute")


@pytest.fixture
def bob(desk: Desk) -> str:
    return f"{ADMIN}/employees/{desk.user_id('bob')}"


def carols(desk: Desk) -> str:
    return f"{ADMIN}/employees/{desk.user_id('carol')}"


def test_sessions_are_ended_one_by_one_or_all(api: Api, desk: Desk, bob: str) -> None:
    first, second, third = (sign_in(api, desk.user_id("bob"), device=name) for name in ("A", "B", "C"))
    ids = {each["device"]: each["id"] for each in data(api.get(bob, desk.alice_key))["sessions"]}
    assert api.call("DELETE", f"{carols(desk)}/sessions?id={ids['A']}", token=desk.alice_key).status == 404
    assert data(api.call("DELETE", f"{bob}/sessions?id={ids['A']}", token=desk.alice_key)) == {"ended": 1}
    assert api.get("/api/v2/me", headers=cookie(first)).status == 401
    assert api.get("/api/v2/me", headers=cookie(second)).status == 200
    assert data(api.call("DELETE", f"{bob}/sessions", token=desk.alice_key)) == {"ended": 2}
    assert api.get("/api/v2/me", headers=cookie(third)).status == 401
    assert [(each.kind, each.subject and each.subject.person_id) for each in find_entries("session.end")] == [
        ("session.end", person_ref(desk.user_id("bob")))
    ] * 3


def test_a_key_is_disabled_enabled_and_deleted(api: Api, desk: Desk, bob: str) -> None:
    made = data(api.post("/api/v2/keys", {"name": "agent"}, desk.bob_key), 201)
    for active, status in ((False, 403), (True, 200)):
        body = {"id": made["id"], "isActive": active}
        assert api.call("PATCH", f"{carols(desk)}/keys", body, token=desk.alice_key).status == 404
        assert data(api.call("PATCH", f"{bob}/keys", body, token=desk.alice_key)) == body
        assert api.get("/api/v2/me", made["key"]).status == status
    assert api.call("DELETE", f"{carols(desk)}/keys?id={made['id']}", token=desk.alice_key).status == 404
    assert api.call("DELETE", f"{bob}/keys?id={made['id']}", token=desk.alice_key).status == 200
    assert api.get("/api/v2/me", made["key"]).status == 401
    assert recorded("key.", made["id"]) == ["key.create", "key.disable", "key.enable", "key.delete"]


def test_a_token_that_an_operator_disables_stays_disabled(api: Api, desk: Desk, bob: str) -> None:
    token_id = SampleData(api, desk).add_integration()
    body = {"id": token_id, "isActive": False}
    assert api.call("PATCH", f"{carols(desk)}/personal-tokens", body, token=desk.alice_key).status == 404
    assert data(api.call("PATCH", f"{bob}/personal-tokens", body, token=desk.alice_key)) == body
    own = f"/api/v2/me/integrations/{token_id}"
    assert api.call("PATCH", own, {"isActive": True}, token=desk.bob_key).status == 403
    assert data(api.call("PATCH", f"{bob}/personal-tokens", body | {"isActive": True}, token=desk.alice_key))
    assert api.call("PATCH", own, {"isActive": False}, token=desk.bob_key).status == 200
    done = ["personalToken.disable", "personalToken.enable", "personalToken.disable"]
    assert recorded("personalToken.", token_id)[-3:] == done


def test_keys_and_tokens_of_former_employees_stay_disabled(api: Api, desk: Desk, bob: str) -> None:
    token_id = SampleData(api, desk).add_integration()
    key_id = data(api.get(bob, desk.alice_key))["keys"][0]["id"]
    assert api.post(f"{bob}/deactivate", None, desk.alice_key).status == 200
    for part, each in (("keys", key_id), ("personal-tokens", token_id)):
        body = {"id": each, "isActive": True}
        assert api.call("PATCH", f"{bob}/{part}", body, token=desk.alice_key).status == 403


@pytest.mark.parametrize("token_id", ["x", "0a1b2c3d-0000-4000-8000-00000000000f"])
def test_unknown_tokens_are_not_found(api: Api, desk: Desk, bob: str, token_id: str) -> None:
    for part in ("keys", "personal-tokens"):
        body = {"id": token_id, "isActive": False}
        assert api.call("PATCH", f"{bob}/{part}", body, token=desk.alice_key).status == 404
