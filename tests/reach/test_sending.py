"""What an active webhook is sent: what the inbox shows, once, unless it was read; retried, paused and resumed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from standardwebhooks import Webhook

from chalicelib.core.domain.retries import JITTER, PERSONAL_WEBHOOK_RETRIES
from chalicelib.resources import PERSONAL_WEBHOOK, SOCKET_WORK, SOCKETS
from tests.conftest import Desk
from tests.support import inputs, instances
from tests.support.api import Api
from tests.support.channels import EVENTS, MESSAGE, add_active, ask_for_test, listed, outcomes, publish, reach
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.sockets import Sockets
from tests.support.worker_scenarios import scan_rows

NOW = datetime(2026, 5, 21, 12, tzinfo=UTC)


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


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"read": True}, "read"), ({"archived": True}, "archived"), ({"snoozedUntil": "2026-12-24T00:00:00Z"}, "snoozed")],
)
def test_what_was_read_meanwhile_is_not_sent(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, change: dict[str, Any], reason: str
) -> None:
    with time_machine.travel(NOW, tick=False):
        channel = add_active(api, pump, desk.alice_key, receiver)
        delivery = publish(api, desk, occurred_at="2026-05-21T11:59:00Z")
        assert api.call("PATCH", f"/api/v1/inbox/{delivery}", change, token=desk.alice_key).status == 200
        reach(desk, channel, delivery)
        pump.drain(PERSONAL_WEBHOOK)
    (outcome,) = outcomes()
    assert (receiver.received, outcome["state"], outcome["skipped"]) == ([], "failed", reason)


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
        (outcome,) = outcomes()
    assert (outcome["state"], outcome["skipped"]) == ("failed", "read")
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


def test_the_owner_of_a_channel_is_told_once_when_it_is_paused(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, sockets: Sockets
) -> None:
    channel = add_active(api, pump, desk.alice_key, receiver)
    agents = {name: sockets.connect(key) for name, key in (("alice", desk.alice_key), ("bob", desk.bob_key))}
    pump.drain(SOCKET_WORK)
    receiver.status = 503
    reach(desk, channel, publish(api, desk))
    pump.drain(PERSONAL_WEBHOOK)
    receiver.status = 410
    for each in range(2):
        reach(desk, channel, publish(api, desk), message_id=inputs.uuid(each))
    pump.drain(PERSONAL_WEBHOOK)
    (told,) = (each for each in agents["alice"].frames if each["type"] == "channel_paused")
    assert {name: told[name] for name in ("channelId", "label", "kind", "service", "host", "reason")} == {
        "channelId": channel["id"],
        "label": channel["label"],
        "kind": "webhook",
        "service": "webhook",
        "host": "127.0.0.1",
        "reason": "answered 410",
    }
    assert receiver.url not in str(told)
    assert [each["type"] for each in agents["bob"].frames if each["type"] == "channel_paused"] == []


def test_a_person_who_left_is_sent_nothing(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    channel = add_active(api, pump, desk.alice_key, receiver)
    delivery = publish(api, desk)
    instances.run_admin("employees", "deactivate", "alice@example.com")
    reach(desk, channel, delivery)
    pump.drain(PERSONAL_WEBHOOK)
    assert receiver.received == []
