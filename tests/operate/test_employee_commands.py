"""Employees are shown, renamed, signed out, listed and imported by admin commands, as by the API."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.admin import main
from tests.conftest import Desk
from tests.operate.conftest import find_entries, recorded_about
from tests.support.api import Api
from tests.support.sessions import cookie, sign_in

BOB = "bob@example.com"


def run(*args: str, code: int = 0, given: bytes | None = None) -> Result:
    result = CliRunner().invoke(main, ["employees", *args], prog_name="admin", input=given)
    assert result.exit_code == code, result.output
    return result


def test_an_employee_is_shown_without_secrets(api: Api, desk: Desk) -> None:
    sign_in(api, desk.user_id("bob"))
    found = json.loads(run("show", BOB, "--json").stdout)
    assert (found["email"], len(found["sessions"]), found["projects"][0]["slug"]) == (BOB, 1, "apollo")
    shown = run("show", BOB).stdout
    assert "apollo" in shown
    assert desk.bob_key not in shown
    assert "no employee" in run("show", "nobody@example.com", code=1).stderr


def test_an_employee_is_renamed(desk: Desk) -> None:
    run("rename", BOB, "--name", "Robert Roe")
    assert recorded_about("person.", desk.user_id("bob")) == ["person.update"]
    assert "Robert Roe" in run("list", "--search", "robert").stdout


def test_the_list_is_searched_and_printed_as_a_file(desk: Desk) -> None:
    assert [each["email"] for each in json.loads(run("list", "--only", "operators", "--json").stdout)] == [
        "alice@example.com"
    ]
    assert run("list", "--search", "BOB", "--csv").stdout.split() == [
        "email,name,operator,active",
        "bob@example.com,Bob,false,true",
    ]


def test_sessions_are_ended(api: Api, desk: Desk) -> None:
    first, second = sign_in(api, desk.user_id("bob")), sign_in(api, desk.user_id("bob"))
    listed = json.loads(run("show", BOB, "--json").stdout)["sessions"]
    assert run("end-sessions", BOB, "--id", listed[0]["id"]).stdout == "Ended 1 session of bob@example.com.\n"
    assert run("end-sessions", BOB).stdout == "Ended 1 session of bob@example.com.\n"
    assert [api.get("/api/v2/me", headers=cookie(each)).status for each in (first, second)] == [401, 401]
    assert len(find_entries("session.end")) == 2
    assert "not found" in run("end-sessions", BOB, "--id", "x", code=1).stderr


def test_the_last_operator_keeps_the_rights(desk: Desk) -> None:
    refused = run("operator", "alice@example.com", "--off", code=1)
    assert "last active operator" in refused.stderr
    run("create", "zoe@example.com", "--name", "Zoe", "--operator")
    run("operator", "alice@example.com", "--off")


def test_a_file_is_imported_after_a_dry_run(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email,name\nzoe@example.com,Zoe\nbad,Bad\n", encoding="utf-8")
    assert "Would create 1, update 0, unchanged 0, errors 1." in run("import", str(file), "--dry-run", code=1).stdout
    assert "zoe" not in run("list").stdout
    report = json.loads(run("import", str(file), "--json", code=1).stdout)
    assert (report["created"], report["rows"][1]["line"]) == (1, 3)
    assert len(find_entries("person.create")) == 1
    run(
        "import",
        "-",
        given=b"email,name,operator\nzoe@example.com,Zoe,\nbob@example.com,Rob,\ncarol@example.com,,yes\n",
    )
    assert len(find_entries("person.create")) == 1
    assert recorded_about("person.", desk.user_id("bob")) == ["person.update"]
    assert recorded_about("operator.", desk.user_id("carol")) == ["operator.change"]
    good = b"email,name\nzoe@example.com,Zoe\n"
    assert "Nothing to import." in run("import", "-", given=good).stdout


@pytest.mark.parametrize("content", [b"\xff\xfe", b"nothing", b""])
def test_a_file_that_is_none_is_refused(desk: Desk, content: bytes) -> None:
    assert run("import", "-", code=1, given=content).stderr.startswith("Error: ")


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    assert "can't be read" in run("import", str(tmp_path / "none.csv"), code=1).stderr
