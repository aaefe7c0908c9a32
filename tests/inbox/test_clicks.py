"""Clicking buttons: links, callbacks, who may, and how often it counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib import aws
from chalicelib.resources import CALLBACKS
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.pump import Pumps, count_messages
from tests.support.receiver import Receiver

EVENTS, INBOX = "/api/v1/events", "/api/v1/inbox"
LINK = {"label": "Open", "action_type": "url", "url": "https://git.example.com/acme?a=1#b"}
HOOK = {"label": "Approve", "action_type": "webhook", "webhook_url": "https://hooks.example.com/approve"}


def publish(api: Api, token: str, *buttons: dict[str, str]) -> str:
    """Publish an event with these buttons; its path in the inbox."""
    sent = api.post(EVENTS, inputs.new_event(actions=list(buttons)), token)
    assert sent.status == 202, sent.text
    return f"{INBOX}/{sent.json['deliveryId']}"


def click(api: Api, delivery: str, index: int | str, token: str, **more: Any) -> Any:
    return api.post(f"{delivery}/actions/{index}", None, token, **more)


def test_clicking_a_link_returns_its_url_and_stores_nothing(api: Api, desk: Desk) -> None:
    delivery = publish(api, desk.alice, HOOK, LINK)
    clicked = click(api, delivery, 1, desk.alice_key)
    assert clicked.status == 200
    assert clicked.json == {"url": LINK["url"], "requestId": clicked.headers["x-request-id"]}
    assert count_messages(CALLBACKS) == 0
    assert api.get(delivery, desk.alice_key).json["actions"][1]["outcome"] is None


def test_a_click_is_stored_announced_and_pending(api: Api, desk: Desk) -> None:
    delivery = publish(api, desk.alice, LINK, HOOK)
    clicked = click(api, delivery, 1, desk.alice_key)
    assert clicked.status == 202
    assert clicked.json["status"] == "pending"
    assert clicked.json["requestId"] == clicked.headers["x-request-id"]
    assert count_messages(CALLBACKS) == 1
    for path, token in ((delivery, desk.alice_key), (delivery.replace(INBOX, EVENTS), desk.alice)):
        assert api.get(path, token).json["actions"] == [
            {"index": 0, "label": "Open", "actionType": "url", "url": LINK["url"], "outcome": None, "attempts": []},
            {
                "index": 1,
                "label": "Approve",
                "actionType": "webhook",
                "webhookUrl": HOOK["webhook_url"],
                "outcome": "pending",
                "attempts": [],
            },
        ]


def test_clicking_again_returns_the_same_click(api: Api, desk: Desk) -> None:
    delivery = publish(api, desk.alice, HOOK, HOOK)
    first, again, other = (click(api, delivery, index, desk.alice_key) for index in (0, 0, 1))
    assert (first.status, again.status) == (202, 202)
    assert first.json["actionId"] == again.json["actionId"] != other.json["actionId"]
    assert count_messages(CALLBACKS) == 2


def test_two_devices_clicking_at_once_make_one_click(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    delivery = publish(api, desk.alice, HOOK | {"webhook_url": receiver.url})
    clicks = run_concurrently(8, lambda _: click(api, delivery, 0, desk.alice_key))
    assert {each.status for each in clicks} == {202}
    assert len({each.json["actionId"] for each in clicks}) == 1
    pump.drain(CALLBACKS)
    assert len(receiver.received) == 1
    assert api.get(delivery, desk.alice_key).json["actions"][0]["outcome"] == "delivered"


def test_only_the_recipient_clicks(api: Api, desk: Desk) -> None:
    delivery = publish(api, desk.alice, HOOK, LINK)
    for index in (0, 1):
        assert click(api, delivery, index, desk.bob_key).status == 404
        assert click(api, delivery, index, desk.alice).status == 403
        assert click(api, delivery, index, desk.fd1).status == 403
        assert api.post(f"{delivery}/actions/{index}").status == 401
    assert count_messages(CALLBACKS) == 0


@pytest.mark.parametrize("index", ["2", "-1", "00", "+0", "0.0", "x", "%30", "1e0", "٠", "99999999999999999999"])
def test_unknown_button_is_not_found(api: Api, desk: Desk, index: str) -> None:
    delivery = publish(api, desk.alice, HOOK, LINK)
    assert click(api, delivery, index, desk.alice_key).status == 404
    for other in (f"{INBOX}/{inputs.uuid(1)}", f"{INBOX}/nothing"):
        assert click(api, other, 0, desk.alice_key).status == 404
    assert click(api, publish(api, desk.alice), 0, desk.alice_key).status == 404


def test_nobody_can_click_a_held_delivery(api: Api, desk: Desk) -> None:
    sent = inputs.new_event(event_type="hr.x.y", actions=[HOOK])
    held = api.post(EVENTS, sent, desk.moderated).json["deliveryId"]
    assert click(api, f"{INBOX}/{held}", 0, desk.alice_key).status == 404


def test_a_click_survives_a_queue_that_does_not_answer(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    delivery = publish(api, desk.alice, HOOK | {"webhook_url": receiver.url})

    def fail(**_: object) -> None:
        raise ConnectionError("no queue")

    aws.sqs().meta.events.register("before-call.sqs.SendMessage", fail)
    try:
        assert click(api, delivery, 0, desk.alice_key).status == 202
    finally:
        aws.sqs().meta.events.unregister("before-call.sqs.SendMessage", fail)
    assert count_messages(CALLBACKS) == 0
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=25)):
        pump.run("announce_due_callbacks")
    assert count_messages(CALLBACKS) == 0, "not before its time"
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=31)):
        pump.run("announce_due_callbacks")
        assert pump.drain(CALLBACKS) == 1
    assert api.get(delivery, desk.alice_key).json["actions"][0]["outcome"] == "delivered"


def test_supplements_and_clicks_are_kept_apart(api: Api, desk: Desk) -> None:
    delivery = publish(api, desk.alice, HOOK)
    click(api, delivery, 0, desk.alice_key)
    added = api.post(f"{delivery.replace(INBOX, EVENTS)}/supplement", {"markdown_body": "x"}, desk.alice)
    assert [each["markdownBody"] for each in added.json["supplements"]] == ["x"]
    shown = api.get(delivery, desk.alice_key).json
    assert shown["supplements"] == added.json["supplements"]
    assert [each["outcome"] for each in shown["actions"]] == ["pending"]


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:9/x", "https://127.0.0.1/x", "http://localhost/", "https://[::1]/"]
)
def test_loopback_targets_are_published_only_where_the_setting_allows_them(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    event = inputs.new_event(actions=[HOOK | {"webhook_url": target}, LINK | {"url": target}])
    for value in ("", "0", "true"):
        monkeypatch.setenv("ALLOW_LOOPBACK", value)
        refused = api.post(EVENTS, event, desk.alice)
        assert refused.status == 400
        assert list(refused.json["fieldErrors"]) == ["actions.0.webhook_url", "actions.1.url"]


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:9/x", "https://127.0.0.1/x", "http://localhost/", "https://[::1]/"]
)
def test_allowing_loopback_allows_no_other_private_target(
    api: Api, desk: Desk, receiver: Receiver, target: str
) -> None:
    delivery = publish(api, desk.alice, LINK | {"url": target})
    assert click(api, delivery, 0, desk.alice_key).json["url"] == target
    for other in ("http://git.example.com/", "https://10.0.0.1/", "http://10.0.0.1/", "ftp://127.0.0.1/"):
        refused = api.post(EVENTS, inputs.new_event(actions=[LINK | {"url": other}]), desk.alice)
        assert list(refused.json["fieldErrors"]) == ["actions.0.url"]
    assert api.post(EVENTS, inputs.new_event(external_url=target), desk.alice).status == 400
