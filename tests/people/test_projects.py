"""Projects and their members, as people and tools tokens see them."""

import pytest

from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.api_keys import new_api_key

PATH = "/api/v2/projects"


def test_people_see_their_own_projects_and_administrators_all(api: Api, desk: Desk) -> None:
    seen = {
        name: [(each["slug"], each["role"]) for each in api.get(PATH, token).json["data"]["projects"]]
        for name, token in (
            ("alice", desk.alice_key),
            ("bob", desk.bob_key),
            ("erin", new_api_key(desk, "erin", "chat")),
            ("fd1, an administrator's", desk.fd1),
            ("hr, alice's", desk.hr),
        )
    }
    assert seen == {
        "alice": [("apollo", "admin")],
        "bob": [("apollo", "member"), ("zephyr", "admin")],
        "erin": [],
        "fd1, an administrator's": [("apollo", "admin"), ("zephyr", None)],
        "hr, alice's": [("apollo", "admin")],
    }


def test_members_and_administrators_read_a_project_and_its_members(api: Api, desk: Desk) -> None:
    project = api.get(f"{PATH}/apollo", desk.bob_key).json["data"]
    assert project == {
        "id": desk.demo["project_id"],
        "slug": "apollo",
        "name": "Apollo",
        "teamId": desk.demo["team_id"],
        "role": "member",
    }
    members = api.get(f"{PATH}/apollo/members", desk.bob_key).json["data"]
    assert [(each["email"], each["role"], each["isActive"]) for each in members["members"]] == [
        ("alice@example.com", "admin", True),
        ("bob@example.com", "member", True),
    ]
    assert members["pagination"]["total"] == 2
    rest = api.get(f"{PATH}/apollo/members?limit=1&offset=1", desk.bob_key).json["data"]
    assert [each["name"] for each in rest["members"]] == ["Bob"]
    assert rest["pagination"] == {"total": 2, "limit": 1, "offset": 1, "hasMore": False}
    assert api.get(f"{PATH}/zephyr/members", desk.fd1).json["data"]["members"][0]["name"] == "Bob"


@pytest.mark.parametrize(
    "path", ["/zephyr", "/zephyr/members", "/none", "/none/members", f"/{inputs.uuid(1)}", f"/{'x' * 3000}"]
)
def test_project_of_other_people_is_not_found(api: Api, desk: Desk, path: str) -> None:
    for token in (desk.alice_key, desk.hr):
        assert api.get(PATH + path, token).status == 404


def test_store_calls_of_reading_projects(api: Api, desk: Desk) -> None:
    api.get(PATH, desk.alice_key)
    assert api.get(PATH, desk.alice_key).calls == ["UpdateItem", "Query", "BatchGetItem"]
    assert api.get(f"{PATH}/apollo", desk.alice_key).calls == ["UpdateItem", "BatchGetItem"]
    assert api.get(f"{PATH}/apollo/members", desk.alice_key).calls == ["UpdateItem", "Query", "BatchGetItem"]
    assert api.get(f"{PATH}?offset=5", desk.alice_key).calls == ["UpdateItem", "Query"]
    assert api.get(PATH).status == 401
    assert api.get(PATH, desk.alice).status == 403
