"""The admin pages."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Console, Open


def test_administrator_creates_a_token_and_sees_it_once(console: Console) -> None:
    page = console.page
    console.publish()
    page.get_by_role("link", name="Admin").click()
    page.get_by_role("button", name="Tools tokens").click()
    page.get_by_role("button", name="New tools token").click()
    page.get_by_role("button", name="Create token").click()
    token = page.get_by_label("Token", exact=True).input_value()
    assert token.startswith("flux-tools-")
    assert console.system.call("GET", "/api/v1/event-types", token=token).status == 200
    page.get_by_role("button", name="I've saved it").click()
    expect(page.get_by_text(token)).to_have_count(0)

    page.get_by_role("button", name="Event types").click()
    expect(page.get_by_role("img", name=re.compile("notifications? in the last 90 days")).first).to_be_visible()
    page.get_by_role("button", name="Failed messages").click()
    expect(page.get_by_text("No failed messages", exact=True)).to_be_visible()


def test_admin_pages_are_hidden_from_other_people(open_console: Open) -> None:
    console = open_console("bob")
    console.sign_in()
    expect(console.page.get_by_role("link", name="Admin")).to_have_count(0)
    for page in ("operate", "nowhere"):
        console.go(page)
        expect(console.page.get_by_text("Page not found.")).to_be_visible()
