"""The inbox under a finger: swipes with undo, pull to refresh, and what they leave alone."""

from collections.abc import Sequence

import pytest
from playwright.sync_api import CDPSession, expect

from tests.browser.conftest import PICTURES, Console, Open
from tests.browser.test_accessibility import SIZES

Point = tuple[float, float]


class Finger:
    """Touches the screen, as the events of a real one are."""

    def __init__(self, console: Console) -> None:
        self._session: CDPSession = console.context.new_cdp_session(console.page)

    def down(self, at: Point) -> None:
        self._send("touchStart", at)

    def move(self, begin: Point, end: Point, steps: int = 8) -> None:
        (left, top), (right, bottom) = begin, end
        for step in range(1, steps + 1):
            part = step / steps
            self._send("touchMove", (left + (right - left) * part, top + (bottom - top) * part))

    def up(self) -> None:
        self._send("touchEnd")

    def drag(self, begin: Point, end: Point) -> None:
        self.down(begin)
        self.move(begin, end)
        self.up()

    def _send(self, kind: str, *points: Point) -> None:
        self._session.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]}
        )


def middle(console: Console, delivery_id: str) -> Point:
    box = console.card(delivery_id).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.fixture
def phone(open_console: Open) -> Console:
    console = open_console(**SIZES["phone"])
    console.sign_in()
    return console


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_swipe_to_the_right_archives_and_can_be_undone(open_console: Open, motion: str) -> None:
    phone = open_console(**SIZES["phone"], reduced_motion=motion)
    phone.sign_in()
    delivery_id = phone.publish(title="Swiped away")
    card, page = phone.card(delivery_id), phone.page
    expect(card).to_be_visible()
    finger, (x, y) = Finger(phone), middle(phone, delivery_id)
    finger.down((x, y))
    finger.move((x, y), (x + 130, y))
    row = page.locator(f'[data-row="{delivery_id}"]')
    expect(row).to_have_attribute("data-swipe", "Archive")
    page.screenshot(path=PICTURES / f"swipe-{motion}.png")
    finger.up()
    expect(card).to_have_count(0)
    assert "/inbox/" not in page.url
    page.locator(".toast", has_text="Archived").get_by_role("button", name="Undo", exact=True).click()
    expect(card).to_be_visible()
    page.reload()
    expect(card).to_be_visible()


def test_a_swipe_to_the_left_snoozes_until_the_chosen_time(phone: Console) -> None:
    first, second = phone.publish(title="Open this"), phone.publish(title="Snooze this")
    page = phone.page
    expect(phone.card(second)).to_be_visible()
    x, y = middle(phone, second)
    Finger(phone).drag((x, y), (x - 130, y))
    page.get_by_role("dialog").get_by_role("button", name="Tomorrow morning").click()
    expect(phone.card(second)).to_have_count(0)
    expect(phone.card(first)).to_be_visible()
    page.locator(".toast", has_text="Snoozed").get_by_role("button", name="Undo", exact=True).click()
    expect(phone.card(second)).to_be_visible()
    # A dialog that is closed leaves the row, and the next one is for what is open.
    x, y = middle(phone, second)
    Finger(phone).drag((x, y), (x - 130, y))
    page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).click()
    phone.card(first).tap()
    # The tab "Snoozed" has the same beginning, and is there until the notification covers the list.
    page.get_by_role("button", name="Snooze", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Tomorrow morning").click()
    expect(phone.card(first)).to_have_count(0)
    expect(phone.card(second)).to_be_visible()


@pytest.mark.parametrize("by", [(60, 0), (-60, 0), (20, 200)])
def test_a_short_swipe_or_a_scroll_does_nothing(phone: Console, by: Sequence[int]) -> None:
    delivery_id = phone.publish(title="Stays")
    expect(phone.card(delivery_id)).to_be_visible()
    x, y = middle(phone, delivery_id)
    Finger(phone).drag((x, y), (x + by[0], y + by[1] / 2))
    expect(phone.card(delivery_id)).to_have_css("transform", "none")
    expect(phone.page.locator(".toast, dialog")).to_have_count(0)
    # A tap still opens it, and keys do what swipes do.
    phone.card(delivery_id).tap()
    expect(phone.page.locator(".sheet h2")).to_have_text("Stays")
    phone.page.keyboard.press("e")
    expect(phone.page.locator(".toast", has_text="Archived")).to_be_visible()


def test_pulling_the_list_refreshes_it(phone: Console) -> None:
    page = phone.page
    delivery_id = phone.publish(title="There already")
    expect(phone.card(delivery_id)).to_be_visible()
    x, y = middle(phone, delivery_id)
    finger = Finger(phone)
    finger.down((x, y))
    finger.move((x, y), (x, y + 60))
    expect(page.locator(".pull")).to_have_text("Pull to refresh")
    finger.move((x, y + 60), (x, y + 200))
    expect(page.locator(".pull")).to_have_text("Let go to refresh")
    page.screenshot(path=PICTURES / "pull-to-refresh.png")
    with page.expect_response("**/api/v1/inbox?*"):
        finger.up()
    expect(page.locator(".pull")).to_have_text("")
    expect(phone.card(delivery_id)).to_be_visible()
