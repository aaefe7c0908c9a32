"""The contacts."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Console


def test_contact_is_added_found_and_edited(console: Console) -> None:
    page = console.page
    console.go("contacts")
    page.get_by_role("button", name="New contact", exact=True).click()
    page.get_by_label("Name").fill("Zoë Müller")
    page.get_by_label("Company").fill("Quellwerk")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Zoë Müller", exact=True)).to_be_visible()
    page.get_by_label("Search contacts").fill("zoe mu")
    expect(page).to_have_url(re.compile("search="))
    expect(page.locator(".items .item")).to_have_count(1)
    page.get_by_role("button", name="Edit", exact=True).click()
    page.get_by_label("Role").fill("Miller")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".person-head")).to_contain_text("Miller · Quellwerk")


def test_contacts_show_what_an_agent_changes(console: Console) -> None:
    console.go("contacts")
    expect(console.page.get_by_role("heading", name="Contacts", exact=True)).to_be_visible()
    contact = console.call_v2("POST", "/contacts", {"name": "Zora Added"})["id"]
    expect(console.page.get_by_text("Zora Added")).to_be_visible()
    console.call_v2("PATCH", f"/contacts/{contact}", {"name": "Zora Renamed"})
    expect(console.page.get_by_text("Zora Renamed")).to_be_visible()
    assert console.system.call("DELETE", f"/api/v2/contacts/{contact}", token=console.key).status == 200
    expect(console.page.get_by_text("Zora Renamed")).to_have_count(0)
