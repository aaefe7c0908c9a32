"""Push messages about tasks: who is told that one waits, how urgently, and with what."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.core.domain.fields import timestamp
from chalicelib.resources import WEB_PUSH
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.pump import Pumps
from tests.support.push_browsers import Browser
from tests.support.receiver import Receiver
from tests.tasks.client import QUEUE

PROPOSAL = {"tool": "send_invoice", "why": "It is due.", "arguments": {"amount": 80}}
BROWSER = Browser()


def subscribe(api: Api, key: str, receiver: Receiver) -> None:
    subscription = {"endpoint": receiver.url, "keys": BROWSER.keys}
    assert api.post("/api/v2/push/subscriptions", subscription, key).status == 201


def propose(api: Api, key: str, **members: Any) -> str:
    return str(api.post(QUEUE, {"title": "Send the invoice"} | members, key).json["data"]["id"])


def read_messages(receiver: Receiver) -> list[str]:
    return [BROWSER.decrypt(each.body) for each in receiver.received]


@pytest.mark.parametrize(
    ("priority", "urgency"), [("urgent", "high"), ("high", "normal"), ("medium", "normal"), ("low", "low")]
)
def test_a_task_that_waits_is_pushed_as_urgently_as_its_priority(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, priority: str, urgency: str
) -> None:
    subscribe(api, desk.alice_key, receiver)
    task = propose(api, desk.alice_key, priority=priority)
    assert pump.drain(WEB_PUSH) == 1
    (request,) = receiver.received
    assert BROWSER.decrypt(request.body) == f"queue/{task}"
    assert len(request.body) <= 150
    assert (request.headers["urgency"], request.headers["topic"]) == (urgency, "queue")


def test_nothing_is_pushed_about_a_task_that_waits_for_nobody(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    task = propose(api, desk.alice_key)
    subscribe(api, desk.alice_key, receiver)
    api.post(f"{QUEUE}/{task}/confirm", {"action": "reject"}, desk.alice_key)
    assert api.post(f"{QUEUE}/{task}/restore", {}, desk.alice_key).status == 200
    api.call("PATCH", "/api/v2/settings", {"queueAutoApprove": True}, token=desk.alice_key)
    propose(api, desk.alice_key)
    assert pump.drain(WEB_PUSH) == 0


def test_a_held_event_is_pushed_to_its_moderator(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    subscribe(api, desk.alice_key, receiver)
    event = inputs.new_event(event_type="hr.offer.sent", recipient_hint={"email": "bob@example.com"})
    held = api.post("/api/v1/events", event, desk.moderated).json["deliveryId"]
    assert pump.drain(WEB_PUSH) == 1
    (item,) = api.get(f"{QUEUE}?status=pending_confirmation", desk.alice_key).json["data"]["items"]
    assert read_messages(receiver) == [f"queue/{item['id']}"]
    assert held in str(item)


def test_a_delegate_is_pushed_to_the_task_as_its_owner_is(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    until = timestamp(datetime.now(UTC) + timedelta(days=1))
    made = api.post("/api/v2/delegations", {"to": "bob@example.com", "until": until}, desk.alice_key)
    assert made.status == 201, made.text
    subscribe(api, desk.bob_key, receiver)
    task = propose(api, desk.alice_key, priority="urgent", metadata={"proposal": PROPOSAL})
    assert pump.drain(WEB_PUSH) == 1
    assert read_messages(receiver) == [f"queue/{task}"]
    assert receiver.received[0].headers["urgency"] == "high"
