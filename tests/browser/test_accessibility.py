"""Every page in both themes, on a phone and on a computer: accessibility rules (axe) and screenshots."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import PICTURES, Console, Open

SIZES: dict[str, dict[str, Any]] = {
    "computer": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
PAGES = (
    "inbox",
    "queue",
    "chat",
    "board",
    "contacts",
    "network",
    "operate",
    "you",
    "you?tab=approvals",
    "you?tab=access",
    "you?tab=integrations",
    "you?tab=notifications",
    "you?tab=ingest",
    "you?tab=profile",
    "you?tab=browsers",
    "you?tab=passkeys",
    "you?tab=security",
    "you?tab=data",
)
ADMIN_TABS = (
    "integrators",
    "tokens",
    "catalog",
    "approvals",
    "log",
    "desks",
    "types",
    "letters",
    "callbacks",
    "budgets",
    "audit",
)
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RULES = {"runOnly": {"type": "tag", "values": TAGS}}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_accessible(open_console: Open, theme: str, size: str) -> None:
    console = open_console(color_scheme=theme, reduced_motion="reduce", **SIZES[size])
    name = f"{size}-{theme}"
    console.page.goto(console.system.demo["base_url"])
    expect(console.page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    check(console.page, f"{name}-sign-in")
    delivery_id = console.publish(
        title="Build 812 failed",
        severity="warn",
        tone="negative",
        summary="The linker cannot find libwidget since the last merge.",
        markdown_body="## Log\n\n| job | time |\n| --- | --- |\n| build | 12 s |\n\n```\nld: cannot find -lwidget\n```",
        markdown_body_rendering="expanded",
        labels={"repo": "widget-pro", "branch": "main"},
        actor={"email": "mira@example.com", "name": "Mira Okonkwo"},
        external_status="firing",
        actions=[{"label": "Open log", "action_type": "url", "url": "https://ci.example.com/812/log"}],
    )
    console.call_v2("POST", "/queue", {"title": "Answer the auditor", "priority": "urgent", "type": "agent_suggestion"})
    console.call_v2(
        "POST", "/shared-chat/send", {"content": "Three things need your attention:\n\n1. **Build 812** failed"}
    )
    console.sign_in()
    admin = [f"operate?tab={tab}" for tab in ADMIN_TABS if size == "computer"]
    contact_id = console.call_v2("POST", "/contacts", {"name": "Mira Okonkwo", "email": "mira@example.com"})["id"]
    for page in (*PAGES, f"inbox/{delivery_id}", f"contacts/{contact_id}", *admin):
        console.go(page)
        expect(console.page.locator(".skeleton")).to_have_count(0)
        expect(console.page.locator("main :is(h1, h2)").first).to_be_attached()
        shown = page.replace(delivery_id, "reading").replace(contact_id, "open")
        check(console.page, f"{name}-{shown.replace('/', '-').replace('?tab=', '-')}")
    # The list of before is shown until this one is read.
    with console.page.expect_response("**/api/v1/inbox?*"):
        console.go("inbox")
    expect(console.page.locator(".skeleton")).to_have_count(0)
    check_inbox_tools(console, name)
    console.page.get_by_role("button", name="Keyboard shortcuts", exact=True).click()
    check(console.page, f"{name}-help")
    console.page.keyboard.press("Escape")
    console.go("you")
    console.page.get_by_role("button", name="New API key", exact=True).click()
    expect(console.page.get_by_role("dialog")).to_be_visible()
    check(console.page, f"{name}-you-new-key")
    console.page.get_by_label("Name").fill(f"Scribe, {name}")
    console.page.get_by_role("button", name="Create key", exact=True).click()
    expect(console.page.get_by_label("API key", exact=True)).to_be_visible()
    check(console.page, f"{name}-you-created-key")
    console.page.get_by_role("button", name="I've saved it", exact=True).click()
    console.page.locator(".row-card", has_text="signed in with this key").get_by_role(
        "button", name="Delete", exact=True
    ).click()
    expect(console.page.get_by_role("dialog")).to_contain_text("Every tab that uses it will be signed out")
    check(console.page, f"{name}-you-delete-key")


def check_inbox_tools(console: Console, name: str) -> None:
    """Check what opens over the inbox: a selection, the dialogs for it, filters and the palette."""
    page, dialog = console.page, console.page.get_by_role("dialog")
    expect(page.locator(".item")).not_to_have_count(0)
    page.keyboard.press("x")
    expect(page.get_by_role("toolbar")).to_be_visible()
    check(page, f"{name}-inbox-selection")
    for key, shown in (("s", "snooze"), ("R", "resolve"), ("Control+k", "palette")):
        page.keyboard.press(key)
        expect(dialog).to_be_visible()
        check(page, f"{name}-inbox-{shown}")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("toolbar")).to_have_count(0)


@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_accessible_in_chinese(open_console: Open, size: str) -> None:
    console = open_console(locale="zh-CN", reduced_motion="reduce", **SIZES[size])
    console.page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(console.page.get_by_role("heading", name="收件箱", exact=True)).to_be_visible()
    for page in (*PAGES, *(f"operate?tab={tab}" for tab in ADMIN_TABS)):
        console.go(page)
        expect(console.page.locator(".skeleton")).to_have_count(0)
        expect(console.page.locator("main :is(h1, h2)").first).to_be_attached()
        check(console.page, f"{size}-chinese-{page.replace('?tab=', '-')}")


def check(page: Page, name: str) -> None:
    """Take a screenshot, and check the page against the accessibility rules."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
    found = Axe().run(page, options=RULES).response["violations"]
    # Of every impact, minor and moderate too.
    assert [(each["id"], each["impact"], [node["html"] for node in each["nodes"]]) for each in found] == [], name
    width = page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], f"{name} is wider than its window"


def test_touch_targets_are_large_enough(open_console: Open) -> None:
    console: Console = open_console(**SIZES["phone"])
    console.sign_in()
    for page in PAGES:
        console.go(page)
        expect(console.page.locator(".skeleton")).to_have_count(0)
        small = console.page.evaluate(
            """() => [...document.querySelectorAll("button, select, nav a, input:not([type=checkbox])")]
              .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 43.5)
              .map((each) => each.outerHTML)"""
        )
        assert small == [], page
