"""Signing in and out."""

from playwright.sync_api import expect

from tests.browser.conftest import Open


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
