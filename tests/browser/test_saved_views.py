"""Saved views of the inbox: shown beside the tabs with a badge, opened by a shortcut, the same in every browser."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Console, Open


def test_a_view_is_saved_counted_opened_by_its_shortcut_and_removed(open_console: Open) -> None:
    console = open_console("bob")
    console.save_views([])
    console.sign_in()
    page = console.page
    console.publish(title="Loud", severity="critical")
    console.go("inbox?severity=critical")
    page.get_by_role("button", name="Save view", exact=True).click()
    page.get_by_label("Name").fill("Outages")
    page.keyboard.press("Enter")
    view = page.get_by_role("button", name=re.compile("^Outages"))
    expect(view).to_have_attribute("aria-pressed", "true")
    (saved,) = console.saved_views()["views"]
    assert saved["unread"] >= 1
    expect(view).to_contain_text(re.compile(rf"Outages\s*{saved['unread']}\b"))

    # The badge follows what arrives.
    console.publish(title="Louder", severity="critical")
    expect(view).to_contain_text(re.compile(rf"Outages\s*{saved['unread'] + 1}\b"), timeout=20_000)

    # It belongs to the person, not to the browser.
    other = open_console("bob")
    other.sign_in()
    expect(other.page.get_by_role("button", name=re.compile("^Outages"))).to_be_visible()
    other.page.keyboard.press("v")
    other.page.keyboard.press("1")
    expect(other.page).to_have_url(re.compile("severity=critical"))
    other.page.get_by_role("button", name="Remove view Outages", exact=True).click()
    expect(other.page.get_by_role("button", name=re.compile("^Outages"))).to_have_count(0)


def test_a_name_that_is_taken_is_said_in_the_dialog(console: Console) -> None:
    console.save_views([])
    page = console.page
    page.reload()
    for severity in ("warn", "info"):
        console.go(f"inbox?severity={severity}")
        expect(page.get_by_role("button", name="Remove filter")).to_be_visible()
        page.get_by_role("button", name="Save view", exact=True).click()
        page.get_by_label("Name").fill("Twice")
        page.keyboard.press("Enter")
        if severity == "warn":
            expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("alert")).to_be_visible()
    console.forgive("400")
