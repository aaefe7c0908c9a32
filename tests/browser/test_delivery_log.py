"""The delivery log of the admin page."""

import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Console, Open
from tests.browser.test_narrow_screens import check
from tests.support.receiver import Receiver


@pytest.mark.parametrize("width", [390, 1440])
def test_operator_finds_an_event_and_resends_its_callback(open_console: Open, width: int) -> None:
    console = open_console(viewport={"width": width, "height": 900})
    with Receiver() as receiver:
        receiver.status, receiver.body = 410, b"no such job"
        button = {"label": "Roll back", "action_type": "webhook", "webhook_url": receiver.url}
        delivery_id = console.publish(
            event_id=f"log-{width}", event_type="fd1.deploy.failed", title=f"Deploy {width}", actions=[button]
        )
        for number in range(6):
            console.publish(title=f"Build {number} of {width}", event_type="fd1.build.passed", severity="warn")
        console.system.call("POST", f"/api/v1/inbox/{delivery_id}/actions/0", None, console.key)
        console.sign_in()
        page = console.page
        console.go("operate?tab=log")
        expect(page.get_by_text(f"Build 5 of {width}")).to_be_visible()
        check(page, f"log-list-{width}")
        page.get_by_label("Event type").fill("fd1.deploy.failed")
        page.get_by_label("Recipient's e-mail").fill("alice@example.com")
        page.get_by_role("button", name="Find", exact=True).click()
        page.get_by_role("link", name=f"Deploy {width}").click()
        callback = page.get_by_role("region", name="Callback of “Roll back”", exact=True)
        wait_for(console, delivery_id, "gone")
        callback.get_by_role("button", name="Refresh", exact=True).click()
        expect(callback.get_by_text("Endpoint gone")).to_be_visible()
        expect(page.get_by_text("answered 410: no such job")).to_be_visible()
        check(page, f"log-entry-{width}")
        receiver.status, receiver.body = 200, b""
        callback.get_by_role("button", name="Resend", exact=True).click()
        wait_for(console, delivery_id, "delivered")
        callback.get_by_role("button", name="Refresh", exact=True).click()
        expect(page.get_by_text("Callback delivered")).to_be_visible()
        check(page, f"log-resent-{width}")
        page.get_by_role("link", name="Delivery log").click()
        expect(page.get_by_label("Event type")).to_have_value("fd1.deploy.failed")


def test_id_of_a_delivery_leads_to_it(console: Console) -> None:
    delivery_id = console.publish(title="Found by its id")
    console.go("operate?tab=log")
    console.page.get_by_label("Event or delivery ID").fill(delivery_id)
    console.page.get_by_role("button", name="Find", exact=True).click()
    expect(console.page.get_by_role("heading", name="Found by its id", exact=True)).to_be_visible()
    expect(console.page.get_by_text("Stored in the inbox")).to_be_visible()


def test_log_shows_which_push_service_refused_a_message(open_console: Open) -> None:
    console = open_console()
    with Receiver() as receiver:
        receiver.status = 410
        made = console.call_v2("POST", "/push/subscriptions", {"endpoint": receiver.url})
        # A tab of an earlier test may still count as one that somebody looks at.
        while not (published := console.publish_answer(title="For the browser")).get("pushPending"):
            console.page.wait_for_timeout(50)
        log = f"/operate/deliveries/{published['deliveryId']}"
        while "push_refused" not in [each["step"] for each in console.call_v2("GET", log)["steps"]]:
            console.page.wait_for_timeout(50)
    console.system.call("DELETE", f"/api/v2/push/subscriptions/{made['id']}", None, console.key)
    console.sign_in()
    console.go(f"operate/{published['deliveryId']}?tab=log")
    step = console.page.get_by_role("listitem").filter(has_text="Push not taken")
    expect(step).to_contain_text("127.0.0.1: status 410")


def wait_for(console: Console, delivery_id: str, outcome: str) -> None:
    """Wait until the callback of the delivery has this outcome."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        entry = console.call_v2("GET", f"/operate/deliveries/{delivery_id}")
        if entry["callbacks"][0]["outcome"] == outcome:
            return
        console.page.wait_for_timeout(100)
    pytest.fail(f"the callback was not {outcome}")
