"""Employees, as a directory provisions them."""

from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.settings import settings
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.directories import USER_SCHEMA, USERS, Directory, new_user
from tests.support.instances import run_admin

FRANK = "frank@example.com"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


def person(email: str = FRANK) -> Any:
    return DynamoDirectory().find_person_by_email(email)


def test_a_created_user_is_an_employee(directory: Directory) -> None:
    made = directory.call("POST", USERS, new_user("Frank@Example.com", name={"givenName": "Frank"}, active=True))
    assert made.status == 201
    shown = made.json
    assert (shown["userName"], shown["externalId"], shown["active"]) == (FRANK, "ext-1", True)
    assert made.headers["location"] == shown["meta"]["location"] == f"http://desk.test{USERS}/{shown['id']}"
    assert made.headers["etag"] == shown["meta"]["version"]
    assert made.headers["content-type"] == "application/scim+json; charset=utf-8"
    found = person()
    assert (found.user_id, found.name, found.active, found.operator) == (shown["id"], "Frank Moss", True, False)
    assert directory.get(f"{USERS}/{shown['id']}").json == shown


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ({"displayName": "Frank M"}, "Frank M"),
        ({"displayName": None, "name": {"formatted": "Mr Frank Moss"}}, "Mr Frank Moss"),
        ({"displayName": "", "name": {"givenName": "Frank", "familyName": "Moss"}}, "Frank Moss"),
        ({"displayName": "\u202e \n"}, FRANK),
        ({"displayName": "x" * 900}, "x" * 100),
    ],
    ids=["display", "formatted", "parts", "invisible", "long"],
)
def test_people_see_the_best_name_that_a_directory_sends(directory: Directory, sent: Any, name: str) -> None:
    body = {key: value for key, value in (new_user() | sent).items() if value is not None}
    assert directory.call("POST", USERS, body).status == 201
    assert person().name == name


@pytest.mark.parametrize(
    "sent",
    [
        {"userName": "frank"},
        {"userName": ""},
        {"userName": "f" * 120 + "@example.com"},
        {"userName": None},
        {"userName": 7},
        {"externalId": "x" * 1001},
        {"emails": [{"value": f"{number}@example.com"} for number in range(21)]},
        {"emails": "frank@example.com"},
        {"active": "perhaps"},
    ],
    ids=["no-address", "empty", "too-long", "missing", "number", "long-id", "many-emails", "no-list", "active"],
)
def test_a_user_that_no_employee_can_be_is_refused(directory: Directory, sent: Any) -> None:
    refused = directory.call("POST", USERS, new_user() | sent)
    assert (refused.status, refused.json["schemas"], refused.json["status"]) == (400, [ERROR], "400")
    assert refused.json["scimType"] in ("invalidValue", "invalidSyntax")
    assert person() is None


def test_an_address_belongs_to_one_user(directory: Directory) -> None:
    first = directory.add_user()
    again = directory.call("POST", USERS, new_user())
    assert (again.status, again.json["scimType"]) == (409, "uniqueness")
    other = directory.add_user("gina@example.com")
    moved = directory.change(f"{USERS}/{other}", {"op": "replace", "path": "userName", "value": FRANK})
    assert (moved.status, moved.json["scimType"]) == (409, "uniqueness")
    assert person().user_id == first
    assert person("gina@example.com").user_id == other


def test_a_user_gets_another_address(directory: Directory, api: Api) -> None:
    made = directory.add_user()
    changed = directory.change(f"{USERS}/{made}", {"op": "replace", "value": {"userName": "Franka@example.com"}})
    assert changed.status == 204
    assert person() is None
    assert person("franka@example.com").user_id == made
    assert [each.email for each in DynamoDirectory().list_people()].count("franka@example.com") == 1
    assert directory.add_user() != made, "the former address is free"


def test_a_user_is_replaced_and_what_is_left_out_is_gone(directory: Directory) -> None:
    made = directory.add_user(emails=[{"value": FRANK, "type": "work", "primary": True}])
    body = {"schemas": [USER_SCHEMA], "userName": FRANK, "name": {"formatted": "Frank"}}
    replaced = directory.call("PUT", f"{USERS}/{made}", body)
    assert (replaced.status, replaced.json["name"]) == (200, {"formatted": "Frank"})
    assert not {"externalId", "emails", "displayName", "active"} & replaced.json.keys()
    assert (person().name, person().active) == ("Frank", True)


def test_a_change_that_changes_nothing_keeps_version_and_time(directory: Directory) -> None:
    made = directory.add_user()
    before = directory.get(f"{USERS}/{made}").json
    assert directory.change(f"{USERS}/{made}", {"op": "replace", "value": {"displayName": "Frank Moss"}}).status == 204
    assert directory.call("PUT", f"{USERS}/{made}", before).json == before


