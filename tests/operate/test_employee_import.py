"""Employees are imported from a file after a preview, and importing it again changes nothing."""

import json
from typing import Any

import pytest

from chalicelib.core.domain.person_refs import person_ref
from chalicelib.people.stores.directory import DynamoDirectory
from tests.conftest import Desk
from tests.operate.conftest import ADMIN, data, find_entries
from tests.support.api import Answer, Api
from tests.support.faults import Fault, fault_at, inject_faults

pytestmark = pytest.mark.usefixtures("running_minute")

IMPORT = f"{ADMIN}/employees/import"
FILE = "\r\n".join(
    [
        "email;name;operator;projects;department",
        "zoe@example.com;Zoe;true;apollo;Sales",
        "bob@example.com;Robert;;;",
        "carol@example.com;Carol;;;",
        "dave@example.com;Dave;;;",
        "zed;Zed;;;",
        "yan@example.com;;;;",
        "xena@example.com;Xena;;nothing;",
        "",
    ]
)
OUTCOMES = [
    (2, "created", [], None),
    (3, "updated", ["name"], None),
    (4, "exists", [], None),
    (5, "error", [], "This employee is deactivated. Activate them first."),
    (6, "error", [], "email: Must be an email address."),
    (7, "error", [], "name: A new employee needs a name."),
    (8, "error", [], "projects: There is no project nothing."),
]


def send(api: Api, desk: Desk, text: str, *, dry_run: bool = False) -> Answer:
    return api.post(IMPORT, {"csv": text, "dryRun": dry_run}, desk.alice_key)


def outcomes(report: Any) -> list[Any]:
    return [(each["line"], each["outcome"], each["changes"], each["reason"]) for each in report["rows"]]


def people() -> dict[str, tuple[str, bool]]:
    return {each.email: (each.name, each.operator) for each in DynamoDirectory().list_people()}


def test_a_preview_says_what_an_import_does_and_changes_nothing(api: Api, desk: Desk) -> None:
    before = people()
    seen = data(send(api, desk, FILE, dry_run=True))
    assert people() == before
    assert outcomes(seen) == OUTCOMES
    assert (seen["created"], seen["updated"], seen["exists"], seen["errors"]) == (1, 1, 1, 4)
    assert (seen["dryRun"], seen["ignoredColumns"]) == (True, ["department"])
    assert find_entries("person.") == []

    done = data(send(api, desk, FILE))
    assert done == seen | {"dryRun": False}
    assert people() == before | {
        "zoe@example.com": ("Zoe", True),
        "bob@example.com": ("Robert", False),
    }
    changed = DynamoDirectory().find_user_ids(["zoe@example.com", "bob@example.com"])
    assert {(each.kind, each.subject and each.subject.id) for each in find_entries("person.")} == {
        ("person.create", person_ref(changed["zoe@example.com"])),
        ("person.update", person_ref(changed["bob@example.com"])),
    }


def test_importing_again_changes_nothing(api: Api, desk: Desk) -> None:
    send(api, desk, FILE)
    before = people()
    again = data(send(api, desk, FILE))
    assert [each[1] for each in outcomes(again)] == ["exists", "exists", "exists", "error", "error", "error", "error"]
    assert people() == before


def test_employees_join_projects_and_keep_their_role(api: Api, desk: Desk) -> None:
    project = DynamoDirectory().find_project("apollo")
    assert project is not None
    (admin, *_) = sorted(DynamoDirectory().find_people(project.admins).values(), key=lambda each: each.email)
    file = f"email,name,projects\nzoe@example.com,Zoe,apollo zephyr\n{admin.email},,apollo zephyr\n"
    done = data(send(api, desk, file))
    assert outcomes(done) == [(2, "created", [], None), (3, "updated", ["projects"], None)]
    zoe = DynamoDirectory().find_person_by_email("zoe@example.com")
    assert zoe is not None
    for slug in ("apollo", "zephyr"):
        found = DynamoDirectory().find_project(slug)
        assert found is not None
        assert {zoe.user_id, admin.user_id} <= found.members
    apollo = DynamoDirectory().find_project("apollo")
    assert apollo is not None
    assert apollo.admins == project.admins
    assert [each[1] for each in outcomes(data(send(api, desk, file)))] == ["exists", "exists"]


def test_operator_rights_are_granted_and_withdrawn_but_not_ones_own(api: Api, desk: Desk) -> None:
    assert data(send(api, desk, "email,name,operator\nbob@example.com,,yes\n"))["updated"] == 1
    report = data(send(api, desk, "email,name,operator\nbob@example.com,,no\nalice@example.com,,no\n"))
    assert [each[1] for each in outcomes(report)] == ["updated", "error"]
    assert [email for email, (_, operator) in people().items() if operator] == ["alice@example.com"]


def test_a_thousand_rows_are_imported_in_few_calls(api: Api, desk: Desk) -> None:
    rows = "".join(f"p{number:04d}@example.com,Person {number},,\n" for number in range(1000))
    answer = send(api, desk, f"email,name,operator,projects\n{rows}")
    assert data(answer)["created"] == 1000
    assert answer.steps < 50
    again = send(api, desk, f"email,name,operator,projects\n{rows}")
    assert data(again)["exists"] == 1000
    renamed = send(api, desk, f"email,name,operator,projects\n{rows.replace('Person', 'Human')}")
    assert data(renamed)["updated"] == 1000
    assert people()["p0999@example.com"] == ("Human 999", False)


def test_what_was_interrupted_is_finished_by_importing_again(api: Api, desk: Desk) -> None:
    rows = "".join(f"p{number:02d}@example.com,Person {number}\n" for number in range(80))
    with inject_faults(fault_at(9, Fault.LOST)):
        send(api, desk, f"email,name\n{rows}")
    report = data(send(api, desk, f"email,name\n{rows}"))
    assert report["created"] + report["exists"] == 80
    assert len([email for email in people() if email.startswith("p")]) >= 80


@pytest.mark.parametrize("text", ["", "email\n", "nothing", 'email,name\n"', "email,name\n" + "a@b.c,A\n" * 1001])
def test_a_file_that_is_none_changes_nothing(api: Api, desk: Desk, text: str) -> None:
    before = people()
    refused = send(api, desk, text)
    assert refused.status == 400
    assert people() == before


def test_a_file_has_at_most_a_megabyte(api: Api, desk: Desk) -> None:
    padded = "email,name,note\n" + "zoe@example.com,Zoe,{}\n"
    largest = padded.format("x" * 100_000)
    assert send(api, desk, largest, dry_run=True).status == 200
    letters = "email,name,note\n" + "".join(f"p{number}@example.com,P,{'é' * 900}\n" for number in range(1000))
    assert api.post(IMPORT, raw=json.dumps({"csv": letters}, ensure_ascii=False), token=desk.alice_key).status == 200
    assert send(api, desk, "email,name\n" + "\n" * 1_000_000).status == 400
    assert send(api, desk, "\u0001" * 1_000_000).status == 413


def test_a_large_body_is_for_imports_only(api: Api, desk: Desk) -> None:
    refused = api.post(f"{ADMIN}/employees", {"email": "z@example.com", "name": "x" * 300_000}, desk.alice_key)
    assert refused.status == 413
