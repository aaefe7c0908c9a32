"""Every page in the engines that are not Chromium's: accessibility rules (axe), phones, dark and Chinese."""

import json
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tests.browser.conftest import PICTURES
from tests.browser.engines.shown_console import ShownConsole
from tests.browser.test_accessibility import ADMIN_TABS, PAGES, RULES
from tests.browser.test_narrow_screens import CUT_OFF

EVERY_PAGE = (*PAGES, *(f"operate?tab={tab}" for tab in ADMIN_TABS))
_IS_DARK = """() => {
  const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number);
  return red + green + blue < 3 * 64;
}"""
_VIOLATIONS = f"""async () => {{
  if (!window.axe) {{ {AXE_SCRIPT} }}
  const found = await window.axe.run({json.dumps(RULES)});
  return found.violations.map(({{ id, impact, nodes }}) => [id, impact, nodes.map(({{ html }}) => html)]);
}}"""


def check(console: ShownConsole, name: str) -> None:
    """Take a screenshot, and check the page against the accessibility rules and for its width."""
    console.take_screenshot(PICTURES / f"{name}.png")
    found: list[Any] = console.tab.run(_VIOLATIONS)
    assert found == [], name
    check_width(console, name)


def check_width(console: ShownConsole, name: str) -> None:
    assert console.tab.run(CUT_OFF) == [], name


@pytest.mark.usefixtures("hostile")
def test_every_page_is_accessible(console: ShownConsole, engine: str) -> None:
    console.sign_in()
    for page in EVERY_PAGE:
        console.go(page)
        check(console, f"{engine}-computer-{page.replace('?tab=', '-')}")


def test_every_page_is_accessible_on_a_phone_that_is_dark_and_chinese(
    console: ShownConsole, engine: str, hostile: tuple[str, str]
) -> None:
    console.tab.navigate(console.url)
    console.choose("select", "中文")
    console.see("h1", name="登录 Fluxden")
    console.sign_in(heading="收件箱")
    for shown, wanted in (("跟随系统", "浅色"), ("浅色", "深色")):
        console.click(".nav-tools button", name=f"主题：{shown}")
        console.see(".nav-tools button", name=f"主题：{wanted}")
    console.wait(_IS_DARK)
    console.tab.resize(390, 844)
    delivery_id, _ = hostile
    for page in (*EVERY_PAGE, f"inbox/{delivery_id}"):
        console.go(page)
        shown = page.replace(delivery_id, "reading").replace("/", "-").replace("?tab=", "-")
        check(console, f"{engine}-phone-chinese-{shown}")


@pytest.mark.parametrize("width", [320, 430])
def test_nothing_is_wider_than_a_phone(
    console: ShownConsole, engine: str, width: int, hostile: tuple[str, str]
) -> None:
    delivery_id, card_id = hostile
    console.tab.resize(width, 800)
    console.sign_in()
    assert console.tab.run("() => innerWidth") == width
    for page in (*EVERY_PAGE, f"inbox/{delivery_id}", f"board/{card_id}"):
        console.go(page)
        check_width(console, f"{engine}-{width}-{page}")
    console.go(f"inbox/{delivery_id}")
    for key in ("s", "?"):
        console.press(key)
        console.see("dialog")
        check_width(console, f"{engine}-{width}-dialog-{key}")
        console.press("Escape")
        console.miss("dialog")
