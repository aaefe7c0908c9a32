"""The audit log of operators, and a person's own security log."""

import json
import re
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Console, Open
from tests.browser.test_accessibility import SIZES, check
from tests.browser.test_people import new_person, open_person
from tests.support.started_desk import StartedDesk

AUDIT = "operate?tab=audit"
# One page of the list has 50 entries, and one part of an export 500.
MANY = 510


def rows(page: Page, text: str = "") -> Locator:
    return page.locator(".audit-entry", has_text=text)


def make_operator(console: Console, person: str, *, is_operator: bool) -> None:
    console.call_v2("PATCH", f"/operate/employees/{person}", {"operator": is_operator})


@pytest.fixture(scope="module")
def many(system: StartedDesk) -> str:
    """Make more entries than a page or a part of an export has, and return what their kind starts with."""
    lines = "".join(f"a{number:03d}-{uuid4().hex[:8]}@audit.example,A {number:03d}\n" for number in range(MANY))
    body = {"csv": f"email,name\n{lines}"}
    answer = system.call("POST", "/api/v2/operate/employees/import", body, system.alice_key)
    assert answer.status == 200, answer.body
    return "person.create"


@pytest.mark.parametrize("size", SIZES)
def test_operators_filter_what_somebody_changed(open_console: Open, size: str) -> None:
    console = open_console(timezone_id="Europe/Berlin", **SIZES[size])
    console.sign_in()
    page, person = console.page, new_person(console, "Audra Quill")
    make_operator(console, person["employee"]["id"], is_operator=True)
    make_operator(console, person["employee"]["id"], is_operator=False)
    console.go(AUDIT)
    page.get_by_role("button", name="Filter", exact=True).click()
    page.locator("input[name=person]").fill("nobody-here@example.com")
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Nobody here has this name")
    page.locator("input[name=person]").fill(person["email"])
    page.locator("select[name=kind]").select_option("operator.change")
    page.locator("select[name=time]").select_option("7")
    page.get_by_role("button", name="Apply", exact=True).click()

    expect(rows(page)).to_have_count(2)
    expect(rows(page, "Alice changed operator rights · Audra Quill")).to_have_count(2)
    expect(rows(page).first.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d (CEST|CET|GMT\+\d)$"))
    rows(page).first.locator("summary").click()
    detail = page.locator(".audit-detail")
    expect(detail.locator("del")).to_have_text("yes")
    expect(detail.locator("ins")).to_have_text("no")
    expect(detail).to_contain_text("Request id")
    expect(detail).to_contain_text("127.0.0.1")
    check(page, f"audit-{size}-filtered")

    chips = page.locator(".filter-chip")
    expect(chips).to_have_text(["Audra Quill", "Changed operator rights", "Last 7 days"])
    page.get_by_role("button", name="Remove filter Changed operator rights", exact=True).click()
    expect(rows(page, "added a person")).to_have_count(1)
    page.reload()
    expect(chips).to_have_text(["Audra Quill", "Last 7 days"])
    expect(rows(page, "added a person")).to_have_count(1)


def test_a_range_of_time_selects_entries(console: Console) -> None:
    page, person = console.page, new_person(console, "Rhea Range")
    console.go(f"{AUDIT}&person={person['employee']['id']}")
    expect(rows(page, "added a person")).to_have_count(1)
    page.get_by_role("button", name="Filter", exact=True).click()
    page.locator("select[name=time]").select_option("range")
    page.get_by_label("From", exact=True).fill("2020-01-02T03:04")
    page.get_by_label("To", exact=True).fill("2020-01-01T03:04")
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("must be before")
    page.get_by_label("To", exact=True).fill("2020-02-01T03:04")
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.get_by_text("No entries match.")).to_be_visible()
    page.get_by_role("button", name=re.compile("Remove filter Until")).click()
    expect(rows(page, "added a person")).to_have_count(1)


def test_earlier_entries_are_loaded_below(console: Console, many: str) -> None:
    page = console.page
    console.go(f"{AUDIT}&kind={many}")
    expect(rows(page)).to_have_count(50)
    first = rows(page).first.inner_text()
    page.get_by_role("button", name="Load more", exact=True).click()
    expect(rows(page)).to_have_count(100)
    assert rows(page).first.inner_text() == first


def test_all_that_match_is_exported_as_json_lines(console: Console, many: str) -> None:
    page = console.page
    console.go(f"{AUDIT}&kind={many}")
    expect(rows(page)).to_have_count(50)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    assert download.value.suggested_filename == "audit.jsonl"
    entries = [json.loads(line) for line in Path(download.value.path()).read_text(encoding="utf-8").splitlines()]
    assert {each["kind"] for each in entries} == {many}
    assert len({each["id"] for each in entries}) == len(entries) >= MANY
    assert [each["at"] for each in entries] == sorted((each["at"] for each in entries), reverse=True)
    expect(page.get_by_text(f"{len(entries)} entries exported")).to_be_visible()


def test_a_persons_page_leads_to_their_entries_and_back(console: Console) -> None:
    page = open_person(console, new_person(console, "Lena Link"))
    page.get_by_role("link", name="Audit log", exact=True).click()
    expect(page.locator(".filter-chip")).to_have_text("Lena Link")
    rows(page, "added a person").locator("summary").click()
    page.get_by_role("link", name="Open Lena Link", exact=True).click()
    expect(page.get_by_role("heading", name="Lena Link", exact=True)).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
def test_people_see_their_own_sign_ins_and_what_others_did(console: Console, open_console: Open, size: str) -> None:
    person = new_person(console, "Otto Own")
    make_operator(console, person["employee"]["id"], is_operator=True)
    make_operator(console, person["employee"]["id"], is_operator=False)
    theirs = open_console("otto", **SIZES[size])
    theirs.page.goto(person["link"])
    expect(theirs.page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    theirs.go("you?tab=security")
    own = rows(theirs.page, "Otto Own signed in")
    expect(own).to_have_count(1)
    expect(own).to_contain_text("127.0.0.1")
    by_others = rows(theirs.page, "Alice changed operator rights").first
    expect(by_others).not_to_contain_text("127.0.0.1")
    by_others.locator("summary").click()
    expect(theirs.page.get_by_role("link", name="Only entries of Alice", exact=True)).to_have_count(0)
    check(theirs.page, f"audit-own-{size}")


def test_an_error_of_a_later_page_leaves_the_entries(console: Console, many: str) -> None:
    page = console.page
    console.go(f"{AUDIT}&kind={many}")
    expect(rows(page)).to_have_count(50)
    page.route("**/api/v2/operate/audit?*", lambda route: route.fulfill(status=500, json={"error": "Not now."}))
    page.get_by_role("button", name="Load more", exact=True).click()
    expect(page.get_by_text("Not now.")).to_be_visible()
    page.unroute("**/api/v2/operate/audit?*")
    page.get_by_role("button", name="Load more", exact=True).click()
    expect(rows(page)).to_have_count(100)
    console.forgive("500")
