"""Delegations in the console: somebody decides on a colleague's proposals, and edits in a review survive leaving."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PICTURES, Console, Open

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
WORDS = {
    "en-GB": {
        "delegate": "Delegate",
        "to": "Email address of a colleague",
        "given": "Bob decides for you",
        "title": "Delegated to you",
        "for": "for Alice",
        "review": "Review",
        "reason": "Reason",
        "approve": "Approve",
        "approved": "Approved for Alice: Send the report",
        "by": "Decided by Bob",
        "end": "End",
        "nobody": "Nobody decides for anybody else.",
    },
    "zh-CN": {
        "delegate": "委托",
        "to": "同事的邮箱地址",
        "given": "Bob 代您决定",
        "title": "委托给您的提案",
        "for": "代 Alice 决定",
        "review": "查看",
        "reason": "理由",
        "approve": "批准",
        "approved": "已代 Alice 批准：Send the report",
        "by": "由 Bob 决定",
        "end": "结束",
        "nobody": "目前没有委托。",
    },
}
PROPOSAL = {"tool": "send_report", "arguments": {"to": "board", "pages": 3}, "why": "It is Friday."}


def enter(console: Console) -> None:
    console.page.goto(f"{console.system.demo['base_url']}/#key={console.key}")
    expect(console.page.locator(".live-live")).to_be_attached()


def propose(console: Console) -> str:
    body = {"title": "Send the report", "metadata": {"proposal": PROPOSAL}}
    return str(console.call_v2("POST", "/queue", body)["id"])


@pytest.mark.parametrize(
    ("name", "locale", "options"), [("computer", "en-GB", {}), ("phone", "zh-CN", PHONE)], ids=["computer", "phone"]
)
def test_a_colleague_decides_while_a_person_is_away(
    open_console: Open, name: str, locale: str, options: dict[str, Any]
) -> None:
    words = WORDS[locale]
    alice, bob = open_console("alice", locale=locale, **options), open_console("bob", locale=locale, **options)
    enter(alice)
    enter(bob)
    bob.go("queue")
    alice.go("you?tab=approvals")
    alice.page.get_by_role("button", name=words["delegate"]).click()
    dialog = alice.page.get_by_role("dialog")
    dialog.get_by_label(words["to"]).fill("bob@example.com")
    dialog.get_by_role("button", name=words["delegate"], exact=True).click()
    expect(alice.page.get_by_text(words["given"])).to_be_visible()
    alice.page.screenshot(path=PICTURES / f"account-delegations-{name}.png")
    task = propose(alice)
    row = bob.page.get_by_role("region", name=words["title"]).locator(f'[data-delegated="{task}"]')
    expect(row.get_by_text(words["for"])).to_be_visible()
    bob.page.screenshot(path=PICTURES / f"queue-delegated-{name}.png")
    # As a click on a browser notification does.
    bob.go(f"queue/{task}")
    expect(row).to_be_focused()
    row.get_by_role("button", name=words["review"]).click()
    review = bob.page.get_by_role("dialog", name="Send the report", exact=True)
    review.get_by_label("pages").fill("2")
    review.get_by_label(words["reason"]).fill("Shorter")
    bob.page.screenshot(path=PICTURES / f"queue-delegated-review-{name}.png")
    review.get_by_role("button", name=words["approve"]).click()
    expect(bob.page.get_by_text(words["approved"])).to_be_visible(timeout=15_000)
    expect(row).to_have_count(0)
    alice.go("queue")
    own = alice.page.locator(f'[data-task="{task}"]')
    expect(own.get_by_text(words["by"])).to_be_visible()
    found = alice.call_v2("GET", f"/queue/{task}")
    assert (found["status"], json.loads(found["metadata"])["proposal"]["arguments"]["pages"]) == ("ready", 2)
    # The other side ends it, and what comes next is shown to nobody else.
    bob.go("you?tab=approvals")
    bob.page.get_by_role("button", name=words["end"], exact=True).click()
    bob.page.get_by_role("dialog").get_by_role("button", name=words["end"], exact=True).click()
    expect(bob.page.get_by_text(words["nobody"])).to_be_visible()
    alice.go("you?tab=approvals")
    expect(alice.page.get_by_text(words["nobody"])).to_be_visible()
    left = propose(alice)
    assert bob.call_v2("GET", "/delegated-tasks")["tasks"] == []
    alice.call_v2("POST", f"/queue/{left}/confirm", {"action": "reject"})


@pytest.mark.parametrize(("locale", "options"), [("en-GB", {}), ("zh-CN", PHONE)], ids=["computer", "phone"])
def test_edits_in_a_review_survive_leaving_the_page(open_console: Open, locale: str, options: dict[str, Any]) -> None:
    words = WORDS[locale]
    console = open_console(locale=locale, **options)
    enter(console)
    task = propose(console)
    console.go("queue")
    row = console.page.locator(f'[data-task="{task}"]')
    row.get_by_role("button", name=words["review"]).click()
    dialog = console.page.get_by_role("dialog", name="Send the report", exact=True)
    dialog.get_by_label("pages").fill("7")
    dialog.get_by_label(words["reason"]).fill("As we said")
    console.page.reload()
    row.get_by_role("button", name=words["review"]).click()
    expect(dialog.get_by_label("pages")).to_have_value("7")
    expect(dialog.get_by_label(words["reason"])).to_have_value("As we said")
    console.page.screenshot(path=PICTURES / f"queue-review-restored-{locale}.png")
    dialog.get_by_role("button", name=words["approve"]).click()
    expect(console.page.locator(f'[data-task="{task}"]').get_by_text("As we said")).to_be_visible(timeout=15_000)
    found = console.call_v2("GET", f"/queue/{task}")
    assert json.loads(found["metadata"])["proposal"]["arguments"]["pages"] == 7
    assert console.page.evaluate("Object.keys(sessionStorage).filter((each) => each.includes('proposal.'))") == []


def test_the_delegator_is_told_when_the_time_is_over(open_console: Open) -> None:
    bob = open_console("bob")
    enter(bob)
    bob.go("you?tab=approvals")
    expect(bob.page.get_by_role("heading", name="Standing approvals")).to_be_visible()
    until = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    made = bob.call_v2("POST", "/delegations", {"to": "alice@example.com", "until": until})
    assert made["delegate"]["name"] == "Alice"
    # A schedule ends it, once a minute.
    over = bob.page.get_by_text("The time is over in which Alice decides for you.")
    expect(over).to_be_visible(timeout=180_000)
    assert made["id"] not in str(bob.call_v2("GET", "/delegations"))
