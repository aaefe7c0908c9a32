"""Triage of many notifications: selection, bulk changes, undo, filters, groups, and what survives leaving the page."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import PICTURES, Console
from tests.support import inputs
from tests.support.started_desk import StartedDesk, start_desk


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedDesk]:
    with start_desk(
        tmp_path_factory.mktemp("triage"),
        FLUXDEN_KEY_BUDGET="100000",
        FLUXDEN_PERSONAL_BUDGET="100000",
        FLUXDEN_DEMO_DAILY_LIMIT="100000",
    ) as made:
        yield made


@pytest.fixture
def console(console: Console) -> Iterator[Console]:
    """An inbox that is empty at first, and in which no call was refused at last."""
    limited: list[str] = []
    console.page.on("response", lambda each: limited.append(each.url) if each.status == 429 else None)
    clear(console)
    yield console
    assert limited == []


def clear(console: Console) -> None:
    body = {"action": "archive", "filter": {"before": "2999-01-01T00:00:00Z"}}
    answer = console.system.call("POST", "/api/v1/inbox/bulk", body, console.key)
    assert answer.status in (200, 202)
    if answer.status == 202:
        wait_for_job(console, answer.json["jobId"])
    console.page.reload()
    expect(console.page.locator(".live-live")).to_be_attached()


def wait_for_job(console: Console, job_id: str) -> None:
    for _ in range(600):
        answer = console.system.call("GET", f"/api/v1/inbox/bulk/{job_id}", token=console.key)
        if answer.json["status"] == "done":
            return
        console.page.wait_for_timeout(100)
    raise AssertionError("The bulk change does not end.")


def publish_many(console: Console, number: int, **event: object) -> list[str]:
    return [console.publish(title=f"Matter {each}", **event) for each in range(number)]


def status(page: Page, text: str) -> None:
    expect(page.locator(".toast", has_text=text)).to_be_visible()


def test_selected_rows_are_archived_as_one_action_and_undone_as_one(console: Console) -> None:
    ids = publish_many(console, 6)
    keyboard = console.page.keyboard
    expect(console.card(ids[-1])).to_be_visible()
    calls: list[str] = []
    console.page.on("request", lambda each: calls.append(each.url) if each.method in ("POST", "PATCH") else None)

    keyboard.press("x")
    expect(console.page.get_by_text("1 selected")).to_be_visible()
    keyboard.press("j")
    keyboard.press("x")
    keyboard.press("Shift+J")
    keyboard.press("Shift+ArrowDown")
    expect(console.page.get_by_text("4 selected")).to_be_visible()
    console.page.screenshot(path=PICTURES / "inbox-selection.png")
    # Nothing was opened, so nothing is read.
    expect(console.page.locator(".sheet")).to_have_count(0)
    keyboard.press("e")
    status(console.page, "4 archived")
    for each in ids[2:]:
        expect(console.card(each)).to_have_count(0)
    assert len([each for each in calls if "/inbox" in each]) == 1

    keyboard.press("z")
    for each in ids:
        expect(console.card(each)).to_have_count(1)
        expect(console.card(each).get_by_role("img", name="Unread", exact=True)).to_be_visible()
    assert len([each for each in calls if "/inbox" in each]) == 2


def test_one_key_undoes_what_was_done_to_two_hundred_items(console: Console) -> None:
    publish_many(console, 200)
    console.page.reload()
    expect(console.page.locator(".item")).not_to_have_count(0)
    keyboard = console.page.keyboard
    keyboard.press("a")
    expect(console.page.get_by_text("100 selected")).to_be_visible()
    keyboard.press("a")
    expect(console.page.get_by_text("All that match are selected")).to_be_visible()
    keyboard.press("e")
    status(console.page, "200 archived")
    assert count_inbox(console) == 0
    with console.page.expect_response(lambda each: each.url.endswith("/undo")) as undone:
        keyboard.press("z")
    wait_for_job(console, undone.value.json()["jobId"])
    assert count_inbox(console) == 200
    expect(console.page.locator(".item")).not_to_have_count(0)


def count_inbox(console: Console) -> int:
    """The number of notifications in the person's inbox, page by page."""
    number, cursor = 0, ""
    while True:
        answer = console.system.call("GET", f"/api/v1/inbox?status=open&limit=100{cursor}", token=console.key)
        number += len([each for each in answer.json["items"] if not each.get("archivedAt")])
        if not answer.json["nextCursor"]:
            return number
        cursor = f"&cursor={answer.json['nextCursor']}"


