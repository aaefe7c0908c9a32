"""The command palette: everything is found and opened by keyboard."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Open
from tests.browser.test_accessibility import check


def choose(page: Page, typed: str, option: str, key: str = "Control+k") -> None:
    """Open the palette, type, wait for the option and go down to it."""
    page.keyboard.press(key)
    expect(page.get_by_role("combobox", name="Type a command or search", exact=True)).to_be_focused()
    page.keyboard.type(typed)
    wanted = page.get_by_role("option", name=re.compile(option))
    expect(wanted).to_be_visible()
    # Options that are still being read may come between.
    for _ in range(40):
        if wanted.get_attribute("aria-selected") == "true":
            break
        page.keyboard.press("ArrowDown")
    expect(wanted).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Search and commands", exact=True)).to_have_count(0)


def test_pages_items_and_actions_are_found_and_opened_by_keyboard(console: Console) -> None:
    page = console.page
    delivery = console.publish(title="Palette notification")
    contact = console.call_v2("POST", "/contacts", {"name": "Palette Person"})["id"]
    card = console.call_v2("POST", "/kanban", {"title": "Palette card"})["id"]
    task = console.call_v2("POST", "/queue", {"title": "Palette task", "priority": "low"})["id"]
    for typed, option, address in (
        ("boar", "Board", "#/board"),
        ("palette notif", "Palette notification", f"#/inbox/{delivery}"),
        ("PALETTE pers", "Palette Person", f"#/contacts/{contact}"),
        ("palette card", "Palette card", f"#/board/{card}"),
    ):
        choose(page, typed, option)
        expect(page).to_have_url(re.compile(re.escape(address)))
        if "board/" in address:
            expect(page.get_by_role("dialog")).to_be_visible()
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
    choose(page, "palette task", "Palette task", "Meta+k")
    expect(page).to_have_url(re.compile(re.escape(f"#/queue/{task}")))
    choose(page, "shortcuts", "Keyboard shortcuts")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts", exact=True)).to_be_visible()


@pytest.mark.parametrize(("locale", "typed", "page_name"), [("en-GB", "cont", "Contacts"), ("zh-CN", "联系", "联系人")])
def test_the_palette_is_accessible_in_both_languages(
    open_console: Open, locale: str, typed: str, page_name: str
) -> None:
    console = open_console(locale=locale)
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.locator(".live-live")).to_be_attached()
    page.keyboard.press("Control+k")
    expect(page.locator(".palette-input")).to_be_focused()
    check(page, f"palette-{locale}")
    page.keyboard.type(typed)
    expect(page.get_by_role("option", name=re.compile(f"^{page_name}"))).to_be_visible()
    check(page, f"palette-{locale}-typed")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
