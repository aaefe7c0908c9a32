"""What people do with their own keys and their profile."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open


def test_a_key_is_made_used_switched_off_and_deleted(open_console: Open) -> None:
    console = open_console(permissions=["clipboard-read", "clipboard-write"])
    console.sign_in()
    page, call = console.page, console.system.call
    page.get_by_role("link", name=re.compile("^You: ")).click()
    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog", name="New key")
    dialog.get_by_label("Name").fill("Scribe at work")
    for part in ("Queue", "Chat", "Board"):
        dialog.get_by_role("checkbox", name=part).uncheck()
    dialog.get_by_role("button", name="Make the key").click()
    expect(dialog.get_by_role("alert")).to_contain_text("at least one part")
    dialog.get_by_role("checkbox", name="Contacts").check()
    dialog.get_by_role("button", name="Make the key").click()

    made = page.get_by_role("dialog", name="Your new key")
    key = made.get_by_label("Key", exact=True).input_value()
    made.get_by_role("button", name="Copy: Key").click()
    expect(made.get_by_role("button", name="Copied: Key")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == key
    assert made.get_by_label("Address for agents (MCP)", exact=True).input_value() == console.system.demo["mcp_url"]
    page.mouse.click(5, 5)
    expect(made).to_be_visible()
    page.get_by_role("button", name="I have kept it").click()
    assert key not in page.content()
    assert (call("GET", "/api/v2/contacts", token=key).status, call("GET", "/api/v2/queue", token=key).status) == (
        200,
        403,
    )

    row = page.locator(".row-card", has_text="Scribe at work")
    expect(row).to_contain_text("Contacts")
    expect(row).to_contain_text("ends")
    row.get_by_role("button", name="Switch off").click()
    expect(row.get_by_text("Off", exact=True)).to_be_visible()
    assert call("GET", "/api/v2/contacts", token=key).status == 403
    page.get_by_role("button", name="Undo").click()
    expect(row.get_by_text("On", exact=True)).to_be_visible()
    assert call("GET", "/api/v2/contacts", token=key).status == 200

    row.get_by_role("button", name="Delete").click()
    sure = page.get_by_role("dialog", name="Delete “Scribe at work”?")
    sure.get_by_role("button", name="Cancel").click()
    expect(row).to_have_count(1)
    row.get_by_role("button", name="Delete").click()
    expect(sure).to_contain_text("cannot be brought back")
    sure.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    assert call("GET", "/api/v2/contacts", token=key).status == 401


def test_the_key_one_is_signed_in_with_ends_only_on_purpose_and_signs_out(open_console: Open) -> None:
    console = open_console()
    own = console.ask("POST", "/keys", {"name": "A tab's own"})["key"]
    page = console.page
    page.goto(f"{console.system.demo['base_url']}/#key={own}")
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    console.go("you")
    row = page.locator(".row-card", has_text="A tab's own")
    expect(row).to_contain_text("You are signed in with it")
    row.get_by_role("button", name="Switch off").click()
    dialog = page.get_by_role("dialog", name=re.compile("Switch off"))
    dialog.get_by_role("button", name="Switch off").click()
    expect(dialog).to_be_visible()
    assert console.system.call("GET", "/api/v2/me", token=own).status == 200

    dialog.get_by_role("checkbox", name="I have another way in").check()
    dialog.get_by_role("button", name="Switch off").click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert console.system.call("GET", "/api/v2/me", token=own).status == 403


def test_a_key_for_parts_of_the_desk_is_told_what_it_lacks(open_console: Open) -> None:
    console = open_console()
    part = console.ask("POST", "/keys", {"name": "Parts", "permissions": ["inbox", "queue", "chat"]})["key"]
    console.page.goto(f"{console.system.demo['base_url']}/#key={part}")
    expect(console.page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
    console.go("you")
    expect(console.page.get_by_text("Sign in with one that opens everything")).to_be_visible()


def test_a_profile_is_edited_in_place_and_a_refusal_stands_at_its_field(open_console: Open) -> None:
    console = open_console("bob")
    console.sign_in()
    page = console.page
    console.go("you?tab=profile")
    page.get_by_label("Headline").fill("Mends what others drop")
    skills = page.get_by_label("Skills", exact=True).and_(page.locator("input"))
    skills.fill("Python, C")
    skills.press("Enter")
    skills.fill("Welding")
    page.get_by_label("Who finds you").select_option("Everybody")
    page.get_by_role("switch", name="Quiet hours").check()
    page.get_by_label("From").fill("22:30")
    quiet_zone = page.get_by_label("Time zone").last
    quiet_zone.fill("Mars/Olympus")
    # Somebody else's change, which has to stay.
    console.ask("PATCH", "/profile", {"industry": "Repairs"})

    page.get_by_role("button", name="Save").click()
    wrong = page.locator("label", has=page.get_by_role("alert"))
    expect(wrong).to_contain_text("Must be a time zone of the IANA database")
    expect(quiet_zone).to_be_focused()
    assert console.ask("GET", "/profile")["headline"] is None
    quiet_zone.fill("Europe/Berlin")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Profile saved")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    expect(page.get_by_label("Industry")).to_have_value("Repairs")

    told = console.ask("GET", "/profile")
    assert {name: told[name] for name in ("headline", "industry", "skills", "visibility", "relayQuietHours")} == {
        "headline": "Mends what others drop",
        "industry": "Repairs",
        "skills": ["Python, C", "Welding"],
        "visibility": "public",
        "relayQuietHours": {"start": "22:30", "end": "08:00", "timezone": "Europe/Berlin"},
    }

    page.get_by_label("Headline").fill("Something else")
    page.get_by_role("button", name="Remove: Welding").click()
    page.get_by_role("button", name="Put back").click()
    expect(page.get_by_label("Headline")).to_have_value("Mends what others drop")
    expect(page.get_by_role("button", name="Remove: Welding")).to_be_visible()
    assert all("400" in each for each in console.complaints)
    console.complaints.clear()
