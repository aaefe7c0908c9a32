"""POST /api/v1/events: what happens to an event."""

from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api

EVENTS = "/api/v1/events"


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


def test_the_event_appears_in_its_recipients_inbox_only(api: Api, desk: Desk) -> None:
    accepted = api.post(EVENTS, inputs.new_event(), desk.alice).json

    inbox = api.get("/api/v1/inbox", desk.alice_key).json
    assert [item["deliveryId"] for item in inbox["items"]] == [accepted["deliveryId"]]
    assert api.get("/api/v1/inbox", desk.bob_key).json["items"] == []


def test_sending_again_answers_with_the_first_delivery_and_changes_nothing_but_the_count(api: Api, desk: Desk) -> None:
    sent = inputs.new_event()
    first = api.post(EVENTS, sent, desk.alice)
    changed = sent | {
        "title": "Another title",
        "summary": "Now with a summary",
        "severity": "critical",
        "tone": "negative",
    }

    again = api.post(EVENTS, changed, desk.alice)

    assert (first.status, again.status) == (202, 200)
    told = {"deduped": True, "fireCount": 2, "requestId": again.headers["x-request-id"]}
    assert again.json == first.json | told
    read = api.get(f"{EVENTS}/{first.json['deliveryId']}", desk.alice).json
    assert read["fireCount"] == 2
    assert "summary" not in read


def test_a_repeat_shows_what_became_of_the_delivery_since(api: Api, desk: Desk) -> None:
    sent = inputs.new_event()
    delivery = api.post(EVENTS, sent, desk.alice).json["deliveryId"]
    api.post(f"{EVENTS}/{delivery}/supplement", {"markdown_body": "More."}, desk.alice)
    api.post(f"{EVENTS}/{delivery}/resolve", {"resolution_note": "Done."}, desk.alice)

    again = api.post(EVENTS, sent, desk.alice).json

    assert again["resolutionNote"] == "Done."
    assert [each["markdownBody"] for each in again["supplements"]] == ["More."]


def test_the_same_event_id_reaches_two_people_as_two_deliveries(api: Api, desk: Desk) -> None:
    sent = inputs.new_event()
    assert api.post(EVENTS, sent, desk.alice).status == 202
    assert api.post(EVENTS, sent, desk.bob).status == 202


def test_a_moderated_event_is_held_and_shown_to_its_sender_only(api: Api, desk: Desk) -> None:
    hint = {"email": "bob@example.com"}
    accepted = api.post(EVENTS, inputs.new_event(event_type="hr.offer.sent", recipient_hint=hint), desk.moderated)

    assert accepted.status == 202
    assert accepted.json["moderation"]["status"] == "pending"
    assert accepted.json["recipientHint"] == hint
    assert "recipientUserId" not in accepted.json
    assert "recipient_hint" in accepted.json["deprecation"]
    for key in (desk.alice_key, desk.bob_key):
        assert api.get("/api/v1/inbox", key).json["items"] == []
        assert api.get(f"/api/v1/inbox/{accepted.json['deliveryId']}", key).status == 404
    assert api.get(f"{EVENTS}/{accepted.json['deliveryId']}", desk.moderated).status == 200


def test_a_hint_on_an_ordinary_token_is_kept_and_routes_nothing(api: Api, desk: Desk) -> None:
    accepted = api.post(EVENTS, inputs.new_event(recipient_hint={"display_hint": "Bob"}), desk.alice).json

    assert accepted["recipientUserId"] == desk.user_id("alice")
    assert accepted["recipientHint"] == {"displayHint": "Bob"}


def test_a_project_that_admin_and_recipient_share_is_attributed(api: Api, desk: Desk) -> None:
    accepted = api.post(EVENTS, inputs.new_event(project_slug="apollo"), desk.bob)

    assert accepted.status == 202
    assert accepted.json["projectId"] == desk.demo["project_id"]


def test_a_project_without_admin_or_recipient_is_blocked_and_costs_no_delivery(api: Api, desk: Desk) -> None:
    carol = desk.personal(user_id=desk.user_id("carol"), grant_id=desk.user_id("carol"), daily_limit=1)
    for token, project in ((desk.alice, "zephyr"), (desk.bob, "zephyr"), (carol, "apollo"), (carol, "nowhere")):
        refused = api.post(EVENTS, inputs.new_event(project_slug=project), token)
        assert (refused.status, refused.json["code"]) == (403, "cross_project_blocked")

    assert api.post(EVENTS, inputs.new_event(), carol).status == 202
