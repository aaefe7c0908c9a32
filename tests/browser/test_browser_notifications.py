"""Web Push: notifications of this browser."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Open


def test_browser_notifications_are_turned_on_and_off(open_console: Open) -> None:
    console = open_console(permissions=["notifications"])
    page, context = console.page, console.context
    # Stubbed: the server's VAPID keys and the browser's push service. The service worker and the API are real.
    context.route("**/api/v2/me", lambda route: route.fulfill(json=with_push(route.fetch().json())))
    context.route("**/api/v2/push", lambda route: route.fulfill(json={"success": True, "data": {"publicKey": "BPk"}}))
    page.add_init_script(
        """PushManager.prototype.getSubscription = async () => window.subscribed ?? null;
        PushManager.prototype.subscribe = async () => (window.subscribed = {
          toJSON: () => ({ endpoint: "https://push.example.com/abc", expirationTime: null }),
          unsubscribe: async () => { window.subscribed = null; },
        });"""
    )
    console.sign_in()
    page.get_by_role("button", name="Browser notifications: off").click()
    expect(page.get_by_role("button", name="Browser notifications: on")).to_be_visible()
    assert [each["host"] for each in console.call_v2("GET", "/push")["subscriptions"]] == ["push.example.com"]
    assert page.evaluate("async () => (await navigator.serviceWorker.ready).active.scriptURL").endswith("/sw.js")

    page.get_by_role("button", name="Browser notifications: on").click()
    expect(page.get_by_role("button", name="Browser notifications: off")).to_be_visible()
    expect(page.get_by_text("Browser notifications are off.")).to_be_visible()
    assert console.call_v2("GET", "/push")["subscriptions"] == []


def with_push(reply: dict[str, Any]) -> dict[str, Any]:
    reply["data"]["webPush"]["available"] = True
    return reply
