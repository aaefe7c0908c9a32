"""When the console is first seen. Its milliseconds are told and held against no clock; what they hang on is tested."""

from statistics import median

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Open

LOADS = 5
NAMES = ("first-paint", "first-contentful-paint", "largest-contentful-paint")
# What the browser notes of the load: milliseconds since it was asked for the page.
NOTED = """() => new Promise((resolve) => {
  const told = {};
  const note = ({ name, entryType, startTime }) => {
    told[name || entryType] = startTime;
    if (told["first-contentful-paint"] && told["largest-contentful-paint"]) resolve(told);
  };
  for (const type of ["paint", "largest-contentful-paint"]) {
    new PerformanceObserver((seen) => seen.getEntries().forEach(note)).observe({ type, buffered: true });
  }
})"""


def test_the_first_paint_waits_for_nothing_of_the_api(open_console: Open) -> None:
    console = open_console()
    held: list[Route] = []
    console.page.route("**/api/**", lambda route: held.append(route))  # noqa: PLW0108 - a bound method cannot be given
    console.page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    noted = console.page.evaluate(NOTED)
    assert 0 < noted["first-paint"] <= noted["first-contentful-paint"]
    assert [route.request.url.rpartition("/")[2] for route in held] == ["me"]
    expect(console.page.get_by_role("heading")).to_have_count(0)


def test_how_soon_it_is_seen_is_told(open_console: Open, capsys: pytest.CaptureFixture[str]) -> None:
    loads = []
    for _ in range(LOADS):
        # A browser that has nothing of it yet.
        console = open_console()
        console.sign_in()
        noted = console.page.evaluate(NOTED)
        assert 0 < noted[NAMES[0]] <= noted[NAMES[1]] <= noted[NAMES[2]]
        loads.append(noted)
    with capsys.disabled():
        print()
        for name in NAMES:
            times = [each[name] for each in loads]
            print(f"{name}: median {median(times):.0f} ms, worst {max(times):.0f} ms of {LOADS} loads")
