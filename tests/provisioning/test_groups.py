"""Groups of a directory: their members, and what operators map them to."""

import json
from typing import Any

import pytest

from chalicelib.core.domain.errors import Unavailable
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.provisioning.domain.groups import GroupMapping, RightsChange, rights_change
from chalicelib.provisioning.stores.groups import DynamoGroups
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.directories import GROUPS, USERS, Directory, new_group
from tests.support.instances import run_admin

TEAM = "Desk team"


def members(directory: Directory, group: str) -> set[str]:
    return {each["value"] for each in directory.get(f"{GROUPS}/{group}").json.get("members", [])}


def map_group(*options: str) -> Any:
    return json.loads(run_admin("scim", "groups", "map", TEAM, *options, "--json"))


def in_project(slug: str, user_id: str) -> bool:
    project = DynamoDirectory().find_project(slug)
    assert project is not None
    return user_id in project.members


def is_operator(user_id: str) -> bool:
    return DynamoDirectory().is_operator(user_id)


def join(*user_ids: str) -> dict[str, Any]:
    return {"op": "add", "path": "members", "value": [{"value": each} for each in user_ids]}


def leave(user_id: str) -> dict[str, Any]:
    return {"op": "remove", "path": f'members[value eq "{user_id}"]'}


def test_a_group_is_created_with_its_members(directory: Directory, desk: Desk) -> None:
    bob = desk.user_id("bob")
    made = directory.call("POST", GROUPS, new_group(TEAM, bob, externalId="g-1"))
    assert (made.status, made.json["displayName"], made.json["externalId"]) == (201, TEAM, "g-1")
    reference = f"http://desk.test{USERS}/{bob}"
    assert made.json["members"] == [{"value": bob, "$ref": reference, "type": "User"}]
    assert directory.get(f"{GROUPS}/{made.json['id']}").json == made.json


def test_members_come_and_go(directory: Directory, desk: Desk) -> None:
    bob, carol, erin = (desk.user_id(each) for each in ("bob", "carol", "erin"))
    group = directory.add_group(TEAM, bob)
    path = f"{GROUPS}/{group}"
    first = directory.get(path).headers["etag"]
    assert directory.change(path, join(carol, erin)).status == 204
    assert members(directory, group) == {bob, carol, erin}
    assert directory.get(path).headers["etag"] != first
    assert directory.change(path, leave(bob)).status == 204
    assert directory.change(path, {"op": "replace", "path": "members", "value": [{"value": bob}]}).status == 204
    assert members(directory, group) == {bob}
    assert directory.change(path, {"op": "remove", "path": "members"}).status == 204
    assert members(directory, group) == set()
    put = directory.call("PUT", path, new_group(TEAM, carol))
    assert (put.status, members(directory, group)) == (200, {carol})


def test_a_change_that_changes_nothing_keeps_the_version(directory: Directory, desk: Desk) -> None:
    group = directory.add_group(TEAM, desk.user_id("bob"))
    before = directory.get(f"{GROUPS}/{group}").json
    assert directory.change(f"{GROUPS}/{group}", join(desk.user_id("bob"))).status == 204
    assert directory.change(f"{GROUPS}/{group}", leave(desk.user_id("erin"))).status == 204
    assert directory.get(f"{GROUPS}/{group}").json == before


def test_only_users_are_members(directory: Directory, desk: Desk) -> None:
    group = directory.add_group(TEAM)
    directory.call("DELETE", f"{USERS}/{desk.user_id('bob')}")
    for each in ("nobody", desk.user_id("bob"), group):
        refused = directory.change(f"{GROUPS}/{group}", join(desk.user_id("carol"), each))
        assert (refused.status, refused.json["scimType"]) == (400, "invalidValue")
    assert members(directory, group) == set()


@pytest.mark.parametrize("name", ["", "  ", "x" * 257, None, 7])
def test_a_group_without_a_proper_name_is_refused(directory: Directory, name: Any) -> None:
    assert directory.call("POST", GROUPS, new_group() | {"displayName": name}).status == 400
    assert directory.get(GROUPS).json["totalResults"] == 0


def test_a_name_belongs_to_one_group(directory: Directory) -> None:
    first, other = directory.add_group(TEAM), directory.add_group("Other")
    again = directory.call("POST", GROUPS, new_group("desk  TEAM"))
    assert (again.status, again.json["scimType"]) == (409, "uniqueness")
    rename = {"op": "replace", "path": "displayName", "value": TEAM}
    assert directory.change(f"{GROUPS}/{other}", rename).status == 409
    assert directory.call("DELETE", f"{GROUPS}/{first}").status == 204
    assert directory.change(f"{GROUPS}/{other}", rename).status == 204
    assert [each["id"] for each in directory.find(GROUPS, f'displayName eq "{TEAM}"')] == [other]


