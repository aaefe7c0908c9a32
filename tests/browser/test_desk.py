"""Signing in and out, the queue, the chat, the board and the contacts."""

import re
from typing import Any

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Console, Open


def test_the_sign_in_link_leaves_no_key_behind_and_signing_out_forgets_it(open_console: Open) -> None:
    console = open_console()
    page = console.page
    page.goto(console.system.demo["console_url"])
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    assert page.url == f"{console.system.demo['base_url']}/#/inbox"
    assert page.evaluate("() => history.length") <= 2
    page.reload()
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert page.evaluate("() => [sessionStorage.length, JSON.stringify(localStorage), document.cookie]") == [
        0,
        "{}",
        "",
    ]
    page.goto(f"{console.system.demo['base_url']}/#/queue")
    expect(page.get_by_label("API key")).to_be_visible()


def test_a_key_that_is_not_accepted_is_told_apart(open_console: Open) -> None:
    console = open_console()
    console.page.goto(console.system.demo["base_url"])
    console.page.get_by_label("API key").fill("dvd_nonsense")
    console.page.get_by_role("button", name="Sign in").click()
    expect(console.page.get_by_role("alert")).to_contain_text("not accepted")
    console.page.get_by_label("API key").fill(console.key)
    console.page.keyboard.press("Enter")
    expect(console.page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    assert all("401" in each for each in console.complaints)
    console.complaints.clear()


def test_what_cannot_be_loaded_is_told_and_tried_again(console: Console) -> None:
    console.page.route("**/api/v2/kanban?*", lambda route: route.abort())
    console.go("board")
    expect(console.page.get_by_role("alert")).to_contain_text("cannot be reached")
    console.page.unroute("**/api/v2/kanban?*")
    console.page.get_by_role("button", name="Try again").click()
    expect(console.page.get_by_role("heading", name="Leads")).to_be_visible()
    assert all("ERR_FAILED" in each for each in console.complaints)
    console.complaints.clear()


def test_the_queue_is_decided_with_one_key_each(console: Console) -> None:
    console.go("queue")
    expect(console.page.get_by_role("heading", name="Queue")).to_be_visible()
    yes, no = (console.ask("POST", "/queue", {"title": title})["id"] for title in ("Water the plants", "Buy a boat"))

    def task(task_id: str) -> Locator:
        return console.page.locator(f'[data-task="{task_id}"]')

    expect(task(yes)).to_be_visible()
    expect(task(no)).to_be_visible()

    task(yes).focus()
    console.page.keyboard.press("y")
    ready = console.page.get_by_role("region", name="Ready")
    expect(ready.locator(f'[data-task="{yes}"]')).to_be_visible()
    expect(task(no)).to_be_focused()
    console.page.keyboard.press("n")
    expect(task(no)).to_have_count(0)
    expect(console.page.get_by_text("rejected")).to_be_visible()
    assert console.ask("GET", f"/queue/{yes}")["status"] == "ready"
    assert console.system.call("GET", f"/api/v2/queue/{no}", token=console.key).status == 404

    chief = console.page.get_by_role("switch", name="Chief of staff")
    chief.check()
    expect(console.page.get_by_role("region", name="In progress").locator(f'[data-task="{yes}"]')).to_be_visible()
    chief.uncheck()
    expect(console.page.get_by_text("Briefing:")).to_be_visible()
    assert console.ask("GET", "/settings")["mode"] == "cockpit"


def test_the_chat_completes_mentions_and_hears_agents(console: Console) -> None:
    console.go("chat")
    box = console.page.get_by_role("textbox", name="Write a message")
    box.press_sequentially("Hello @scr")
    expect(console.page.get_by_role("option", name=re.compile("Scribe"))).to_be_visible()
    console.page.keyboard.press("Enter")
    expect(box).to_have_value("Hello @scribe ")
    box.press_sequentially("!scout")
    console.page.get_by_role("option", name=re.compile("company")).click()
    expect(box).to_have_value(re.compile(r"!scout\.company $"))
    console.page.keyboard.press("Enter")
    log = console.page.get_by_role("log")
    expect(log.get_by_text("Hello @scribe !scout.company")).to_have_count(1)

    console.ask("POST", "/shared-chat/send", {"content": "On it: **three** things."})
    expect(log.locator("strong", has_text="three")).to_be_visible()


def test_a_card_is_dragged_by_mouse_and_by_keyboard(console: Console) -> None:
    card_id = console.ask("POST", "/kanban", {"title": "Carried about", "status": "leads"})["id"]
    page = console.page
    console.go("board")
    card = page.locator(f"#card-{card_id}")

    def column(stage: str) -> Locator:
        return page.locator(f'[data-column="{stage}"]')

    expect(column("leads").locator(card)).to_be_visible()

    card.hover()
    page.mouse.down()
    box = column("proposal").bounding_box()
    assert box
    page.mouse.move(box["x"] + 60, box["y"] + 20, steps=8)
    page.mouse.move(box["x"] + 80, box["y"] + 60, steps=4)
    expect(page.locator(".ghost")).to_be_visible()
    page.mouse.up()
    expect(column("proposal").locator(card)).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect_status(console, card_id, "proposal")

    card.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".board [role=status]").first).to_contain_text("Qualifying")
    page.keyboard.press("Space")
    expect(column("qualifying").locator(card)).to_be_focused()
    expect_status(console, card_id, "qualifying")

    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(column("qualifying").locator(card)).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Carried about")).to_be_visible()


