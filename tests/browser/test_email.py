"""A person's e-mail in their account: chosen in a rule, paused, tested, and turned off."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Console, Open
from tests.browser.test_accessibility import check as check_access
from tests.browser.test_narrow_screens import check
from tests.support.mail_server import MailServer, mail_server
from tests.support.started_desk import StartedDesk

PATH, EMAIL = "/api/v1/me/preferences", "/api/v1/me/email"
ADDRESS = "bob@example.com"
EN = {
    "locale": "en-US",
    "title": "E-mail",
    "new": "New rule",
    "mail": "E-mail",
    "push": "Browser notifications",
    "save": "Save",
    "bounce": "This address takes no mail.",
    "test": "Send test e-mail",
    "failed": "The test e-mail was not taken",
    "states": ("Paused", "On", "Off"),
    "off": "Turn e-mail off",
    "on": "Turn e-mail on",
    "unavailable": "This desk sends no e-mail.",
}
ZH = {
    "locale": "zh-CN",
    "title": "邮件",
    "new": "新建规则",
    "mail": "邮件",
    "push": "浏览器通知",
    "save": "保存",
    "bounce": "此地址无法接收邮件。",
    "test": "发送测试邮件",
    "failed": "测试邮件未被接收",
    "states": ("已暂停", "已开启", "已关闭"),
    "off": "关闭邮件",
    "on": "开启邮件",
    "unavailable": "此服务台不发送邮件。",
}


@pytest.fixture
def own_mailbox(system: StartedDesk) -> Iterator[None]:
    """Let the desk send to its own mailbox again after a test."""
    before = json.loads(admin(system, "show", "--json"))
    yield
    send_by(system, before["port"], before["from"])


@pytest.fixture
def server(system: StartedDesk, tmp_path: Path, own_mailbox: None) -> Iterator[MailServer]:
    """A mail server by which the desk sends while a test runs."""
    with mail_server(tmp_path) as made:
        send_by(system, made.port, "desk@example.com")
        yield made


def send_by(system: StartedDesk, port: int, sender: str) -> None:
    admin(system, "smtp", "--host", "127.0.0.1", "--port", str(port), "--security", "none", "--from", sender)


def admin(system: StartedDesk, *options: str) -> str:
    done = system.run("infra.admin", "mail", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def set_rules(console: Console, rules: list[Any]) -> None:
    version = console.system.call("GET", PATH, None, console.key).json["version"]
    answer = console.system.call("PUT", PATH, {"rules": rules, "version": version}, console.key)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_person_chooses_e_mail_and_resumes_an_address_that_was_paused(
    open_console: Open, server: MailServer, words: dict[str, Any], width: int
) -> None:
    console = open_console("bob", viewport={"width": width, "height": 900}, locale=words["locale"])
    page, name = console.page, f"{words['locale']}-{width}"
    set_rules(console, [])
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.locator(".live-live")).to_be_attached()
    console.go("you?tab=notifications")
    page.get_by_role("button", name=words["new"], exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("checkbox", name=words["mail"], exact=True).check()
    dialog.get_by_role("checkbox", name=words["push"], exact=True).uncheck()
    check(page, f"email-rule-{name}")
    dialog.get_by_role("button", name=words["save"], exact=True).click()
    expect(dialog).to_have_count(0)

    server.replies["RCPT"] = "550 5.1.1 No such user"
    console.publish(severity="critical")
    paused, active, off = words["states"]
    wait_for_state(console, "paused")
    page.reload()
    section = page.get_by_role("region", name=words["title"], exact=True)
    expect(section.get_by_text(ADDRESS, exact=True)).to_be_visible()
    expect(section.get_by_text(paused, exact=True)).to_be_visible()
    expect(section.get_by_text(words["bounce"])).to_be_visible()
    section.get_by_role("button", name=words["test"], exact=True).click()
    expect(section.get_by_text(words["failed"])).to_be_visible(timeout=30_000)
    check(page, f"email-paused-{name}")
    check_access(page, f"email-{name}")

    server.replies.clear()
    expect(section.get_by_role("button", name=words["test"], exact=True)).to_be_enabled(timeout=30_000)
    section.get_by_role("button", name=words["test"], exact=True).click()
    expect(section.get_by_text(active, exact=True)).to_be_visible(timeout=30_000)
    assert [each.recipients for each in server.received] == [[ADDRESS]]
    section.get_by_role("button", name=words["off"], exact=True).click()
    expect(section.get_by_text(off, exact=True)).to_be_visible()
    section.get_by_role("button", name=words["on"], exact=True).click()
    expect(section.get_by_text(active, exact=True)).to_be_visible()
    check(page, f"email-active-{name}")
    set_rules(console, [])


def wait_for_state(console: Console, state: str) -> None:
    ends = time.monotonic() + 60
    while (found := console.system.call("GET", EMAIL, None, console.key).json["state"]) != state:
        assert time.monotonic() < ends, found
        time.sleep(0.1)


@pytest.mark.usefixtures("own_mailbox")
@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_desk_without_a_mail_server_says_so(open_console: Open, words: dict[str, Any]) -> None:
    console = open_console("bob", locale=words["locale"])
    admin(console.system, "off")
    console.page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(console.page.locator(".live-live")).to_be_attached()
    console.go("you?tab=notifications")
    section = console.page.get_by_role("region", name=words["title"], exact=True)
    expect(section.get_by_text(words["unavailable"])).to_be_visible()
    expect(section.get_by_role("button")).to_have_count(0)