def test_filters_select_groups(directory: Directory, desk: Desk) -> None:
    bob, carol = desk.user_id("bob"), desk.user_id("carol")
    one, two = directory.add_group("One", bob, externalId="x-1"), directory.add_group("Two", bob, carol)

    def list_names(text: str) -> list[str]:
        return [each["id"] for each in directory.find(GROUPS, text)]

    assert list_names('displayName eq "one"') == [one]
    assert list_names('externalId eq "x-1"') == [one]
    assert list_names(f'members.value eq "{bob}"') == [one, two]
    assert list_names(f'members eq "{carol}"') == [two]
    assert list_names(f'id eq "{one}" and members eq "{carol}"') == []
    assert list_names(f'id eq "{two}" and members eq "{carol}"') == [two]
    assert list_names('displayName co "w"') == [two]


def test_members_are_left_out_where_nobody_asks_for_them(directory: Directory, desk: Desk) -> None:
    group = directory.add_group(TEAM, desk.user_id("bob"))
    plain = directory.get(f"{GROUPS}/{group}?excludedAttributes=members")
    assert ("members" in plain.json, plain.calls[1:]) == (False, ["BatchGetItem"])
    assert "members" in directory.get(GROUPS).json["Resources"][0]
    listed = directory.get(f"{GROUPS}?excludedAttributes=members")
    assert ("members" in listed.json["Resources"][0], listed.calls[1:]) == (False, ["Query"])
    assert directory.get(f"{GROUPS}?attributes=displayName").json["Resources"][0].keys() == {
        "schemas",
        "id",
        "displayName",
    }


def test_a_deleted_user_leaves_all_groups_and_an_inactive_one_stays(directory: Directory, desk: Desk) -> None:
    bob, carol = desk.user_id("bob"), desk.user_id("carol")
    group = directory.add_group(TEAM, bob, carol)
    directory.change(f"{USERS}/{carol}", {"op": "replace", "path": "active", "value": False})
    directory.call("DELETE", f"{USERS}/{bob}")
    assert members(directory, group) == {carol}


def test_a_deleted_group_is_gone(directory: Directory, desk: Desk) -> None:
    group = directory.add_group(TEAM, desk.user_id("bob"))
    assert directory.call("DELETE", f"{GROUPS}/{group}").status == 204
    assert directory.get(f"{GROUPS}/{group}").status == 404
    assert directory.call("DELETE", f"{GROUPS}/{group}").status == 404
    assert directory.get(GROUPS).json["totalResults"] == 0


# What membership gives


def test_members_of_a_mapped_group_are_members_of_its_projects(directory: Directory, desk: Desk, api: Api) -> None:
    erin, alice = desk.user_id("erin"), desk.user_id("alice")
    assert map_group("--project", "apollo", "--project", "zephyr")["projects"] == ["apollo", "zephyr"]
    group = directory.add_group(TEAM, erin)
    assert in_project("apollo", erin)
    assert in_project("zephyr", erin)
    assert {each["slug"] for each in api.get("/api/v2/projects", desk.alice_key).json["data"]["projects"]} >= {"apollo"}
    directory.change(f"{GROUPS}/{group}", join(alice))
    directory.change(f"{GROUPS}/{group}", leave(erin))
    assert not in_project("apollo", erin)
    assert not in_project("zephyr", erin)
    assert in_project("zephyr", alice)


def test_who_administers_a_project_stays_its_administrator(directory: Directory, desk: Desk) -> None:
    alice = desk.user_id("alice")
    before = DynamoDirectory().find_project("apollo")
    assert before is not None
    assert alice in before.admins
    map_group("--project", "apollo")
    directory.add_group(TEAM, alice)
    assert DynamoDirectory().find_project("apollo") == before


def test_another_group_keeps_a_member_in_the_project(directory: Directory, desk: Desk) -> None:
    erin = desk.user_id("erin")
    map_group("--project", "apollo")
    run_admin("scim", "groups", "map", "Second", "--project", "apollo", "--operator")
    group, second = directory.add_group(TEAM, erin), directory.add_group("Second", erin)
    assert is_operator(erin)
    directory.change(f"{GROUPS}/{group}", leave(erin))
    assert in_project("apollo", erin)
    assert directory.call("DELETE", f"{GROUPS}/{second}").status == 204
    assert not in_project("apollo", erin)
    assert not is_operator(erin)


