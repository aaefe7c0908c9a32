"""Responses with deliveries: all fields of a new one, and replays rebuilt from snapshots."""

from chalicelib.resources import CALLBACKS
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

EVENTS, INBOX = "/api/v1/events", "/api/v1/inbox"
HOOK = {"label": "Approve", "action_type": "webhook", "webhook_url": "https://hooks.example.com/approve"}


def test_a_new_event_is_accepted_and_shown_in_full(api: Api, desk: Desk) -> None:
    sent = inputs.new_event(
        tone="positive",
        summary="Alice made you a collaborator.",
        markdown_body="# Next\n\nClone it.",
        markdown_body_rendering="preview",
        external_url="https://git.example.com/acme/widget-pro",
        external_status="approved",
        actor={"email": "alice@example.com", "name": "Alice"},
        labels={"repo": "widget-pro"},
        actions=[{"label": "Open", "action_type": "url", "url": "https://git.example.com/acme"}],
        locale="zh-CN",
    )

    accepted = api.post(EVENTS, sent, desk.alice)

    assert accepted.status == 202
    assert accepted.json == {
        "deliveryId": accepted.json["deliveryId"],
        "eventId": sent["event_id"],
        "eventType": "fd1.repo.access_granted",
        "severity": "info",
        "title": sent["title"],
        "occurredAt": accepted.json["occurredAt"],
        "createdAt": accepted.json["createdAt"],
        "resolvedAt": None,
        "resolutionNote": None,
        "fireCount": 1,
        "lastFiredAt": accepted.json["createdAt"],
        "tone": "positive",
        "summary": "Alice made you a collaborator.",
        "externalStatus": "approved",
        "recipientUserId": desk.user_id("alice"),
        "projectId": None,
        "externalUrl": "https://git.example.com/acme/widget-pro",
        "locale": "zh-CN",
        "markdownBody": "# Next\n\nClone it.",
        "markdownBodyRendering": "preview",
        "labels": {"repo": "widget-pro"},
        "actor": {"email": "alice@example.com", "name": "Alice"},
        "actions": [
            {
                "index": 0,
                "label": "Open",
                "actionType": "url",
                "url": "https://git.example.com/acme",
                "outcome": None,
                "attempts": [],
            }
        ],
        "supplements": [],
        "deduped": False,
        "pushed": False,
        "ok": True,
        "requestId": accepted.headers["x-request-id"],
    }


def test_a_repeat_shows_what_became_of_the_delivery_since(api: Api, desk: Desk) -> None:
    sent = inputs.new_event()
    delivery = api.post(EVENTS, sent, desk.alice).json["deliveryId"]
    api.post(f"{EVENTS}/{delivery}/supplement", {"markdown_body": "More."}, desk.alice)
    api.post(f"{EVENTS}/{delivery}/resolve", {"resolution_note": "Done."}, desk.alice)

    again = api.post(EVENTS, sent, desk.alice).json

    assert again["resolutionNote"] == "Done."
    assert [each["markdownBody"] for each in again["supplements"]] == ["More."]


def test_a_repeat_shows_the_clicks_and_a_replay_those_of_its_time(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    sent = inputs.new_event(actions=[HOOK | {"webhook_url": receiver.url}])
    first = api.post(EVENTS, sent, desk.alice, key="k")
    delivery = f"{INBOX}/{first.json['deliveryId']}"
    api.post(f"{delivery}/actions/0", None, desk.alice_key)
    resolved = api.post(f"{delivery.replace(INBOX, EVENTS)}/resolve", None, desk.alice, key="r")
    assert resolved.json["actions"][0]["outcome"] == "pending"
    pump.drain(CALLBACKS)

    (action,) = api.post(EVENTS, sent, desk.alice).json["actions"]
    assert (action["outcome"], len(action["attempts"])) == ("delivered", 1)
    replayed = api.post(EVENTS, sent, desk.alice, key="k")
    assert (replayed.headers["idempotent-replayed"], replayed.json) == ("true", first.json)
    replayed = api.post(f"{delivery.replace(INBOX, EVENTS)}/resolve", None, desk.alice, key="r")
    assert (replayed.headers["idempotent-replayed"], replayed.json) == ("true", resolved.json)


def test_a_repeat_under_a_key_is_replayed_with_the_clicks_and_supplements_it_showed(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    sent = inputs.new_event(actions=[HOOK | {"webhook_url": receiver.url}])
    delivery = api.post(EVENTS, sent, desk.alice).json["deliveryId"]
    api.post(f"{EVENTS}/{delivery}/supplement", {"markdown_body": "x"}, desk.alice)
    api.post(f"{INBOX}/{delivery}/actions/0", None, desk.alice_key)
    pump.drain(CALLBACKS)
    first, replayed = (api.post(EVENTS, sent, desk.alice, key="k") for _ in range(2))
    assert replayed.headers["idempotent-replayed"] == "true"
    assert replayed.json == first.json
    assert (len(first.json["supplements"]), first.json["actions"][0]["outcome"]) == (1, "delivered")
