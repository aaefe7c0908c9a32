"""The delivery log: what was sent to whom, its steps, why it did not arrive, and resent callbacks."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from chalicelib.core.domain.push_results import MOST_RESULTS, PushResult
from chalicelib.inbox.domain.deliveries import DeliveryDetail
from chalicelib.inbox.domain.endpoints import MOST_ATTEMPTS
from chalicelib.inbox.stores.push_results import DynamoPushResults
from chalicelib.live.domain.push import PushJob, Urgency
from chalicelib.live.gateways.web_push import PUSH_JOBS
from chalicelib.operate.domain.deliveries import DeliveryStep, for_integrator, to_log_entry
from chalicelib.reach.domain.outcomes import Outcome, SendState
from chalicelib.resources import CALLBACKS, PERSONAL_WEBHOOK, WEB_PUSH
from tests.conftest import Desk
from tests.operate.conftest import ADMIN, EVENTS, data, find_entries
from tests.support import channels, inputs
from tests.support.api import Api
from tests.support.further_rows import DELIVERY
from tests.support.pump import Pumps
from tests.support.push_browsers import Browser
from tests.support.receiver import Receiver

pytestmark = pytest.mark.usefixtures("running_minute")

LOG = f"{ADMIN}/deliveries"


def publish(api: Api, desk: Desk, receiver: Receiver | None = None, **event: Any) -> str:
    if receiver:
        event["actions"] = [{"label": "Approve", "action_type": "webhook", "webhook_url": receiver.url}]
    return str(api.post(EVENTS, inputs.new_event(**event), desk.alice).json["deliveryId"])


def steps(entry: dict[str, Any]) -> list[str]:
    return [each["step"] for each in entry["steps"]]


def test_deliveries_are_found_by_person_id_and_type(api: Api, desk: Desk) -> None:
    first = publish(api, desk, event_id="build-1", event_type="fd1.build.failed")
    second = publish(api, desk, event_id="build-2", event_type="fd1.build.passed", markdown_body="secret body")
    whole = api.get(f"{LOG}?integrator=fd1", desk.alice_key)
    assert [each["deliveryId"] for each in data(whole)["items"]] == [second, first]
    assert "secret body" not in whole.text
    for filters, found in (
        ("eventType=fd1.build.failed", [first]),
        ("eventId=build-2", [second]),
        ("email=alice@example.com", [second, first]),
        ("email=bob@example.com", []),
        ("email=nobody@example.com", []),
        ("until=2026-05-21T11:00:00Z", []),
    ):
        page = data(api.get(f"{LOG}?integrator=fd1&{filters}", desk.alice_key))
        assert [each["deliveryId"] for each in page["items"]] == found, filters


def test_pages_follow_each_other_and_belong_to_their_filters(api: Api, desk: Desk) -> None:
    sent = [publish(api, desk) for _ in range(3)]
    first = data(api.get(f"{LOG}?integrator=fd1&limit=2", desk.alice_key))
    cursor = first["nextCursor"]
    rest = data(api.get(f"{LOG}?integrator=fd1&limit=2&cursor={cursor}", desk.alice_key))
    assert [each["deliveryId"] for each in first["items"] + rest["items"]] == sent[::-1]
    assert api.get(f"{LOG}?integrator=hr&limit=2&cursor={cursor}", desk.alice_key).status == 400


def test_steps_tell_what_happened_to_a_delivery(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    delivery_id = publish(api, desk, receiver)
    api.call("PATCH", f"/api/v1/inbox/{delivery_id}", {"read": True}, token=desk.alice_key)
    receiver.status = 500
    api.post(f"/api/v1/inbox/{delivery_id}/actions/0", None, desk.alice_key)
    pump.drain(CALLBACKS)
    shown = api.get(f"{LOG}/{delivery_id}", desk.alice_key)
    entry = data(shown)
    assert steps(entry) == ["accepted", "stored", "read", "clicked", "callback_failed"]
    (callback,) = entry["callbacks"]
    assert callback["url"] == receiver.url
    assert delivery_id in callback["requestBody"]
    assert callback["attempts"][0]["error"].startswith("answered 500")
    assert (entry["recipient"]["email"], entry["notArrived"]) == ("alice@example.com", None)


def test_steps_tell_which_push_services_took_the_message(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    with Receiver() as ended:
        ended.status = 410
        for each in (receiver, ended):
            subscription = {"endpoint": each.url, "keys": Browser().keys}
            assert api.post("/api/v2/push/subscriptions", subscription, desk.alice_key).status == 201
        delivery_id, host = publish(api, desk), urlsplit(receiver.url).hostname
        assert pump.drain(WEB_PUSH) == 1
    entry = data(api.get(f"{LOG}/{delivery_id}", desk.alice_key))
    pushes = sorted((each["step"], each["detail"]) for each in entry["steps"] if "push" in each["step"])
    assert pushes == [("push_refused", f"{host}: status 410"), ("pushed", host)]

    shown = api.get(f"/api/v1/delivery-log/{delivery_id}", desk.fd1)
    assert steps(shown.json) == ["accepted", "stored", "pushed"], "the browsers of a recipient are their own"
    assert (str(host) in shown.text, "410" in shown.text) == (False, False)


def test_steps_tell_what_became_of_messages_to_channels(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    channel = channels.add_active(api, pump, desk.alice_key, receiver)
    sent, failed, skipped = (publish(api, desk) for _ in range(3))
    api.call("PATCH", f"/api/v1/inbox/{skipped}", {"read": True}, token=desk.alice_key)
    for delivery_id, status in ((sent, 204), (failed, 503), (skipped, 204)):
        receiver.status = status
        channels.reach(desk, channel, delivery_id)
        pump.drain(PERSONAL_WEBHOOK)
    place = "webhook (127.0.0.1)"
    for delivery_id, step, detail in (
        (sent, "channel_sent", place),
        (failed, "channel_failed", f"{place}: answered 503"),
        (skipped, "channel_skipped", place),
    ):
        shown = api.get(f"{LOG}/{delivery_id}", desk.alice_key)
        (found,) = (each for each in data(shown)["steps"] if "channel" in each["step"])
        assert (found["step"], found["detail"]) == (step, detail)
        assert (found.get("skipped"), "nextAttemptAt" in found) == (
            "read" if delivery_id == skipped else None,
            delivery_id == failed,
        )
        assert receiver.url not in shown.text

        own = api.get(f"/api/v1/delivery-log/{delivery_id}", desk.fd1)
        assert [each for each in own.json["steps"] if "channel" in each["step"]] == (
            [{"step": step, "at": found["at"]}] if delivery_id != skipped else []
        ), "what a recipient reads, and by which services, is their own"
        assert ("127.0.0.1" in own.text, "503" in own.text) == (False, False)


def test_log_shows_the_latest_messages_to_channels_and_none_under_way() -> None:
    states = [SendState.SENDING, *(SendState.SENT for _ in range(50))]
    messages = [
        Outcome("u", "d", "c", str(n), "webhook", "hooks.example.com", state, 1, f"2026-05-21T12:00:{n:02}.000Z", "l")
        for n, state in enumerate(states)
    ]
    entry = to_log_entry(DeliveryDetail(DELIVERY), {}, messages)
    found = [each.at for each in entry.steps if each.step is DeliveryStep.CHANNEL_SENT]
    assert found == [each.at for each in messages[-40:]]
    assert [each.step for each in for_integrator(entry).steps].count(DeliveryStep.CHANNEL_SENT) == 1


def test_log_keeps_so_many_pushes_and_nothing_of_a_delivery_that_is_gone(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    subscription = {"endpoint": receiver.url, "keys": Browser().keys}
    api.post("/api/v2/push/subscriptions", subscription, desk.alice_key)
    delivery_id = publish(api, desk)
    pump.drain(WEB_PUSH)
    kept = [PushResult("push.example.com", "2026-05-21T12:00:00.000Z")] * (MOST_RESULTS - 2)
    DynamoPushResults().add(delivery_id, kept)
    for _ in range(2):
        PUSH_JOBS.send(PushJob(user_id=desk.user_id("alice"), urgency=Urgency.LOW, delivery_id=delivery_id))
    PUSH_JOBS.send(PushJob(user_id=desk.user_id("alice"), urgency=Urgency.LOW, delivery_id=inputs.uuid(7)))
    pump.drain(WEB_PUSH)
    assert len(receiver.received) == 4, "what is logged changes nothing about what is sent"
    entry = data(api.get(f"{LOG}/{delivery_id}", desk.alice_key))
    assert steps(entry).count("pushed") == MOST_RESULTS
    assert api.get(f"{LOG}/{inputs.uuid(7)}", desk.alice_key).status == 404


def test_log_says_why_a_delivery_did_not_arrive(api: Api, desk: Desk) -> None:
    hr_event = {"event_type": "hr.offer.sent", "recipient_hint": {"email": "bob@example.com"}}
    held = [str(api.post(EVENTS, inputs.new_event(**hr_event), desk.moderated).json["deliveryId"]) for _ in range(2)]
    rejected, approved = held
    entry = data(api.get(f"{LOG}/{approved}", desk.alice_key))
    assert (entry["notArrived"], entry["recipient"], steps(entry)) == ("held", None, ["accepted", "held"])
    for item, action in ((rejected, "reject"), (approved, "approve")):
        data(api.post(f"/api/v2/queue/{item}/confirm", {"action": action}, desk.alice_key))
    entry = data(api.get(f"{LOG}/{rejected}", desk.alice_key))
    assert (entry["notArrived"], steps(entry)) == ("rejected", ["accepted", "held", "rejected"])
    assert data(api.get(f"{LOG}/{approved}", desk.alice_key))["notArrived"] is None
    data(api.post(f"{ADMIN}/employees/{desk.user_id('bob')}/deactivate", {}, desk.alice_key))
    listed = data(api.get(f"{LOG}?integrator=hr&email=bob@example.com", desk.alice_key))["items"]
    assert [each["notArrived"] for each in listed] == ["recipient_deactivated"]


def test_resent_callback_is_attempted_at_once(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    delivery_id = publish(api, desk, receiver)
    receiver.status = 410
    api.post(f"/api/v1/inbox/{delivery_id}/actions/0", None, desk.alice_key)
    pump.drain(CALLBACKS)
    assert data(api.get(f"{LOG}/{delivery_id}", desk.alice_key))["callbacks"][0]["outcome"] == "gone"
    receiver.status = 204
    resend = f"{LOG}/{delivery_id}/callbacks/0/resend"
    assert data(api.post(resend, None, desk.alice_key))["callbacks"][0]["outcome"] == "pending"
    data(api.post(resend, None, desk.alice_key))
    pump.drain(CALLBACKS)
    entry = data(api.get(f"{LOG}/{delivery_id}", desk.alice_key))
    assert entry["callbacks"][0]["outcome"] == "delivered"
    assert [each["status"] for each in entry["callbacks"][0]["attempts"]] == [410, 204]
    assert {each.subject.id for each in find_entries("callback.resend") if each.subject} == {delivery_id}


def test_unknown_callback_is_not_resent(api: Api, desk: Desk) -> None:
    delivery_id = publish(api, desk)
    for path in (f"{delivery_id}/callbacks/0", f"{delivery_id}/callbacks/x", f"{inputs.uuid(5)}/callbacks/0"):
        assert api.post(f"{LOG}/{path}/resend", None, desk.alice_key).status == 404
    for path in (inputs.uuid(5), "nothing"):
        assert api.get(f"{LOG}/{path}", desk.alice_key).status == 404


def test_callback_is_not_resent_without_end(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    delivery_id = publish(api, desk, receiver)
    api.post(f"/api/v1/inbox/{delivery_id}/actions/0", None, desk.alice_key)
    pump.drain(CALLBACKS)
    for _ in range(MOST_ATTEMPTS - 1):
        data(api.post(f"{LOG}/{delivery_id}/callbacks/0/resend", None, desk.alice_key))
        pump.drain(CALLBACKS)
    assert api.post(f"{LOG}/{delivery_id}/callbacks/0/resend", None, desk.alice_key).status == 409


def test_an_integrators_administrator_sees_the_log_of_their_integrator_only(api: Api, desk: Desk) -> None:
    mine, own = publish(api, desk), "/api/v1/delivery-log"
    hr_event = {"event_type": "hr.offer.sent", "recipient_hint": {"email": "bob@example.com"}}
    other = str(api.post(EVENTS, inputs.new_event(**hr_event), desk.moderated).json["deliveryId"])
    api.call("PATCH", f"/api/v1/inbox/{mine}", {"read": True}, token=desk.alice_key)
    assert [each["deliveryId"] for each in api.get(own, desk.fd1).json["items"]] == [mine]
    entry = api.get(f"{own}/{mine}", desk.fd1).json
    assert steps(entry) == ["accepted", "stored"], "reading is the recipient's own"
    assert api.get(f"{own}/{other}", desk.fd1).status == 404
    assert api.get(own, desk.hr).status == 403, "no admin token"
