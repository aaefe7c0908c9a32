"""A person's own channels in their account: added, tested, and removed."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.test_accessibility import check as check_access
from tests.browser.test_narrow_screens import check
from tests.support.receiver import Receiver

WORDS = {
    "en-US": ("Channels", "New channel", "Webhook", "Add channel", "Signing secret", "Send test message"),
    "zh-CN": ("渠道", "新建渠道", "Webhook", "添加渠道", "签名密钥", "发送测试消息"),
}
STATES = {
    "en-US": ("Not tested", "Active", "Remove channel"),
    "zh-CN": ("未测试", "可用", "移除渠道"),
}


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("locale", WORDS)
def test_person_adds_a_webhook_tests_and_removes_it(open_console: Open, locale: str, width: int) -> None:
    title, new, kind, add, secret, test = WORDS[locale]
    untested, active, remove = STATES[locale]
    label = f"Team {locale} {width}"
    console = open_console(viewport={"width": width, "height": 900}, locale=locale)
    page = console.page
    with Receiver() as receiver:
        page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
        expect(page.locator(".live-live")).to_be_attached()
        console.go("you?tab=notifications")
        section = page.get_by_role("region", name=title, exact=True)
        section.get_by_role("button", name=new, exact=True).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("radio", name=kind).check()
        dialog.locator("input[name=label]").fill(label)
        dialog.locator("input[name=url]").fill(receiver.url)
        check(page, f"channel-dialog-{locale}-{width}")
        dialog.get_by_role("button", name=add, exact=True).click()
        expect(dialog.get_by_role("textbox", name=secret)).to_have_value(re.compile("^whsec_"))
        check(page, f"channel-secret-{locale}-{width}")
        dialog.get_by_role("button").last.click()
        row = section.get_by_role("listitem").filter(has_text=label)
        expect(row.get_by_text(untested, exact=True)).to_be_visible()
        receiver.status = 500
        row.get_by_role("button", name=test, exact=True).click()
        expect(row.get_by_text("answered 500")).to_be_visible(timeout=30_000)
        expect(row.get_by_role("button", name=test, exact=True)).to_be_enabled(timeout=30_000)
        receiver.status = 204
        row.get_by_role("button", name=test, exact=True).click()
        expect(row.get_by_text(active, exact=True)).to_be_visible(timeout=30_000)
        assert [each.path for each in receiver.received] == ["/hook", "/hook"]
        check(page, f"channel-active-{locale}-{width}")
        check_access(page, f"channels-{locale}-{width}")
        row.get_by_role("button", name=label).click()
        dialog.get_by_role("button", name=remove, exact=True).click()
        expect(row).to_have_count(0)


def test_a_url_that_leads_nowhere_is_refused_in_the_dialog(open_console: Open) -> None:
    console = open_console()
    console.sign_in()
    console.go("you?tab=notifications")
    page = console.page
    page.get_by_role("button", name="New channel", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[name=label]").fill("Nowhere")
    dialog.locator("input[name=url]").fill("mailto://a@example.com")
    dialog.get_by_role("button", name="Add channel", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("must begin with")
    dialog.locator("input[name=url]").fill("ntfys://169.254.169.254/x")
    dialog.get_by_role("button", name="Add channel", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("must not target")
    console.forgive("400")


RULE_WORDS = {
    "en-US": (
        "Edit",
        "Only these",
        "All of mine, also those I add later",
        "Save",
        "All channels of this rule were removed",
    ),
    "zh-CN": ("编辑", "仅以下渠道", "我的全部渠道，包括以后添加的", "保存", "此规则的渠道均已移除"),
}
PREFERENCES = "/api/v1/me/preferences"


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("locale", RULE_WORDS)
def test_a_rule_names_single_channels_and_is_mended_when_they_are_removed(
    open_console: Open, locale: str, width: int
) -> None:
    edit, some, all_channels, save, all_removed = RULE_WORDS[locale]
    console = open_console("bob", viewport={"width": width, "height": 900}, locale=locale)
    page, call = console.page, console.system.call
    made = {}
    for name in ("Pager", "Team room"):
        body = {"kind": "webhook", "label": f"{name} {width}", "url": f"https://hooks.example.com/{name[:4]}"}
        made[name] = call("POST", "/api/v1/me/channels", body, console.key).json["id"]
    version = call("GET", PREFERENCES, None, console.key).json["version"]
    rule = {"eventType": f"fd1.single-{width}", "ways": ["push", "channel"], "channels": [made["Pager"]]}
    assert call("PUT", PREFERENCES, {"rules": [rule], "version": version}, console.key).status == 200

    def stored() -> dict[str, object]:
        return dict(call("GET", PREFERENCES, None, console.key).json["rules"][0])

    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.locator(".live-live")).to_be_attached()
    console.go("you?tab=notifications")
    row = page.locator("main .row-card").filter(has_text=f"fd1.single-{width}")
    expect(row).to_contain_text(f"Pager {width}")
    row.get_by_role("button", name=edit, exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("radio", name=some, exact=True)).to_be_checked()
    dialog.get_by_role("checkbox", name=f"Pager {width}").uncheck()
    dialog.get_by_role("checkbox", name=f"Team room {width}").check()
    check(page, f"rule-channels-{locale}-{width}")
    dialog.get_by_role("button", name=save, exact=True).click()
    expect(dialog).to_have_count(0)
    expect(row).to_contain_text(f"Team room {width}")
    assert stored()["channels"] == [made["Team room"]]

    assert call("DELETE", f"/api/v1/me/channels/{made['Team room']}", None, console.key).status == 200
    page.reload()
    expect(row).to_contain_text(all_removed)
    check(page, f"rule-channels-removed-{locale}-{width}")
    row.get_by_role("button", name=edit, exact=True).click()
    dialog.get_by_role("radio", name=all_channels, exact=True).check()
    dialog.get_by_role("button", name=save, exact=True).click()
    expect(dialog).to_have_count(0)
    expect(row.locator(".note-warn")).to_have_count(0)
    assert "channels" not in stored()
    call("DELETE", f"/api/v1/me/channels/{made['Pager']}", None, console.key)
    version = call("GET", PREFERENCES, None, console.key).json["version"]
    call("PUT", PREFERENCES, {"version": version}, console.key)
