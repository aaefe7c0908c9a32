"""An event that is sent again: its count and last time, and how it comes back unread."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PICTURES, Console, Open
from tests.browser.test_accessibility import check

EN = {"locale": "en-GB", "unread": "Unread", "sent": "Sent {} times, last "}
ZH = {"locale": "zh-CN", "unread": "未读", "sent": "已发送 {} 次，最近一次："}


def is_above(console: Console, upper: str, lower: str) -> None:
    """Wait until one row of the list is above another."""
    console.page.wait_for_function(
        """([upper, lower]) => {
            const [a, b] = [upper, lower].map((id) => document.getElementById(`item-${id}`));
            return a && b && a.getBoundingClientRect().top < b.getBoundingClientRect().top;
        }""",
        arg=[upper, lower],
    )


def wait_until_read(console: Console, delivery: str) -> None:
    """Wait until the desk knows what the page shows: the page sends changes together, seconds later."""
    for _ in range(600):
        answer = console.system.call("GET", f"/api/v1/inbox/{delivery}", token=console.key)
        if answer.json["readAt"]:
            return
        console.page.wait_for_timeout(100)
    raise AssertionError("The desk is not told that the notification was read.")


@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_a_notification_that_was_read_comes_back_unread_on_top_unless_it_is_open(
    open_console: Open, words: dict[str, str]
) -> None:
    console = open_console(locale=words["locale"], reduced_motion="reduce")
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.locator(".live-live")).to_be_attached()
    event = {"event_id": str(uuid4()), "title": "The disk of db-1 is nearly full"}
    delivery = console.publish(**event)
    row = console.card(delivery)
    unread = row.get_by_role("img", name=words["unread"], exact=True)
    expect(unread).to_be_visible()
    row.click()
    expect(unread).to_have_count(0)
    wait_until_read(console, delivery)
    newer = console.publish(title="Something newer")
    is_above(console, newer, delivery)

    # It is open, so it stays where it is.
    assert console.publish(**event) == delivery
    expect(page.locator(".sheet")).to_contain_text(words["sent"].format(2))
    expect(row).to_contain_text("×2 · ")
    expect(unread).to_be_visible()
    is_above(console, newer, delivery)
    page.screenshot(path=PICTURES / f"repeats-pane-{words['locale']}.png")

    page.keyboard.press("r")
    expect(unread).to_have_count(0)
    wait_until_read(console, delivery)
    page.keyboard.press("Escape")
    expect(page.locator(".sheet")).to_have_count(0)
    assert console.publish(**event) == delivery
    expect(unread).to_be_visible()
    is_above(console, delivery, newer)
    expect(row).to_contain_text("×3 · ")
    check(page, f"repeats-{words['locale']}")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(row).to_be_visible()
    page.screenshot(path=PICTURES / f"repeats-phone-{words['locale']}.png")
    row.click()
    expect(page.locator(".sheet")).to_contain_text(words["sent"].format(3))
    page.screenshot(path=PICTURES / f"repeats-phone-pane-{words['locale']}.png")
