"""Keyboard shortcuts that work on every page."""

from playwright.sync_api import expect

from tests.browser.conftest import Console


def test_two_keys_open_a_page(console: Console) -> None:
    for key, name in (
        ("q", "Queue"),
        ("c", "Chat"),
        ("b", "Board"),
        ("p", "Contacts"),
        ("n", "Network"),
        ("y", "Account"),
        ("i", "Inbox"),
    ):
        console.page.keyboard.press("g")
        console.page.keyboard.press(key)
        expect(console.page.get_by_role("heading", name=name, exact=True, level=1)).to_be_visible()
    console.page.keyboard.press("?")
    expect(console.page.get_by_role("dialog", name="Keyboard shortcuts", exact=True)).to_be_visible()
