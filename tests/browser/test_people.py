"""The people tab of the admin page: find, invite, change, deactivate and import people."""

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PICTURES, Console, Open
from tests.browser.test_accessibility import SIZES, check

PEOPLE = "operate"


def new_person(console: Console, name: str) -> dict[str, Any]:
    """Invite a person of their own for a test, since all tests share the desk."""
    body = {"email": f"{name.split(maxsplit=1)[0].lower()}-{uuid4().hex[:8]}@example.com", "name": name}
    return dict(console.call_v2("POST", "/operate/employees", body)) | body


def open_person(console: Console, person: dict[str, Any]) -> Page:
    console.go(f"{PEOPLE}/{person['employee']['id']}")
    expect(console.page.get_by_role("heading", name=person["name"])).to_be_visible()
    return console.page


def write_file(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "people.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_people_are_found_by_name_and_state(console: Console) -> None:
    page, person = console.page, new_person(console, "Ilse Quastenflosser")
    console.go(PEOPLE)
    page.get_by_placeholder("Search by name or e-mail").fill("quastenfl")
    expect(page.locator(".people-rows li")).to_have_count(1)
    expect(page.locator(".people-rows li")).to_contain_text(person["email"])
    page.get_by_role("button", name="Deactivated", exact=True).click()
    expect(page.get_by_text("No matches.")).to_be_visible()
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("link", name="Ilse Quastenflosser").click()
    expect(page.get_by_role("heading", name="Ilse Quastenflosser")).to_be_visible()
    page.get_by_role("link", name="All people", exact=True).click()
    expect(page.get_by_placeholder("Search by name or e-mail")).to_have_value("quastenfl")


def search(console: Console, text: str) -> None:
    """Look for somebody: a page of the list shows only the first people."""
    console.page.get_by_placeholder("Search by name or e-mail").fill(text)


def test_an_invitation_shows_its_link_once_and_it_cannot_be_lost(console: Console, open_console: Open) -> None:
    page, email = console.page, f"nina-{uuid4().hex[:8]}@example.com"
    console.go(PEOPLE)
    page.get_by_role("button", name="Invite", exact=True).click()
    page.get_by_role("textbox", name="E-mail", exact=True).fill("alice@example.com")
    page.get_by_label("Name", exact=True).fill("Nina Novak")
    page.get_by_role("button", name="Create link", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("already has the address")
    page.get_by_role("textbox", name="E-mail", exact=True).fill(email)
    page.get_by_role("button", name="Create link", exact=True).click()
    link = page.get_by_label("Sign-in link", exact=True).input_value()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.mouse.click(5, 5)
    expect(page.get_by_label("Sign-in link", exact=True)).to_have_value(link)
    page.get_by_role("button", name="I've saved it", exact=True).click()
    expect(page.get_by_text(link)).to_have_count(0)
    search(console, email)
    expect(page.get_by_text(email)).to_be_visible()

    theirs = open_console("nina").page
    theirs.goto(link)
    expect(theirs.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    expect(theirs.get_by_text(email)).to_be_attached()
    console.forgive("409")


def test_a_person_is_renamed_made_an_operator_and_deactivated(console: Console) -> None:
    page = open_person(console, new_person(console, "Max Mustermann"))
    page.get_by_role("button", name="Rename", exact=True).click()
    page.get_by_label("Name", exact=True).fill("Max Neumann")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Max Neumann", exact=True)).to_be_visible()

    page.get_by_role("button", name="Make operator", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Make operator", exact=True).click()
    expect(page.locator(".person-head").get_by_text("Operator", exact=True)).to_be_visible()
    page.get_by_role("button", name="Withdraw operator rights", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw operator rights", exact=True).click()
    expect(page.locator(".person-head").get_by_text("Operator", exact=True)).to_have_count(0)

    page.get_by_role("button", name="Deactivate", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Deactivate", exact=True).click()
    expect(page.locator(".person-head").get_by_text("Deactivated")).to_be_visible()
    expect(page.get_by_role("button", name="New sign-in link", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Activate", exact=True).click()
    expect(page.locator(".person-head").get_by_text("Active", exact=True)).to_be_visible()


def test_the_last_operator_is_asked_and_stays(console: Console) -> None:
    me = console.call_v2("GET", "/me")
    page = open_person(console, {"employee": me, "name": me["name"]})
    page.get_by_role("button", name="Withdraw operator rights", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw operator rights", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("last active operator")
    page.get_by_role("button", name="Cancel", exact=True).click()
    console.forgive("409")


def test_sessions_and_keys_of_a_person_are_ended(console: Console, open_console: Open) -> None:
    person = new_person(console, "Sam Session")
    theirs = open_console("sam")
    theirs.page.goto(person["link"])
    expect(theirs.page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    theirs.go("you")
    theirs.page.get_by_role("button", name="New API key", exact=True).click()
    theirs.page.get_by_role("dialog").get_by_role("textbox").first.fill("agent")
    theirs.page.get_by_role("button", name="Create key", exact=True).click()
    theirs.page.get_by_role("button", name="I've saved it", exact=True).click()

    page = open_person(console, person)
    page.get_by_role("button", name=re.compile("^API keys")).click()
    page.get_by_role("button", name="Disable", exact=True).click()
    expect(page.get_by_text("Disabled", exact=True)).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("No API keys.")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Sessions")).click()
    page.get_by_role("button", name="Sign out", exact=True).last.click()
    expect(page.get_by_text("Not signed in anywhere.")).to_be_visible()
    # Their console signs out by itself; a reload at the same time would fail.
    theirs.forgive("401", "WebSocket")
    expect(theirs.page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible(timeout=30_000)


def test_a_file_is_imported_after_a_look_at_what_it_does(console: Console, tmp_path: Path) -> None:
    page, mark = console.page, uuid4().hex[:8]
    text = f"\ufeffemail;name;team\r\nida-{mark}@example.com;Ida {mark};A\r\nbad;Bad;A\r\nalice@example.com;;A\r\n"
    console.go(PEOPLE)
    page.get_by_role("button", name="Import CSV", exact=True).click()
    page.locator("input[type=file]").set_input_files(write_file(tmp_path, text))
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("row")).to_have_count(4)
    expect(dialog.get_by_role("row").nth(1)).to_contain_text("Must be an email address")
    expect(dialog.get_by_text("Ignored columns: team")).to_be_visible()
    page.screenshot(path=PICTURES / "people-import-preview.png")
    assert console.call_v2("GET", f"/operate/employees?search={mark}")["items"] == []
    dialog.get_by_role("button", name="Import 1 person", exact=True).click()
    expect(dialog.get_by_text("The import is done.")).to_be_visible()
    dialog.get_by_role("button", name="Close", exact=True).last.click()
    search(console, mark)
    expect(page.get_by_text(f"Ida {mark}")).to_be_visible()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"email,name\n\xe9@example.com,X\n", "not UTF-8"),
        (b"x" * 1_000_001, "larger than 1 MB"),
        (b"nothing\n", "no column"),
    ],
)
def test_a_file_that_is_none_says_why(console: Console, tmp_path: Path, content: bytes, reason: str) -> None:
    console.go(PEOPLE)
    console.page.get_by_role("button", name="Import CSV", exact=True).click()
    console.page.locator("input[type=file]").set_input_files(write_file(tmp_path, content))
    expect(console.page.get_by_role("alert")).to_contain_text(reason)
    console.forgive("400")


def test_people_are_exported_as_a_file(console: Console) -> None:
    console.go(PEOPLE)
    with console.page.expect_download() as download:
        console.page.get_by_role("button", name="Export CSV", exact=True).click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text.splitlines()[0] == "\ufeffemail,name,operator,active"
    assert "alice@example.com,Alice" in text


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_hundreds_of_people_fit_on_each_screen(open_console: Open, size: str, locale: str) -> None:
    console = open_console(locale=locale, reduced_motion="reduce", **SIZES[size])
    rows = "".join(f"p{number:03d}@people.example,Person {number:03d} von und zu Hohenstein\n" for number in range(500))
    console.call_v2("POST", "/operate/employees/import", {"csv": f"email,name\n{rows}"})
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.locator(".live-live")).to_be_attached()
    console.go(PEOPLE)
    expect(page.locator(".people-rows li")).to_have_count(50)
    check(page, f"people-{size}-{locale}-list")
    person = new_person(console, "Petra Picture")
    console.go(f"{PEOPLE}/{person['employee']['id']}")
    expect(page.locator(".person-head")).to_be_visible()
    check(page, f"people-{size}-{locale}-person")
    console.go(f"{PEOPLE}/{console.call_v2('GET', '/me')['id']}?view=keys")
    expect(page.locator(".row-card").first).to_be_visible()
    check(page, f"people-{size}-{locale}-keys")
