"""POST /api/v1/events: what happens to an event."""

from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api

EVENTS = "/api/v1/events"


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
    assert again.json == first.json | told | {"lastFiredAt": again.json["lastFiredAt"]}
    assert again.json["lastFiredAt"] >= first.json["lastFiredAt"] == first.json["createdAt"]
    read = api.get(f"{EVENTS}/{first.json['deliveryId']}", desk.alice).json
    assert read["fireCount"] == 2
    assert "summary" not in read


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


def test_hint_of_an_ordinary_token_is_stored_and_does_not_route(api: Api, desk: Desk) -> None:
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