def test_versions_guard_changes_and_reads(directory: Directory) -> None:
    made = directory.add_user()
    path, first = f"{USERS}/{made}", directory.get(f"{USERS}/{made}").headers["etag"]
    assert directory.get(path, If_None_Match=first).status == 304
    rename = {"op": "replace", "path": "displayName", "value": "Franklin"}
    assert directory.change(path, rename, If_Match=first).status == 204
    stale = directory.change(path, {"op": "replace", "path": "displayName", "value": "F"}, If_Match=first)
    assert (stale.status, stale.json["status"]) == (412, "412")
    assert directory.call("DELETE", path, If_Match=first).status == 412
    assert directory.get(path, If_None_Match=first).json["displayName"] == "Franklin"
    assert directory.get(path, If_None_Match="*").status == 304


def test_an_operators_change_changes_the_version(directory: Directory) -> None:
    made = directory.add_user()
    first = directory.get(f"{USERS}/{made}").headers["etag"]
    run_admin("employees", "deactivate", FRANK)
    now = directory.get(f"{USERS}/{made}")
    assert now.headers["etag"] != first
    assert now.json["active"] is False


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ('userName eq "FRANK@example.com"', [FRANK]),
        ('username EQ "frank@example.com" and active eq true', [FRANK]),
        ('userName eq "frank@example.com" and active eq false', []),
        ('externalId eq "ext-1"', [FRANK]),
        ('externalId eq "EXT-1"', []),
        ('emails.value eq "f.moss@example.com"', [FRANK]),
        ('emails[type eq "work" and value ew "example.com"]', ["alice@example.com", FRANK]),
        ('displayName eq "frank moss" or userName eq "alice@example.com"', ["alice@example.com", FRANK]),
        ("active eq false", ["dave@example.com"]),
        ('not (userName co "@")', []),
        ('userName eq "nobody@example.com"', []),
        ('userName sw "a" and active eq true', ["alice@example.com"]),
        ('id eq "no-such-id"', []),
    ],
)
def test_filters_select_users(directory: Directory, filter_: str, found: list[str]) -> None:
    for name in ("bob", "carol", "erin"):
        [known] = directory.find(USERS, f'userName eq "{name}@example.com"')
        directory.change(f"{USERS}/{known['id']}", {"op": "remove", "path": "emails"})
    [dave] = directory.find(USERS, 'userName eq "dave@example.com"')
    directory.change(f"{USERS}/{dave['id']}", {"op": "remove", "path": "emails"})
    directory.add_user(emails=[{"value": "f.moss@example.com", "type": "work"}])
    assert [each["userName"] for each in directory.find(USERS, filter_)] == found


@pytest.mark.parametrize("filter_", ["userName", 'userName eq "x', 'nothing eq "x"', 'active gt "x"', "(" * 500])
def test_a_filter_that_can_not_be_read_is_refused(directory: Directory, filter_: str) -> None:
    refused = directory.get(f"{USERS}?filter={quote(filter_)}")
    assert (refused.status, refused.json["scimType"]) == (400, "invalidFilter")


def test_a_lookup_by_name_reads_one_user(directory: Directory) -> None:
    directory.add_user()
    wanted = quote('userName eq "frank@example.com"')
    found = directory.get(f"{USERS}?filter={wanted}")
    assert found.calls[1:] == ["BatchGetItem", "BatchGetItem"]


def test_pages_have_all_users_once(directory: Directory) -> None:
    whole = [each["userName"] for each in directory.get(USERS).json["Resources"]]
    pages = list[str]()
    for start in range(1, len(whole) + 3, 2):
        page = directory.get(f"{USERS}?startIndex={start}&count=2").json
        assert page["totalResults"] == len(whole)
        pages += [each["userName"] for each in page.get("Resources", [])]
    assert pages == whole == sorted(whole)


@pytest.mark.parametrize(
    ("query", "status", "count"),
    [
        ("startIndex=0&count=2", 200, 2),
        ("startIndex=-7", 200, 5),
        ("count=0", 200, 0),
        ("count=-1", 200, 0),
        ("count=1000000", 200, 5),
        ("startIndex=1000000", 200, 0),
        ("count=x", 400, None),
        ("unknown=1", 200, 5),
    ],
)
def test_a_page_is_bounded(directory: Directory, query: str, status: int, count: int | None) -> None:
    found = directory.get(f"{USERS}?{query}")
    assert found.status == status, found.text
    if count is not None:
        assert len(found.json.get("Resources", [])) == count


