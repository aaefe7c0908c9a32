"""A person's own webhooks: added, tested, sent what the inbox shows, retried, paused and resumed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from standardwebhooks import Webhook

from chalicelib.core.domain import bounds
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.retries import JITTER, PERSONAL_WEBHOOK_RETRIES
from chalicelib.reach.domain.channels import Channel, ChannelKind, ChannelState, after_attempt
from chalicelib.reach.domain.jobs import ChannelJob
from chalicelib.reach.gateways.jobs import WEBHOOK_JOBS
from chalicelib.resources import DELIVERIES, DIRECTORY, PERSONAL_WEBHOOK, SOCKETS
from tests.conftest import Desk
from tests.support import inputs, instances
from tests.support.api import Answer, Api
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.worker_scenarios import scan_rows

CHANNELS, EVENTS = "/api/v1/me/channels", "/api/v1/events"
MESSAGE = "5b0e4c4e-7f3a-4c1d-9a55-0123456789ab"
NOW = datetime(2026, 5, 21, 12, tzinfo=UTC)


def add(api: Api, token: str, url: str, **more: Any) -> Answer:
    return api.post(CHANNELS, {"kind": "webhook", "label": "Team", "url": url}, token, **more)


def listed(api: Api, token: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(CHANNELS, token).json["items"]
    return found


def ask_for_test(api: Api, token: str, channel_id: str) -> Answer:
    return api.post(f"{CHANNELS}/{channel_id}/test", None, token)


def add_active(api: Api, pump: Pumps, token: str, receiver: Receiver) -> dict[str, Any]:
    """Add a webhook that has taken its test message."""
    made: dict[str, Any] = add(api, token, receiver.url).json
    assert ask_for_test(api, token, made["id"]).status == 202
    assert pump.drain(PERSONAL_WEBHOOK) == 1
    receiver.received.clear()
    return made


def reach(desk: Desk, channel: dict[str, Any], delivery_id: str, *, message_id: str = MESSAGE) -> None:
    job = ChannelJob(
        user_id=desk.user_id("alice"), channel_id=channel["id"], delivery_id=delivery_id, message_id=message_id
    )
    WEBHOOK_JOBS.send(job)


def publish(api: Api, desk: Desk, **fields: Any) -> str:
    return str(api.post(EVENTS, inputs.new_event(**fields), desk.alice).json["deliveryId"])


def outcomes() -> list[dict[str, Any]]:
    return [row for row in scan_rows(DELIVERIES) if row["sk"].startswith("REACH#")]


def test_a_webhook_is_shown_without_its_url_and_its_secret_once(api: Api, desk: Desk) -> None:
    made = add(api, desk.alice_key, "https://hooks.example.com/a/secret-path", key="k")
    assert made.status == 201
    assert made.json["secret"].startswith("whsec_")
    assert add(api, desk.alice_key, "https://hooks.example.com/a/secret-path", key="k").json == made.json
    shown = listed(api, desk.alice_key)
    assert shown == [{name: value for name, value in made.json.items() if name != "secret"}]
    assert (shown[0]["host"], shown[0]["state"], shown[0]["service"]) == ("hooks.example.com", "untested", "webhook")
    assert "secret-path" not in made.text + str([*scan_rows(DIRECTORY)])
    assert made.json["secret"] not in str([*scan_rows(DIRECTORY)])
    assert listed(api, desk.bob_key) == []


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "https://127.0.0.1/", "https://169.254.169.254/", "https://[::1]/", "hook"]
)
def test_a_url_that_must_not_be_called_is_refused(api: Api, desk: Desk, url: str) -> None:
    refused = add(api, desk.alice_key, url)
    assert (refused.status, listed(api, desk.alice_key)) == (400, [])


def test_a_person_has_ten_channels_at_most_and_one_that_goes_makes_room(api: Api, desk: Desk) -> None:
    made = [add(api, desk.alice_key, "https://hooks.example.com/").json for _ in range(bounds.CHANNELS.most)]
    assert add(api, desk.alice_key, "https://hooks.example.com/").status == 409
    path = f"{CHANNELS}/{made[0]['id']}"
    assert api.call("DELETE", path, token=desk.bob_key).status == 404
    gone = api.call("DELETE", path, token=desk.alice_key, key="k")
    assert (gone.status, gone.json) == (200, {"id": made[0]["id"]})
    assert api.call("DELETE", path, token=desk.alice_key, key="k").json == gone.json
    assert api.call("DELETE", path, token=desk.alice_key).status == 404
    assert add(api, desk.alice_key, "https://hooks.example.com/").status == 201


def test_only_a_key_with_all_permissions_adds_a_channel(api: Api, desk: Desk) -> None:
    body = {"name": "agent", "permissions": ["inbox"]}
    key = api.post("/api/v2/keys", body, desk.alice_key).json["data"]["key"]
    assert api.get(CHANNELS, key).status == 200
    assert add(api, key, "https://hooks.example.com/").status == 403
    assert add(api, desk.alice, "https://hooks.example.com/").status in (401, 403)


def test_a_channel_is_active_once_its_test_message_was_taken(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    made = add(api, desk.alice_key, receiver.url).json
    delivery = publish(api, desk)
    reach(desk, made, delivery)
    pump.drain(PERSONAL_WEBHOOK)
    assert receiver.received == []
    receiver.status = 500
    ask_for_test(api, desk.alice_key, made["id"])
    pump.drain(PERSONAL_WEBHOOK)
    (shown,) = listed(api, desk.alice_key)
    assert (shown["state"], shown["failure"], shown["testedAt"] is None) == ("untested", "answered 500", False)
    receiver.status = 204
    ask_for_test(api, desk.alice_key, made["id"])
    pump.drain(PERSONAL_WEBHOOK)
    assert len(pump.calls) == 2
    (shown,) = listed(api, desk.alice_key)
    assert (shown["state"], shown["failure"], shown["lastUsedAt"] is None) == ("active", None, False)
    sent = receiver.received[-1]
    Webhook(made["secret"]).verify(sent.body, sent.headers)
    assert json.loads(sent.body)["type"] == "channel.test"
    (marked,) = [row["reach"] for row in scan_rows(SOCKETS) if row["sk"] == "WEBPUSH" and "reach" in row]
    assert marked == {made["id"]}
    assert ask_for_test(api, desk.bob_key, made["id"]).status == 404


def test_an_active_webhook_is_sent_what_the_inbox_shows_once(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    channel = add_active(api, pump, desk.alice_key, receiver)
    delivery = publish(api, desk, title="Deploy failed", severity="critical")
    shown = api.get(f"/api/v1/inbox/{delivery}", desk.alice_key).json
    for _ in range(2):
        reach(desk, channel, delivery)
        pump.drain(PERSONAL_WEBHOOK)
    (sent,) = receiver.received
    Webhook(channel["secret"]).verify(sent.body, sent.headers)
    assert sent.headers["webhook-id"] == MESSAGE
    body = json.loads(sent.body)
    assert (body["type"], body["data"]["delivery"]) == ("notification.received", shown)
    assert body["data"]["link"].endswith(f"/#/inbox/{delivery}")
    (outcome,) = outcomes()
    assert (outcome["state"], outcome["host"], outcome["result"]) == ("sent", "127.0.0.1", None)
    assert receiver.url not in str(outcome)


def test_sending_takes_three_steps(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    channel = add_active(api, pump, desk.alice_key, receiver)
    reach(desk, channel, publish(api, desk))
    pump.drain(PERSONAL_WEBHOOK)
    assert sorted(pump.calls) == ["BatchGetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem"]


@pytest.mark.parametrize("change", [{"read": True}, {"archived": True}, {"snoozedUntil": "2026-12-24T00:00:00Z"}])
def test_what_was_read_meanwhile_is_not_sent(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, change: dict[str, Any]
) -> None:
    with time_machine.travel(NOW, tick=False):
        channel = add_active(api, pump, desk.alice_key, receiver)
        delivery = publish(api, desk, occurred_at="2026-05-21T11:59:00Z")
        assert api.call("PATCH", f"/api/v1/inbox/{delivery}", change, token=desk.alice_key).status == 200
        reach(desk, channel, delivery)
        pump.drain(PERSONAL_WEBHOOK)
    assert (receiver.received, outcomes()) == ([], [])


def test_what_was_resolved_or_is_somebody_elses_is_not_sent(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    channel = add_active(api, pump, desk.alice_key, receiver)
    resolved = publish(api, desk)
    assert api.post(f"{EVENTS}/{resolved}/resolve", {}, desk.alice).status == 200
    others = api.post(EVENTS, inputs.new_event(), desk.bob).json["deliveryId"]
    for each in (resolved, others, inputs.uuid(1)):
        reach(desk, channel, each)
    pump.drain(PERSONAL_WEBHOOK)
    assert receiver.received == []


@pytest.mark.engine("embedded")
def test_a_failure_is_retried_by_the_ladder_under_the_same_id(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        channel = add_active(api, pump, desk.alice_key, receiver)
        delivery = publish(api, desk, occurred_at="2026-05-21T11:59:00Z")
        receiver.status = 503
        reach(desk, channel, delivery)
        pump.drain(PERSONAL_WEBHOOK)
        for wait in PERSONAL_WEBHOOK_RETRIES.waits[1:4]:
            seen = len(receiver.received)
            # A message of the queue waits for a quarter of an hour at most, and is sent on until its attempt is due.
            left = wait * (1 + JITTER)
            while left > timedelta(0):
                step = min(left, timedelta(minutes=15)) + timedelta(seconds=1)
                clock.shift(step)
                left -= step
                pump.drain(PERSONAL_WEBHOOK)
            assert len(receiver.received) == seen + 1
        (outcome,) = outcomes()
        assert (outcome["state"], outcome["attempt"], outcome["result"]) == ("waiting", 4, "answered 503")
        assert listed(api, desk.alice_key)[0]["failingSince"] is not None
        # It is read before the next attempt.
        api.call("PATCH", f"/api/v1/inbox/{delivery}", {"read": True}, token=desk.alice_key)
        for _ in range(12):
            clock.shift(timedelta(minutes=15))
            pump.drain(PERSONAL_WEBHOOK)
    assert len(receiver.received) == 4
    assert {each.headers["webhook-id"] for each in receiver.received} == {MESSAGE}


def test_a_webhook_that_is_gone_is_paused_at_once_and_a_test_resumes_it(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    channel = add_active(api, pump, desk.alice_key, receiver)
    receiver.status = 410
    reach(desk, channel, publish(api, desk))
    pump.drain(PERSONAL_WEBHOOK)
    (shown,) = listed(api, desk.alice_key)
    assert (shown["state"], shown["failure"]) == ("paused", "answered 410")
    assert not any("reach" in row for row in scan_rows(SOCKETS) if row["sk"] == "WEBPUSH")
    receiver.status = 204
    reach(desk, channel, publish(api, desk), message_id=inputs.uuid(7))
    pump.drain(PERSONAL_WEBHOOK)
    assert len(receiver.received) == 1
    ask_for_test(api, desk.alice_key, channel["id"])
    pump.drain(PERSONAL_WEBHOOK)
    (shown,) = listed(api, desk.alice_key)
    assert (shown["state"], shown["pausedAt"], shown["failingSince"]) == ("active", None, None)


def test_a_person_who_left_is_sent_nothing(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    channel = add_active(api, pump, desk.alice_key, receiver)
    delivery = publish(api, desk)
    instances.run_admin("employees", "deactivate", "alice@example.com")
    reach(desk, channel, delivery)
    pump.drain(PERSONAL_WEBHOOK)
    assert receiver.received == []


@pytest.mark.parametrize(
    ("kind", "status", "days", "state"),
    [
        (ChannelKind.WEBHOOK, 500, 4, ChannelState.ACTIVE),
        (ChannelKind.WEBHOOK, 500, 5, ChannelState.PAUSED),
        (ChannelKind.WEBHOOK, None, 5, ChannelState.PAUSED),
        (ChannelKind.WEBHOOK, 404, 0, ChannelState.ACTIVE),
        (ChannelKind.WEBHOOK, 410, 0, ChannelState.PAUSED),
        (ChannelKind.CHAT, 404, 0, ChannelState.PAUSED),
        (ChannelKind.CHAT, 400, 0, ChannelState.ACTIVE),
        (ChannelKind.CHAT, 429, 5, ChannelState.PAUSED),
    ],
)
def test_a_channel_is_paused_after_five_days_of_failures_or_when_it_is_gone(
    kind: ChannelKind, status: int | None, days: int, state: ChannelState
) -> None:
    channel = Channel("a", "b", kind, "c", "slack", "d", "", ChannelState.ACTIVE)
    first = after_attempt(channel, HttpResult(500), now=NOW, is_test=False)
    assert (
        after_attempt(first, HttpResult(status, "no reply"), now=NOW + timedelta(days=days), is_test=False).state
        is state
    )
    taken = after_attempt(first, HttpResult(200), now=NOW, is_test=False)
    assert (taken.failing_since, taken.failure, taken.state) == (None, None, ChannelState.ACTIVE)
