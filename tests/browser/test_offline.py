"""An installed console without a network: the newest notifications are readable, and nobody else's."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, Open
from tests.browser.test_accessibility import check
from tests.browser.test_sign_in import enter, new_link

# A browser that runs the console as an installed application. Automated ones have no such window.
_INSTALLED = """
const matches = window.matchMedia.bind(window);
window.matchMedia = (text) => (text === "(display-mode: standalone)" ? { matches: true } : matches(text));
"""
_KEPT = "async () => (await (await caches.match('kept-inbox'))?.text()) ?? ''"


def open_installed(open_console: Open, name: str = "alice", **options: object) -> Console:
    console = open_console(name, **options)
    console.page.add_init_script(_INSTALLED)
    enter(console, new_link(console.system, name))
    console.page.evaluate("async () => { await navigator.serviceWorker.ready }")
    return console


def wait_until_kept(page: Page, text: str) -> None:
    wait_until(page, lambda: text in page.evaluate(_KEPT))


def wait_until(page: Page, is_so: Callable[[], bool]) -> None:
    """Wait for what only a promise of the page tells."""
    for _ in range(600):
        if is_so():
            return
        page.wait_for_timeout(100)
    raise AssertionError("It does not come to be so.")


def reopen_offline(console: Console) -> None:
    console.forgive("ERR_INTERNET_DISCONNECTED", "WebSocket", "Failed to fetch", "Failed to load resource")
    console.context.set_offline(True)
    console.page.reload()


def test_an_installed_console_opens_offline_with_what_it_has_kept(open_console: Open) -> None:
    console = open_installed(open_console, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = console.page
    console.publish(title="Kept for the train", markdown_body="The whole text.", markdown_body_rendering="expanded")
    wait_until_kept(page, "The whole text.")

    reopen_offline(console)
    note = page.locator(".offline-note")
    expect(note).to_contain_text("You're offline. The desk last answered")
    page.locator(".item", has_text="Kept for the train").click()
    expect(page.locator(".sheet")).to_contain_text("The whole text.")
    check(page, "offline-phone")
    page.get_by_role("button", name="Back", exact=True).click()
    expect(page.locator(".item", has_text="Kept for the train")).to_be_focused()
    check(page, "offline-phone-list")

    # The console comes back by itself, when the network does.
    console.context.set_offline(False)
    expect(page.locator(".live-live")).to_be_attached(timeout=60_000)
    expect(note).to_have_count(0)


def test_signing_out_leaves_nothing_to_read_offline(open_console: Open) -> None:
    console = open_installed(open_console)
    page = console.page
    console.publish(title="Secret plan")
    wait_until_kept(page, "Secret plan")
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    assert page.evaluate(_KEPT) == ""
    reopen_offline(console)
    expect(page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    assert "Secret plan" not in page.content()


def test_an_ended_session_leaves_nothing_to_read_offline(open_console: Open) -> None:
    console, other = open_installed(open_console), open_console()
    page = console.page
    console.publish(title="Secret plan")
    wait_until_kept(page, "Secret plan")
    # The console is closed when its session is ended elsewhere.
    page.goto("about:blank")
    enter(other, new_link(other.system))
    other.go("you?tab=sessions")
    other.page.get_by_role("button", name="Sign out everywhere else", exact=True).click()
    other.page.get_by_role("dialog").get_by_role("button", name="Sign out", exact=True).click()
    expect(other.page.locator(".row-card")).to_have_count(1)
    page.goto(console.system.demo["base_url"])
    expect(page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    assert page.evaluate(_KEPT) == ""
    reopen_offline(console)
    expect(page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    assert "Secret plan" not in page.content()


def test_what_was_kept_of_another_person_is_removed(open_console: Open) -> None:
    console = open_installed(open_console)
    page = console.page
    console.publish(title="Only for Alice")
    wait_until_kept(page, "Only for Alice")
    page.goto(new_link(console.system, "bob"))
    page.get_by_role("dialog").get_by_role("button", name="Sign in as Bob", exact=True).click()
    expect(page.get_by_role("link", name="Bob").first).to_be_visible()
    wait_until(page, lambda: "Only for Alice" not in page.evaluate(_KEPT))
    reopen_offline(console)
    expect(page.locator("#app")).not_to_be_empty()
    assert "Only for Alice" not in page.content()


def test_a_tab_that_is_not_installed_keeps_nothing(open_console: Open) -> None:
    console = open_console()
    enter(console, new_link(console.system))
    delivery_id = console.publish(title="Read in a tab")
    console.card(delivery_id).click()
    expect(console.page.locator(".sheet h2")).to_have_text("Read in a tab")
    assert console.page.evaluate("async () => [await caches.has('fluxden-inbox'), localStorage['fluxden.kept']]") == [
        False,
        None,
    ]


def test_a_push_is_shown_in_the_language_of_the_console(open_console: Open) -> None:
    console = open_console(permissions=["notifications"], locale="en-GB")
    page = console.page
    console.sign_in()
    with console.context.expect_event("serviceworker") as started:
        page.evaluate(
            """async () => {
              const policy = trustedTypes.createPolicy("fluxden", { createScriptURL: (url) => url });
              await navigator.serviceWorker.register(policy.createScriptURL("sw.js"));
              await navigator.serviceWorker.ready;
            }"""
        )
    shown = """
    async () => {
      for (const each of await registration.getNotifications()) each.close();
      const event = new PushEvent("push");
      const done = new Promise((resolve) => (event.waitUntil = resolve));
      self.dispatchEvent(event);
      await (await done);
      return (await registration.getNotifications()).map((each) => [each.body, each.lang]);
    }
    """
    assert started.value.evaluate(shown) == [["You have a new notification.", "en"]]
    console.go("you?tab=profile")
    page.locator(".language select").select_option("zh-CN")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    wait_until(page, lambda: page.evaluate("async () => (await caches.match('language')).text()") == "zh-CN")
    assert started.value.evaluate(shown) == [["您有新通知。", "zh-CN"]]
