"""Critical notifications ask for attention on every page of the console."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PICTURES, Open
from tests.browser.test_accessibility import SIZES

COUNT_SOUNDS = """window.sounds = 0;
AudioContext.prototype.createGain = new Proxy(AudioContext.prototype.createGain, {
  apply: (create, context) => { window.sounds += 1; return Reflect.apply(create, context, []); },
});"""


@pytest.mark.parametrize(
    ("locale", "size", "one", "many"),
    [
        ("en-GB", "computer", "Critical: {}", "2 critical notifications"),
        ("zh-CN", "phone", "严重：{}", "2 条严重通知"),
    ],
)
def test_a_critical_notification_asks_for_attention_until_it_is_read(
    open_console: Open, locale: str, size: str, one: str, many: str
) -> None:
    console = open_console(**SIZES[size], locale=locale)
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.locator(".live-live")).to_be_attached()
    console.go("board")
    alert = page.get_by_role("alert")
    console.publish(title="Only a warning", severity="warn")
    first = console.publish(title="Checkout is down", severity="critical")
    expect(alert).to_contain_text(one.format("Checkout is down"))
    page.screenshot(path=PICTURES / f"attention-{size}.png")
    second = console.publish(title="Payments are down", severity="critical")
    expect(alert).to_contain_text(many)
    expect(alert).to_have_count(1)
    # What is read elsewhere asks no longer.
    console.change_delivery(first, {"read": True})
    expect(alert).to_contain_text(one.format("Payments are down"))
    alert.get_by_role("link").click()
    expect(page.locator(".sheet h2")).to_have_text("Payments are down")
    expect(alert).to_have_count(0)
    assert second in page.url


def test_attention_is_asked_for_without_motion_where_it_is_unwanted(open_console: Open) -> None:
    console = open_console(reduced_motion="reduce")
    console.sign_in()
    delivery_id = console.publish(title="The cellar is flooded", severity="critical")
    alert = console.page.get_by_role("alert")
    expect(alert).to_be_visible()
    assert "attention" not in alert.evaluate("each => getComputedStyle(each).animationName")
    console.change_delivery(delivery_id, {"archived": True})
    expect(alert).to_have_count(0)


def test_sound_is_off_until_it_is_turned_on_and_the_alert_can_be_turned_off(open_console: Open) -> None:
    console = open_console()
    page = console.page
    page.add_init_script(COUNT_SOUNDS)
    console.sign_in()
    console.publish(title="Silent", severity="critical")
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible()
    assert page.evaluate("window.sounds") == 0
    alert.get_by_role("button", name="Dismiss").click()
    expect(alert).to_have_count(0)

    console.go("you?tab=browsers")
    sound = page.get_by_role("switch", name="Sound for critical notifications")
    expect(sound).not_to_be_checked()
    sound.check()
    assert page.evaluate("window.sounds") == 1
    page.get_by_role("switch", name="Show critical notifications on every page").uncheck()
    console.publish(title="Heard", severity="critical")
    page.wait_for_function("window.sounds === 2")
    expect(alert).to_have_count(0)
    page.reload()
    expect(sound).to_be_checked()
