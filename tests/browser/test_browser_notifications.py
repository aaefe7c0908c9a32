"""Web Push: notifications of this browser."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.support.receiver import Receiver


def test_browser_notifications_are_turned_on_and_off(open_console: Open) -> None:
    console = open_console(permissions=["notifications"])
    page, context = console.page, console.context
    # Stubbed: the server's VAPID keys and the browser's push service. The service worker and the API are real.
    context.route("**/api/v2/me", lambda route: route.fulfill(json=with_push(route.fetch().json())))
    context.route("**/api/v2/push", lambda route: route.fulfill(json={"success": True, "data": {"publicKey": "BPk"}}))
    page.add_init_script(
        """PushManager.prototype.getSubscription = async () => window.subscribed ?? null;
        PushManager.prototype.subscribe = async () => (window.subscribed = {
          toJSON: () => ({ endpoint: "https://push.example.com/abc", expirationTime: null, keys: {
            p256dh: "A".repeat(87), auth: "A".repeat(22) } }),
          unsubscribe: async () => { window.subscribed = null; },
        });"""
    )
    console.sign_in()
    page.get_by_role("button", name="Browser notifications: off", exact=True).click()
    expect(page.get_by_role("button", name="Browser notifications: on", exact=True)).to_be_visible()
    assert [each["host"] for each in console.call_v2("GET", "/push")["subscriptions"]] == ["push.example.com"]
    assert page.evaluate("async () => (await navigator.serviceWorker.ready).active.scriptURL").endswith("/sw.js")

    page.get_by_role("button", name="Browser notifications: on", exact=True).click()
    expect(page.get_by_role("button", name="Browser notifications: off", exact=True)).to_be_visible()
    expect(page.get_by_text("Browser notifications are off.")).to_be_visible()
    assert console.call_v2("GET", "/push")["subscriptions"] == []


def test_account_shows_a_subscription_that_was_refused(open_console: Open) -> None:
    console = open_console(name="bob")
    with Receiver() as receiver:
        receiver.status = 403
        made = console.call_v2("POST", "/push/subscriptions", {"endpoint": receiver.url})
        console.sign_in()
        console.go("you?tab=browsers")
        row = console.page.locator(".row-card", has_text="127.0.0.1")
        expect(row).to_contain_text("On")
        # Only a tab that nobody looks at leaves notifications to other browsers.
        console.page.evaluate(
            """() => {
              Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
              document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
        while console.publish_answer(title="For the phone").get("pushed"):
            console.page.wait_for_timeout(50)
        expect(row).to_contain_text("Ended")
        expect(row).to_contain_text("status 403")
        expect(console.page.locator(".toast")).to_contain_text("127.0.0.1 refused them")
    row.get_by_role("button", name="Remove", exact=True).click()
    expect(row).to_have_count(0)
    assert made["id"] not in str(console.call_v2("GET", "/push"))


def with_push(reply: dict[str, Any]) -> dict[str, Any]:
    reply["data"]["webPush"]["available"] = True
    return reply


PUSH = """async (id) => {
  self.dispatchEvent(new PushEvent("push", id ? { data: id } : {}));
  let shown = [];
  while (!shown.length) {
    await new Promise((resume) => setTimeout(resume, 20));
    shown = await registration.getNotifications();
  }
  return shown[0].data;
}"""
CLICK = """async () => {
  const [notification] = await registration.getNotifications();
  self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
}"""
REGISTER = """async () => {
  const policy = trustedTypes.createPolicy("fluxden", { createScriptURL: (url) => url });
  await navigator.serviceWorker.register(policy.createScriptURL("sw.js"));
  await navigator.serviceWorker.ready;
}"""


def test_opening_a_notification_shows_what_it_was_about(open_console: Open) -> None:
    console = open_console(permissions=["notifications"])
    page, base = console.page, console.system.demo["base_url"]
    told = console.publish(title="What the phone showed")
    console.publish(title="Newer")
    # Nobody is signed in, and the page is open.
    page.goto(f"{base}/")
    expect(page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    with console.context.expect_event("serviceworker") as started:
        page.evaluate(REGISTER)
    worker = started.value
    assert worker.evaluate(PUSH, told) == f"inbox/{told}"
    worker.evaluate(CLICK)
    page.wait_for_url(f"**/#/inbox/{told}")
    page.get_by_text("Use an API key").click()
    page.get_by_label("API key").fill(console.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="What the phone showed", exact=True)).to_be_visible()
    expect(page.locator(".live-live")).to_be_attached()

    # Signed in, an open window is led there from another page.
    console.go("board")
    expect(page.get_by_role("heading", name="Board", exact=True)).to_be_visible()
    other = console.publish(title="While the board was open")
    console.publish(title="Newer still")
    worker.evaluate(PUSH, other)
    worker.evaluate(CLICK)
    expect(page.get_by_role("heading", name="While the board was open", exact=True)).to_be_visible()

    # A message about a task leads to the queue, which selects it.
    task = console.call_v2("POST", "/queue", {"title": "Proposed meanwhile", "priority": "urgent"})["id"]
    worker.evaluate("async () => (await registration.getNotifications()).forEach((each) => each.close())")
    assert worker.evaluate(PUSH, f"queue/{task}") == f"queue/{task}"
    worker.evaluate(CLICK)
    expect(page.locator(f'[data-task="{task}"]')).to_be_focused()
    console.call_v2("POST", f"/queue/{task}/confirm", {"action": "reject"})
    assert worker.evaluate(PUSH, "queue/../evil") == "newest"
    worker.evaluate("async () => (await registration.getNotifications()).forEach((each) => each.close())")

    # A message that names nothing leads to the newest.
    console.go("board")
    newest = console.publish(title="The newest of all")
    assert worker.evaluate(PUSH, "") == "newest"
    worker.evaluate(CLICK)
    page.wait_for_url(f"**/#/inbox/{newest}")
