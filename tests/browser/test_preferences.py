"""How notifications reach a person: rules, quiet hours and a pause under Account."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Console, Open
from tests.browser.test_accessibility import check

PATH = "/api/v1/me/preferences"
EN = {
    "locale": "en-GB",
    "new": "New rule",
    "type": "Event type (optional)",
    "mute": "Mute",
    "inbox": "Inbox only",
    "save": "Save",
    "edit": "Edit",
    "rest": "Everything else",
    "everything": "Everything",
    "remove": "Remove the rule for {}",
    "quiet": "Set quiet hours",
    "from": "From",
    "until": "Until",
    "zone": "Time zone",
    "off": "Turn off",
    "pause": "Pause notifications",
    "resume": "Resume",
    "digest": "Change digest",
    "weekly": "Every Friday at 16:30, Asia/Tokyo",
    "hourly": "Every full hour, Asia/Tokyo",
    "waits": "Change waits",
    "waitsTitle": "Wait before sending",
    "default": "Default: 1 or 2 minutes",
    "webhook": "Webhooks",
    "fiveMinutes": "5 min",
    "repeats": "Show them as unread again",
}
ZH = {
    "locale": "zh-CN",
    "new": "新建规则",
    "type": "事件类型（可选）",
    "mute": "静音",
    "inbox": "仅收件箱",
    "save": "保存",
    "edit": "编辑",
    "rest": "其他全部",
    "everything": "全部",
    "remove": "移除“{}”的规则",
    "quiet": "设置免打扰时段",
    "from": "从",
    "until": "到",
    "zone": "时区",
    "off": "关闭",
    "pause": "暂停通知",
    "resume": "恢复",
    "digest": "更改摘要",
    "weekly": "每周五 16:30，Asia/Tokyo",
    "hourly": "每个整点，Asia/Tokyo",
    "waits": "更改等待时间",
    "waitsTitle": "发送前等待",
    "default": "默认：1 或 2 分钟",
    "webhook": "Webhook",
    "fiveMinutes": "5 分钟",
    "repeats": "重新显示为未读",
}


def stored(console: Console) -> dict[str, Any]:
    found: dict[str, Any] = console.system.call("GET", PATH, None, console.key).json
    return found


def reset(console: Console) -> None:
    version = stored(console)["version"]
    assert console.system.call("PUT", PATH, {"version": version}, console.key).status == 200


@pytest.fixture
def open_reset(open_console: Open) -> Iterator[Open]:
    """Open consoles of a person without preferences, who has none afterwards: other tests share the desk."""
    opened: list[Console] = []

    def make(**options: Any) -> Console:
        opened.append(open_console("bob", **options))
        reset(opened[-1])
        return opened[-1]

    yield make
    for each in opened:
        reset(each)


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_a_person_sets_rules_quiet_hours_and_a_pause(open_reset: Open, words: dict[str, str], width: int) -> None:
    console = open_reset(viewport={"width": width, "height": 900}, locale=words["locale"], reduced_motion="reduce")
    page, name = console.page, f"{words['locale']}-{width}"
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.locator(".live-live")).to_be_attached()
    console.go("you?tab=notifications")
    rows = page.locator("main .row-card")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(words["everything"])

    page.get_by_role("button", name=words["new"]).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(words["type"]).fill("fd1.repo")
    dialog.get_by_role("radio", name=words["mute"]).check()
    check(page, f"preferences-rule-{name}")
    dialog.get_by_role("button", name=words["save"]).click()
    expect(dialog).to_have_count(0)
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("fd1.repo")
    expect(rows.first).to_contain_text(words["mute"])
    expect(rows.last).to_contain_text(words["rest"])
    assert stored(console)["rules"] == [{"eventType": "fd1.repo", "ways": ["mute"]}]

    rows.first.get_by_role("button", name=words["edit"]).click()
    dialog.get_by_role("radio", name=words["inbox"]).check()
    dialog.get_by_role("button", name=words["save"]).click()
    expect(rows.first).to_contain_text(words["inbox"])
    assert stored(console)["rules"] == [{"eventType": "fd1.repo", "ways": ["inbox"]}]

    page.get_by_role("button", name=words["quiet"]).click()
    dialog.get_by_label(words["from"], exact=True).fill("21:30")
    dialog.get_by_label(words["until"], exact=True).fill("06:15")
    dialog.get_by_label(words["zone"]).fill("Asia/Tokyo")
    check(page, f"preferences-quiet-{name}")
    dialog.get_by_role("button", name=words["save"]).click()
    expect(page.get_by_text("21:30–06:15, Asia/Tokyo")).to_be_visible()
    assert stored(console)["quietHours"] == {"start": "21:30", "end": "06:15", "exceptCritical": True}

    page.get_by_role("button", name=words["pause"]).click()
    check(page, f"preferences-pause-{name}")
    dialog.get_by_role("button", name=words["pause"]).click()
    expect(page.get_by_role("button", name=words["resume"], exact=True)).to_be_visible()
    assert stored(console)["pausedUntil"]
    check(page, f"preferences-{name}")

    repeats = page.get_by_role("switch", name=words["repeats"])
    expect(repeats).to_be_checked()
    with page.expect_response(lambda each: each.request.method == "PUT" and each.url.endswith(PATH)):
        repeats.click()
    expect(repeats).not_to_be_checked()
    assert stored(console)["unreadOnRepeat"] is False

    page.get_by_role("button", name=words["resume"], exact=True).click()
    expect(page.get_by_role("button", name=words["pause"])).to_be_visible()
    page.get_by_role("button", name=words["off"], exact=True).click()
    expect(page.get_by_role("button", name=words["quiet"])).to_be_visible()
    rows.first.get_by_role("button", name=words["remove"].format("fd1.repo")).click()
    expect(rows).to_have_count(1)
    kept = stored(console)
    assert (kept["rules"], kept["quietHours"], kept["pausedUntil"]) == ([], None, None)


@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_a_person_sets_how_long_channels_wait(open_reset: Open, words: dict[str, str]) -> None:
    console = open_reset(locale=words["locale"], reduced_motion="reduce")
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.locator(".live-live")).to_be_attached()
    console.go("you?tab=notifications")
    page.get_by_role("button", name=words["waits"], exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name=words["webhook"]).select_option(label=words["fiveMinutes"])
    check(page, f"preferences-waits-{words['locale']}")
    dialog.get_by_role("button", name=words["save"], exact=True).click()
    expect(dialog).to_have_count(0)
    waits = page.get_by_role("region", name=words["waitsTitle"], exact=True)
    expect(waits.get_by_role("definition")).to_have_text([words["default"], words["default"], words["fiveMinutes"]])
    assert stored(console)["waits"] == {"chat": None, "webhook": 300, "email": None}


@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_a_person_sets_when_digests_are_sent(open_reset: Open, words: dict[str, str]) -> None:
    console = open_reset(locale=words["locale"], reduced_motion="reduce")
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.locator(".live-live")).to_be_attached()
    console.go("you?tab=notifications")
    page.get_by_role("button", name=words["digest"], exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.locator("select[name=every]").select_option("week")
    dialog.locator("select[name=weekday]").select_option("friday")
    dialog.locator("input[name=at]").fill("16:30")
    dialog.get_by_label(words["zone"]).fill("Asia/Tokyo")
    check(page, f"preferences-digest-{words['locale']}")
    dialog.get_by_role("button", name=words["save"], exact=True).click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text(words["weekly"], exact=True)).to_be_visible()
    found = stored(console)
    assert found["digest"] == {"every": "week", "at": "16:30", "weekday": "friday"}
    assert found["timeZone"] == "Asia/Tokyo"

    page.get_by_role("button", name=words["digest"], exact=True).click()
    dialog.locator("select[name=every]").select_option("hour")
    expect(dialog.locator("input[name=at]")).to_have_count(0)
    dialog.get_by_role("button", name=words["save"], exact=True).click()
    expect(page.get_by_text(words["hourly"], exact=True)).to_be_visible()
    assert stored(console)["digest"] == {"every": "hour", "at": "16:30", "weekday": "friday"}
