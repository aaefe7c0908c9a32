"""Ingest addresses: a person makes one, tries a mapping on a sample, and ends it."""

import json
import re
from http import HTTPStatus

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.test_narrow_screens import check

WORDS = {
    "en-US": (
        "New address",
        "Name",
        "Sender",
        "Mapping",
        "Sample",
        "Try mapping",
        "New address",
        "End",
        "End for good",
    ),
    "zh-CN": ("新建地址", "名称", "发送方", "映射", "示例", "试用映射", "新建地址", "终止", "永久终止"),
}
MAPPING = {"title": "host.name", "event_id": "host.id", "severity": "level", "labels": "{room: room}"}


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("locale", WORDS)
def test_a_person_tries_a_mapping_and_makes_and_ends_an_address(open_console: Open, locale: str, width: int) -> None:
    new, name_label, sender, mapping, sample, try_out, create, end, for_good = WORDS[locale]
    console = open_console(viewport={"width": width, "height": 900}, locale=locale)
    integrations = console.call_v2("GET", "/me/integrations")
    publisher = next(each["id"] for each in integrations if each["integrator"] == "fd1")
    name, title = f"Checks {locale} {width}", f"Host {locale} {width} is down"
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.locator(".live-live")).to_be_attached()
    console.go("you?tab=ingest")
    page.get_by_role("button", name=new, exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(name_label).fill(name)
    dialog.get_by_label(sender).select_option("json")
    dialog.locator("select[name=publisher]").select_option(publisher)
    body = {"host": {"name": title, "id": f"h-{locale}-{width}"}, "level": "notice", "room": "7"}

    dialog.get_by_label(mapping).fill("{")
    dialog.get_by_role("button", name=try_out).click()
    expect(dialog.locator(".error")).to_contain_text("JSON")
    dialog.get_by_label(mapping).fill(json.dumps(MAPPING))
    dialog.get_by_label(sample).fill(json.dumps(body))
    dialog.get_by_role("button", name=try_out).click()
    found = dialog.locator(".ingest-preview li")
    expect(found).to_have_count(1)
    expect(found).to_contain_text(title)
    expect(found).to_contain_text("room=7")
    check(page, f"ingest-mapping-{locale}-{width}")
    dialog.get_by_role("button", name=create, exact=True).click()

    shown = page.get_by_role("dialog").locator("input.mono")
    expect(shown).to_have_value(re.compile(r"/api/v1/ingest/json/"))
    address = shown.input_value()
    check(page, f"ingest-created-{locale}-{width}")
    page.get_by_role("dialog").locator(".button-primary").click()
    row = page.locator("li.row-card").filter(has_text=name)
    expect(row).to_have_count(1)
    path = address[address.index("/api/v1/") :]
    assert console.system.call("POST", path, body).status == HTTPStatus.ACCEPTED
    check(page, f"ingest-list-{locale}-{width}")
    row.get_by_role("button", name=end, exact=True).click()
    row.get_by_role("button", name=for_good).click()
    expect(row).to_have_count(0)
    assert console.system.call("POST", path, body).status == HTTPStatus.UNAUTHORIZED
