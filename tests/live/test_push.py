"""Web Push: who is nudged, when, and with what; never with anything to read."""

from typing import Any

import pytest
from py_vapid import Vapid02

from chalicelib import aws
from chalicelib.core.domain import bounds
from chalicelib.resources import FAN_OUT, SOCKET_WORK, SOCKETS, WEB_PUSH
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.listeners import stored_rows
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.sockets import Sockets

EVENTS, PUSH = "/api/v1/events", "/api/v2/push"
SUBSCRIPTIONS = f"{PUSH}/subscriptions"
KEYS = {"p256dh": "BNcRd", "auth": "tBHI"}


def subscribe(api: Api, token: str, endpoint: str, **more: Any) -> Answer:
    return api.post(SUBSCRIPTIONS, {"endpoint": endpoint, "expirationTime": None, "keys": KEYS}, token, **more)


def browsers(api: Api, token: str) -> int:
    return int(api.get("/api/v2/me", token).json["data"]["webPush"]["subscriptions"])


def test_a_browser_subscribes_with_the_desks_key_and_shows_only_its_push_services_host(api: Api, desk: Desk) -> None:
    key = api.get(PUSH, desk.alice_key).json["data"]["publicKey"]
    assert len(key) == 87
    made = subscribe(api, desk.alice_key, "https://push.example.com/v1/secret-path")
    assert made.status == 201
    assert (made.calls[1:], "secret-path" in made.text) == (["GetItem", "TransactWriteItems"], False)
    shown = api.get(PUSH, desk.alice_key)
    assert (shown.json["data"]["subscriptions"], shown.steps) == ([made.json["data"]], 2)
    assert made.json["data"]["host"] == "push.example.com"
    assert api.get(PUSH, desk.bob_key).json["data"]["subscriptions"] == []


def test_subscribing_again_changes_nothing_and_unsubscribing_ends_it(api: Api, desk: Desk) -> None:
    first = subscribe(api, desk.alice_key, "https://push.example.com/1", key="k").json
    assert subscribe(api, desk.alice_key, "https://push.example.com/1", key="k").json == first
    again = subscribe(api, desk.alice_key, "https://push.example.com/1", key="other")
    assert (again.status, again.json["data"]["id"]) == (201, first["data"]["id"])
    assert browsers(api, desk.alice_key) == 1

    path = f"{SUBSCRIPTIONS}/{first['data']['id']}"
    assert api.call("DELETE", path, token=desk.bob_key).status == 404
    ended = api.call("DELETE", path, token=desk.alice_key)
    assert (ended.json, ended.calls[1:]) == ({"success": True}, ["TransactWriteItems"])
    assert api.call("DELETE", path, token=desk.alice_key).status == 404
    assert browsers(api, desk.alice_key) == 0


@pytest.mark.parametrize(
    "endpoint",
    ["http://push.example.com/", "https://127.0.0.1/", "https://169.254.169.254/", "https://[::1]/", "push", ""],
)
def test_an_endpoint_that_must_not_be_called_is_refused(api: Api, desk: Desk, endpoint: str) -> None:
    assert subscribe(api, desk.alice_key, endpoint).status == 400
    assert browsers(api, desk.alice_key) == 0


def test_a_person_has_twenty_browsers_at_most_and_one_that_goes_makes_room(api: Api, desk: Desk) -> None:
    made = [
        subscribe(api, desk.alice_key, f"https://push.example.com/{number}") for number in range(bounds.BROWSERS.most)
    ]
    assert subscribe(api, desk.alice_key, "https://push.example.com/more").status == 409
    api.call("DELETE", f"{SUBSCRIPTIONS}/{made[0].json['data']['id']}", token=desk.alice_key)
    assert subscribe(api, desk.alice_key, "https://push.example.com/more").status == 201


