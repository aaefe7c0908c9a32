"""The times that the console offers to snooze until, at every hour of two years in several time zones."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Open

_MODULE = Path(__file__).parents[2] / "infra" / "web" / "src" / "lib" / "snooze-times.js"
_ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")

# Returns the broken rules, each with the first time at which it does not hold.
_CHECK = """
(source) => import(URL.createObjectURL(new Blob([source], { type: "text/javascript" }))).then(({ snoozeChoices }) => {
  const broken = {};
  const check = (holds, rule, from) => { if (!holds) broken[rule] ??= from.toString(); };
  const dayAfter = (from, days) => new Date(from.getFullYear(), from.getMonth(), from.getDate() + days).toDateString();
  const HOUR = 3_600_000;
  const begin = Date.UTC(2026, 0, 1);
  for (let hour = 0; hour < 2 * 366 * 24; hour++) {
    const from = new Date(begin + hour * HOUR + (hour * 7 % 60) * 60_000);
    const choices = snoozeChoices(from);
    const by = Object.fromEntries(choices.map(({ name, until }) => [name, until]));
    check(by.tomorrow, "tomorrow is always offered", from);
    choices.reduce((before, { until }) => (check(until > before, "later than the one before", from), until), from);
    for (const { until } of choices) check(until.getMinutes() === 0, "whole hours", from);
    check(by.tomorrow.toDateString() === dayAfter(from, 1), "tomorrow is the next day", from);
    check(by.tomorrow.getHours() === 9, "tomorrow is in the morning", from);
    check(Boolean(by.later) === (from.getHours() < 21 || new Date(+from + 3 * HOUR).getDate() === from.getDate()),
          "later is offered until the evening", from);
    check(!by.later || by.later.toDateString() === from.toDateString(), "later is today", from);
    check(!by.later || by.later - from > HOUR, "later is more than an hour away", from);
    check(Boolean(by.week) === (from.getDay() !== 0), "next week is offered but on Sundays", from);
    if (!by.week) continue;
    const days = (8 - from.getDay()) % 7 || 7;
    check(by.week.toDateString() === dayAfter(from, days) && by.week.getDay() === 1, "week is the next Monday", from);
    check(by.week.getHours() === 9, "week is in the morning", from);
  }
  return broken;
})
"""


@pytest.fixture(params=_ZONES)
def page(browser: Browser, request: pytest.FixtureRequest) -> Page:
    return browser.new_context(timezone_id=request.param).new_page()


def test_choices_are_what_their_names_say_at_every_hour(page: Page) -> None:
    assert page.evaluate(_CHECK, _MODULE.read_text(encoding="utf-8")) == {}


def test_the_dialog_shows_weekday_date_and_time(open_console: Open) -> None:
    console = open_console(timezone_id="Europe/Berlin")
    delivery_id = console.publish(title="Look at this later")
    console.page.clock.set_fixed_time("2026-11-30T09:10:00Z")
    console.sign_in()
    console.card(delivery_id).click()
    expect(console.page.locator(".sheet h2")).to_contain_text("Look at this later")
    console.page.keyboard.press("s")
    dialog = console.page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Later today")).to_contain_text("Mon 30 Nov, 13:00")
    expect(dialog.get_by_role("button", name="Tomorrow")).to_contain_text("Tue 1 Dec, 09:00")
    expect(dialog.get_by_role("button", name="Next week")).to_contain_text("Mon 7 Dec, 09:00")