def test_a_range_is_selected_with_shift_and_the_mouse(console: Console) -> None:
    ids = publish_many(console, 5)
    console.card(ids[4]).hover()
    console.page.get_by_role("checkbox", name="Select Matter 4", exact=True).check()
    console.card(ids[1]).click(modifiers=["Shift"])
    expect(console.page.get_by_text("4 selected")).to_be_visible()
    console.page.get_by_role("button", name="Mark as read or unread", exact=True).click()
    status(console.page, "4 marked as read")
    expect(console.card(ids[1]).get_by_role("img", name="Unread", exact=True)).to_have_count(0)
    expect(console.card(ids[0]).get_by_role("img", name="Unread", exact=True)).to_be_visible()


def test_all_that_match_are_changed_although_they_are_not_loaded(console: Console) -> None:
    publish_many(console, 130, severity="info")
    kept = console.publish(title="Kept", severity="warn")
    console.go("inbox?severity=info")
    expect(console.page.locator(".item")).not_to_have_count(0)
    expect(console.page.get_by_text("Kept")).to_have_count(0)
    console.page.keyboard.press("a")
    expect(console.page.get_by_text("100 selected")).to_be_visible()
    console.page.keyboard.press("a")
    expect(console.page.get_by_text("All that match are selected")).to_be_visible()
    console.page.keyboard.press("e")
    status(console.page, "130 archived")
    expect(console.page.get_by_text("No matches.")).to_be_visible()
    console.page.keyboard.press("z")
    expect(console.page.locator(".item")).not_to_have_count(0)
    console.go("inbox")
    expect(console.card(kept)).to_be_visible()


def test_selected_rows_are_resolved_after_asking_as_far_as_they_are_ones_own(console: Console) -> None:
    page = console.page
    publish_many(console, 2)
    event = {
        "event": inputs.new_event(title="Sent to many"),
        "recipients": [{"type": "email", "email": "alice@example.com"}],
    }
    answer = console.system.call("POST", "/api/v1/events/bulk", event, console.system.demo["tools_tokens"]["fd1"])
    assert answer.status == 202, answer.body
    expect(page.locator(".item")).to_have_count(3)
    page.keyboard.press("x")
    page.keyboard.press("a")
    page.get_by_role("button", name="Resolve", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("can't be undone")
    dialog.get_by_role("button", name="Cancel", exact=True).click()
    page.keyboard.press("R")
    dialog.get_by_role("button", name="Resolve", exact=True).click()
    status(page, "2 resolved. 1 can be resolved by its sender only.")
    expect(page.locator(".item-resolved", has_text="Matter")).to_have_count(2)
    expect(page.locator(".item", has_text="Sent to many")).not_to_have_class(re.compile("item-resolved"))
    # There is nothing to undo.
    expect(page.locator(".toast", has_text="2 resolved").get_by_role("button", name="Undo", exact=True)).to_have_count(
        0
    )


def test_filters_scroll_position_and_open_row_survive_back_and_reload(console: Console) -> None:
    ids = publish_many(console, 60, severity="warn")
    console.go("inbox?severity=warn")
    expect(console.card(ids[-1])).to_be_visible()
    console.page.get_by_label("Search inbox").fill("matter")
    expect(console.page).to_have_url(re.compile("q=matter"))
    console.page.locator(".scroll").evaluate("(element) => { element.scrollTop = 30 * 88 }")
    expect(console.page).to_have_url(re.compile(f"at={ids[29]}"))
    console.card(ids[28]).click()
    expect(console.page.locator(".sheet h2")).to_have_text("Matter 28")

    def check() -> None:
        expect(console.page.locator(".sheet h2")).to_have_text("Matter 28")
        expect(console.page.get_by_label("Search inbox")).to_have_value("matter")
        expect(console.page.get_by_role("button", name="Remove filter Warning", exact=True)).to_be_visible()
        expect(console.card(ids[28])).to_be_in_viewport()
        expect(console.card(ids[59])).to_have_count(0)

    check()
    console.page.reload()
    check()
    console.page.get_by_role("link", name=re.compile("^Board")).click()
    expect(console.page.get_by_role("heading", name="Board", exact=True)).to_be_visible()
    console.page.go_back()
    check()


# Counts the frames in which a row is shown, from coming back on.
COUNT_FRAMES = """(id) => {
  window.framesWithOld = 0;
  const look = () => {
    if (window.isBack && document.getElementById(id)) window.framesWithOld += 1;
    requestAnimationFrame(look);
  };
  look();
}"""
FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100))))"


