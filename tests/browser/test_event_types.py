"""Declared event types: operators edit them, and people read their names."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Console, Open
from tests.browser.test_accessibility import check

DECLARED = "/api/v2/operate/integrators/fd1/event-types"
PREFERENCES = "/api/v1/me/preferences"
EN = {
    "locale": "en-GB",
    "types": "Event types",
    "title": "Declared event types",
    "type": "Event type",
    "name": "Name",
    "inbox": "Inbox only",
    "add": "Add event type",
    "save": "Save",
    "saved": "Event types saved",
    "newRule": "New rule",
}
ZH = {
    "locale": "zh-CN",
    "types": "事件类型",
    "title": "已声明的事件类型",
    "type": "事件类型",
    "name": "名称",
    "inbox": "仅收件箱",
    "add": "添加事件类型",
    "save": "保存",
    "saved": "事件类型已保存",
    "newRule": "新建规则",
}


@pytest.fixture
def open_clean(open_console: Open) -> Iterator[Open]:
    """Open consoles of an operator, and leave neither declared types nor rules behind: other tests share the desk."""
    opened: list[Console] = []

    def make(**options: object) -> Console:
        opened.append(open_console(**options))
        return opened[-1]

    yield make
    for each in opened[:1]:
        each.system.call("PUT", DECLARED, {"types": []}, each.key)
        version = each.system.call("GET", PREFERENCES, None, each.key).json["version"]
        each.system.call("PUT", PREFERENCES, {"version": version}, each.key)


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_an_operator_declares_types_which_people_choose_and_read(
    open_clean: Open, words: dict[str, str], width: int
) -> None:
    console = open_clean(viewport={"width": width, "height": 900}, locale=words["locale"], reduced_motion="reduce")
    page, place = console.page, f"{words['locale']}-{width}"
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.locator(".live-live")).to_be_attached()
    event_type = f"fd1.named.thing-{width}"
    delivery_id = console.publish(title="Named", event_type=f"{event_type}.made")

    console.go("operate?tab=integrators")
    row = page.locator(".row-card").filter(has_text="fd1.*")
    row.get_by_role("button", name=words["types"], exact=True).click()
    dialog = page.get_by_role("dialog", name=words["title"])
    dialog.get_by_role("button", name=words["add"], exact=True).click()
    declared = dialog.locator(".row-card").last
    declared.get_by_label(words["type"], exact=True).fill(event_type)
    declared.get_by_label(words["name"], exact=True).fill("Named things")
    declared.locator("select").select_option(label=words["inbox"])
    check(page, f"event-types-{place}")
    dialog.get_by_role("button", name=words["save"], exact=True).click()
    expect(dialog).to_have_count(0)
    (stored,) = (
        each
        for each in console.system.call("GET", "/api/v2/event-types", None, console.key).json["data"]
        if each["integrator"] == "fd1"
    )
    assert stored["types"] == [{"eventType": event_type, "name": "Named things", "defaultWay": "inbox"}]

    console.go(f"inbox/{delivery_id}")
    facts = page.locator(".facts")
    expect(facts).to_contain_text("Named things")
    expect(facts).to_contain_text(f"{event_type}.made")
    check(page, f"event-types-detail-{place}")

    console.go("you?tab=notifications")
    page.get_by_role("button", name=words["newRule"], exact=True).click()
    rule = page.get_by_role("dialog")
    rule.locator("select").filter(has_text="Named things").select_option(event_type)
    expect(rule.locator("[name=eventType]")).to_have_value(event_type)
    check(page, f"event-types-rule-{place}")
    rule.get_by_role("button", name=words["save"], exact=True).click()
    expect(rule).to_have_count(0)
    named = page.locator("main .row-card").filter(has_text=event_type)
    expect(named).to_contain_text("Named things")
    check(page, f"event-types-rules-{place}")


def test_types_that_somebody_else_has_changed_meanwhile_are_not_replaced(open_clean: Open) -> None:
    console = open_clean()
    console.sign_in()
    console.go("operate?tab=integrators")
    row = console.page.locator(".row-card").filter(has_text="fd1.*")
    row.get_by_role("button", name="Event types", exact=True).click()
    dialog = console.page.get_by_role("dialog", name="Declared event types")
    dialog.get_by_role("button", name="Add event type", exact=True).click()
    dialog.locator(".row-card").last.get_by_label("Name", exact=True).fill("Mine")
    dialog.locator(".row-card").last.get_by_label("Event type", exact=True).fill("fd1.mine")
    theirs = {"types": [{"eventType": "fd1.theirs", "name": "Theirs"}]}
    assert console.system.call("PUT", DECLARED, theirs, console.key).status == 200
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("changed since you read them")
    console.forgive("409")
