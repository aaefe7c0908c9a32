"""What Microsoft Entra ID and Okta send, by their documentation, in the order in which they send it."""

from typing import Any
from urllib.parse import quote

from tests.conftest import Desk
from tests.support.api import Api
from tests.support.directories import BULK, GROUP_SCHEMA, GROUPS, PATCH, USER_SCHEMA, USERS, Directory, new_user

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
NAME = "gina.may@example.com"


def test_entra_finds_creates_changes_and_disables_a_user(directory: Directory, api: Api) -> None:
    probe = directory.get(f"{USERS}?filter=" + quote('userName eq "5f2c9d1e-nobody"'))
    assert (probe.status, probe.json["totalResults"]) == (200, 0)
    created = directory.call(
        "POST",
        USERS,
        {
            "schemas": [USER_SCHEMA, ENTERPRISE],
            "externalId": "gina.may",
            "userName": NAME,
            "active": "True",
            "displayName": "Gina May",
            "emails": [{"primary": True, "type": "work", "value": NAME}],
            "meta": {"resourceType": "User"},
            "name": {"formatted": "Gina May", "familyName": "May", "givenName": "Gina"},
            "title": "Engineer",
            "roles": [],
            "addresses": [{"type": "work", "locality": "Graz"}],
            ENTERPRISE: {"department": "R&D", "manager": {"value": "x"}},
        },
    )
    assert (created.status, created.json["active"]) == (201, True)
    path = f"{USERS}/{created.json['id']}"
    for wanted in (f'userName eq "{NAME}"', 'externalId eq "gina.may"', f'emails[type eq "work"].value eq "{NAME}"'):
        assert directory.get(f"{USERS}?filter={quote(wanted)}").json["totalResults"] == 1, wanted
    assert (
        directory.change(
            path,
            {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "g.may@example.com"},
            {"op": "Add", "path": "name.formatted", "value": "G. May"},
            {"op": "Replace", "path": 'phoneNumbers[type eq "mobile"].value', "value": "1"},
            {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Sales"},
            {"op": "Add", "path": 'emails[type eq "home"].value', "value": "gina@home.example"},
        ).status
        == 204
    )
    changed = directory.get(path).json
    assert [each["value"] for each in changed["emails"]] == ["g.may@example.com", "gina@home.example"]
    assert changed["name"]["formatted"] == "G. May"
    without_path = {"displayName": "Gina M", "name.familyName": "M", f"{ENTERPRISE}:department": "Law"}
    assert directory.change(path, {"op": "Replace", "value": without_path}).status == 204
    assert (directory.get(path).json["displayName"], directory.get(path).json["name"]["familyName"]) == ("Gina M", "M")
    assert directory.change(path, {"op": "Replace", "path": "active", "value": "False"}).status == 204
    assert directory.get(path).json["active"] is False
    assert directory.change(path, {"op": "Replace", "path": "active", "value": "True"}).status == 204
    assert directory.get(path).json["active"] is True
    assert directory.call("DELETE", path).status == 204


def test_entra_keeps_groups(directory: Directory, desk: Desk) -> None:
    bob, carol = desk.user_id("bob"), desk.user_id("carol")
    entra_group = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
    sent = {"schemas": [GROUP_SCHEMA, entra_group], "externalId": "8aa1a0c0", "displayName": "Staff"}
    created = directory.call("POST", GROUPS, sent | {"meta": {"resourceType": "Group"}})
    assert created.status == 201
    path = f"{GROUPS}/{created.json['id']}"
    assert directory.get(f"{path}?excludedAttributes=members").status == 200
    found = directory.get(f"{GROUPS}?excludedAttributes=members&filter=" + quote('displayName eq "Staff"'))
    assert found.json["totalResults"] == 1
    one = {"op": "Add", "path": "members", "value": [{"$ref": None, "value": bob}]}
    assert directory.change(path, one).status == 204
    more = {"op": "Add", "path": "members", "value": [{"value": carol}]}
    assert directory.change(path, more).status == 204
    has_bob = quote(f'id eq "{created.json["id"]}" and members eq "{bob}"')
    assert directory.get(f"{GROUPS}?excludedAttributes=members&filter={has_bob}").json["totalResults"] == 1
    gone = {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": bob}]}
    assert directory.change(path, gone).status == 204
    assert [each["value"] for each in directory.get(path).json["members"]] == [carol]
    rename = {"op": "Replace", "path": "displayName", "value": "All staff"}
    assert directory.change(path, rename).status == 204
    assert directory.call("DELETE", path).status == 204


def test_okta_imports_creates_updates_and_deactivates_a_user(directory: Directory) -> None:
    assert directory.get(f"{USERS}?startIndex=1&count=100").status == 200
    wanted = quote(f'userName eq "{NAME}"')
    assert directory.get(f"{USERS}?filter={wanted}&startIndex=1&count=100").json["totalResults"] == 0
    body: dict[str, Any] = {
        "schemas": [USER_SCHEMA],
        "userName": NAME,
        "name": {"givenName": "Gina", "familyName": "May"},
        "emails": [{"primary": True, "value": NAME, "type": "work"}],
        "displayName": "Gina May",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "password": "1mz050nq",
        "active": True,
    }
    created = directory.call("POST", USERS, body)
    assert created.status == 201
    path = f"{USERS}/{created.json['id']}"
    put = directory.call("PUT", path, {**created.json, "displayName": "Gina B", "password": "again"})
    assert (put.status, put.json["displayName"], put.json["id"]) == (200, "Gina B", created.json["id"])
    off = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": False}}]}
    assert directory.call("PATCH", path, off, Content_Type="application/scim+json; charset=utf-8").status == 204
    assert directory.get(path).json["active"] is False
    back = directory.call("PUT", path, {**directory.get(path).json, "active": True})
    assert (back.status, back.json["active"]) == (200, True)


def test_okta_pushes_groups(directory: Directory, desk: Desk) -> None:
    bob, carol = desk.user_id("bob"), desk.user_id("carol")
    assert directory.get(f"{GROUPS}?startIndex=1&count=100").status == 200
    created = directory.call("POST", GROUPS, {"schemas": [GROUP_SCHEMA], "displayName": "Test SCIMv2", "members": []})
    assert created.status == 201
    path, group_id = f"{GROUPS}/{created.json['id']}", created.json["id"]
    rename = {"op": "replace", "value": {"id": group_id, "displayName": "Test SCIMv2 b"}}
    assert directory.change(path, rename).status == 204
    add = {"op": "add", "path": "members", "value": [{"value": bob, "display": "bob@example.com"}]}
    also = {"op": "add", "path": "members", "value": [{"value": carol, "display": "carol@example.com"}]}
    assert directory.change(path, add, also).status == 204
    swap = {"op": "remove", "path": f'members[value eq "{bob}"]'}
    assert directory.change(path, swap).status == 204
    found = directory.get(path).json
    assert (found["displayName"], [each["value"] for each in found["members"]]) == ("Test SCIMv2 b", [carol])
    whole = {"op": "replace", "path": "members", "value": [{"value": bob, "display": "bob@example.com"}]}
    assert directory.change(path, whole).status == 204
    assert [each["value"] for each in directory.get(path).json["members"]] == [bob]
    assert directory.call("DELETE", path).status == 204


def test_several_changes_are_made_in_one_request(directory: Directory, desk: Desk, api: Api) -> None:
    operations: list[dict[str, Any]] = [
        {"method": "POST", "path": "/Groups", "bulkId": "team", "data": group_of("bulkId:gina")},
        {"method": "POST", "path": "/Users", "bulkId": "gina", "data": new_user(NAME)},
        {"method": "POST", "path": "/Users", "bulkId": "twin", "data": new_user(NAME)},
        {"method": "PATCH", "path": f"/Users/{desk.user_id('bob')}", "data": deactivate()},
        {"method": "DELETE", "path": "/Users/nobody"},
        {"method": "GET", "path": "/Users"},
    ]
    done = bulk(directory, operations)
    assert done.status == 200
    outcomes = done.json["Operations"]
    assert [each["status"] for each in outcomes] == ["201", "201", "409", "200", "404", "400"]
    assert outcomes[2]["response"]["scimType"] == "uniqueness"
    assert api.get("/api/v2/me", desk.bob_key).status == 403
    [team] = directory.find(GROUPS, 'displayName eq "Team"')
    assert outcomes[1]["location"].endswith(team["members"][0]["value"])


def test_a_bulk_request_is_bounded_and_stops_where_it_is_told_to(directory: Directory) -> None:
    many = [{"method": "DELETE", "path": "/Users/nobody"}] * 51
    refused = bulk(directory, many)
    assert (refused.status, refused.json["status"]) == (413, "413")
    stopped = bulk(directory, many[:5], failOnErrors=2)
    assert len(stopped.json["Operations"]) == 2
    malformed = directory.call("POST", BULK, {"schemas": ["x"], "Operations": 7})
    assert malformed.status == 400


def bulk(directory: Directory, operations: list[dict[str, Any]], **more: Any) -> Any:
    schema = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    return directory.call("POST", BULK, {"schemas": [schema], "Operations": operations, **more})


def group_of(*members: str) -> dict[str, Any]:
    return {"schemas": [GROUP_SCHEMA], "displayName": "Team", "members": [{"value": each} for each in members]}


def deactivate() -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": [{"op": "Replace", "path": "active", "value": False}]}


def test_users_and_groups_are_searched_together(directory: Directory, desk: Desk) -> None:
    user = directory.add_user(externalId="shared")
    group = directory.add_group("Team", user, externalId="shared")
    schema = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
    found = directory.call("POST", "/scim/v2/.search", {"schemas": [schema], "filter": 'externalId eq "shared"'}).json
    assert [each["id"] for each in found["Resources"]] == [user, group]
    assert found["Resources"][1]["members"][0]["value"] == user
    by_member = {"schemas": [schema], "filter": f'members eq "{user}" or userName sw "a"', "attributes": ["id"]}
    found = directory.call("POST", "/scim/v2/.search", by_member).json
    assert [each["id"] for each in found["Resources"]] == [desk.user_id("alice"), group]


def test_a_directory_discovers_what_the_desk_supports(directory: Directory) -> None:
    config = directory.get("/scim/v2/ServiceProviderConfig").json
    assert [config[each]["supported"] for each in ("patch", "bulk", "filter", "sort", "etag")] == [True] * 5
    assert config["changePassword"]["supported"] is False
    types = directory.get("/scim/v2/ResourceTypes").json["Resources"]
    assert [each["endpoint"] for each in types] == ["/Users", "/Groups"]
    assert directory.get("/scim/v2/ResourceTypes/User").json == types[0]
    schemas = directory.get("/scim/v2/Schemas").json["Resources"]
    assert [each["id"] for each in schemas] == [USER_SCHEMA, GROUP_SCHEMA]
    assert directory.get(f"/scim/v2/Schemas/{USER_SCHEMA}").json == schemas[0]
    assert directory.get("/scim/v2/Schemas/nothing").status == 404
    assert directory.get("/scim/v2/ResourceTypes/nothing").status == 404


def test_malformed_messages_are_refused(directory: Directory, api: Api, desk: Desk) -> None:
    path, headers = f"{USERS}/{desk.user_id('bob')}", {"Authorization": f"Bearer {directory.token}"}
    before = directory.get(path).json
    for raw in (b"", b"[]", b"{", b"null", b'{"Operations": 7}', b'{"Operations": []}', b"\xff"):
        refused = api.call("PATCH", path, raw=raw, headers=headers)
        assert (refused.status, refused.json["status"]) == (400, "400"), raw
    for operation in (
        {"op": "explode", "path": "active", "value": False},
        {"op": "replace", "path": "active"},
        {"op": "remove"},
        {"op": "replace", "path": "emails[", "value": "x"},
        {"op": "replace", "path": "id", "value": "x"},
        {"op": "remove", "path": "userName"},
        {"op": "replace", "path": "name", "value": [1]},
    ):
        refused = directory.change(path, operation)
        assert refused.status == 400, (operation, refused.text)
    wrong_type = api.call("POST", USERS, raw=b"<user/>", headers=headers | {"Content-Type": "application/xml"})
    assert (wrong_type.status, wrong_type.json["status"]) == (415, "415")
    assert directory.get(path).json == before
