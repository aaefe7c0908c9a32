"""The API's documentation pages: they load little, look right, and their examples can be sent as they stand."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.browser.test_accessibility import SIZES, check
from tests.support.started_desk import StartedDesk

LARGEST_PAGE = 500_000


def _open(page: Page, system: StartedDesk, version: str, token: str = "") -> None:
    page.goto(f"{system.demo['base_url']}/api/{version}/docs")
    expect(page.get_by_role("heading", name="Which token", exact=True)).to_be_visible()
    if token:
        page.get_by_label("Token").fill(token)


def _try(page: Page, operation: str, **fields: str) -> str:
    """Send the operation's example, and return the status."""
    shown = page.locator(f"details#{operation}")
    if not shown.evaluate("each => each.open"):
        shown.locator("summary").first.click()
    for name, value in fields.items():
        shown.get_by_label(name).fill(value)
    with page.expect_response(lambda response: "/docs" not in response.url) as sent:
        shown.get_by_role("button", name="Send", exact=True).click()
    sent.value.finished()
    expect(shown.locator(".output .status")).to_be_visible()
    return str(shown.locator(".output .status").inner_text())


@pytest.fixture
def page(browser: Browser) -> Any:
    context = browser.new_context(viewport=SIZES["computer"]["viewport"])
    made = context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    yield made
    context.close()
    assert errors == []


def test_examples_of_v1_are_accepted_as_they_stand(page: Page, system: StartedDesk) -> None:
    _open(page, system, "v1", system.alice)
    assert _try(page, "publish_event") == "202"
    # The form of the next operation starts with the delivery's id.
    assert _try(page, "get_event") == "200"
    assert _try(page, "supplement_event") == "201"
    assert _try(page, "resolve_event") == "200"
    # The same event again is a repeat, and a body that is reset a second later has a new id.
    assert _try(page, "publish_event") == "200"
    page.wait_for_timeout(1100)
    page.locator("#publish_event").get_by_role("button", name="Reset body", exact=True).click()
    assert _try(page, "publish_event") == "202"
    expect(page.locator("#publish_event .output")).to_contain_text("Bearer $TOKEN")
    page.get_by_label("Token").fill(str(system.demo["tools_tokens"]["fd1"]))
    assert _try(page, "publish_bulk") == "202"
    assert _try(page, "call_mcp") == "200"


def test_examples_of_v2_are_accepted_as_they_stand(page: Page, system: StartedDesk) -> None:
    _open(page, system, "v2", system.alice_key)
    assert _try(page, "add_queue_item") == "201"
    assert _try(page, "confirm_queue_item") == "200"
    assert _try(page, "complete_queue_item") == "200"
    assert _try(page, "send_message") == "201"
    assert _try(page, "list_queue") == "200"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_everything_can_be_opened(page: Page, system: StartedDesk, version: str) -> None:
    _open(page, system, version)
    # Members of members of members are enough: schemas can contain themselves.
    for _ in range(4):
        page.evaluate("document.querySelectorAll('details:not([open])').forEach((each) => (each.open = true))")
        page.wait_for_timeout(300)
    assert page.locator(".operation .contents").count() == page.locator(".operation").count() > 30
    text = " ".join(page.locator(":is(.type, .values, .name, pre)").all_inner_texts())
    assert [each for each in ("undefined", "[object", "NaN") if each in text] == []


def test_a_call_without_a_token_says_what_is_missing(page: Page, system: StartedDesk) -> None:
    _open(page, system, "v2")
    assert _try(page, "list_queue") == "401"
    expect(page.locator("#list_queue .output")).to_contain_text("Enter a token")


def test_operations_are_found_by_words_and_by_address(page: Page, system: StartedDesk) -> None:
    _open(page, system, "v1")
    page.get_by_label("Find an operation").fill("events bulk")
    expect(page.locator(".operation:visible")).to_have_count(1)
    page.goto(f"{system.demo['base_url']}/api/v1/docs#claim_token")
    page.reload()
    expect(page.locator("#claim_token").get_by_role("heading", name="Try it out", exact=True)).to_be_visible()


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_page_loads_little_and_only_from_the_desk(page: Page, system: StartedDesk, version: str) -> None:
    loaded: list[Response] = []
    page.on("response", lambda response: loaded.append(response))  # noqa: PLW0108 - its handlers are functions
    _open(page, system, version)
    assert all(response.url.startswith(system.demo["base_url"]) for response in loaded)
    assert sum(len(response.body()) for response in loaded) < LARGEST_PAGE


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("version", "operation"), [("v1", "publish_event"), ("v2", "list_mentions")])
def test_a_page_is_accessible(
    browser: Browser, system: StartedDesk, theme: Any, size: str, version: str, operation: str
) -> None:
    context = browser.new_context(color_scheme=theme, reduced_motion="reduce", **SIZES[size])
    page = context.new_page()
    _open(page, system, version, system.alice)
    check(page, f"{size}-{theme}-docs-{version}")
    _try(page, operation)
    page.locator(f"#{operation} .response summary").first.click()
    page.locator(f"#{operation}").scroll_into_view_if_needed()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    check(page, f"{size}-{theme}-docs-{version}-{operation}")
    context.close()
