"""What the page shows while the desk is away, and when the user's access has ended."""

from typing import Any

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.browser.conftest import Console, Open


def test_a_revoked_key_leaves_no_content_on_screen(open_console: Open) -> None:
    console = open_console()
    made = console.call_v2("POST", "/keys", {"name": "Lost laptop", "permissions": "all"})
    delivery_id = console.publish(title="Secret plan")
    console.page.goto(f"{console.system.demo['base_url']}/#key={made['key']}")
    expect(console.card(delivery_id)).to_be_visible()
    expect(console.page.locator(".live-live")).to_be_attached()
    assert console.system.call("DELETE", f"/api/v2/keys?id={made['id']}", token=console.key).status == 200
    expect(console.page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "Secret plan" not in console.page.content()
    console.forgive("401", "403", "WebSocket")


def test_live_is_taken_back_when_the_network_is_lost(console: Console) -> None:
    console.context.set_offline(True)
    expect(console.page.locator(".live-live")).to_have_count(0, timeout=5_000)
    missed = console.publish(title="Published while away")
    console.context.set_offline(False)
    expect(console.page.locator(".live-live")).to_be_attached(timeout=30_000)
    expect(console.card(missed)).to_be_visible(timeout=30_000)
    console.forgive("ERR_INTERNET_DISCONNECTED", "WebSocket", "Failed to fetch")


def test_an_idle_tab_takes_live_back_within_five_seconds_of_silence(open_console: Open) -> None:
    console = open_console()
    console.page.clock.install()
    state = {"silent": False}

    def stand_between(client: WebSocketRoute) -> None:
        server = client.connect_to_server()
        server.on_message(lambda message: None if state["silent"] else client.send(message))

    console.page.route_web_socket("**", stand_between)
    console.sign_in()
    state["silent"] = True
    console.page.clock.run_for(5_000)
    expect(console.page.locator(".live-live")).to_have_count(0, timeout=2_000)
    state["silent"] = False
    expect(console.page.locator(".live-live")).to_be_attached(timeout=30_000)


@pytest.mark.parametrize(("status", "headers"), [(502, {}), (429, {"Retry-After": "1"})])
@pytest.mark.parametrize(
    ("page_name", "pattern"), [("inbox", "**/api/v1/inbox?*"), ("queue", "**/api/v2/settings"), ("board", "**/kanban*")]
)
def test_page_heals_when_the_cause_of_its_error_is_over(
    console: Console, page_name: str, pattern: str, status: int, headers: dict[str, str]
) -> None:
    page: Page = console.page
    failing: list[Any] = []

    def fail(route: Route) -> None:
        failing.append(route)
        route.fulfill(status=status, headers=headers, json={"error": "Bad gateway."})

    page.route(pattern, fail)
    console.go(page_name)
    page.reload()
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible()
    page.unroute(pattern, fail)
    expect(alert).to_have_count(0, timeout=30_000)
    console.forgive(str(status))
