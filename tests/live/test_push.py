"""Web Push: who is nudged, when, and with what; never with anything that a push service can read."""

from typing import Any

import pytest
import time_machine
from py_vapid import Vapid02

from chalicelib import aws
from chalicelib.core.domain import bounds
from chalicelib.live.stores.push import DynamoPush
from chalicelib.operate.stores.sealed import reseal_secrets
from chalicelib.resources import DIRECTORY, FAN_OUT, SOCKET_WORK, WEB_PUSH
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.listeners import stored_rows
from tests.support.pump import Pumps
from tests.support.push_browsers import Browser
from tests.support.receiver import Receiver
from tests.support.sockets import Client, Sockets

EVENTS, PUSH = "/api/v1/events", "/api/v2/push"
SUBSCRIPTIONS = f"{PUSH}/subscriptions"
BROWSER = Browser()
KEYS = BROWSER.keys


def subscribe(api: Api, token: str, endpoint: str, **more: Any) -> Answer:
    return api.post(SUBSCRIPTIONS, {"endpoint": endpoint, "expirationTime": None, "keys": KEYS}, token, **more)


def look(sockets: Sockets, pump: Pumps, token: str, *, visible: bool = True) -> Client:
    """Open a tab of the console."""
    tab = sockets.connect(subprotocols=["bearer", token])
    pump.drain(SOCKET_WORK)
    tab.send({"action": "ping", "visible": visible})
    return tab


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
def test_a_delivery_nudges_with_an_encrypted_signed_message_of_its_urgency(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, severity: str, urgency: str
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    published = api.post(EVENTS, inputs.new_event(severity=severity, title="A secret"), desk.alice)
    assert (published.calls.count("SendMessage"), published.steps) == (1, 4)  # 3, and the first of a minute 1 more
    assert pump.drain(WEB_PUSH) == 1
    # What is not critical takes a look at what its integrator declares.
    assert len(pump.calls) == (3 if severity == "critical" else 4)
    (request,) = receiver.received
    assert BROWSER.decrypt(request.body) == published.json["deliveryId"]
    assert len(request.body) == len(published.json["deliveryId"]) + 103
    told = {name.lower(): value for name, value in request.headers.items()}
    assert (told["urgency"], told["ttl"], told["topic"]) == (urgency, "86400", "inbox")
    assert told["content-encoding"] == "aes128gcm"
    assert "secret" not in str(told)
    assert Vapid02.verify(told["authorization"])
    assert api.get(PUSH, desk.alice_key).json["data"]["publicKey"] in told["authorization"]


@pytest.mark.parametrize("keys", [{}, {"keys": {"p256dh": "A" * 87, "auth": "A" * 22}}])
def test_a_browser_without_usable_keys_gets_an_empty_message(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, keys: dict[str, Any]
) -> None:
    api.post(SUBSCRIPTIONS, {"endpoint": receiver.url, **keys}, desk.alice_key)
    api.post(EVENTS, inputs.new_event(), desk.alice)
    pump.drain(WEB_PUSH)
    (request,) = receiver.received
    assert (request.body, "content-encoding" in request.headers) == (b"", False)


def test_subscribing_again_adds_the_keys_that_were_missing(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    first = api.post(SUBSCRIPTIONS, {"endpoint": receiver.url}, desk.alice_key).json["data"]
    again = subscribe(api, desk.alice_key, receiver.url).json["data"]
    assert (first["id"], first["encrypted"], again["encrypted"]) == (again["id"], False, True)
    shown = api.get(PUSH, desk.alice_key)
    assert [each["encrypted"] for each in shown.json["data"]["subscriptions"]] == [True]
    assert not {*KEYS.values()} & {*shown.text.split('"')}
    delivery = api.post(EVENTS, inputs.new_event(), desk.alice).json["deliveryId"]
    pump.drain(WEB_PUSH)
    assert [BROWSER.decrypt(each.body) for each in receiver.received] == [delivery]


def test_a_browsers_secret_is_stored_sealed_and_opens_in_its_own_row_only(api: Api, desk: Desk) -> None:
    subscribe(api, desk.alice_key, "https://push.example.com/1")
    subscribe(api, desk.bob_key, "https://push.example.com/1")
    first, second = subscription_rows()
    assert {KEYS["auth"]}.isdisjoint(each["S"] for row in (first, second) for each in row.values())
    user_id = second["pk"]["S"].removeprefix("USER#")
    aws.dynamodb().put_item(TableName=DIRECTORY.physical_name, Item=second | {"sealedAuth": first["sealedAuth"]})
    (moved,) = DynamoPush().list_subscriptions(user_id)
    with pytest.raises(ValueError, match="does not open"):
        DynamoPush().open_keys(moved)


@pytest.mark.parametrize("again", ["subscribe", "reseal"])
def test_a_secret_that_an_earlier_release_stored_in_clear_is_read_and_becomes_sealed(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, again: str
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    (row,) = subscription_rows()
    del row["sealedAuth"]
    aws.dynamodb().put_item(TableName=DIRECTORY.physical_name, Item=row | {"authSecret": {"S": KEYS["auth"]}})
    sent = [publish_and_push(api, desk, pump, receiver)]
    if again == "subscribe":
        assert subscribe(api, desk.alice_key, receiver.url).status == 201
    else:
        assert reseal_secrets().anew == 1
        assert reseal_secrets().anew == 0
    (row,) = subscription_rows()
    assert ("authSecret" in row, KEYS["auth"] in str(row), "sealedAuth" in row) == (False, False, True)
    sent.append(publish_and_push(api, desk, pump, receiver))
    assert [BROWSER.decrypt(each.body) for each in receiver.received] == sent


def subscription_rows() -> list[dict[str, Any]]:
    found = aws.dynamodb().scan(TableName=DIRECTORY.physical_name)["Items"]
    return [dict(each) for each in found if each["sk"]["S"].startswith("PUSH#")]


def publish_and_push(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> str:
    """Publish an event, have its push messages sent, and return the delivery's id."""
    delivery: str = api.post(EVENTS, inputs.new_event(), desk.alice).json["deliveryId"]
    pump.drain(WEB_PUSH)
    return delivery


@pytest.mark.parametrize(("name", "text"), [("p256dh", "BNcRd"), ("auth", "tBHI"), ("auth", "!" * 22)])
def test_keys_of_another_form_are_refused(api: Api, desk: Desk, name: str, text: str) -> None:
    body = {"endpoint": "https://push.example.com/1", "keys": KEYS | {name: text}}
    assert api.post(SUBSCRIPTIONS, body, desk.alice_key).status == 400
    assert browsers(api, desk.alice_key) == 0


def test_nobody_is_nudged_who_listens_or_never_asked_for_it(
    api: Api, desk: Desk, pump: Pumps, sockets: Sockets
) -> None:
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert pump.drain(WEB_PUSH) == 0
    subscribe(api, desk.alice_key, "https://push.example.com/1")
    look(sockets, pump, desk.alice_key)
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


def test_only_a_tab_that_is_visible_counts_as_seen(api: Api, desk: Desk, pump: Pumps, sockets: Sockets) -> None:
    subscribe(api, desk.alice_key, "https://push.example.com/1")

    def is_nudged() -> bool:
        answer = api.post(EVENTS, inputs.new_event(), desk.alice).json
        assert answer["pushed"] is not answer.get("pushPending", False)
        return bool(answer.get("pushPending"))

    with time_machine.travel("2026-05-21T12:00:00Z", tick=False) as clock:
        tab = sockets.connect(subprotocols=["bearer", desk.alice_key])
        pump.drain(SOCKET_WORK)
        assert is_nudged()
        tab.send({"action": "ping", "visible": True})
        assert not is_nudged()
        tab.send({"action": "ping", "visible": False})
        assert is_nudged()
        tab.send({"action": "ping", "visible": True})
        for _ in range(4):
            clock.shift(45)
            tab.send({"action": "ping", "visible": True})
            assert not is_nudged()
        # A laptop that was closed says nothing more, and its socket is still open.
        clock.shift(120)
        assert is_nudged()
        assert {each["type"] for each in tab.frames} == {"connected", "delivery", "heartbeat"}


def test_a_tab_says_twice_in_a_minute_that_it_is_visible_and_stores_it_once(
    api: Api, desk: Desk, pump: Pumps, sockets: Sockets
) -> None:
    tab = look(sockets, pump, desk.alice_key)
    assert tab.calls.count("UpdateItem") == 2
    tab.send({"action": "ping", "visible": True})
    assert tab.calls.count("UpdateItem") == 1


def test_an_agent_that_calls_itself_visible_silences_no_browser(
    api: Api, desk: Desk, pump: Pumps, sockets: Sockets
) -> None:
    subscribe(api, desk.alice_key, "https://push.example.com/1")
    agent = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    agent.send({"action": "ping", "visible": True})
    assert agent.frames[-1]["type"] == "heartbeat"
    assert api.post(EVENTS, inputs.new_event(), desk.alice).json["pushPending"] is True


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


def letters(api: Api, desk: Desk) -> list[str]:
    found = api.get("/api/v2/operate/dead-letters/web-push", desk.alice_key).json["data"]
    return [each["reason"] for each in found]


def subscriptions(api: Api, token: str) -> list[Any]:
    return [(each["state"], each["reason"]) for each in api.get(PUSH, token).json["data"]["subscriptions"]]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_subscription_that_its_push_service_refuses_ends_and_its_owner_is_told(
    api: Api, desk: Desk, pump: Pumps, sockets: Sockets, receiver: Receiver, status: int
) -> None:
    made = subscribe(api, desk.alice_key, receiver.url).json["data"]
    agent = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    receiver.status = status
    for _ in range(3):
        api.post(EVENTS, inputs.new_event(), desk.alice)
    pump.drain(WEB_PUSH)
    assert (len(receiver.received), letters(api, desk)) == (1, [])
    assert (browsers(api, desk.alice_key), subscriptions(api, desk.alice_key)) == (0, [("ended", f"status {status}")])
    (told,) = (each for each in agent.frames if each["type"] == "push_stopped")
    assert (told["subscriptionId"], told["host"], told["state"]) == (made["id"], "127.0.0.1", "ended")

    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert pump.drain(WEB_PUSH) == 0
    receiver.status = 201
    again = subscribe(api, desk.alice_key, receiver.url, key="again")
    assert (again.status, again.json["data"]["state"], browsers(api, desk.alice_key)) == (201, "active", 1)
    assert subscriptions(api, desk.alice_key) == [("active", None)]
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert pump.drain(WEB_PUSH) == 1


@pytest.mark.parametrize("status", [400, 429, 500])
def test_a_subscription_that_fails_five_times_in_a_row_is_paused_and_leaves_no_dead_letter(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.pump.BACK_OFF_SECONDS", 0)
    made = subscribe(api, desk.alice_key, receiver.url).json["data"]
    receiver.status = status
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert pump.drain(WEB_PUSH) == 5
    assert (len(receiver.received), letters(api, desk)) == (5, [])
    assert (browsers(api, desk.alice_key), subscriptions(api, desk.alice_key)) == (0, [("paused", f"status {status}")])
    assert api.call("DELETE", f"{SUBSCRIPTIONS}/{made['id']}", token=desk.alice_key).status == 200
    assert subscriptions(api, desk.alice_key) == []
    assert stored_rows("WEBPUSH")[0]["browsers"] == {"N": "0"}


def test_a_push_that_is_taken_ends_a_row_of_failures(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.pump.BACK_OFF_SECONDS", 0)
    subscribe(api, desk.alice_key, receiver.url)
    for _ in range(3):
        statuses = iter((500, 500, 500, 201))
        receiver.before = lambda statuses=statuses: setattr(receiver, "status", next(statuses))  # type: ignore[misc]
        api.post(EVENTS, inputs.new_event(), desk.alice)
        assert pump.drain(WEB_PUSH) == 4
    assert subscriptions(api, desk.alice_key) == [("active", None)]


def test_of_subscriptions_that_have_stopped_only_the_latest_are_kept(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    receiver.status = 410
    for number in range(8):
        subscribe(api, desk.alice_key, f"{receiver.url}/{number}")
        api.post(EVENTS, inputs.new_event(), desk.alice)
        pump.drain(WEB_PUSH)
    assert len(subscriptions(api, desk.alice_key)) <= 6
    assert browsers(api, desk.alice_key) == 0


def test_one_failing_browser_does_not_have_the_others_nudged_again(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscribe(api, desk.alice_key, receiver.url)
    subscribe(api, desk.alice_key, "https://gone.invalid/")
    api.post(EVENTS, inputs.new_event(), desk.alice)
    assert pump.drain(WEB_PUSH) == 2
    assert [each.path for each in receiver.received] == ["/hook"]