@pytest.mark.parametrize(("severity", "urgency"), [("critical", "high"), ("warn", "normal"), ("info", "low")])
def test_a_delivery_nudges_with_an_empty_signed_message_of_its_urgency(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, severity: str, urgency: str
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    published = api.post(EVENTS, inputs.new_event(severity=severity, title="A secret"), desk.alice)
    assert (published.calls.count("SendMessage"), published.steps) == (1, 4)  # 3, and the first of a minute 1 more
    assert pump.drain(WEB_PUSH) == 1
    assert len(pump.calls) == 2
    (request,) = receiver.received
    assert request.body == b""
    told = {name.lower(): value for name, value in request.headers.items()}
    assert (told["urgency"], told["ttl"], told["topic"]) == (urgency, "86400", "inbox")
    assert "secret" not in str(told)
    assert Vapid02.verify(told["authorization"])
    assert api.get(PUSH, desk.alice_key).json["data"]["publicKey"] in told["authorization"]


def test_nobody_is_nudged_who_listens_or_never_asked_for_it(
    api: Api, desk: Desk, pump: Pumps, sockets: Sockets
) -> None:
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert pump.drain(WEB_PUSH) == 0
    subscribe(api, desk.alice_key, "https://push.example.com/1")
    sockets.connect(subprotocols=["bearer", desk.alice_key])
    pump.drain(SOCKET_WORK)
    sent = inputs.new_event()
    published = api.post(EVENTS, sent, desk.alice)
    assert (published.json["pushed"], pump.drain(WEB_PUSH)) == (True, 0)
    api.post(EVENTS, sent, desk.bob)
    assert pump.drain(WEB_PUSH) == 0


def test_browsers_are_nudged_where_only_an_agent_listens(
    api: Api, desk: Desk, pump: Pumps, sockets: Sockets, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    agent = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    first, again = (api.post(EVENTS, event, desk.alice, key="k").json for event in [inputs.new_event()] * 2)
    assert ((first["pushed"], first["pushPending"]), again) == ((False, True), first)
    assert pump.drain(WEB_PUSH) == 1
    assert [each["type"] for each in agent.frames] == ["connected", "delivery"]


def test_sockets_of_before_the_distinction_count_as_browsers(
    api: Api, desk: Desk, pump: Pumps, sockets: Sockets
) -> None:
    subscribe(api, desk.alice_key, "https://push.example.com/1")
    sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    for row in stored_rows("SOCKET#"):
        key = {name: row[name] for name in ("pk", "sk")}
        aws.dynamodb().update_item(TableName=SOCKETS.physical_name, Key=key, UpdateExpression="REMOVE byBrowser")
    assert api.post(EVENTS, inputs.new_event(), desk.alice).json["pushed"] is True
    assert pump.drain(WEB_PUSH) == 0


def test_browsers_are_nudged_where_the_connection_turns_out_to_be_gone(
    api: Api, desk: Desk, pump: Pumps, sockets: Sockets, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    tab = sockets.connect(subprotocols=["bearer", desk.alice_key])
    pump.drain(SOCKET_WORK)
    tab.gone = True
    first, again = (api.post(EVENTS, event, desk.alice, key="k").json for event in [inputs.new_event()] * 2)
    assert ((first["pushed"], first["pushPending"]), again) == ((False, True), first)
    assert pump.drain(WEB_PUSH) == 1


def test_nothing_is_pending_where_the_queue_fails(
    api: Api, desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ConnectionError("no queue")

    subscribe(api, desk.alice_key, receiver.url)
    monkeypatch.setattr("chalicelib.core.gateways.job_queue.JobQueue.send", fail)
    published = api.post(EVENTS, inputs.new_event(), desk.alice).json
    assert (published["pushed"], "pushPending" in published) == (False, False)


def test_a_queued_browser_message_is_pending(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    flat = api.post(EVENTS, inputs.new_event(), desk.alice).json
    assert (flat["pushed"], "pushPending" in flat) == (False, False)
    subscribe(api, desk.alice_key, receiver.url)
    sent = inputs.new_event()
    first = api.post(EVENTS, sent, desk.alice).json
    assert (first["pushed"], first["pushPending"]) == (False, True)
    again = api.post(EVENTS, sent, desk.alice).json
    assert (again["pushed"], "pushPending" in again) == (False, False)
    for step, body in (("supplement", {"markdown_body": "More."}), ("resolve", {})):
        changed = api.post(f"{EVENTS}/{first['deliveryId']}/{step}", body, desk.alice).json
        assert not {"pushed", "pushPending"} & changed.keys()
    pump.drain(WEB_PUSH)


def test_a_repeat_nudges_only_where_it_brings_a_delivery_back(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    sent = inputs.new_event()
    delivery = api.post(EVENTS, sent, desk.alice).json["deliveryId"]
    subscribe(api, desk.alice_key, receiver.url)
    api.post(EVENTS, sent, desk.alice)
    assert pump.drain(WEB_PUSH) == 0
    api.call("PATCH", f"/api/v1/inbox/{delivery}", {"archived": True}, token=desk.alice_key)
    api.post(EVENTS, sent, desk.alice)
    assert pump.drain(WEB_PUSH) == 1


def test_a_bulk_event_nudges_each_of_its_people(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    subscribe(api, desk.bob_key, receiver.url)
    to = [{"type": "email", "email": f"{name}@example.com"} for name in ("alice", "bob")]
    api.post(f"{EVENTS}/bulk", {"recipients": to, "event": inputs.new_event()}, desk.fd1)
    pump.drain(FAN_OUT)
    assert pump.drain(WEB_PUSH) == 2
    assert len(receiver.received) == 2


@pytest.mark.parametrize(("status", "left"), [(404, 0), (410, 0), (403, 1), (429, 1), (500, 1)])
def test_only_a_subscription_that_is_gone_is_forgotten_and_any_other_failure_is_tried_again(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, status: int, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.pump.BACK_OFF_SECONDS", 0)
    subscribe(api, desk.alice_key, receiver.url)
    receiver.status = status
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert pump.drain(WEB_PUSH) == (5 if left else 1)
    assert browsers(api, desk.alice_key) == left
    letters = api.get("/api/v2/operate/dead-letters/web-push", desk.alice_key).json["data"]
    reasons = [each["reason"] for each in letters]
    assert reasons == [f"Unavailable: The push service of 127.0.0.1 answered: status {status}"] * left


def test_one_failing_browser_does_not_have_the_others_nudged_again(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    subscribe(api, desk.alice_key, "https://gone.invalid/")
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert pump.drain(WEB_PUSH) == 2
    assert [each.path for each in receiver.received] == ["/hook"]
