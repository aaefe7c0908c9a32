"""A person's own channels: added, listed, tested and removed; and when they are paused."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from chalicelib.core.domain import bounds
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.reach.domain.channels import Channel, ChannelKind, ChannelState, after_attempt
from chalicelib.resources import DIRECTORY, PERSONAL_WEBHOOK, SOCKETS
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.channels import CHANNELS, add, ask_for_test, listed, publish, reach
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.worker_scenarios import scan_rows

NOW = datetime(2026, 5, 21, 12, tzinfo=UTC)


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
