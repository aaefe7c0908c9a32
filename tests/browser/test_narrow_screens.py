"""No page, sheet or dialog is wider than a phone, whatever people and systems have written."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.caller import Caller
from tests.browser.conftest import PICTURES, Open

WIDTHS = (320, 360, 390, 430)
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
WIDE = f"""# {LONG}

| {" | ".join(f"column {number}" for number in range(14))} |
| {" | ".join("---" for _ in range(14))} |
| {" | ".join(f"{10**number}" for number in range(14))} |

```
{"x = " + "very_long_identifier_" * 12}
```

{LONG} `{"inline_code_" * 20}` https://example.com/{"path/" * 60}

1. {"deep " * 30}
   - > {LONG}

![{LONG}](https://example.com/a.png)
"""
# Returns what is cut off: it reaches beyond the window, and no box around it scrolls or hides it on purpose; it is a
# button too small for its words; or it is a number that continues on the next line.
CUT_OFF = """
() => {
  const clips = (each) => ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(each).overflowX);
  const isCutOff = (each) => {
    const box = each.getBoundingClientRect();
    if (!each.checkVisibility() || !box.width || (box.right <= innerWidth + 1 && box.left >= -1)) return false;
    for (let up = each.parentElement; up; up = up.parentElement) {
      const around = up.getBoundingClientRect();
      if (clips(up) && around.right <= innerWidth + 1) return false;
    }
    return true;
  };
  const isSqueezed = (each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1;
  const isSplit = (each) => {
    const range = document.createRange();
    range.selectNodeContents(each);
    return range.getClientRects().length > 1;
  };
  const all = (selector) => [...document.querySelectorAll(selector)];
  const found = [
    ...all("body *").filter(isCutOff),
    ...all("main .button, dialog .button").filter(isSqueezed),
    ...all(".stat b").filter(isSplit),
  ].map((each) => each.outerHTML.slice(0, 160));
  const root = document.documentElement;
  return root.scrollWidth > innerWidth ? [`page of ${root.scrollWidth}`, ...found] : found;
}
"""

# Scrolls to each control, and returns those that another thing covers, or that stay outside of the window.
_UNREACHABLE = """
() => [...document.querySelectorAll("main :is(button, a, input, select, textarea, summary)")].filter((each) => {
  if (!each.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || each.disabled) return false;
  each.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  const box = each.getBoundingClientRect();
  if (box.width < 2 || box.height < 2) return false;
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  if (x < 0 || y < 0 || x > innerWidth || y > innerHeight) return true;
  const top = document.elementFromPoint(x, y);
  return !(top && (each.contains(top) || top.contains(each) || top.closest("label")?.contains(each)));
}).map((each) => each.outerHTML.slice(0, 160))
"""


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_a_phone(open_console: Open, width: int) -> None:
    console = open_console(viewport={"width": width, "height": 800}, has_touch=True, is_mobile=True)
    delivery_id, card_id = write_hostile_content(console)
    console.sign_in()
    pages = (
        "inbox",
        "queue",
        "chat",
        "board",
        "contacts",
        "network",
        "you",
        "you?tab=access",
        "you?tab=integrations",
        "you?tab=notifications",
        "you?tab=ingest",
        "you?tab=profile",
        "you?tab=passkeys",
        "you?tab=security",
        "you?tab=data",
    )
    for page in (
        *pages,
        "operate",
        "operate?tab=integrators",
        "operate?tab=tokens",
        "operate?tab=catalog",
        "operate?tab=approvals",
        "operate?tab=callbacks",
        "operate?tab=budgets",
        "operate?tab=log",
        "operate?tab=types",
        "operate?tab=desks",
        "operate?tab=audit",
        f"inbox/{delivery_id}",
        f"board/{card_id}",
    ):
        console.go(page)
        expect(console.page.locator(".skeleton")).to_have_count(0)
        expect(console.page.locator("main :is(h1, h2)").first).to_be_attached()
        check(console.page, f"narrow-{width}-{page.partition('?')[0].partition('/')[0]}{len(page)}")
    console.go(f"inbox/{delivery_id}")
    for key in ("s", "?"):
        console.page.locator("main").press(key)
        expect(console.page.get_by_role("dialog")).to_be_visible()
        check(console.page, f"narrow-{width}-dialog{ord(key)}")
        console.page.keyboard.press("Escape")


def test_every_page_is_usable_at_four_hundred_percent(open_console: Open) -> None:
    # A window of 1280 by 1024 pixels at 400 % has 320 by 256 CSS pixels.
    console = open_console(viewport={"width": 320, "height": 256}, device_scale_factor=4)
    delivery_id, card_id = write_hostile_content(console)
    console.page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(console.page.locator(".live-live")).to_be_attached()
    for page in ("inbox", "queue", "chat", "board", "contacts", "network", "you", "operate", f"inbox/{delivery_id}"):
        console.go(page)
        expect(console.page.locator(".skeleton")).to_have_count(0)
        expect(console.page.locator("main :is(h1, h2)").first).to_be_attached()
        check(console.page, f"zoom-{page.partition('/')[0]}{len(page)}")
        unreachable = console.page.evaluate(_UNREACHABLE)
        assert unreachable == [], page
    console.go(f"board/{card_id}")
    dialog = console.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    check(console.page, "zoom-card")
    dialog.get_by_role("button", name="Close", exact=True).first.click()
    expect(dialog).to_have_count(0)


def test_numbers_in_a_table_stay_whole(open_console: Open) -> None:
    console = open_console(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    delivery_id, _ = write_hostile_content(console)
    console.sign_in()
    console.go(f"inbox/{delivery_id}")
    cell = console.page.locator(".markdown td", has_text="10000000000").first
    expect(cell).to_be_attached()
    lines = """cell => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      return range.getClientRects().length;
    }"""
    assert cell.evaluate(lines) == 1


def write_hostile_content(console: Caller) -> tuple[str, str]:
    labels = {f"{'label' * 10}-{number}": LONG[:80] for number in range(3)}
    delivery_id = console.publish(
        title=LONG[:180],
        summary=LONG + " " + "many words " * 20,
        severity="warn",
        markdown_body=WIDE,
        markdown_body_rendering="expanded",
        labels=labels,
        actor={"email": f"{'a' * 60}@example.com", "name": LONG[:80]},
        actions=[
            {"label": LONG[:30], "action_type": "url", "url": f"https://example.com/{'path/' * 30}{number}"}
            for number in range(3)
        ],
    )
    item: dict[str, Any] = {"title": LONG[:150], "description": WIDE, "priority": "urgent", "type": "agent_suggestion"}
    console.call_v2("POST", "/queue", item)
    console.call_v2("POST", "/shared-chat/send", {"content": WIDE})
    card = console.call_v2("POST", "/kanban", {"title": LONG[:150], "description": WIDE})
    console.call_v2("POST", "/contacts", {"name": LONG[:100], "company": LONG[:100], "tags": LONG[:60]})
    return delivery_id, card["id"]


def check(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
    assert page.evaluate(CUT_OFF) == [], name
