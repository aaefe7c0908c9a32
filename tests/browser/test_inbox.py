"""The inbox page."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from standardwebhooks import Webhook

from tests.browser.conftest import PICTURES, Console, Open
from tests.support.receiver import Receiver

HOSTILE = """
<script>window.hacked = 1</script>
<img src="https://tracker.example/a.png" onerror="window.hacked = 2">
<svg><script>window.hacked = 3</script><a xlink:href="javascript:window.hacked=4"><text>x</text></a></svg>
<iframe src="https://tracker.example/"></iframe>
<form action="https://tracker.example/"><input name="key"><button>Send</button></form>
<style>body { display: none }</style>
<p style="position:fixed;inset:0" onclick="window.hacked=5" id="main" class="toast">plain</p>
<math><mtext><table><mglyph><style><img src=x onerror="window.hacked=6"></style></mglyph></table></mtext></math>
<details open ontoggle="window.hacked=7">more</details>

<b>bold</b> and <b onmouseover="window.hacked=12">not</b>

[one](javascript:window.hacked=8) [two](data:text/html,<script>window.hacked=9</script>)
[three](vbscript:x) [four](&#106;avascript:window.hacked=10) [good](https://example.com/build)

![picture](https://tracker.example/b.png) ![inline](data:image/svg+xml;base64,PHN2Zy8+)
"""


def test_published_event_appears_in_every_tab_and_in_the_unread_count(console: Console) -> None:
    other = console.context.new_page()
    console.watch(other)
    console.sign_in(other)

    delivery_id = console.publish(title="Checkout is down", severity="critical", summary="Since a minute ago.")

    for page in (console.page, other):
        card = page.locator(f"#item-{delivery_id}")
        expect(card).to_contain_text("Checkout is down")
        expect(card.get_by_role("img", name="Critical", exact=True)).to_be_visible()
        expect(card.get_by_role("img", name="Unread", exact=True)).to_be_visible()
        expect(page).to_have_title(re.compile(r"^\(\d+\) Inbox · Fluxden$"))
        assert str(page.locator('link[rel="icon"]').get_attribute("href")).startswith("data:image/png")

    console.card(delivery_id).click()
    for page in (console.page, other):
        expect(page.locator(f"#item-{delivery_id}").get_by_role("img", name="Unread", exact=True)).to_have_count(0)


# Lets a test cut the connection: end open sockets, and refuse new ones.
CUTTABLE = """window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(url, protocols) {
    super(url, window.cut ? ["nobody"] : protocols);
    window.sockets.push(this);
  }
};"""


def test_what_is_published_before_the_first_connection_appears_too(open_console: Open) -> None:
    console = open_console()
    console.page.add_init_script(f"window.cut = true; {CUTTABLE}")
    console.page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(console.page.locator(".item, .empty").first).to_be_visible()
    # The list is read; the server knows of no socket.
    missed = console.publish(title="Between the list and the socket")
    expect(console.card(missed)).to_have_count(0)
    console.page.evaluate("() => { window.cut = false; window.dispatchEvent(new Event('online')); }")
    expect(console.card(missed)).to_have_count(1, timeout=30_000)
    console.forgive("WebSocket")


def test_missed_notifications_appear_after_reconnecting(open_console: Open) -> None:
    console = open_console()
    console.page.add_init_script(CUTTABLE)
    console.sign_in()
    console.page.evaluate("() => { window.cut = true; window.sockets.forEach((each) => each.close()); }")
    expect(console.page.locator(".live-waiting")).to_be_attached()

    missed = [console.publish(title=f"Missed {number}") for number in range(3)]
    expect(console.card(missed[0])).to_have_count(0)
    console.page.evaluate("() => { window.cut = false; window.dispatchEvent(new Event('online')); }")

    for delivery_id in missed:
        # If a failed attempt has just begun, the next one is some seconds away.
        expect(console.card(delivery_id)).to_have_count(1, timeout=30_000)
    expect(console.page.locator(".live-live")).to_be_attached()
    console.forgive("WebSocket")


def test_action_calls_back_and_shows_its_outcome(console: Console) -> None:
    with Receiver() as receiver:
        delivery_id = console.publish(
            title="Deploy 9 waits for your approval",
            actions=[{"label": "Approve it", "action_type": "webhook", "webhook_url": receiver.url}],
        )
        console.card(delivery_id).click()
        console.page.get_by_role("button", name="Approve it", exact=True).click()

        expect(console.page.get_by_text("Delivered", exact=True)).to_be_visible()
        expect(console.page.get_by_role("button", name="Approve it", exact=True)).to_be_disabled()
        (received,) = receiver.received
    shown = console.system.run("infra.admin", "webhook-secret", "show", "fd1")
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", shown.stdout)
    assert secret, shown.stderr
    payload = Webhook(secret[0]).verify(received.body, received.headers)
    assert payload["data"]["deliveryId"] == delivery_id


def test_notification_shows_every_field_of_its_event(console: Console) -> None:
    event = {
        "event_id": "build-812",
        "title": "Build 812 failed",
        "severity": "warn",
        "summary": "The linker gave up.",
        "markdown_body": "# Log\n\n- [x] bisected\n\n```\nld: error\n```",
        "labels": {"repo": "widget-pro"},
        "actor": {"email": "mira@example.com", "name": "Mira Okonkwo"},
        "external_url": "https://ci.example.com/812",
        "external_status": "firing",
        "actions": [{"label": "Open log", "action_type": "url", "url": "https://ci.example.com/812/log"}],
    }
    delivery_id = console.publish(**event)
    console.publish(**event)
    console.update_event(delivery_id, "supplement", {"markdown_body": "First **follow-up**"})
    console.update_event(delivery_id, "supplement", {"markdown_body": "Second"})
    console.card(delivery_id).click()
    sheet = console.page.locator(".sheet")

    expect(sheet.get_by_role("heading", name="Build 812 failed", exact=True)).to_be_visible()
    for text in ("Warning", "Firing", "Mira Okonkwo", "The linker gave up.", "repo widget-pro"):
        expect(sheet.get_by_text(text, exact=True).first).to_be_visible()
    expect(sheet.get_by_text("Sent 2 times, last ")).to_be_visible()
    expect(sheet.get_by_role("link", name="Open log", exact=True)).to_have_attribute(
        "href", "https://ci.example.com/812/log"
    )
    expect(sheet.get_by_role("link", name="Open in source system", exact=True)).to_have_attribute(
        "rel", "noopener noreferrer"
    )
    assert [text.strip() for text in sheet.locator(".supplements .markdown").all_inner_texts()] == [
        "First follow-up",
        "Second",
    ]
    expect(sheet.get_by_text("ld: error")).to_be_hidden()
    sheet.get_by_text("Details").click()
    expect(sheet.get_by_text("ld: error")).to_be_visible()
    expect(sheet.get_by_role("checkbox", name="Done", exact=True)).to_be_checked()

    console.update_event(delivery_id, "resolve", {"resolution_note": "Fixed in 813."})
    expect(sheet.get_by_text("Fixed in 813.")).to_be_visible()
    expect(console.card(delivery_id).get_by_text("Resolved", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("rendering", "summary", "is_open"),
    [("collapsed", "Details", False), ("expanded", None, True), ("preview", "word word", False)],
)
def test_body_is_rendered_as_the_event_asks(
    console: Console, rendering: str, summary: str | None, is_open: bool
) -> None:
    delivery_id = console.publish(
        title=f"Shown {rendering}", markdown_body="**word** " * 90 + "\n\nthe end", markdown_body_rendering=rendering
    )
    console.card(delivery_id).click()
    end = console.page.get_by_text("the end")
    if summary is None:
        expect(console.page.locator(".sheet details.body")).to_have_count(0)
    else:
        toggle = console.page.locator(".sheet summary")
        expect(toggle).to_contain_text(summary)
        assert len(toggle.inner_text().strip()) <= 201
        expect(end).to_be_hidden()
        toggle.click()
    expect(end).to_be_visible()
    assert is_open is (summary is None)


def test_hostile_markdown_runs_no_script_and_loads_nothing(console: Console) -> None:
    asked: list[str] = []
    console.page.on("request", lambda request: asked.append(request.url))
    delivery_id = console.publish(
        title="<img src=x onerror='window.hacked=11'>", markdown_body=HOSTILE, markdown_body_rendering="expanded"
    )
    console.update_event(delivery_id, "supplement", {"markdown_body": HOSTILE})
    console.card(delivery_id).click()
    expect(console.page.locator(".supplements .markdown")).to_contain_text("plain")

    assert console.page.evaluate("() => window.hacked") is None
    assert [url for url in asked if "tracker" in url] == []
    for markdown in console.page.locator(".markdown").all():
        tags, attributes = markdown.evaluate(
            """(element) => {
              const all = [...element.querySelectorAll("*")];
              return [all.map((each) => each.localName), all.flatMap((each) => each.getAttributeNames())];
            }"""
        )
        assert set(tags) <= {"a", "b", "br", "p"}
        assert set(attributes) <= {"dir", "href", "rel", "target"}
        links = markdown.locator("a").all()
        assert [link.get_attribute("href") for link in links] == ["https://example.com/build"]
        assert links[0].get_attribute("rel") == "noopener noreferrer nofollow"
    expect(console.page.locator(".sheet h2")).to_have_text("<img src=x onerror='window.hacked=11'>")


def test_shortcuts_move_archive_snooze_and_undo(console: Console) -> None:
    first, second = console.publish(title="The older one"), console.publish(title="The newer one")
    keyboard = console.page.keyboard
    expect(console.card(second)).to_be_visible()
    console.card(second).click()
    expect(console.card(second)).to_have_attribute("aria-current", "true")
    keyboard.press("j")
    expect(console.card(first)).to_have_attribute("aria-current", "true")
    expect(console.page).to_have_url(re.compile(f"#/inbox/{first}$"))
    expect(console.page.locator(".sheet h2")).to_have_text("The older one")

    keyboard.press("e")
    expect(console.card(first)).to_have_count(0)
    console.page.get_by_role("button", name="Undo", exact=True).last.click()
    expect(console.card(first)).to_have_count(1)

    console.card(first).click()
    expect(console.page.locator(".sheet h2")).to_have_text("The older one")
    keyboard.press("r")
    expect(console.card(first).get_by_role("img", name="Unread", exact=True)).to_be_visible()
    keyboard.press("s")
    console.page.get_by_role("button", name="Tomorrow morning").click()
    expect(console.card(first)).to_have_count(0)
    console.page.get_by_role("button", name="Snoozed").first.click()
    expect(console.card(first)).to_have_count(1)

    keyboard.press("/")
    keyboard.type("older")
    expect(console.page).to_have_url(re.compile("q=older"))
    expect(console.card(first)).to_have_count(1)
    keyboard.type(" absent")
    expect(console.page.get_by_text("No matches.")).to_be_visible()


def test_a_snooze_that_ends_is_shown_without_a_reload(console: Console) -> None:
    delivery_id = console.publish(title="Back in a moment")
    expect(console.card(delivery_id)).to_be_visible()
    until = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    console.change_delivery(delivery_id, {"read": True, "snoozedUntil": until})
    expect(console.card(delivery_id)).to_have_count(0)

    expect(console.card(delivery_id).get_by_role("img", name="Unread", exact=True)).to_be_visible(timeout=60_000)
    console.page.get_by_role("button", name=re.compile("^Unread")).click()
    expect(console.card(delivery_id)).to_be_visible()


def test_printed_notification_has_nothing_but_its_content(console: Console) -> None:
    delivery_id = console.publish(
        title="For the file", markdown_body="Line\n\n" * 80, markdown_body_rendering="expanded"
    )
    console.card(delivery_id).click()
    sheet = console.page.locator(".sheet")
    expect(sheet.get_by_role("heading", name="For the file", exact=True)).to_be_visible()
    console.page.emulate_media(media="print")
    expect(console.page.locator(".nav")).to_be_hidden()
    expect(console.card(delivery_id)).to_be_hidden()
    scroller = console.page.locator(".detail-scroll")
    assert scroller.evaluate("(each) => each.scrollHeight <= each.clientHeight + 1")
    console.page.screenshot(path=PICTURES / "print.png", full_page=True)


def test_link_opens_a_notification(console: Console) -> None:
    delivery_id = console.publish(title="Linked to")
    console.go(f"inbox/{delivery_id}")
    console.page.reload()
    expect(console.page.locator(".sheet h2")).to_have_text("Linked to")
    console.go("inbox/00000000-0000-4000-8000-000000000000")
    expect(console.page.get_by_role("alert")).to_contain_text("Notification not found.Request ID: req_")
    console.forgive("404")


def test_page_and_event_have_their_own_languages(open_console: Open) -> None:
    console = open_console(locale="zh-CN")
    console.page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(console.page.get_by_role("heading", name="收件箱", exact=True)).to_be_visible()
    expect(console.page.locator("html")).to_have_attribute("lang", "zh-CN")
    delivery_id = console.publish(title="Zugriff erteilt", locale="de", markdown_body="Text")
    console.card(delivery_id).click()
    expect(console.page.locator(".sheet h2")).to_have_attribute("lang", "de")
    expect(console.page.get_by_text("详情", exact=True)).to_be_visible()
