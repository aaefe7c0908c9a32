"""The account page: API keys, integrations and profile."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PICTURES, Open


def test_key_is_created_used_disabled_and_deleted(open_console: Open) -> None:
    console = open_console(permissions=["clipboard-read", "clipboard-write"])
    console.sign_in()
    page, call = console.page, console.system.call
    page.get_by_role("link", name=re.compile("^Account: ")).click()
    page.get_by_role("button", name="New API key", exact=True).click()
    dialog = page.get_by_role("dialog", name="New API key", exact=True)
    dialog.get_by_label("Name").fill("Scribe at work")
    for part in ("Queue", "Chat", "Board"):
        dialog.get_by_role("checkbox", name=part).uncheck()
    dialog.get_by_role("button", name="Create key", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("at least one area")
    dialog.get_by_role("checkbox", name="Contacts", exact=True).check()
    dialog.get_by_role("button", name="Create key", exact=True).click()

    made = page.get_by_role("dialog", name="Your new API key", exact=True)
    key = made.get_by_label("API key", exact=True).input_value()
    made.get_by_role("button", name="Copy: API key", exact=True).click()
    expect(made.get_by_role("button", name="Copied: API key", exact=True)).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == key
    assert made.get_by_label("MCP server URL", exact=True).input_value() == console.system.demo["mcp_url"]
    page.mouse.click(5, 5)
    for _ in range(3):
        page.keyboard.press("Escape")
    expect(made).to_be_visible()
    expect(made.get_by_role("button", name="Close", exact=True)).to_have_count(0)
    page.get_by_role("button", name="I've saved it", exact=True).click()
    assert key not in page.content()
    assert (call("GET", "/api/v2/contacts", token=key).status, call("GET", "/api/v2/queue", token=key).status) == (
        200,
        403,
    )

    row = page.locator(".row-card", has_text="Scribe at work")
    expect(row).to_contain_text("Contacts")
    expect(row).to_contain_text("expires")
    row.get_by_role("button", name="Disable", exact=True).click()
    expect(row.get_by_text("Disabled", exact=True)).to_be_visible()
    assert call("GET", "/api/v2/contacts", token=key).status == 403
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(row.get_by_text("Active", exact=True)).to_be_visible()
    assert call("GET", "/api/v2/contacts", token=key).status == 200

    row.get_by_role("button", name="Delete", exact=True).click()
    sure = page.get_by_role("dialog", name="Delete “Scribe at work”?", exact=True)
    sure.get_by_role("button", name="Cancel", exact=True).click()
    expect(row).to_have_count(1)
    row.get_by_role("button", name="Delete", exact=True).click()
    expect(sure).to_contain_text("can't undo this")
    sure.get_by_role("button", name="Delete", exact=True).click()
    expect(row).to_have_count(0)
    assert call("GET", "/api/v2/contacts", token=key).status == 401


def test_disabling_the_own_key_needs_confirmation_and_signs_out(open_console: Open) -> None:
    console = open_console()
    own = console.call_v2("POST", "/keys", {"name": "A tab's own"})["key"]
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={own}")
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    console.go("you")
    row = page.locator(".row-card", has_text="A tab's own")
    expect(row).to_contain_text("You're signed in with this key")
    row.get_by_role("button", name="Disable", exact=True).click()
    dialog = page.get_by_role("dialog", name=re.compile("Disable"))
    dialog.get_by_role("button", name="Disable", exact=True).click()
    expect(dialog).to_be_visible()
    assert console.system.call("GET", "/api/v2/me", token=own).status == 200

    dialog.get_by_role("checkbox", name="I have another way to sign in", exact=True).check()
    dialog.get_by_role("button", name="Disable", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    assert console.system.call("GET", "/api/v2/me", token=own).status == 403
    # The page asked whether its key has ended, since its socket was closed.
    console.forgive("403", "WebSocket")


def test_integration_is_disabled_and_enabled_by_its_employee(open_console: Open) -> None:
    console = open_console()
    console.sign_in()
    page, call, token = console.page, console.system.call, console.system.demo["personal_tokens"]["alice"]
    console.go("you?tab=integrations")
    row = page.locator(".row-card", has_text="fd1")
    expect(row.get_by_text("Active", exact=True)).to_be_visible()
    row.get_by_role("button", name="Disable", exact=True).click()
    dialog = page.get_by_role("dialog", name=re.compile("^Disable "))
    expect(dialog).to_contain_text("can't publish to you")
    dialog.get_by_role("button", name="Disable", exact=True).click()
    expect(row.get_by_text("Disabled", exact=True)).to_be_visible()
    assert call("GET", "/api/v1/event-types", token=token).status == 401
    row.get_by_role("button", name="Enable", exact=True).click()
    expect(row.get_by_text("Active", exact=True)).to_be_visible()
    console.publish(title="Published again")


def test_key_with_limited_access_is_asked_for_a_full_access_key(open_console: Open) -> None:
    console = open_console()
    part = console.call_v2("POST", "/keys", {"name": "Parts", "permissions": ["inbox", "queue", "chat"]})["key"]
    console.page.goto(f"{console.system.demo['base_url']}/#key={part}")
    expect(console.page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    console.go("you")
    expect(console.page.get_by_text("Sign in with a full-access key")).to_be_visible()


def test_key_with_limited_access_sees_only_what_it_opens(open_console: Open) -> None:
    console = open_console()
    part = console.call_v2("POST", "/keys", {"name": "Board only", "permissions": ["kanban", "queue"]})["key"]
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={part}")
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    names = page.locator(".nav ul .nav-link .nav-text").all_inner_texts()
    assert names == ["Queue", "Board"]
    page.get_by_role("link", name="Board", exact=True).click()
    expect(page.get_by_role("heading", name="Board", exact=True)).to_be_visible()


def test_profile_is_edited_in_place_and_an_error_stands_at_its_field(open_console: Open) -> None:
    console = open_console("bob")
    console.sign_in()
    page = console.page
    console.go("you?tab=profile")
    page.get_by_label("Headline").fill("Mends what others drop")
    skills = page.get_by_label("Skills", exact=True).and_(page.locator("input"))
    skills.fill("Python, C")
    skills.press("Enter")
    skills.fill("Welding")
    page.get_by_label("Who can find you").select_option("Everyone")
    page.get_by_role("switch", name="Quiet hours").check()
    page.get_by_label("From").fill("22:30")
    quiet_zone = page.get_by_label("Time zone").last
    quiet_zone.fill("Mars/Olympus")
    # Another tab changes another field meanwhile. That change must stay.
    console.call_v2("PATCH", "/profile", {"industry": "Repairs"})

    page.get_by_role("button", name="Save", exact=True).click()
    wrong = page.locator("label", has=page.get_by_role("alert"))
    expect(wrong).to_contain_text("Must be a time zone of the IANA database")
    expect(quiet_zone).to_be_focused()
    assert console.call_v2("GET", "/profile")["headline"] is None
    quiet_zone.fill("Europe/Berlin")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Profile saved")).to_be_visible()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    expect(page.get_by_label("Industry")).to_have_value("Repairs")

    profile = console.call_v2("GET", "/profile")
    assert {name: profile[name] for name in ("headline", "industry", "skills", "visibility", "relayQuietHours")} == {
        "headline": "Mends what others drop",
        "industry": "Repairs",
        "skills": ["Python, C", "Welding"],
        "visibility": "public",
        "relayQuietHours": {"start": "22:30", "end": "08:00", "timezone": "Europe/Berlin"},
    }

    page.get_by_label("Headline").fill("Something else")
    page.get_by_role("button", name="Remove: Welding", exact=True).click()
    page.get_by_role("button", name="Discard changes", exact=True).click()
    expect(page.get_by_label("Headline")).to_have_value("Mends what others drop")
    expect(page.get_by_role("button", name="Remove: Welding", exact=True)).to_be_visible()
    console.forgive("400")


@pytest.mark.parametrize(
    ("name", "locale", "options"),
    [
        ("computer", "en-GB", {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"}),
        ("phone", "zh-CN", {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}),
    ],
)
def test_everything_of_a_person_is_downloaded(
    open_console: Open, tmp_path: Path, name: str, locale: str, options: dict[str, Any]
) -> None:
    console = open_console(locale=locale, accept_downloads=True, **options)
    console.call_v2("POST", "/shared-chat/send", {"content": "What is kept of me?"})
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.locator(".live-live")).to_be_attached()
    console.go("you?tab=data")
    button = page.get_by_role("button", name={"en-GB": "Download my data", "zh-CN": "下载我的数据"}[locale])
    expect(button).to_be_enabled()
    page.screenshot(path=PICTURES / f"your-data-{name}.png")
    with page.expect_download() as downloaded:
        button.click()
    assert downloaded.value.suggested_filename == "alice@example.com.zip"
    path = tmp_path / "data.zip"
    downloaded.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        files = {each["section"]: archive.read(each["file"]).decode().splitlines() for each in manifest["sections"]}
    assert {each["section"]: each["records"] for each in manifest["sections"]} == {
        section: len(lines) for section, lines in files.items()
    }
    assert "What is kept of me?" in [json.loads(line)["content"] for line in files["chat"]]
    expect(button).to_be_enabled()


def test_a_download_that_fails_says_so_and_can_be_repeated(open_console: Open) -> None:
    console = open_console()
    console.sign_in()
    page = console.page
    console.go("you?tab=data")
    button = page.get_by_role("button", name="Download my data", exact=True)
    expect(button).to_be_enabled()
    page.route("**/api/v2/me/data*", lambda route: route.fulfill(status=500, json={"error": "It broke."}))
    button.click()
    expect(page.get_by_role("alert").filter(has_text="It broke.")).to_be_visible()
    page.unroute("**/api/v2/me/data*")
    with page.expect_download():
        button.click()
    expect(page.get_by_role("alert").filter(has_text="It broke.")).to_have_count(0)
    console.forgive("500")
