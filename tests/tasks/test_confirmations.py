"""Confirmation of tasks and held events: who decides, where events go, and what their sender sees."""

from typing import Any

import pytest
import time_machine

from chalicelib.aws import dynamodb
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import SOCKET_WORK
from chalicelib.tasks.stores.queue import DynamoQueue
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Answer, Api
from tests.support.concurrency import run_concurrently
from tests.support.pump import Pumps
from tests.support.sockets import Sockets
from tests.tasks.client import add_task, change_settings, confirm_task, list_tasks

EVENTS, INBOX, QUEUE = "/api/v1/events", "/api/v1/inbox", "/api/v2/queue"
BOB = {"email": "Bob@Example.com"}


def test_held_event_waits_in_the_queue_of_the_tools_token_owner(api: Api, desk: Desk) -> None:
    held = hold(api, desk, recipient_hint=BOB)
    (item,) = api.get(QUEUE, desk.alice_key).json["data"]["items"]
    assert (item["status"], item["source"], item["type"]) == ("pending_confirmation", "hr", "notification")
    assert held in item["metadata"]
    assert api.get(QUEUE, desk.bob_key).json["data"]["items"] == []


def test_approved_event_is_delivered_to_the_hinted_recipient(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    bob = sockets.connect(desk.bob_key)
    pump.drain(SOCKET_WORK)
    held = hold(api, desk, recipient_hint=BOB)
    assert inbox(api, desk.bob_key) == []
    approved = decide(api, desk, held, "approve")
    assert (approved.status, approved.json["data"]["status"]) == (200, "done_today")
    assert inbox(api, desk.bob_key) == [held]
    assert inbox(api, desk.alice_key) == []
    assert [each["type"] for each in bob.frames] == ["connected", "delivery"]
    shown = api.get(f"{EVENTS}/{held}", desk.moderated).json
    assert (shown["moderation"]["status"], shown["recipientUserId"]) == ("approved", desk.user_id("bob"))
    assert api.get(f"{INBOX}/{held}", desk.bob_key).json["title"] == shown["title"]


def test_event_that_is_approved_late_is_new_at_the_time_of_its_approval(api: Api, desk: Desk) -> None:
    with time_machine.travel("2026-05-21T12:00:00Z", tick=False) as clock:
        held = hold(api, desk, recipient_hint=BOB)
        clock.shift(3600)
        newer = api.post(EVENTS, inputs.new_event(), desk.bob).json["deliveryId"]
        clock.shift(3600)
        decide(api, desk, held, "approve")
        assert inbox(api, desk.bob_key) == [held, newer]
        assert api.get(f"{INBOX}/{held}", desk.bob_key).json["createdAt"] == "2026-05-21T12:00:00.000Z"
        changed = api.call("PATCH", f"{INBOX}/{held}", {"read": True}, token=desk.bob_key)
        assert (changed.status, inbox(api, desk.bob_key)) == (200, [held, newer])


def test_approving_an_event_leaves_no_task_behind(api: Api, desk: Desk) -> None:
    change_settings(api, desk, mode="chief_of_staff")
    held = hold(api, desk, recipient_hint=BOB)
    approved = decide(api, desk, held, "approve").json["data"]
    assert (approved["status"], approved["autoDispatched"]) == ("done_today", None)
    for status in ("pending_confirmation", "ready", "in_progress"):
        assert api.get(f"{QUEUE}?status={status}", desk.alice_key).json["data"]["items"] == []


def test_moderator_reads_the_whole_event_before_the_decision(api: Api, desk: Desk) -> None:
    held = hold(api, desk, recipient_hint=BOB, markdown_body="# Offer", labels={"grade": "7"})
    shown = api.get(f"{QUEUE}/{held}/event", desk.alice_key)
    assert (shown.status, shown.calls[-2:]) == (200, ["GetItem", "Query"])
    event = shown.json["data"]
    assert (event["markdownBody"], event["labels"], event["recipientHint"]) == ("# Offer", {"grade": "7"}, BOB)
    assert event["moderation"]["status"] == "pending"
    task = api.post(QUEUE, {"title": "A task", "metadata": {"deliveryId": held}}, desk.bob_key).json["data"]["id"]
    for key, item in ((desk.bob_key, held), (desk.bob_key, task), (desk.alice_key, "nope")):
        assert api.get(f"{QUEUE}/{item}/event", key).status == 404


def test_undoing_a_rejection_restores_the_same_task(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    members = {"description": "About", "priority": "high", "metadata": {"a": 1}, "source": "scout"}
    before = add_task(api, desk, title="Buy a boat", **members)
    other = add_task(api, desk)
    assert confirm_task(api, desk, before["id"], "reject").status == 200
    alice = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    restored = api.post(f"{QUEUE}/{before['id']}/restore", None, desk.alice_key)
    assert before | restored.json["data"] == before | {"updatedAt": restored.json["data"]["updatedAt"]}
    (frame,) = (each for each in alice.frames if each["type"] == "queue_changed")
    assert (frame["changeType"], frame["itemId"]) == ("added", before["id"])
    listed = list_tasks(api, desk, status="pending_confirmation")
    assert [each["id"] for each in listed["items"]] == [before["id"], other["id"]]
    assert listed["pagination"]["total"] == 2
    assert api.post(f"{QUEUE}/{before['id']}/restore", None, desk.alice_key).status == 404
    assert api.post(f"{QUEUE}/{other['id']}/restore", None, desk.alice_key).status == 404
    assert confirm_task(api, desk, before["id"], "approve").json["data"]["status"] == "ready"


def test_rejection_that_its_sender_was_told_of_is_not_undone(api: Api, desk: Desk) -> None:
    held = hold(api, desk, recipient_hint=BOB)
    decide(api, desk, held, "reject")
    refused = api.post(f"{QUEUE}/{held}/restore", None, desk.alice_key)
    assert (refused.status, "told" in refused.json["error"]) == (409, True)


def test_rejected_event_is_not_delivered_and_its_sender_sees_that(api: Api, desk: Desk) -> None:
    held = hold(api, desk, recipient_hint=BOB)
    assert decide(api, desk, held, "reject").status == 200
    assert api.get(f"{QUEUE}/{held}", desk.alice_key).status == 404
    assert inbox(api, desk.bob_key) == []
    assert api.get(f"{EVENTS}/{held}", desk.moderated).json["moderation"]["status"] == "rejected"


@pytest.mark.parametrize("hint", [None, {"display_hint": "Bobby"}, {"email": "nobody@example.com"}, "dave"])
def test_approver_names_the_recipient_without_a_valid_hint(api: Api, desk: Desk, hint: Any) -> None:
    hint = {"user_id": desk.user_id("dave")} if hint == "dave" else hint
    held = hold(api, desk, recipient_hint=hint)
    refused = decide(api, desk, held, "approve")
    assert (refused.status, "recipient" in refused.json["error"]) == (400, True)
    for nobody in ("nobody@example.com", desk.user_id("dave"), inputs.uuid(5), "Bob"):
        assert decide(api, desk, held, "approve", recipient=nobody).status == 400
    assert api.get(f"{QUEUE}/{held}", desk.alice_key).json["data"]["status"] == "pending_confirmation"
    assert decide(api, desk, held, "approve", recipient="CAROL@example.com").status == 200
    assert api.get(f"{EVENTS}/{held}", desk.moderated).json["recipientUserId"] == desk.user_id("carol")


def test_approver_can_choose_another_recipient(api: Api, desk: Desk) -> None:
    held = hold(api, desk, recipient_hint={"user_id": desk.user_id("carol")})
    assert decide(api, desk, held, "approve", recipient=desk.user_id("bob")).status == 200
    assert inbox(api, desk.bob_key) == [held]


def test_event_of_a_project_is_delivered_to_members_only(api: Api, desk: Desk) -> None:
    held = hold(api, desk, project_slug="apollo")
    refused = decide(api, desk, held, "approve", recipient="carol@example.com")
    assert (refused.status, "project" in refused.json["error"]) == (403, True)
    assert decide(api, desk, held, "approve", recipient="bob@example.com").status == 200


def test_repeated_event_adds_no_second_item_and_keeps_the_decision(api: Api, desk: Desk) -> None:
    sent = inputs.new_event(event_type="hr.offer.sent", recipient_hint=BOB)
    held = api.post(EVENTS, sent, desk.moderated).json["deliveryId"]
    again = api.post(EVENTS, sent, desk.moderated)
    assert (again.status, again.json["fireCount"]) == (200, 2)
    assert api.get(QUEUE, desk.alice_key).json["data"]["pagination"]["total"] == 1
    decide(api, desk, held, "reject")
    assert api.post(EVENTS, sent, desk.moderated).json["moderation"]["status"] == "rejected"
    assert api.get(QUEUE, desk.alice_key).json["data"]["pagination"]["total"] == 0


@pytest.mark.parametrize("key", [None, "k"])
def test_repeated_event_queues_the_item_that_a_crash_left_out(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    sent = inputs.new_event(event_type="hr.offer.sent", recipient_hint=BOB)

    def stop(*_: object, **__: object) -> bool:
        raise RuntimeError("the function is stopped here")

    with monkeypatch.context() as stopped:
        stopped.setattr(DynamoQueue, "add_once", stop)
        with pytest.raises(AssertionError, match="undocumented 500"):
            api.post(EVENTS, sent, desk.moderated, key=key)
    held = api.post(EVENTS, sent, desk.moderated, key=key).json["deliveryId"]
    assert decide(api, desk, held, "approve").status == 200
    assert inbox(api, desk.bob_key) == [held]


def test_deleted_event_can_be_rejected_but_not_approved(api: Api, desk: Desk) -> None:
    held = hold(api, desk, recipient_hint=BOB)
    dynamodb().delete_item(TableName="fluxden-deliveries", Key={"pk": {"S": held}, "sk": {"S": "DELIVERY"}})
    assert decide(api, desk, held, "approve").status == 400
    assert decide(api, desk, held, "reject").status == 200
    assert api.get(f"{QUEUE}/{held}", desk.alice_key).status == 404


def test_one_of_several_concurrent_decisions_succeeds(api: Api, desk: Desk) -> None:
    held = hold(api, desk)
    addresses = ["bob@example.com", "carol@example.com"]
    bodies = [{"action": "approve", "recipient": addresses[number % 2]} for number in range(16)]
    path = f"{QUEUE}/{held}/confirm"
    statuses = run_concurrently(16, lambda number: api.status("POST", path, bodies[number], desk.alice_key))
    assert sorted(statuses) == [200] + [400] * 15
    recipient = DynamoDirectory().find_person(api.get(f"{EVENTS}/{held}", desk.moderated).json["recipientUserId"])
    assert recipient is not None
    assert recipient.email == bodies[statuses.index(200)]["recipient"]


def test_store_calls_of_every_operation(api: Api, desk: Desk) -> None:
    api.get(QUEUE, desk.alice_key)
    hold(api, desk)
    by_address, by_id = (
        hold(api, desk, recipient_hint=BOB),
        hold(api, desk, recipient_hint={"user_id": desk.user_id("bob")}),
    )
    rejected = hold(api, desk)
    assert decide(api, desk, by_id, "approve").steps == 7
    assert decide(api, desk, by_address, "approve").steps == 8
    assert decide(api, desk, rejected, "reject").steps == 4


def hold(api: Api, desk: Desk, **members: Any) -> str:
    answer = api.post(EVENTS, inputs.new_event(event_type="hr.offer.sent", **members), desk.moderated)
    assert (answer.status, answer.json["moderation"]["status"]) == (202, "pending")
    return str(answer.json["deliveryId"])


def decide(api: Api, desk: Desk, item: str, action: str, **more: Any) -> Answer:
    return api.post(f"{QUEUE}/{item}/confirm", {"action": action} | more, desk.alice_key)


def inbox(api: Api, key: str) -> list[str]:
    return [each["deliveryId"] for each in api.get(INBOX, key).json["items"]]
