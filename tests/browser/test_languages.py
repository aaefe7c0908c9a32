"""The console in each of its languages, and texts of events that are written in another one."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PICTURES, Console, Open

HEBREW = "שלום עולם"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def choose_language(page: Page, name: str) -> None:
    page.get_by_label("Language / 语言").select_option(name)


@pytest.mark.parametrize("size", ["computer", "phone"])
def test_a_language_is_chosen_for_the_browser_and_stays_chosen(open_console: Open, size: str) -> None:
    console = open_console(**(PHONE if size == "phone" else {}))
    page = console.page
    page.goto(console.system.demo["base_url"])
    expect(page.get_by_role("heading", name="Sign in to Fluxden", exact=True)).to_be_visible()
    choose_language(page, "中文")
    expect(page.get_by_role("heading", name="登录 Fluxden", exact=True)).to_be_visible()
    page.screenshot(path=PICTURES / f"language-{size}-sign-in.png")
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.get_by_role("heading", name="收件箱", exact=True)).to_be_visible()
    console.go("you")
    expect(page.get_by_role("heading", name="账户", exact=True)).to_be_visible()
    page.screenshot(path=PICTURES / f"language-{size}-account.png")
    choose_language(page, "浏览器的语言")
    expect(page.get_by_role("heading", name="Account", exact=True)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_texts_of_events_keep_their_own_direction(console: Console) -> None:
    delivery_id = console.publish(
        title=HEBREW,
        summary=HEBREW,
        markdown_body=f"{HEBREW}\n\nA second paragraph in English.",
        markdown_body_rendering="expanded",
        labels={"repo": HEBREW},
    )
    page = console.page
    console.card(delivery_id).click()
    sheet = page.locator(".sheet")
    for right_to_left in (sheet.locator("h2"), sheet.locator(".lead"), sheet.locator(".markdown p").first):
        expect(right_to_left).to_have_css("direction", "rtl")
    expect(sheet.locator(".markdown p").last).to_have_css("direction", "ltr")
    expect(sheet.locator(".labels bdi").last).to_have_css("unicode-bidi", "isolate")
    page.screenshot(path=PICTURES / "reading-right-to-left.png")
    # A name inside a sentence of the console is kept apart from it.
    task_id = console.call_v2("POST", "/queue", {"title": HEBREW})["id"]
    console.go("queue")
    page.locator(f'[data-task="{task_id}"]').get_by_role("button", name="Reject", exact=True).click()
    expect(page.locator(".toast", has_text=f"\u2068{HEBREW}\u2069").first).to_be_visible()


@pytest.mark.parametrize(
    ("text", "strong"),
    [
        ("**重要：**请立即处理", "重要："),
        ("请看**「说明」**再处理", "「说明」"),
        ("這是**（重要）**的", "（重要）"),
        ("これは**強調。**です", "強調。"),
        ("이것은 **중요(필독)**입니다", "중요(필독)"),
        ("plain **bold** text", "bold"),
    ],
)
def test_emphasis_ends_next_to_punctuation_of_east_asian_texts(console: Console, text: str, strong: str) -> None:
    delivery_id = console.publish(title="Emphasis", markdown_body=text, markdown_body_rendering="expanded")
    console.go(f"inbox/{delivery_id}")
    expect(console.page.locator(".markdown strong")).to_have_text(strong)
    expect(console.page.locator(".markdown")).not_to_contain_text("*")


def test_times_say_their_zone(open_console: Open) -> None:
    console = open_console(timezone_id="Asia/Shanghai")
    console.sign_in()
    delivery_id = console.publish(title="When")
    console.card(delivery_id).click()
    expect(console.page.locator(".byline")).to_contain_text("GMT+8")
    console.page.keyboard.press("s")
    expect(console.page.get_by_role("button", name="Tomorrow")).to_contain_text("GMT+8")


def test_errors_toasts_and_briefings_are_in_chinese(open_console: Open) -> None:
    console = open_console(locale="zh-CN")
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(page.locator(".live-live")).to_be_attached()
    console.go("queue")
    page.route("**/api/v2/queue", lambda route: route.fulfill(status=409, json={"error": "The queue is full."}))
    page.get_by_role("textbox", name="新建任务", exact=True).fill("Rent a boat")
    page.get_by_role("button", name="添加", exact=True).click()
    expect(page.locator(".toast-error")).to_contain_text("与当前状态冲突：The queue is full.")
    page.unroute("**/api/v2/queue")
    chief = page.get_by_role("switch").first
    chief.check()
    chief.uncheck()
    expect(page.locator(".briefing")).to_contain_text(re.compile(r"简报： 今天已完成 \d+ 个任务。"))
    page.screenshot(path=PICTURES / "queue-chinese-briefing.png")
    task_id = console.call_v2("POST", "/queue", {"title": "Rent a boat"})["id"]
    page.locator(f'[data-task="{task_id}"]').get_by_role("button", name="拒绝", exact=True).click()
    expect(page.locator(".toast", has_text="正在拒绝：Rent a boat")).to_be_visible()
    console.forgive("409")


@pytest.mark.parametrize(
    ("locale", "text"), [("en-GB", "up to 1,000 notifications a day"), ("zh-CN", "每天最多 1,000 条通知")]
)
def test_numbers_in_sentences_are_grouped_as_the_language_does(open_console: Open, locale: str, text: str) -> None:
    console = open_console(locale=locale)
    console.page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(console.page.locator(".live-live")).to_be_attached()
    console.go("you?tab=integrations")
    expect(console.page.locator(".row-card", has_text="fd1")).to_contain_text(text)