def test_coming_back_shows_no_old_list_and_keeps_what_is_selected(console: Console) -> None:
    old, page, held = console.publish(title="Read before"), console.page, list[Route]()
    expect(console.card(old)).to_be_visible()
    page.evaluate(COUNT_FRAMES, f"item-{old}")
    page.get_by_role("link", name=re.compile("^Board")).click()
    expect(page.get_by_role("heading", name="Board")).to_be_visible()
    page.route(re.compile(r"/api/v1/inbox\?"), lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks it
    page.evaluate("() => { window.isBack = true; location.hash = '#/inbox'; }")
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    page.evaluate(FRAMES)
    assert page.evaluate("window.framesWithOld") == 0
    for each in held:
        each.continue_()
    expect(console.card(old)).to_be_visible()
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.evaluate(FRAMES)
    expect(page.get_by_text("1 selected")).to_be_visible()


def test_new_items_do_not_move_what_is_read(console: Console) -> None:
    ids = publish_many(console, 12)
    console.card(ids[-1]).click()
    expect(console.page.locator(".sheet h2")).to_have_text("Matter 11")
    before = console.card(ids[-1]).bounding_box()
    new = [console.publish(title=f"New {each}") for each in range(3)]
    pill = console.page.get_by_role("button", name="3 new", exact=True)
    expect(pill).to_be_visible()
    assert console.card(ids[-1]).bounding_box() == before
    console.page.screenshot(path=PICTURES / "inbox-new.png")
    pill.click()
    expect(console.card(new[-1])).to_be_in_viewport()
    expect(pill).to_have_count(0)


def test_focus_follows_the_eye(console: Console) -> None:
    delivery_id = console.publish(title="Read me")
    console.card(delivery_id).click()
    expect(console.page.get_by_role("region", name="Notification", exact=True)).to_be_focused()
    console.page.keyboard.press("Escape")
    expect(console.card(delivery_id)).to_be_focused()


def test_groups_are_collapsed_and_selected(console: Console) -> None:
    many = [console.publish(title=f"Build {each}", event_type="fd1.build.failed") for each in range(3)]
    other = console.publish(title="Other", event_type="fd1.repo.renamed", labels={"repo": "widget-pro"})
    console.page.get_by_label("Group by").select_option("type")
    head = console.page.get_by_role("button", name="fd1.build.failed 3", exact=True)
    head.click()
    for each in many:
        expect(console.card(each)).to_have_count(0)
    expect(console.card(other)).to_be_visible()
    console.page.screenshot(path=PICTURES / "inbox-groups.png")
    console.page.get_by_role("checkbox", name="Select all of fd1.build.failed", exact=True).check()
    console.page.keyboard.press("e")
    status(console.page, "3 archived")
    expect(head).to_have_count(0)
    console.page.get_by_label("Group by").select_option("label")
    expect(console.page.get_by_role("button", name="repo=widget-pro 1", exact=True)).to_be_visible()


def test_filters_are_chips_that_can_be_removed(console: Console) -> None:
    kept = console.publish(title="In", event_type="fd1.build.failed", labels={"repo": "widget-pro"})
    left = console.publish(title="Out", event_type="fd1.repo.renamed")
    expect(console.card(left)).to_be_visible()
    console.page.get_by_role("button", name="Filter", exact=True).click()
    dialog = console.page.get_by_role("dialog", name="Filter", exact=True)
    dialog.get_by_label("Integrator").fill("fd1")
    dialog.get_by_label("Event type").fill("fd1.build.failed")
    dialog.get_by_label("Label").fill("repo=widget-pro")
    dialog.get_by_label("Time").select_option("7")
    console.page.screenshot(path=PICTURES / "inbox-filter.png")
    dialog.get_by_role("button", name="Apply", exact=True).click()
    expect(console.card(left)).to_have_count(0)
    expect(console.card(kept)).to_be_visible()
    for each in ("repo=widget-pro", "fd1.build.failed", "Last 7 days", "fd1"):
        console.page.get_by_role("button", name=f"Remove filter {each}", exact=True).click()
    expect(console.card(left)).to_be_visible()


def test_a_refused_change_is_taken_back_visibly(console: Console) -> None:
    ids = publish_many(console, 3)
    expect(console.card(ids[-1])).to_be_visible()
    console.page.route("**/api/v1/inbox/bulk", lambda route: route.fulfill(status=409, json={"detail": "Not now."}))
    console.page.keyboard.press("a")
    console.page.keyboard.press("e")
    status(console.page, "Not now.")
    for each in ids:
        expect(console.card(each)).to_be_visible()
    console.forgive("409")


def test_rapid_single_changes_are_sent_together(console: Console) -> None:
    ids = publish_many(console, 30)
    expect(console.card(ids[-1])).to_be_visible()
    calls: list[str] = []
    console.page.on("request", lambda each: calls.append(each.url) if "/inbox" in each.url else None)
    console.page.keyboard.press("j")
    expect(console.page.locator(".sheet")).to_be_visible()
    for _ in range(25):
        console.page.keyboard.press("e")
    expect(console.page.locator(".item")).to_have_count(5)
    # A reload sends what still waits.
    console.page.reload()
    expect(console.page.locator(".item")).to_have_count(5)
    assert len(calls) < 25


def test_unsaved_text_survives_leaving_and_reloading_the_page_until_it_is_sent(console: Console) -> None:
    console.go("queue")
    title = console.page.get_by_role("textbox", name="New task", exact=True)
    title.fill("Order paper")
    console.go("chat")
    message = console.page.get_by_label("Write a message")
    message.fill("Half a thought")
    console.page.reload()
    expect(message).to_have_value("Half a thought")
    message.press("Enter")
    expect(message).to_have_value("")
    console.go("queue")
    expect(title).to_have_value("Order paper")
    console.page.reload()
    expect(title).to_have_value("Order paper")
    console.go("chat")
    expect(message).to_have_value("")


def test_what_is_typed_into_a_dialog_survives_closing_it_and_leaving_for_each_item(console: Console) -> None:
    page = console.page

    def escape() -> None:
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)

    one, two = (console.call_v2("POST", "/contacts", {"name": name})["id"] for name in ("Draft One", "Draft Two"))
    console.go(f"contacts/{one}")
    page.get_by_role("button", name="Edit", exact=True).click()
    page.get_by_label("Notes").fill("Half a note")
    escape()
    page.reload()
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.get_by_label("Notes")).to_have_value("Half a note")
    escape()
    console.go(f"contacts/{two}")
    expect(page.get_by_role("heading", name="Draft Two", exact=True)).to_be_visible()
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.get_by_label("Notes")).to_have_value("")
    escape()
    # Sent text is no draft, and neither is what the user discards.
    console.go(f"contacts/{one}")
    expect(page.get_by_role("heading", name="Draft One", exact=True)).to_be_visible()
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.get_by_text("What you entered here before is back.")).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_label("Notes")).to_have_value("")
    page.get_by_label("Notes").fill("A whole note")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("() => Object.keys(sessionStorage).filter((each) => each.includes('draft'))") == []


