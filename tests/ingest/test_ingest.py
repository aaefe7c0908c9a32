"""POST /api/v1/ingest/{adapter}: what other systems send becomes notifications."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.resources import FAN_OUT
from tests.conftest import Desk
from tests.support import inputs
from tests.support.alerts import new_alert, new_group, resolved
from tests.support.api import Answer, Api
from tests.support.pump import Pumps

INGEST = "/api/v1/ingest"
INBOX = "/api/v1/inbox"
ALERTS = f"{INGEST}/alertmanager"


def inbox(api: Api, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(INBOX, key).json["items"]
    return found


def test_an_alert_becomes_a_delivery_of_the_tokens_owner(api: Api, desk: Desk) -> None:
    alert = new_alert()

    reply = api.post(ALERTS, new_group(alert), desk.alice)

    assert reply.status == 202
    (row,) = reply.json["results"]
    assert row["outcome"] == "delivered"
    start = int(datetime.fromisoformat(alert["startsAt"]).timestamp())
    assert row["eventId"] == f"{alert['fingerprint']}-{start}"
    (item,) = inbox(api, desk.alice_key)
    assert item["title"] == "The disk of db-1 is full"
    assert (item["eventType"], item["severity"], item["externalStatus"]) == ("fd1.alert.firing", "critical", "firing")


def test_an_alert_that_is_sent_again_repeats_its_delivery(api: Api, desk: Desk) -> None:
    body = new_group(new_alert())
    api.post(ALERTS, body, desk.alice)

    (row,) = api.post(ALERTS, body, desk.alice).json["results"]

    assert row["outcome"] == "repeated"
    assert [each["fireCount"] for each in inbox(api, desk.alice_key)] == [2]


def test_a_resolved_alert_resolves_its_delivery(api: Api, desk: Desk) -> None:
    alert = new_alert()
    api.post(ALERTS, new_group(alert), desk.alice)

    (row,) = api.post(ALERTS, new_group(resolved(alert)), desk.alice).json["results"]

    assert (row["step"], row["outcome"]) == ("resolve", "resolved")
    (item,) = inbox(api, desk.alice_key)
    assert item["resolvedAt"]
    assert item["externalStatus"] == "resolved"
    assert api.get(f"{INBOX}/{item['deliveryId']}", desk.alice_key).json["externalStatus"] == "resolved"
    assert api.get(f"/api/v1/events/{item['deliveryId']}", desk.alice).json["externalStatus"] == "resolved"


def test_what_resolves_an_unknown_event_makes_nothing(api: Api, desk: Desk) -> None:
    (row,) = api.post(ALERTS, new_group(resolved(new_alert())), desk.alice).json["results"]

    assert row["outcome"] == "unknown"
    assert inbox(api, desk.alice_key) == []


def test_a_tools_token_publishes_to_the_recipients_that_it_names(api: Api, desk: Desk, pump: Pumps) -> None:
    alert = new_alert()
    path = f"{ALERTS}?to=alice@example.com,{desk.user_id('bob')},nobody@example.com"

    (row,) = api.post(path, new_group(alert), desk.fd1).json["results"]

    assert row["outcome"] == "accepted"
    assert [each.get("error") for each in row["recipients"]] == [None, None, "user_not_found"]
    pump.drain(FAN_OUT)
    assert len(inbox(api, desk.alice_key)) == len(inbox(api, desk.bob_key)) == 1
    (row,) = api.post(path, new_group(resolved(alert)), desk.fd1).json["results"]
    assert row["outcome"] == "resolved"
    assert all(inbox(api, key)[0]["resolvedAt"] for key in (desk.alice_key, desk.bob_key))


def test_a_dry_run_answers_events_and_recipients_and_makes_nothing(api: Api, desk: Desk, pump: Pumps) -> None:
    mine = api.post(f"{ALERTS}?dry_run=true", new_group(new_alert()), desk.alice)
    others = api.post(f"{ALERTS}?dry_run=true&to=group:apollo", new_group(new_alert()), desk.fd1)

    assert (mine.status, others.status) == (200, 200)
    (row,) = mine.json["results"]
    assert row["event"]["title"] == "The disk of db-1 is full"
    assert row["recipients"] == [{"recipient": {"type": "user_id", "user_id": desk.user_id("alice")}}]
    assert {each["email"] for each in others.json["results"][0]["recipients"]} >= {"alice@example.com"}
    pump.drain(FAN_OUT)
    assert inbox(api, desk.alice_key) == []
    assert "outcome" not in row


def test_one_refused_event_does_not_affect_the_others(api: Api, desk: Desk) -> None:
    api.post(f"{ALERTS}", new_group(new_alert(fingerprint="first")), desk.alice)
    group = new_group(*(new_alert(fingerprint=f"f{number}") for number in range(3)))

    reply = api.post(ALERTS, group, desk.alice)

    assert [each["outcome"] for each in reply.json["results"]] == ["delivered"] * 3
    assert len(inbox(api, desk.alice_key)) == 4


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"specversion": "1.0", "id": "1", "source": "/s", "type": "a.b"}, "The adapter cloudevents fits it"),
        ({"anything": 1}, "expects a group of alerts"),
        ({"groupKey": "k", "alerts": [1]}, "alerts.0: must be an object"),
        ({"groupKey": "k", "alerts": [{}] * 101}, "at most 100"),
    ],
)
def test_another_shape_is_refused_and_the_adapter_that_fits_is_named(
    api: Api, desk: Desk, body: Any, reason: str
) -> None:
    reply = api.post(ALERTS, body, desk.alice)

    assert reply.status == 400
    assert reason in reply.json["detail"]


def test_strangers_learn_nothing_about_adapters_and_bodies(api: Api, desk: Desk) -> None:
    assert api.post(f"{INGEST}/nope", raw="{", token=None).status == 401
    assert api.post(f"{INGEST}/nope", {}, desk.alice_key).status == 403
    assert api.post(f"{INGEST}/nope", {}, desk.alice).status == 404


def test_recipients_are_for_tools_tokens_only(api: Api, desk: Desk) -> None:
    assert api.post(f"{ALERTS}?to=bob@example.com", new_group(new_alert()), desk.alice).status == 403
    assert api.post(ALERTS, new_group(new_alert()), desk.fd1).json["fieldErrors"] == {
        "to": ["is required with a tools token"]
    }
    for wrong in ("x", "group:", ",", ",".join(["a@example.com"] * 101)):
        assert api.post(f"{ALERTS}?to={wrong}", new_group(new_alert()), desk.fd1).status == 400


def test_an_old_alert_occurred_now(api: Api, desk: Desk) -> None:
    alert = new_alert() | {"startsAt": "2020-02-02T02:02:02Z"}

    assert api.post(ALERTS, new_group(alert), desk.alice).status == 202

    occurred = datetime.fromisoformat(inbox(api, desk.alice_key)[0]["occurredAt"])
    assert abs(occurred - datetime.now(UTC)) < timedelta(minutes=5)


def test_events_use_the_budget_of_publishing_them(api: Api, desk: Desk) -> None:
    before = api.post(f"{ALERTS}?dry_run=true", new_group(new_alert()), desk.alice).headers["x-ratelimit-remaining"]
    alerts = [new_alert(fingerprint=f"f{number}") for number in range(5)]

    after = api.post(ALERTS, new_group(*alerts), desk.alice).headers["x-ratelimit-remaining"]

    assert int(before) - int(after) == 5


def structured(**more: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "7", "source": "/builds", "type": "com.example.build.failed"} | more


def _binary(api: Api, token: str) -> Answer:
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "8",
        "ce-source": "/builds",
        "ce-type": "com.example.build.failed",
        "ce-time": inputs.ago(),
    }
    return api.call("POST", f"{INGEST}/cloudevents", raw='{"title": "Build 8 failed"}', headers=headers, token=token)


def test_cloudevents_come_structured_binary_and_in_batches(api: Api, desk: Desk) -> None:
    path = f"{INGEST}/cloudevents"
    one = api.call(
        "POST",
        path,
        structured(data={"title": "Build 7 failed", "severity": "error", "repo": "payments"}),
        headers={"Content-Type": "application/cloudevents+json"},
        token=desk.alice,
    )
    two = _binary(api, desk.alice)
    many = api.call(
        "POST",
        path,
        [structured(id=str(number)) for number in range(10, 13)],
        headers={"Content-Type": "application/cloudevents-batch+json"},
        token=desk.alice,
    )

    assert [each.status for each in (one, two, many)] == [202] * 3
    items = inbox(api, desk.alice_key)
    assert [each["title"] for each in items[-2:]] == ["Build 8 failed", "Build 7 failed"]
    assert (items[-1]["severity"], items[-1]["eventType"]) == ("warn", "fd1.com.example.build.failed")
    assert len(items) == 5


@pytest.mark.parametrize(
    "event", [structured(specversion="0.3"), structured(id=""), structured(time="yesterday"), {"specversion": "1.0"}]
)
def test_a_cloudevent_that_is_not_valid_is_refused(api: Api, desk: Desk, event: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/cloudevents+json"}
    reply = api.call("POST", f"{INGEST}/cloudevents", event, headers=headers, token=desk.alice)

    assert reply.status == 400
    assert "CloudEvent" in reply.json["detail"]


PAGERDUTY = f"{INGEST}/pagerduty"
TRIGGER = {"summary": "Queue grows", "source": "mq-1", "severity": "critical"}


def _page(api: Api, desk: Desk, action: str, query: str = "", token: str | None = None) -> dict[str, Any]:
    body = {"event_action": action, "dedup_key": "queue", "payload": TRIGGER}
    found: dict[str, Any] = api.post(f"{PAGERDUTY}{query}", body, token or desk.alice).json
    return found


def test_an_acknowledgement_is_added_to_the_delivery_once(api: Api, desk: Desk) -> None:
    assert _page(api, desk, "acknowledge")["results"][0]["outcome"] == "unknown"
    _page(api, desk, "trigger")
    for _ in range(2):
        assert _page(api, desk, "acknowledge")["results"][0]["outcome"] == "noted"

    (item,) = inbox(api, desk.alice_key)
    detail = api.get(f"{INBOX}/{item['deliveryId']}", desk.alice_key).json
    assert [each["markdownBody"] for each in detail["supplements"]] == ["Acknowledged."]


def test_what_comes_again_after_it_was_resolved_is_a_new_delivery(api: Api, desk: Desk) -> None:
    rows = [
        _page(api, desk, action)["results"][0]
        for action in ("trigger", "resolve", "trigger", "trigger", "acknowledge", "resolve", "trigger")
    ]

    assert [each["outcome"] for each in rows] == [
        "delivered", "resolved", "delivered", "repeated", "noted", "resolved", "delivered"
    ]  # fmt: skip
    assert [each["eventId"] for each in rows if each["outcome"] == "delivered"] == ["queue", "queue_2", "queue_3"]
    assert [bool(each["resolvedAt"]) for each in inbox(api, desk.alice_key)] == [False, True, True]


def test_what_comes_again_reaches_everybody_whom_a_tools_token_names(api: Api, desk: Desk, pump: Pumps) -> None:
    query = "?to=alice@example.com,bob@example.com"
    for action in ("trigger", "resolve", "trigger"):
        _page(api, desk, action, query, desk.fd1)
        pump.drain(FAN_OUT)

    for key in (desk.alice_key, desk.bob_key):
        assert [bool(each["resolvedAt"]) for each in inbox(api, key)] == [False, True]


def test_pagerdutys_clients_read_their_key_in_the_reply(api: Api, desk: Desk) -> None:
    reply = _page(api, desk, "trigger")
    assert (reply["status"], reply["dedup_key"]) == ("success", "queue")


def test_a_webhook_that_asks_nothing_is_taken_and_makes_nothing(api: Api, desk: Desk) -> None:
    headers = {"X-GitHub-Event": "ping"}
    reply = api.call("POST", f"{INGEST}/github", {"zen": "Keep it simple."}, headers=headers, token=desk.alice)

    assert (reply.status, reply.json["results"]) == (200, [])
    assert reply.json["ignored"] == "The webhook ping makes no notification."


def test_a_text_becomes_a_notification_as_at_ntfy(api: Api, desk: Desk) -> None:
    headers = {"Title": "Backup", "Priority": "high", "Content-Type": "application/x-www-form-urlencoded"}
    reply = api.call("POST", f"{INGEST}/ntfy", raw="Backup of db-1 failed", headers=headers, token=desk.alice)

    assert reply.status == 202
    (item,) = inbox(api, desk.alice_key)
    assert (item["title"], item["summary"], item["severity"]) == ("Backup", "Backup of db-1 failed", "warn")


def test_a_moderated_token_holds_what_other_systems_send(api: Api, desk: Desk) -> None:
    (row,) = api.post(ALERTS, new_group(new_alert()), desk.moderated).json["results"]
    assert row["outcome"] == "held"
