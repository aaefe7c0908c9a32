"""Passkeys, with the virtual authenticator of Chromium."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PICTURES, Console, Open
from tests.browser.test_sign_in import new_link

SIZES: dict[str, dict[str, Any]] = {
    "computer": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
WORDS = {
    "en-GB": {
        "title": "Sign in to Fluxden",
        "tab": "Passkeys",
        "new": "Add passkey",
        "create": "Continue",
        "name": "Name",
        "sign out": "Sign out",
        "sign in": "Sign in with a passkey",
        "rename": "Rename",
        "save": "Save",
        "remove": "Remove Work laptop",
        "confirm": "Remove",
        "last": "This is your only passkey",
        "empty": "No passkeys.",
        "board": "Board",
        "stopped": "No passkey was used",
        "refused": "This passkey was not accepted",
        "key": "Use an API key",
    },
    "zh-CN": {
        "title": "登录 Fluxden",
        "tab": "通行密钥",
        "new": "添加通行密钥",
        "create": "继续",
        "name": "名称",
        "sign out": "退出登录",
        "sign in": "使用通行密钥登录",
        "rename": "重命名",
        "save": "保存",
        "remove": "移除 Work laptop",
        "confirm": "移除",
        "last": "这是您唯一的通行密钥",
        "empty": "没有通行密钥",
        "board": "看板",
        "stopped": "未使用通行密钥",
        "refused": "This passkey was not accepted",
        "key": "使用 API 密钥",
    },
}


def by_name(console: Console) -> str:
    """The address of the desk by its name, since browsers have no passkeys for numbers."""
    return str(console.system.demo["base_url"]).replace("127.0.0.1", "localhost")


class Authenticator:
    """A virtual authenticator of a page, which verifies its user or does not."""

    def __init__(self, console: Console) -> None:
        self._session = console.context.new_cdp_session(console.page)
        self._session.send("WebAuthn.enable", {"enableUI": False})
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        made = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._id = made["authenticatorId"]

    def passkeys(self) -> list[dict[str, Any]]:
        found = self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        return list(found["credentials"])

    def set_verified(self, *, verified: bool) -> None:
        self._session.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": verified})


def enter(console: Console, person: str) -> None:
    console.page.goto(new_link(console.system, person).replace("127.0.0.1", "localhost"))
    expect(console.page.locator(".live-live")).to_be_attached()


def forget_refusals(console: Console, *statuses: int) -> None:
    """The browser reports each refused request as an error."""
    console.forgive(*map(str, statuses))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("size", "locale"), [("computer", "en-GB"), ("phone", "zh-CN")])
def test_a_person_adds_a_passkey_signs_in_with_it_and_removes_it(
    open_console: Open, size: str, locale: str, theme: str
) -> None:
    console = open_console(locale=locale, color_scheme=theme, reduced_motion="reduce", **SIZES[size])
    page, words, picture = console.page, WORDS[locale], f"passkeys-{size}-{theme}"
    authenticator = Authenticator(console)
    enter(console, "bob")
    page.goto(f"{by_name(console)}/#/you?tab=passkeys")
    expect(page.get_by_text(words["empty"])).to_be_visible()
    page.screenshot(path=PICTURES / f"{picture}-none.png")
    page.get_by_role("button", name=words["new"]).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(words["name"]).fill("Laptop")
    page.screenshot(path=PICTURES / f"{picture}-new.png")
    dialog.get_by_role("button", name=words["create"]).click()
    expect(page.locator(".row-card")).to_contain_text("Laptop")
    assert [each["isResidentCredential"] for each in authenticator.passkeys()] == [True]

    page.get_by_role("button", name=words["rename"]).click()
    dialog.get_by_label(words["name"]).fill("Work laptop")
    dialog.get_by_role("button", name=words["save"]).click()
    expect(page.locator(".row-card")).to_contain_text("Work laptop")
    page.screenshot(path=PICTURES / f"{picture}-list.png")

    sign_out(console, words)
    page.goto(f"{by_name(console)}/#/board")
    expect(page.get_by_role("heading", name=words["title"])).to_be_visible()
    page.screenshot(path=PICTURES / f"{picture}-sign-in.png")
    page.get_by_role("button", name=words["sign in"]).click()
    expect(page.get_by_role("heading", name=words["board"], exact=True)).to_be_visible()
    assert page.evaluate("() => sessionStorage.length") == 0

    page.goto(f"{by_name(console)}/#/you?tab=passkeys")
    page.get_by_role("button", name=words["remove"]).click()
    expect(dialog).to_contain_text(words["last"])
    page.screenshot(path=PICTURES / f"{picture}-remove.png")
    dialog.get_by_role("button", name=words["confirm"], exact=True).click()
    expect(page.get_by_text(words["empty"])).to_be_visible()

    sign_out(console, words)
    page.get_by_role("button", name=words["sign in"]).click()
    expect(page.get_by_role("alert")).to_contain_text(words["refused"])
    page.screenshot(path=PICTURES / f"{picture}-refused.png")
    forget_refusals(console, 401)


def sign_out(console: Console, words: dict[str, str]) -> None:
    console.page.get_by_role("button", name=words["sign out"], exact=True).click()
    expect(console.page.get_by_role("heading", name=words["title"])).to_be_visible()


def test_a_person_whom_the_authenticator_does_not_know_is_told_what_to_do(open_console: Open) -> None:
    console = open_console()
    page, words = console.page, WORDS["en-GB"]
    authenticator = Authenticator(console)
    enter(console, "bob")
    page.goto(f"{by_name(console)}/#/you?tab=passkeys")
    authenticator.set_verified(verified=False)
    page.get_by_role("button", name=words["new"]).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=words["create"]).click()
    expect(dialog.get_by_role("alert")).to_contain_text(words["stopped"])
    assert authenticator.passkeys() == []
    authenticator.set_verified(verified=True)
    dialog.get_by_role("button", name=words["create"]).click()
    expect(page.locator(".row-card")).to_have_count(1)
    # The device has one already.
    page.get_by_role("button", name=words["new"]).first.click()
    dialog.get_by_role("button", name=words["create"]).click()
    expect(dialog.get_by_role("alert")).to_contain_text("has a passkey of yours already")


def test_the_browser_offers_a_passkey_in_the_field_for_the_key(open_console: Open) -> None:
    console = open_console()
    page, words = console.page, WORDS["en-GB"]
    Authenticator(console)
    enter(console, "carol")
    page.goto(f"{by_name(console)}/#/you?tab=passkeys")
    page.get_by_role("button", name=words["new"]).first.click()
    page.get_by_role("dialog").get_by_role("button", name=words["create"]).click()
    expect(page.locator(".row-card")).to_have_count(1)
    sign_out(console, words)
    page.get_by_text(words["key"]).click()
    # The virtual authenticator chooses what is offered by itself.
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    forget_refusals(console, 401)


def test_a_desk_at_a_number_says_why_there_are_no_passkeys(open_console: Open) -> None:
    console = open_console()
    console.sign_in()
    console.go("you?tab=passkeys")
    expect(console.page.get_by_text("Open this desk by its name")).to_be_visible()
    expect(console.page.get_by_role("button", name="Add passkey", exact=True)).to_have_count(0)
