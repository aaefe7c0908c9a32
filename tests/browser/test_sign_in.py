"""Signing in and out."""

from playwright.sync_api import expect

from tests.browser.conftest import PICTURES, Open


def test_sign_in_link_leaves_no_key_in_the_address_and_sign_out_clears_storage(open_console: Open) -> None:
    console = open_console()
    page = console.page
    page.goto(console.system.demo["console_url"])
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    assert page.url == f"{console.system.demo['base_url']}/#/inbox"
    assert page.evaluate("() => history.length") <= 2
    page.reload()
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert page.evaluate("() => [sessionStorage.length, JSON.stringify(localStorage), document.cookie]") == [
        0,
        "{}",
        "",
    ]
    page.goto(f"{console.system.demo['base_url']}/#/queue")
    expect(page.get_by_label("API key")).to_be_visible()


def test_invalid_key_shows_an_error_and_the_next_key_works(open_console: Open) -> None:
    console = open_console()
    console.page.goto(console.system.demo["base_url"])
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
    expect(tab.get_by_label("API key")).to_be_visible()
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
