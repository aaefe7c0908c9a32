"""Connections with people at other desks."""

from playwright.sync_api import expect

from tests.browser.conftest import PICTURES, Console


def test_connection_request_can_be_sent_and_withdrawn(console: Console) -> None:
    page = console.page
    console.go("network")
    page.get_by_role("button", name="Request connection").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("URL of their desk").fill("https://desk.north.example")
    dialog.get_by_label("Their email address").fill("nora@north.example")
    dialog.get_by_role("button", name="Request connection").click()
    row = page.locator(".row-card", has_text="nora@north.example")
    expect(row).to_contain_text("Awaiting reply")
    row.get_by_role("button", name="Withdraw").click()
    expect(row).to_contain_text("Declined")


def test_request_that_no_desk_confirmed_says_so_before_it_is_accepted(console: Console) -> None:
    request = {
        "id": "7f7c2c1a-0c0d-4a0e-9b8e-6f1a2b3c4d5e",
        "status": "pending",
        "peerInstanceUrl": "https://desk.north.example",
        "peerInstanceName": None,
        "peerUserEmail": "nora@north.example",
        "peerUserName": None,
        "signedByPeer": False,
        "source": "federation",
        "origin": "https://desk.north.example",
        "verified": False,
        "askedBy": "peer",
        "reason": None,
        "contactId": None,
        "createdAt": "2026-11-30T09:00:00.000Z",
    }
    confirmed = request | {"id": "8f7c2c1a-0c0d-4a0e-9b8e-6f1a2b3c4d5e", "peerUserEmail": "ola@north.example"}
    answer = {"connections": [request, confirmed | {"verified": True}]}
    console.page.route("**/api/v2/connections?*", lambda route: route.fulfill(json=answer))
    console.go("network")
    row = console.page.locator(".row-card", has_text="nora@north.example")
    expect(row).to_contain_text("Unverified")
    expect(row).to_contain_text("desk.north.example has not confirmed this request")
    expect(row.get_by_role("button", name="Accept")).to_be_visible()
    console.page.screenshot(path=PICTURES / "unconfirmed-request.png")
    expect(console.page.locator(".row-card", has_text="ola@north.example")).not_to_contain_text("Unverified")