def test_the_operator_group_makes_operators_and_leaving_it_ends_that(
    directory: Directory, desk: Desk, api: Api
) -> None:
    bob = desk.user_id("bob")
    map_group("--operator")
    group = directory.add_group(TEAM)
    assert api.get("/api/v2/operate/people", desk.bob_key).status == 403
    directory.change(f"{GROUPS}/{group}", join(bob))
    assert api.get("/api/v2/operate/people", desk.bob_key).status == 200
    directory.change(f"{GROUPS}/{group}", {"op": "remove", "path": "members"})
    assert api.get("/api/v2/operate/people", desk.bob_key).status == 403
    assert is_operator(desk.user_id("alice")), "she was never in the group"


def test_a_mapping_applies_to_members_that_are_there_and_ends_with_it(directory: Directory, desk: Desk) -> None:
    erin = desk.user_id("erin")
    directory.add_group(TEAM, erin)
    assert map_group("--project", desk.demo["project_id"], "--operator")["members"] == 1
    assert (in_project("apollo", erin), is_operator(erin)) == (True, True)
    map_group("--project", "zephyr")
    assert (in_project("apollo", erin), in_project("zephyr", erin), is_operator(erin)) == (False, True, False)
    assert run_admin("scim", "groups", "unmap", TEAM.upper()) == "Unmapped DESK TEAM, which has 1 member.\n"
    assert not in_project("zephyr", erin)
    assert "not mapped" in run_admin("scim", "groups", "unmap", TEAM, fails=True)


def test_a_renamed_group_has_what_its_new_name_is_mapped_to(directory: Directory, desk: Desk) -> None:
    erin = desk.user_id("erin")
    map_group("--project", "apollo")
    run_admin("scim", "groups", "map", "Second", "--project", "zephyr")
    group = directory.add_group(TEAM, erin)
    directory.change(f"{GROUPS}/{group}", {"op": "replace", "value": {"displayName": "Second"}})
    assert (in_project("apollo", erin), in_project("zephyr", erin)) == (False, True)


def test_the_command_lists_groups_and_their_mapping(directory: Directory, desk: Desk) -> None:
    assert run_admin("scim", "groups", "list") == "No groups.\n"
    map_group("--project", "apollo")
    directory.add_group("Plain", desk.user_id("bob"))
    assert json.loads(run_admin("scim", "groups", "list", "--json")) == [
        {"group": "Plain", "members": 1, "projects": [], "operator": False},
        {"group": TEAM, "members": None, "projects": ["apollo"], "operator": False},
    ]
    assert "no project nothing" in run_admin("scim", "groups", "map", TEAM, "--project", "nothing", fails=True)
    assert "at least one" in run_admin("scim", "groups", "map", TEAM, fails=True)


def test_what_was_left_half_done_is_done_by_the_same_change_again(
    directory: Directory, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob, erin = desk.user_id("bob"), desk.user_id("erin")
    map_group("--project", "zephyr")
    group = directory.add_group(TEAM)
    whole = DynamoGroups.change_member

    def fail_for_erin(self: Any, group_id: str, user_id: str, **more: Any) -> bool:
        if user_id == erin:
            raise Unavailable("The store is gone.")
        return whole(self, group_id, user_id, **more)

    with monkeypatch.context() as failing:
        failing.setattr(DynamoGroups, "change_member", fail_for_erin)
        assert directory.change(f"{GROUPS}/{group}", join(bob, erin)).status == 503
    assert directory.change(f"{GROUPS}/{group}", join(bob, erin)).status == 204
    assert members(directory, group) == {bob, erin}
    assert in_project("zephyr", erin)


def test_rights_follow_the_mapped_groups_alone() -> None:
    mappings = {"a": GroupMapping("a", frozenset({"p", "q"})), "b": GroupMapping("b", frozenset({"q"}), operator=True)}
    joined = rights_change((), ("a", "x"), mappings, has=("p", "z"), operator=False)
    assert joined == RightsChange(joins=frozenset({"q"}))
    left = rights_change(("a", "b"), ("a",), mappings, has=("p", "q", "z"), operator=True)
    assert left == RightsChange(operator=False)
    all_left = rights_change(("a", "b"), (), mappings, has=("q", "z"), operator=False)
    assert all_left == RightsChange(leaves=frozenset({"q"}))
    untouched = rights_change(("x",), (), mappings, has=("p", "q"), operator=True)
    assert untouched == RightsChange()
