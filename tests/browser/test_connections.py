"""Connections with people at other desks."""

from playwright.sync_api import expect

from tests.browser.conftest import Console


def test_connection_request_can_be_sent_and_withdrawn(console: Console) -> None:
    page = console.page
    console.go("network")
    page.get_by_role("button", name="Request connection").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("URL of their desk").fill("https://desk.north.example")
    dialog.get_by_label("Their email address").fill("nora@north.example")
    dialog.get_by_role("button", name="Request connection").click()
    row = page.locator(".row-card", has_text="nora@north.example")
    expect(row).to_contain_text("Awaiting reply")
    row.get_by_role("button", name="Withdraw").click()
    expect(row).to_contain_text("Declined")