def test_users_are_sorted(directory: Directory) -> None:
    found = directory.get(f"{USERS}?sortBy=userName&sortOrder=descending").json["Resources"]
    assert [each["userName"][0] for each in found] == ["e", "d", "c", "b", "a"]


def test_attributes_are_chosen(directory: Directory) -> None:
    made = directory.add_user(name={"givenName": "Frank", "familyName": "Moss"})
    only = directory.get(f"{USERS}/{made}?attributes=name.givenName,active").json
    assert only.keys() == {"schemas", "id", "name", "active"}
    assert only["name"] == {"givenName": "Frank"}
    assert "name" not in directory.get(f"{USERS}/{made}?excludedAttributes=name").json
    wanted = {"op": "replace", "path": "active", "value": True}
    changed = directory.change(f"{USERS}/{made}?attributes=active", wanted)
    assert (changed.status, changed.json["active"]) == (200, True)


def test_a_search_has_its_words_in_the_body(directory: Directory) -> None:
    directory.add_user()
    sent = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": 'externalId eq "ext-1"',
        "attributes": ["userName"],
    }
    found = directory.call("POST", f"{USERS}/.search", sent)
    assert (found.status, [each["userName"] for each in found.json["Resources"]]) == (200, [FRANK])


def test_passwords_and_other_attributes_are_neither_stored_nor_shown(directory: Directory) -> None:
    made = directory.add_user(password="s3cret-canary", title="Boss", phoneNumbers=[{"value": "1"}])
    shown = directory.get(f"{USERS}/{made}")
    assert not {"password", "title", "phoneNumbers"} & shown.json.keys()
    changed = directory.change(f"{USERS}/{made}", {"op": "replace", "path": "password", "value": "s3cret-canary"})
    assert (changed.status, "s3cret" in changed.text) == (204, False)


def test_a_deleted_user_is_gone_for_the_directory_and_inactive_here(directory: Directory, api: Api, desk: Desk) -> None:
    bob = desk.user_id("bob")
    assert directory.call("DELETE", f"{USERS}/{bob}").status == 204
    assert api.get("/api/v2/me", desk.bob_key).status == 403
    for method, body in (("GET", None), ("PUT", new_user("bob@example.com")), ("DELETE", None)):
        assert directory.call(method, f"{USERS}/{bob}", body).status == 404
    assert directory.find(USERS, 'userName eq "bob@example.com"') == []
    assert bob not in [each["id"] for each in directory.get(USERS).json["Resources"]]
    assert not person("bob@example.com").active

    again = directory.call("POST", USERS, new_user("bob@example.com"))
    assert (again.status, again.json["id"]) == (201, bob), "the employee comes back"
    assert bob in [each["id"] for each in directory.get(USERS).json["Resources"]]
    assert person("bob@example.com").active
    assert api.get("/api/v2/me", desk.bob_key).status == 403


def test_a_user_without_access_is_created_inactive(directory: Directory) -> None:
    made = directory.add_user(active=False)
    assert directory.get(f"{USERS}/{made}").json["active"] is False
    assert not person().active


def test_deactivation_is_completed_by_the_same_change_again(directory: Directory, api: Api, desk: Desk) -> None:
    bob = f"{USERS}/{desk.user_id('bob')}"
    DynamoDirectory().set_active(desk.user_id("bob"), active=False)
    assert api.get("/api/v2/me", desk.bob_key).status == 200, "as where a function ended in the middle"
    assert directory.change(bob, {"op": "replace", "value": {"active": False}}).status == 204
    assert api.get("/api/v2/me", desk.bob_key).status == 403


def test_an_unknown_user_is_not_found(directory: Directory) -> None:
    for path in ("no-such-id", "%2e%2e", "x" * 1000):
        found = directory.get(f"{USERS}/{path}")
        assert (found.status, found.json["schemas"]) == (404, [ERROR])


def test_a_token_of_a_directory_opens_nothing_else(directory: Directory, api: Api, desk: Desk) -> None:
    for path in ("/api/v2/me", "/api/v2/operate/people", "/api/v1/integrators", "/api/v1/inbox"):
        assert api.get(path, directory.token).status in (401, 403)
    refused = api.get(USERS, desk.alice_key)
    assert (refused.status, refused.json["status"]) == (403, "403")
    nobody = api.get(USERS)
    assert (nobody.status, nobody.headers["www-authenticate"]) == (401, 'Bearer realm="Fluxden"')


def test_a_directory_that_asks_too_often_waits(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_SCIM_BUDGET", "1")
    settings.cache_clear()
    assert directory.get(USERS).status == 200
    refused = directory.get(USERS)
    assert (refused.status, refused.json["status"], int(refused.headers["retry-after"]) > 0) == (429, "429", True)
