"""The list of employees, and what is shown of one."""

from typing import Any

import pytest

from chalicelib.core.stores.writes import write_all
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.provisioning.domain.groups import Group
from chalicelib.provisioning.stores.groups import DynamoGroups
from chalicelib.resources import DIRECTORY
from tests.conftest import Desk
from tests.operate.conftest import ADMIN, data
from tests.support import inputs, peer
from tests.support.api import Api
from tests.support.sample_data import SampleData
from tests.support.sessions import cookie, sign_in

pytestmark = pytest.mark.usefixtures("running_minute")

EMPLOYEES = f"{ADMIN}/employees"


def add(count: int, **more: Any) -> list[str]:
    emails = [f"p{number:04d}@example.com" for number in range(count)]
    people = [Person(inputs.uuid(1000 + number), email, "Paul", **more) for number, email in enumerate(emails)]
    assert all(DynamoDirectory().add_people([(each, ()) for each in people]))
    return emails


def walk(api: Api, desk: Desk, query: str) -> list[list[str]]:
    """Return the addresses of each page."""
    pages: list[list[str]] = []
    cursor = ""
    while True:
        page = data(api.get(f"{EMPLOYEES}?{query}{cursor}", desk.alice_key))
        pages.append([each["email"] for each in page["items"]])
        if page["nextCursor"] is None:
            return pages
        cursor = f"&cursor={page['nextCursor']}"


def test_all_employees_are_listed_by_address_page_by_page(api: Api, desk: Desk) -> None:
    added = add(450)
    pages = walk(api, desk, "limit=200")
    assert [len(page) for page in pages[:2]] == [200, 200]
    found = [email for page in pages for email in page]
    assert found == sorted({*added, *found})
    assert {"alice@example.com", "dave@example.com"} < set(found)


@pytest.mark.parametrize(("query", "count"), [("limit=7", 7), ("", 50), ("limit=9999", 200)])
def test_a_page_has_as_many_as_asked_for(api: Api, desk: Desk, query: str, count: int) -> None:
    add(250)
    assert len(data(api.get(f"{EMPLOYEES}?{query}", desk.alice_key))["items"]) == count


def test_one_call_looks_through_a_thousand_employees(api: Api, desk: Desk) -> None:
    add(1100)
    DynamoDirectory().add_person(Person(inputs.uuid(1), "zoe@example.com", "Zoe"))
    answer = api.get(f"{EMPLOYEES}?search=zoe", desk.alice_key)
    assert data(answer)["items"] == []
    assert answer.steps == 2 + 2 * 5
    assert walk(api, desk, "search=zoe")[-1] == ["zoe@example.com"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("search=ALICE", ["alice@example.com"]),
        ("search=dave@", ["dave@example.com"]),
        ("only=deactivated", ["dave@example.com"]),
        ("only=operators", ["alice@example.com"]),
        ("search=dave&only=active", []),
        ("search=nobody-at-all", []),
    ],
)
def test_employees_are_found_by_name_address_and_state(api: Api, desk: Desk, query: str, found: list[str]) -> None:
    assert [email for page in walk(api, desk, query) for email in page] == found


def test_addresses_in_any_script_are_pages_of_their_own(api: Api, desk: Desk) -> None:
    long = "ж" * 60 + "@" + "ж" * 50 + ".example"
    for number, email in enumerate((long, "ñandú@example.com", "+x@example.com")):
        DynamoDirectory().add_person(Person(inputs.uuid(1 + number), email, "X"))
    found = [email for page in walk(api, desk, "limit=1") for email in page]
    assert {long, "ñandú@example.com", "+x@example.com"} < set(found)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("query", ["only=nobody", "limit=0", "cursor=x", f"search={'x' * 201}", "page=2"])
def test_a_query_that_is_none_is_refused(api: Api, desk: Desk, query: str) -> None:
    assert api.get(f"{EMPLOYEES}?{query}", desk.alice_key).status == 400


def test_an_employee_is_shown_with_all_that_gives_them_access(api: Api, desk: Desk) -> None:
    sample = SampleData(api, desk)
    sample.add_integration()
    peer.allow_federation()
    sample.add_connection()
    sign_in(api, desk.user_id("bob"), device="Firefox")
    answer = api.get(f"{EMPLOYEES}/{desk.user_id('bob').upper()}", desk.alice_key)
    found = data(answer)
    assert answer.steps == 4
    assert (found["email"], found["active"], found["operator"]) == ("bob@example.com", True, False)
    assert {"slug": "apollo", "name": "Apollo", "role": "member"} in found["projects"]
    assert [each["device"] for each in found["sessions"]] == ["Firefox"]
    assert [each["isCurrent"] for each in found["sessions"]] == [False]
    assert found["lastSeenAt"] is not None
    assert len(found["keys"]) >= 1
    assert len(found["personalTokens"]) >= 1
    assert desk.bob_key not in answer.text
    assert "flux-in" not in answer.text


def test_the_own_session_is_marked(api: Api, desk: Desk) -> None:
    session = sign_in(api, desk.user_id("alice"))
    found = data(api.get(f"{EMPLOYEES}/{desk.user_id('alice')}", headers=cookie(session)))
    assert [each["isCurrent"] for each in found["sessions"]] == [True]


def test_active_connections_are_counted(api: Api, desk: Desk) -> None:
    bob = f"{EMPLOYEES}/{desk.user_id('bob')}"
    assert data(api.get(bob, desk.alice_key))["connections"] == 0
    SampleData(api, desk).add_connection()
    assert data(api.get(bob, desk.alice_key))["connections"] == 1


def test_somebody_without_access_was_never_seen(api: Api, desk: Desk) -> None:
    DynamoDirectory().add_person(Person("0a1b2c3d-0000-4000-8000-00000000000f", "new@example.com", "New"))
    found = data(api.get(f"{EMPLOYEES}/0a1b2c3d-0000-4000-8000-00000000000f", desk.alice_key))
    assert (found["lastSeenAt"], found["keys"], found["sessions"], found["projects"]) == (None, [], [], [])


def test_employees_are_exported_in_parts_of_a_thousand(api: Api, desk: Desk) -> None:
    add(1005)
    first = data(api.get(f"{EMPLOYEES}/export", desk.alice_key))
    assert first["csv"].count("\r\n") == 1001
    second = data(api.get(f"{EMPLOYEES}/export?cursor={first['nextCursor']}", desk.alice_key))
    assert second["nextCursor"] is None
    lines = (first["csv"] + second["csv"]).splitlines()
    assert lines[:2] == ["email,name,operator,active", "alice@example.com,Alice,true,true"]
    assert "dave@example.com,Dave,false,false" in lines
    assert len(lines) == len(set(lines)) == 1006 + len(desk.demo["users"])


def test_groups_of_the_directory_are_shown_by_name(api: Api, desk: Desk) -> None:
    bob = desk.user_id("bob")
    assert data(api.get(f"{EMPLOYEES}/{bob}", desk.alice_key))["groups"] == []
    DynamoGroups().add(Group("g1", "Sales"))
    rows = [{"pk": f"USER#{bob}", "sk": "GROUP#g1"}, {"pk": "GROUP#g1", "sk": f"MEMBER#{bob}"}]
    write_all(DIRECTORY, puts=rows)
    assert data(api.get(f"{EMPLOYEES}/{bob}", desk.alice_key))["groups"] == ["Sales"]