def expect_status(console: Console, card_id: str, status: str) -> None:
    for _ in range(50):
        if console.ask("GET", f"/kanban/{card_id}")["status"] == status:
            return
        console.page.wait_for_timeout(100)
    raise AssertionError(f"the card is not in {status}")


def test_a_contact_is_added_found_and_changed(console: Console) -> None:
    page = console.page
    console.go("contacts")
    page.get_by_role("button", name="New contact").click()
    page.get_by_label("Name").fill("Zoë Müller")
    page.get_by_label("Company").fill("Quellwerk")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Zoë Müller")).to_be_visible()
    page.get_by_label("Search contacts").fill("zoe mu")
    expect(page).to_have_url(re.compile("search="))
    expect(page.locator(".items .item")).to_have_count(1)
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Role").fill("Miller")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".person-head")).to_contain_text("Miller · Quellwerk")


def test_somebody_elsewhere_is_asked_for_a_connection_which_can_be_taken_back(console: Console) -> None:
    page = console.page
    console.go("network")
    page.get_by_role("button", name="Ask for a connection").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Their desk").fill("https://desk.north.example")
    dialog.get_by_label("Their e-mail address").fill("nora@north.example")
    dialog.get_by_role("button", name="Ask for a connection").click()
    row = page.locator(".row-card", has_text="nora@north.example")
    expect(row).to_contain_text("Waits for them")
    row.get_by_role("button", name="Withdraw").click()
    expect(row).to_contain_text("Declined")


def test_a_browser_is_nudged_when_its_owner_wants_it(open_console: Open) -> None:
    console = open_console(permissions=["notifications"])
    page, context = console.page, console.context
    # A desk with keys for it, and a browser that has a push service; the worker and the desk's part are the real ones.
    context.route("**/api/v2/me", lambda route: route.fulfill(json=with_push(route.fetch().json())))
    context.route("**/api/v2/push", lambda route: route.fulfill(json={"success": True, "data": {"publicKey": "BPk"}}))
    page.add_init_script(
        """PushManager.prototype.getSubscription = async () => window.subscribed ?? null;
        PushManager.prototype.subscribe = async () => (window.subscribed = {
          toJSON: () => ({ endpoint: "https://push.example.com/abc", expirationTime: null }),
          unsubscribe: async () => { window.subscribed = null; },
        });"""
    )
    console.sign_in()
    page.get_by_role("button", name="Nudges to this browser: off").click()
    expect(page.get_by_role("button", name="Nudges to this browser: on")).to_be_visible()
    assert [each["host"] for each in console.ask("GET", "/push")["subscriptions"]] == ["push.example.com"]
    assert page.evaluate("async () => (await navigator.serviceWorker.ready).active.scriptURL").endswith("/sw.js")

    page.get_by_role("button", name="Nudges to this browser: on").click()
    expect(page.get_by_role("button", name="Nudges to this browser: off")).to_be_visible()
    expect(page.get_by_text("no longer be nudged")).to_be_visible()
    assert console.ask("GET", "/push")["subscriptions"] == []


def with_push(told: dict[str, Any]) -> dict[str, Any]:
    told["data"]["webPush"]["available"] = True
    return told


def test_an_operator_issues_a_token_and_sees_it_once(console: Console) -> None:
    page = console.page
    console.publish()
    page.get_by_role("link", name="Operate").click()
    page.get_by_role("button", name="Tools tokens").click()
    page.get_by_role("button", name="New tools token").click()
    page.get_by_role("button", name="Issue").click()
    token = page.get_by_label("Token", exact=True).input_value()
    assert token.startswith("flux-tools-")
    assert console.system.call("GET", "/api/v1/event-types", token=token).status == 200
    page.get_by_role("button", name="I have kept it").click()
    expect(page.get_by_text(token)).to_have_count(0)

    page.get_by_role("button", name="Event types").click()
    expect(page.get_by_role("img", name=re.compile("deliveries of the last 90 days")).first).to_be_visible()
    page.get_by_role("button", name="Dead letters").click()
    expect(page.get_by_text("every message was dealt with")).to_be_visible()


def test_one_who_is_no_operator_is_offered_nothing_of_it(open_console: Open) -> None:
    console = open_console("bob")
    console.sign_in()
    expect(console.page.get_by_role("link", name="Operate")).to_have_count(0)
    for page in ("operate", "nowhere"):
        console.go(page)
        expect(console.page.get_by_text("There is no such page.")).to_be_visible()


def test_pages_are_reached_by_two_keys(console: Console) -> None:
    for key, name in (
        ("q", "Queue"),
        ("c", "Chat"),
        ("b", "Board"),
        ("p", "Contacts"),
        ("n", "Network"),
        ("y", "You"),
        ("i", "Inbox"),
    ):
        console.page.keyboard.press("g")
        console.page.keyboard.press(key)
        expect(console.page.get_by_role("heading", name=name, exact=True, level=1)).to_be_visible()
    console.page.keyboard.press("?")
    expect(console.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
