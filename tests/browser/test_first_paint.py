"""The first paint of the console. Its times are printed, not asserted: machines differ."""

from statistics import median

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Open

LOADS = 5
NAMES = ("first-paint", "first-contentful-paint", "largest-contentful-paint")
# The paint times that the browser records, in milliseconds since navigation began.
PAINT_TIMES = """() => new Promise((resolve) => {
  const times = {};
  const note = ({ name, entryType, startTime }) => {
    times[name || entryType] = startTime;
    if (times["first-contentful-paint"] && times["largest-contentful-paint"]) resolve(times);
  };
  for (const type of ["paint", "largest-contentful-paint"]) {
    new PerformanceObserver((seen) => seen.getEntries().forEach(note)).observe({ type, buffered: true });
  }
})"""


def test_first_paint_needs_no_api_call(open_console: Open) -> None:
    console = open_console()
    held: list[Route] = []
    console.page.route("**/api/**", lambda route: held.append(route))  # noqa: PLW0108 - a bound method cannot be given
    with console.page.expect_request("**/api/v2/me"):
        console.page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    times = console.page.evaluate(PAINT_TIMES)
    assert 0 < times["first-paint"] <= times["first-contentful-paint"]
    assert [route.request.url.rpartition("/")[2] for route in held] == ["me"]
    expect(console.page.get_by_role("heading")).to_have_count(0)


def test_first_paint_times_are_printed(open_console: Open, capsys: pytest.CaptureFixture[str]) -> None:
    loads = []
    for _ in range(LOADS):
        # A new browser context: nothing is cached.
        console = open_console()
        console.sign_in()
        times = console.page.evaluate(PAINT_TIMES)
        assert 0 < times[NAMES[0]] <= times[NAMES[1]] <= times[NAMES[2]]
        loads.append(times)
    with capsys.disabled():
        print()
        for name in NAMES:
            durations = [each[name] for each in loads]
            print(f"{name}: median {median(durations):.0f} ms, worst {max(durations):.0f} ms of {LOADS} loads")
