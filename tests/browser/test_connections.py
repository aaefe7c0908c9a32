"""Connections with people at other desks."""

import json

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import PICTURES, Console


def test_connection_request_can_be_sent_and_withdrawn(console: Console) -> None:
    page = console.page
    console.go("network")
    page.get_by_role("button", name="Request connection", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("URL of their desk").fill("https://desk.north.example")
    dialog.get_by_label("Their email address").fill("nora@north.example")
    dialog.get_by_role("button", name="Request connection", exact=True).click()
    row = page.locator(".row-card", has_text="nora@north.example")
    expect(row).to_contain_text("Awaiting reply")
    row.get_by_role("button", name="Withdraw", exact=True).click()
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
    expect(row.get_by_role("button", name="Accept", exact=True)).to_be_visible()
    console.page.screenshot(path=PICTURES / "unconfirmed-request.png")
    expect(console.page.locator(".row-card", has_text="ola@north.example")).not_to_contain_text("Unverified")


def connection(number: int, **members: object) -> dict[str, object]:
    return {
        "id": f"{number}f7c2c1a-0c0d-4a0e-9b8e-6f1a2b3c4d5e",
        "status": "active",
        "peerInstanceUrl": "https://desk.north.example",
        "peerInstanceName": None,
        "peerUserEmail": "nora@north.example",
        "peerUserName": "Nora",
        "signedByPeer": True,
        "verified": True,
        "askedBy": "peer",
        "reason": None,
        "createdAt": "2026-11-30T09:00:00.000Z",
    } | members


def test_blocking_a_connection_asks_first_and_can_be_undone(console: Console) -> None:
    page, sent = console.page, list[object]()
    shown = [connection(1), connection(2, status="blocked", peerUserName="Ola", peerUserEmail="ola@north.example")]
    page.route("**/api/v2/connections?*", lambda route: route.fulfill(json={"connections": shown}))

    def change(route: Route) -> None:
        sent.append(route.request.post_data_json)
        route.fulfill(json={"success": True, "data": {}})

    page.route("**/api/v2/connections/*", change)
    page.clock.install()
    console.go("network")
    row = page.locator(".row-card", has_text="Nora")
    for undone in (True, False):
        row.get_by_role("button", name="Block", exact=True).click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Nora can send you nothing more")
        dialog.get_by_role("button", name="Block", exact=True).click()
        expect(page.get_by_text("Blocking: Nora")).to_be_visible()
        if undone:
            page.get_by_role("button", name="Undo", exact=True).click()
        page.clock.run_for(6_000)
        if undone:
            assert sent == []
    expect(row.get_by_role("button", name="Block", exact=True)).to_be_enabled()
    assert sent == [{"action": "block"}]
    page.locator(".row-card", has_text="Ola").get_by_role("button", name="Unblock", exact=True).click()
    expect(row.get_by_role("button", name="Block", exact=True)).to_be_enabled()
    assert sent[1:] == [{"action": "accept"}]


def test_relay_shows_who_asks_and_its_payload_as_fields(console: Console) -> None:
    relay = {
        "id": "9f7c2c1a-0c0d-4a0e-9b8e-6f1a2b3c4d5e",
        "connectionId": "c",
        "direction": "inbound",
        "type": "request",
        "intent": "assign_task",
        "subject": "Please review",
        "payload": '{"dueBy": "Friday", "files": ["a.pdf", "b.pdf"], "_sender": {"name": "Nora"}}',
        "priority": "normal",
        "status": "delivered",
        "peerInstanceUrl": "https://desk.north.example",
        "peerUserEmail": "nora@north.example",
        "responsePayload": None,
        "verified": False,
        "createdAt": "2026-11-30T09:00:00.000Z",
        "updatedAt": "2026-11-30T09:00:00.000Z",
    }
    answer = {"success": True, "data": {"relays": [relay], "pagination": {"total": 1, "hasMore": False}}}
    console.page.route("**/api/v2/relays*", lambda route: route.fulfill(json=answer))
    console.go("network?tab=relays")
    row = console.page.locator("details.row-card")
    expect(row).to_contain_text("Nora (nora@north.example)")
    expect(row).to_contain_text("desk.north.example")
    expect(row).to_contain_text("Unverified")
    row.locator("summary").first.click()
    expect(row.locator(".payload")).to_contain_text("dueBy")
    expect(row.locator(".payload")).to_contain_text("a.pdf, b.pdf")
    expect(row.locator(".payload")).not_to_contain_text("_sender")
    expect(row.locator("pre")).to_be_hidden()
    row.get_by_text("Show JSON").click()
    expect(row.locator("pre")).to_contain_text('"dueBy": "Friday"')
    console.page.screenshot(path=PICTURES / "relay.png")


@pytest.mark.parametrize(("verified", "chip"), [(True, "Verified"), (False, "Unverified")])
def test_task_of_another_desk_says_who_asks_from_where_and_whether_that_is_verified(
    console: Console, verified: bool, chip: str
) -> None:
    origin = {"peerUserEmail": "nora@north.example", "peerInstanceUrl": "https://desk.north.example"}

    def add_origin(route: Route) -> None:
        reply = route.fetch()
        body = reply.json()
        for task in body["data"]["items"]:
            task |= {"source": "federation", "metadata": json.dumps(origin | {"verified": verified})}
        route.fulfill(response=reply, json=body)

    task_id = console.call_v2("POST", "/queue", {"title": "Please review"})["id"]
    console.page.route("**/api/v2/queue?*", add_origin)
    console.go("queue")
    task = console.page.locator(f'[data-task="{task_id}"]')
    expect(task).to_contain_text("nora@north.example · desk.north.example")
    expect(task.get_by_text(chip, exact=True)).to_be_visible()
