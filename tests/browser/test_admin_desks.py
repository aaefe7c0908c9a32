"""What operators do about other desks: each action asks first, and says what it ends."""

from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PICTURES, Console, Open
from tests.browser.test_narrow_screens import check

VIEWPORTS: dict[str, dict[str, Any]] = {
    "desktop": {},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}


@pytest.fixture(params=list(VIEWPORTS))
def desks(open_console: Open, request: pytest.FixtureRequest) -> tuple[Console, str]:
    """The page about other desks, on each kind of screen."""
    console = open_console(**VIEWPORTS[request.param])
    console.sign_in()
    return console, request.param


def picture(console: Console, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    # Dialogs fade in. An animation whose element is drawn anew is cancelled, and its promise refused.
    console.page.evaluate("Promise.allSettled(document.getAnimations().map((each) => each.finished))")
    check(console.page, f"desks-{name}")


def open_page(console: Console) -> None:
    console.go("operate?tab=desks")
    expect(console.page.get_by_role("heading", name="Blocked desks", exact=True)).to_be_visible()
    expect(console.page.locator(".skeleton")).to_have_count(0)


def row(console: Console, text: str) -> Locator:
    return console.page.locator(".row-card").filter(has_text=text)


def test_a_desk_is_blocked_and_unblocked(desks: tuple[Console, str]) -> None:
    console, screen = desks
    page, origin = console.page, f"https://{uuid4().hex[:8]}.example"
    open_page(console)
    page.get_by_role("button", name="Block a desk", exact=True).click()
    dialog = page.get_by_role("dialog", name="Block a desk", exact=True)
    expect(dialog.get_by_text("registrations, relays and events are refused")).to_be_visible()
    dialog.get_by_label("URL of the desk").fill(f"{origin.upper().replace('HTTPS', 'https')}/")
    picture(console, f"block-{screen}")
    dialog.get_by_role("button", name="Block", exact=True).click()
    blocked = row(console, origin)
    expect(blocked.get_by_text("Blocked", exact=True)).to_be_visible()
    assert origin in console.call_v2("GET", "/operate/origins")["blocked"]
    picture(console, screen)

    blocked.get_by_role("button", name="Unblock", exact=True).click()
    dialog = page.get_by_role("dialog", name=f"Unblock {origin}?")
    dialog.get_by_role("button", name="Cancel", exact=True).click()
    assert origin in console.call_v2("GET", "/operate/origins")["blocked"]
    blocked.get_by_role("button", name="Unblock", exact=True).click()
    expect(dialog.get_by_text("Its requests come in again")).to_be_visible()
    dialog.get_by_role("button", name="Unblock", exact=True).click()
    expect(blocked).to_have_count(0)
    assert origin not in console.call_v2("GET", "/operate/origins")["blocked"]


def test_an_instance_is_suspended_and_removed(desks: tuple[Console, str]) -> None:
    console, screen = desks
    page, name = console.page, f"Desk {uuid4().hex[:8]}"
    origin = f"https://{name[5:]}.example"
    registration = {"name": name, "baseUrl": origin, "apiKey": "k" * 40}
    made = console.system.call("POST", "/api/v2/federation/register", registration)
    assert made.status == 201, made.body
    console.call_v2("POST", f"/operate/instances/{made.json['instanceId']}/approve", {"withoutChallenge": True})
    open_page(console)
    instance = row(console, name)
    instance.get_by_role("button", name="Suspend", exact=True).click()
    dialog = page.get_by_role("dialog", name=f"Suspend {name}?")
    expect(dialog.get_by_text("Its token and key stop working at once")).to_be_visible()
    picture(console, f"suspend-{screen}")
    dialog.get_by_role("button", name="Suspend", exact=True).click()
    expect(instance.get_by_text("Suspended", exact=True)).to_be_visible()
    expect(row(console, origin)).to_have_count(2)

    instance.get_by_role("button", name="Remove", exact=True).click()
    dialog = page.get_by_role("dialog", name=f"Remove {name}?")
    expect(dialog.get_by_text("Its address is blocked from then on")).to_be_visible()
    dialog.get_by_role("button", name="Remove", exact=True).click()
    expect(instance).to_have_count(0)
    assert origin in console.call_v2("GET", "/operate/origins")["blocked"]


def test_a_connection_of_a_person_is_removed(desks: tuple[Console, str]) -> None:
    console, screen = desks
    page, email = console.page, f"tim-{uuid4().hex[:8]}@nowhere.example"
    console.call_v2(
        "POST", "/connection-requests", {"peerInstanceUrl": "https://nowhere.example", "peerUserEmail": email}
    )
    open_page(console)
    page.get_by_label("Person").select_option(label="Alice (alice@example.com)")
    connection = row(console, email)
    connection.get_by_role("button", name="Remove", exact=True).click()
    dialog = page.get_by_role("dialog", name=f"Remove the connection with {email}?")
    expect(dialog.get_by_text("This ends the connection for alice@example.com and deletes it.")).to_be_visible()
    picture(console, f"remove-{screen}")
    dialog.get_by_role("button", name="Remove", exact=True).click()
    expect(connection).to_have_count(0)
    answer = console.system.call("GET", "/api/v2/connections?status=all", None, console.key)
    assert email not in [each["peerUserEmail"] for each in answer.json["connections"]]