def test_choices_in_a_dialog_survive_closing_it_and_reloading_the_page_until_they_are_sent(console: Console) -> None:
    page, dialog = console.page, console.page.get_by_role("dialog")

    def open_dialog() -> None:
        page.get_by_role("button", name="New API key", exact=True).click()
        expect(dialog).to_be_visible()

    console.go("you")
    open_dialog()
    dialog.get_by_label("Name").fill("Scribe")
    dialog.get_by_label("Chat", exact=True).uncheck()
    dialog.locator("select").select_option("7")
    page.keyboard.press("Escape")
    page.reload()
    open_dialog()
    expect(page.get_by_text("What you entered here before is back.")).to_be_visible()
    expect(dialog.get_by_label("Name")).to_have_value("Scribe")
    expect(dialog.get_by_label("Chat", exact=True)).not_to_be_checked()
    expect(dialog.locator("select")).to_have_value("7")

    # A choice that hides others.
    dialog.get_by_role("radio", name="Full access").check()
    page.keyboard.press("Escape")
    open_dialog()
    expect(dialog.get_by_role("radio", name="Full access")).to_be_checked()
    expect(dialog.locator(".areas")).to_have_count(0)
    dialog.get_by_role("button", name="Discard").click()
    expect(dialog.get_by_label("Chat", exact=True)).to_be_checked()
    expect(dialog.get_by_label("Name")).to_have_value("")
    expect(dialog.locator("select")).not_to_have_value("7")
    page.keyboard.press("Escape")
    assert page.evaluate("() => Object.keys(sessionStorage).filter((each) => each.includes('draft'))") == []


def test_an_unsaved_profile_and_card_survive_leaving_the_page(console: Console) -> None:
    page = console.page
    console.go("you?tab=profile")
    page.get_by_label("Headline").fill("Half a headline")
    card = console.call_v2("POST", "/kanban", {"title": "A card"})["id"]
    console.go(f"board/{card}")
    page.get_by_label("Description").fill("Half a description")
    page.reload()
    expect(page.get_by_label("Description")).to_have_value("Half a description")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    console.go("you?tab=profile")
    expect(page.get_by_label("Headline")).to_have_value("Half a headline")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_label("Headline")).to_have_value("")
