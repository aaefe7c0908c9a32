"""The commands that export and erase an employee."""

import json
import re
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.personal_data.stores.erasures import DynamoErasures
from tests.conftest import Desk
from tests.infra.test_admin import done, read, refused, run
from tests.support import erasures
from tests.support.api import Api
from tests.support.pump import Pumps

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.com"


@pytest.fixture(autouse=True)
def _no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.api.deactivation.SETTLING_SECONDS", 0)


@pytest.fixture
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing that had begun before write late."""
    monkeypatch.setattr("chalicelib.personal_data.domain.erasures.SETTLING", timedelta(0))


@pytest.mark.usefixtures("_settled")
def test_an_erasure_ends_with_a_receipt(api: Api, desk: Desk) -> None:
    bob = erasures.give_data(api, desk)
    receipt = read("employees", "erase", BOB, "--yes")
    assert receipt["erased"]["deliveries"] == 1
    assert erasures.list_left(bob) == []
    (listed,) = read("employees", "erasures")
    assert listed == {"state": "ended", **receipt}
    assert refused("employees", "erase", BOB, "--yes") == f"Error: There is no employee with the address {BOB}."


@pytest.mark.usefixtures("_settled")
def test_a_receipt_is_printed_for_people_too(api: Api, desk: Desk) -> None:
    erasures.give_data(api, desk)
    lines = done("employees", "erase", BOB, "--yes").splitlines()
    assert ["DELIVERIES", "1"] in [line.split() for line in lines]
    assert "ended" in done("employees", "erasures")


def test_an_erasure_asks_first(desk: Desk) -> None:
    result = run("employees", "erase", BOB)
    assert result.exit_code == 1
    assert "Erase Bob (bob@example.com) and all that is theirs, for good? [y/N]" in result.output
    assert DynamoErasures().list_running() == []
    assert DynamoDirectory().find_person(desk.user_id("bob")).active  # type: ignore[union-attr]


def test_what_is_left_is_left_to_the_schedule(api: Api, desk: Desk) -> None:
    bob = erasures.give_data(api, desk)
    said = done("employees", "erase", BOB, "--yes", "--no-wait")
    assert said.startswith("What was found of bob@example.com is erased. A schedule looks at the desk once more from ")
    (listed,) = read("employees", "erasures")
    assert (listed["state"], listed["endedAt"]) == ("running", None)
    assert "running" in done("employees", "erasures")
    assert refused("employees", "activate", BOB) == "Error: This employee is being erased."
    # The same command carries it on, and asks nothing.
    assert done("employees", "erase", BOB, "--no-wait").startswith("What was found")
    assert bob.user_id not in json.dumps(listed)


@pytest.mark.usefixtures("_settled")
def test_the_schedule_finishes_an_erasure(api: Api, desk: Desk) -> None:
    bob = erasures.give_data(api, desk)
    erasures.begin(bob)
    Pumps().run("continue_erasures")
    (listed,) = read("employees", "erasures")
    assert listed["state"] == "ended"
    assert erasures.list_left(bob) == []


@pytest.mark.usefixtures("_settled")
def test_who_is_responsible_for_tools_tokens_needs_a_successor(desk: Desk) -> None:
    left = refused("employees", "erase", ALICE, "--yes")
    assert left.startswith("Error: alice@example.com is responsible for the tools tokens ")
    assert left.endswith("Name a successor with --successor, or disable the tokens first.")
    other = "Error: The successor must be another active employee."
    assert refused("employees", "erase", ALICE, "--yes", "--successor", ALICE) == other
    assert DynamoDirectory().find_person(desk.user_id("alice")).active  # type: ignore[union-attr]
    assert DynamoErasures().list_running() == []
    assert read("employees", "erase", CAROL, "--yes", "--successor", BOB)["erased"]["account"] == 1
    assert refused("employees", "erase", BOB, "--yes", "--successor", "dave@example.com").endswith("is not active.")


def test_nobody_has_been_erased(desk: Desk) -> None:
    assert desk.bob
    assert done("employees", "erasures") == "No erasures.\n"


# Export


def test_an_export_is_an_archive_of_json_lines(api: Api, desk: Desk, tmp_path: Path) -> None:
    erasures.give_data(api, desk)
    path = tmp_path / "bob.zip"
    assert re.fullmatch(
        rf"Wrote \d+ records of {BOB} to {path}\.\n", done("employees", "export", BOB, "--output", str(path))
    )
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        counts = {each["section"]: each["records"] for each in manifest["sections"]}
        assert manifest["of"] == BOB
        assert set(archive.namelist()) == {"manifest.json", *(f"{name}.jsonl" for name in counts)}
        lines = {name: archive.read(f"{name}.jsonl").decode().splitlines() for name in counts}
    assert {name: len(found) for name, found in lines.items()} == counts
    assert counts["deliveries"] == 1
    assert [json.loads(line)["content"] for line in lines["chat"]] == ["I am Bob."]
    again = refused("employees", "export", BOB, "--output", str(path))
    assert again == f"Error: {path} can't be written: File exists."


def test_an_export_of_nobody_is_refused(desk: Desk, tmp_path: Path) -> None:
    assert desk.bob
    path = tmp_path / "x.zip"
    assert "no employee" in refused("employees", "export", "x@example.com", "--output", str(path))
    assert not path.exists()
