"""Undoing what was done, and deciding about held events."""

import re

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import PICTURES, Console
from tests.support import inputs


def test_each_press_of_z_undoes_one_more_action(console: Console) -> None:
    ids = [console.publish(title=f"Undo {number}") for number in range(5)]
    for each in ids:
        expect(console.card(each)).to_be_visible()
    console.card(ids[-1]).click()
    for each in reversed(ids):
        expect(console.card(each)).to_have_attribute("aria-current", "true")
        console.page.keyboard.press("e")
        expect(console.card(each)).to_have_count(0)
    for each in ids:
        console.page.keyboard.press("z")
        expect(console.card(each)).to_be_visible()
    console.page.reload()
    for each in ids:
        expect(console.card(each)).to_be_visible()


def test_a_change_that_fails_is_rolled_back_visibly_and_offers_no_undo(console: Console) -> None:
    delivery_id = console.publish(title="Stays here")
    with console.page.expect_response(lambda response: response.request.method == "PATCH"):
        console.card(delivery_id).click()
    routes: list[Route] = []
    # Shortly after another change it is sent as one of several.
    console.page.route(
        re.compile(rf"/api/v1/inbox/({delivery_id}|bulk)$"),
        lambda route: routes.append(route) if route.request.method in ("PATCH", "POST") else route.continue_(),
    )
    with console.page.expect_request(lambda request: request.method in ("PATCH", "POST") and "/inbox/" in request.url):
        console.page.keyboard.press("e")
    expect(console.card(delivery_id)).to_have_count(0)
    # Success is not said before the server has said it.
    expect(console.page.locator(".toast")).to_have_count(0)
    (route,) = routes
    route.fulfill(status=500, json={"error": "Out of order."})
    expect(console.card(delivery_id)).to_be_visible()
    expect(console.page.locator(".toast-error")).to_contain_text("Not changed: Stays here. Out of order.")
    expect(console.page.get_by_role("button", name="Undo", exact=True)).to_have_count(0)
    console.forgive("500")


def test_undoing_a_rejection_restores_the_same_task(console: Console) -> None:
    task_id = console.call_v2("POST", "/queue", {"title": "Sell the boat"})["id"]
    console.go("queue")
    task = console.page.locator(f'[data-task="{task_id}"]')
    task.get_by_role("button", name="Reject", exact=True).click()
    rejected = console.page.locator(".toast", has_text="Rejected: Sell the boat")
    expect(rejected).to_be_visible()
    expect(task).to_have_count(0)
    console.page.keyboard.press("z")
    expect(task.get_by_role("button", name="Approve", exact=True)).to_be_visible()
    assert console.call_v2("GET", f"/queue/{task_id}")["status"] == "pending_confirmation"


def test_owners_own_task_needs_no_approval(console: Console) -> None:
    console.go("queue")
    console.page.get_by_role("textbox", name="New task", exact=True).fill("Call Ann")
    console.page.get_by_role("button", name="Add", exact=True).click()
    ready = console.page.get_by_role("region", name="Ready", exact=True)
    mine = ready.locator("[data-task]", has_text="Call Ann")
    expect(mine).to_be_visible()
    expect(mine).not_to_contain_text("agent")


def hold(console: Console, **event: object) -> str:
    token = console.system.demo["personal_tokens"]["moderated"]
    answer = console.system.call("POST", "/api/v1/events", inputs.new_event(event_type="hr.offer.sent", **event), token)
    assert answer.status in (200, 202), answer.body
    return str(answer.json["deliveryId"])


def review(page: Page, held: str) -> None:
    page.locator(f'[data-task="{held}"]').get_by_role("button", name="Approve", exact=True).click()
    expect(page.get_by_role("dialog", name="Review event", exact=True)).to_be_visible()


def test_moderator_sees_the_whole_event_and_is_asked_for_the_recipient_once(console: Console) -> None:
    held = hold(
        console,
        title="Offer for Mira",
        summary="Grade 7",
        markdown_body="The **whole** offer",
        recipient_hint={"email": "nobody@example.com"},
        actions=[{"label": "Open offer", "action_type": "url", "url": "https://hr.example.com/7"}],
    )
    console.go("queue")
    review(console.page, held)
    dialog = console.page.get_by_role("dialog")
    for text in ("Offer for Mira", "Grade 7", "The whole offer", "Open offer · https://hr.example.com/7"):
        expect(dialog.get_by_text(text)).to_be_visible()
    recipient = dialog.get_by_label("Recipient")
    expect(recipient).to_have_value("nobody@example.com")
    recipient.fill("carole@example.com")
    dialog.get_by_role("button", name="Deliver", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("must name an active employee")
    expect(recipient).to_have_value("carole@example.com")
    console.page.screenshot(path=PICTURES / "queue-moderation.png")
    recipient.fill("carol@example.com")
    dialog.get_by_role("button", name="Deliver", exact=True).click()
    expect(dialog).to_have_count(0)
    expect(console.page.get_by_text(re.compile("^Delivered: "))).to_be_visible()
    done = console.page.get_by_role("region", name="Done", exact=True)
    expect(done.locator(f'[data-task="{held}"]')).to_be_visible()
    console.forgive("400")


def test_rejecting_an_event_asks_first(console: Console) -> None:
    held = hold(console, title="Unwanted offer")
    console.go("queue")
    review(console.page, held)
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Reject", exact=True).click()
    dialog.get_by_role("button", name="Reject for good", exact=True).click()
    expect(console.page.locator(f'[data-task="{held}"]')).to_have_count(0)
