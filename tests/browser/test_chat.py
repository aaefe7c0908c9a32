"""The chat with agents."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Console


def test_chat_completes_mentions_and_shows_agent_messages(console: Console) -> None:
    console.go("chat")
    box = console.page.get_by_role("textbox", name="Write a message", exact=True)
    box.press_sequentially("Hello @scr")
    expect(console.page.get_by_role("option", name=re.compile("Scribe"))).to_be_visible()
    console.page.keyboard.press("Enter")
    expect(box).to_have_value("Hello @scribe ")
    box.press_sequentially("!scout")
    console.page.get_by_role("option", name=re.compile("company")).click()
    expect(box).to_have_value(re.compile(r"!scout\.company $"))
    console.page.keyboard.press("Enter")
    log = console.page.get_by_role("log")
    expect(log.get_by_text("Hello @scribe !scout.company")).to_have_count(1)

    console.call_v2("POST", "/shared-chat/send", {"content": "On it: **three** things."})
    expect(log.locator("strong", has_text="three")).to_be_visible()
