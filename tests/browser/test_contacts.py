"""The contacts."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Console


def test_contact_is_added_found_and_edited(console: Console) -> None:
    page = console.page
    console.go("contacts")
    page.get_by_role("button", name="New contact").click()
    page.get_by_label("Name").fill("Zoë Müller")
    page.get_by_label("Company").fill("Quellwerk")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Zoë Müller")).to_be_visible()
    page.get_by_label("Search contacts").fill("zoe mu")
    expect(page).to_have_url(re.compile("search="))
    expect(page.locator(".items .item")).to_have_count(1)
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Role").fill("Miller")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".person-head")).to_contain_text("Miller · Quellwerk")
