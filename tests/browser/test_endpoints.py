"""Endpoints of callbacks on the admin page: paused, resumed, and their failed callbacks replayed."""

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Console, Open
from tests.browser.test_delivery_log import wait_for
from tests.browser.test_narrow_screens import check
from tests.support.receiver import Receiver

WORDS = {
    "en-US": (
        "Endpoints",
        "Pause or replay…",
        "Continue",
        "Paused by an administrator",
        "Resume",
        "Replay failed…",
        "sent again",
    ),
    "zh-CN": ("端点", "暂停或重放…", "继续", "由管理员暂停", "恢复", "重放失败的回调…", "重新发送"),
}


def press(console: Console, receiver: Receiver) -> str:
    button = {"label": "Roll back", "action_type": "webhook", "webhook_url": receiver.url}
    delivery_id = console.publish(event_type="fd1.deploy.failed", title="Deploy failed", actions=[button])
    console.system.call("POST", f"/api/v1/inbox/{delivery_id}/actions/0", None, console.key)
    return delivery_id


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("locale", WORDS)
def test_operator_pauses_an_endpoint_resumes_it_and_replays_what_failed(
    open_console: Open, locale: str, width: int
) -> None:
    title, other, go_on, paused, resume, replay, sent_again = WORDS[locale]
    console = open_console(viewport={"width": width, "height": 900}, locale=locale)
    with Receiver() as receiver:
        origin = f"http://127.0.0.1:{receiver.port}"
        receiver.status = 410
        failed = press(console, receiver)
        wait_for(console, failed, "gone")
        receiver.status = 204
        page = console.page
        page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
        expect(page.locator(".live-live")).to_be_attached()
        console.go("operate?tab=callbacks")
        section = page.get_by_role("region", name=title)
        section.get_by_role("button", name=other).click()
        dialog = page.get_by_role("dialog")
        dialog.locator("select[name=integrator]").select_option("fd1")
        dialog.locator("input[name=origin]").fill(receiver.url)
        check(page, f"endpoint-dialog-{locale}-{width}")
        dialog.get_by_role("button", name=go_on).click()
        row = section.get_by_role("listitem").filter(has_text=origin)
        expect(row.get_by_text(paused)).to_be_visible()
        waiting = press(console, receiver)
        page.reload()
        expect(row).to_be_visible()
        check(page, f"endpoint-paused-{locale}-{width}")
        row.get_by_role("button", name=replay).click()
        dialog.get_by_role("button", name=go_on).click()
        expect(section.get_by_role("status").get_by_text(sent_again)).to_be_visible(timeout=30_000)
        row.get_by_role("button", name=resume).click()
        expect(row).to_have_count(0)
        wait_for(console, waiting, "delivered")
        wait_for(console, failed, "delivered")
        check(page, f"endpoint-resumed-{locale}-{width}")


def test_dialog_is_not_sent_before_what_it_shows_has_loaded(open_console: Open) -> None:
    console = open_console()
    console.sign_in()
    page, held, sent = console.page, list[Route](), list[str]()
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.route("**/api/v2/operate/integrators", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks it
    console.go("operate?tab=callbacks")
    page.get_by_role("region", name="Endpoints").get_by_role("button", name="Pause or replay…").click()
    dialog = page.get_by_role("dialog")
    go_on, origin = dialog.get_by_role("button", name="Continue"), dialog.locator("input[name=origin]")
    origin.fill("https://ci.example.com")
    expect(go_on).to_be_disabled()
    origin.press("Enter")
    held[0].fulfill(status=500, json={})
    # What it shows can't be loaded.
    retry = dialog.get_by_role("button", name="Try again")
    expect(retry).to_be_visible()
    expect(go_on).to_be_disabled()
    page.unroute_all()
    retry.click()
    expect(dialog.locator("select[name=integrator]")).to_be_visible()
    expect(go_on).to_be_enabled()
    expect(origin).to_have_value("https://ci.example.com")
    assert [each for each in sent if "callback-endpoints" in each] == []
    console.forgive("500")
