"""Signing in and out."""

import json
import os
import subprocess
import sys

from playwright.sync_api import expect

from tests.browser.conftest import PICTURES, Console, Open
from tests.support.started_desk import ROOT, StartedDesk


def test_sign_in_link_leaves_no_key_in_the_address_and_sign_out_clears_storage(open_console: Open) -> None:
    console = open_console()
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    assert page.url == f"{console.system.demo['base_url']}/#/inbox"
    assert page.evaluate("() => history.length") <= 2
    page.reload()
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Fluxden")).to_be_visible()
    assert page.evaluate("() => [sessionStorage.length, JSON.stringify(localStorage), document.cookie]") == [
        0,
        "{}",
        "",
    ]
    page.goto(f"{console.system.demo['base_url']}/#/queue")
    expect(page.get_by_role("heading", name="Sign in to Fluxden")).to_be_visible()


def test_invalid_key_shows_an_error_and_the_next_key_works(open_console: Open) -> None:
    console = open_console()
    console.page.goto(console.system.demo["base_url"])
    console.page.get_by_text("Use an API key").click()
    console.page.get_by_label("API key").fill("dvd_nonsense")
    console.page.get_by_role("button", name="Sign in").click()
    expect(console.page.get_by_role("alert")).to_contain_text("Invalid or inactive API key")
    console.page.get_by_label("API key").fill(console.key)
    console.page.keyboard.press("Enter")
    expect(console.page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    assert all("401" in each for each in console.page_errors)
    console.page_errors.clear()


def test_link_of_another_person_asks_before_it_replaces_the_one_who_is_signed_in(open_console: Open) -> None:
    console = open_console()
    page, bobs = console.page, console.system.demo["api_keys"]["bob"]
    console.sign_in()
    page.evaluate("key => { location.hash = `#key=${key}` }", bobs)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("bob@example.com")
    expect(dialog).to_contain_text("You are signed in as Alice")
    assert bobs not in page.url
    page.screenshot(path=PICTURES / "sign-in-link.png")
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    assert page.evaluate("() => sessionStorage.getItem('fluxden.key')") == console.key

    page.evaluate("key => { location.hash = `#key=${key}` }", bobs)
    dialog.get_by_role("button", name="Sign in as Bob").click()
    expect(page.get_by_role("link", name="Bob").first).to_be_visible()
    assert page.evaluate("() => sessionStorage.getItem('fluxden.key')") == bobs


def test_link_of_another_person_asks_in_a_new_tab_too(open_console: Open) -> None:
    console = open_console()
    console.sign_in()
    tab = console.context.new_page()
    tab.goto(f"{console.system.demo['base_url']}/#key={console.system.demo['api_keys']['bob']}")
    expect(tab.get_by_role("dialog")).to_contain_text("Another person was signed in last")
    tab.get_by_role("button", name="Cancel").click()
    expect(tab.get_by_role("heading", name="Sign in to Fluxden")).to_be_visible()
    # The person who was signed in last is not asked.
    tab.goto("about:blank")
    console.sign_in(tab)


def test_link_with_a_dead_key_keeps_the_person_signed_in(open_console: Open) -> None:
    console = open_console()
    console.sign_in()
    console.page.evaluate("() => { location.hash = '#key=dvd_nonsense' }")
    expect(console.page.get_by_text("You are still signed in.")).to_be_visible()
    assert console.page.evaluate("() => sessionStorage.getItem('fluxden.key')") == console.key
    console.page_errors.clear()


def test_address_that_was_cut_off_shows_the_inbox(open_console: Open) -> None:
    console = open_console()
    console.sign_in()
    for address in ("#/inbox/%", "#key=%", "#/inbox/%E0%A4%A", "#/inbox/%?x=%"):
        console.page.evaluate("to => { location.hash = to }", address)
        expect(console.page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()


def new_link(system: StartedDesk, name: str = "alice") -> str:
    """Create a sign-in link as an operator does."""
    command = [sys.executable, "-m", "infra.admin", "employees", "sign-in-link", f"{name}@example.com", "--json"]
    done = subprocess.run(
        command, env=os.environ | system.demo["admin_env"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return str(json.loads(done.stdout)["link"])


def enter(console: Console, link: str) -> None:
    console.page.goto(link)
    expect(console.page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    expect(console.page.locator(".live-live")).to_be_attached()


def test_the_sign_in_page_says_what_to_do(open_console: Open) -> None:
    for size, name in (((1440, 900), "sign-in"), ((360, 740), "sign-in-phone")):
        page = open_console(viewport={"width": size[0], "height": size[1]}).page
        page.goto(open_console().system.demo["base_url"])
        expect(page.get_by_text("Open the sign-in link")).to_be_visible()
        page.screenshot(path=PICTURES / f"{name}.png")
        page.get_by_text("Use an API key").click()
        expect(page.get_by_label("API key")).to_be_visible()
        page.screenshot(path=PICTURES / f"{name}-key.png")


def test_a_sign_in_link_begins_a_session_for_all_tabs(open_console: Open) -> None:
    console = open_console()
    enter(console, new_link(console.system))
    (cookie,) = console.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"]) == (
        "__Host-fluxden-session",
        True,
        True,
        "Lax",
        "/",
    )
    assert console.page.evaluate("() => [sessionStorage.length, document.cookie]") == [0, ""]
    assert cookie["value"] not in console.page.evaluate("() => JSON.stringify(localStorage)")
    tab = console.context.new_page()
    console.watch(tab)
    tab.goto(f"{console.system.demo['base_url']}/#/queue")
    expect(tab.get_by_role("heading", name="Queue", exact=True)).to_be_visible()
    expect(tab.locator(".live-live")).to_be_attached()
    delivery = console.publish(title="Seen by the session")
    expect(console.card(delivery)).to_be_visible()
    console.card(delivery).click()
    console.page.keyboard.press("e")
    expect(console.card(delivery)).not_to_be_visible()

    console.page.get_by_role("button", name="Sign out").click()
    expect(console.page.get_by_role("heading", name="Sign in to Fluxden")).to_be_visible()
    assert console.context.cookies() == []
    expect(tab.get_by_role("heading", name="Sign in to Fluxden")).to_be_visible()
    assert "Seen by the session" not in tab.content()
    assert all("401" in each for each in console.page_errors)
    console.page_errors.clear()


def test_a_sign_in_link_works_once(open_console: Open) -> None:
    first, second = open_console(), open_console()
    link = new_link(first.system)
    enter(first, link)
    second.page.goto(link)
    expect(second.page.get_by_role("alert")).to_contain_text("used before, or has expired")
    assert all("401" in each for each in second.page_errors)
    second.page_errors.clear()


def test_the_sign_in_link_of_another_person_asks_first(open_console: Open) -> None:
    console = open_console()
    enter(console, new_link(console.system))
    bobs = new_link(console.system, "bob")
    console.page.goto(bobs)
    dialog = console.page.get_by_role("dialog")
    expect(dialog).to_contain_text("bob@example.com")
    dialog.get_by_role("button", name="Stay signed in").click()
    expect(console.page.get_by_role("link", name="Alice").first).to_be_visible()
    console.page.goto(bobs)
    dialog.get_by_role("button", name="Sign in as Bob").click()
    expect(console.page.get_by_role("link", name="Bob").first).to_be_visible()


def test_a_person_signs_out_elsewhere(open_console: Open) -> None:
    here, there = open_console(), open_console(viewport={"width": 360, "height": 740})
    for each in (there, here):
        enter(each, new_link(here.system))
    here.go("you?tab=sessions")
    expect(here.page.get_by_text("This browser")).to_be_visible()
    expect(here.page.locator(".row-card").nth(1)).to_be_visible()
    here.page.screenshot(path=PICTURES / "sessions.png")
    there.go("you?tab=sessions")
    expect(there.page.locator(".row-card").first).to_be_visible()
    there.page.screenshot(path=PICTURES / "sessions-phone.png")
    here.page.get_by_role("button", name="Sign out everywhere else").click()
    here.page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    expect(here.page.locator(".row-card")).to_have_count(1)
    expect(there.page.get_by_role("heading", name="Sign in to Fluxden")).to_be_visible()
    assert all("401" in each for each in there.page_errors)
    there.page_errors.clear()


def test_the_link_that_the_demo_prints_signs_alice_in(open_console: Open) -> None:
    console = open_console()
    enter(console, console.system.demo["console_url"])
    expect(console.page.get_by_role("link", name="Alice").first).to_be_visible()
