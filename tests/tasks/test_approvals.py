"""Waiting for decisions, comments on tasks, and the end of proposals that nobody decided."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from chalicelib.core.domain.callers import ApiKey
from chalicelib.resources import SOCKET_WORK
from chalicelib.tasks.domain.queue_messages import ApprovalQuery, TaskApprovalOut
from chalicelib.tasks.services.approvals import read_approval
from chalicelib.tasks.stores.approvals import DynamoApprovals
from tests.conftest import Desk
from tests.support import mcp
from tests.support.api import Answer, Api
from tests.support.pump import Pumps
from tests.support.sockets import Sockets
from tests.tasks.client import QUEUE, add_task, confirm_task, set_status

UNTIL = "2026-05-21T13:00:00Z"


@pytest.fixture(name="clock", autouse=True)
def _clock() -> Any:
    with time_machine.travel("2026-05-21T12:00:00Z", tick=False) as clock:
        yield clock


def propose(api: Api, desk: Desk, **members: Any) -> str:
    proposal = {"tool": "send", "why": "It is due.", "expiresAt": UNTIL} | members
    item: str = add_task(api, desk, title="Send it", metadata={"proposal": proposal})["id"]
    return item


def approval(api: Api, desk: Desk, item: str, **query: Any) -> dict[str, Any]:
    text = "&".join(f"{name}={value}" for name, value in query.items())
    answer = api.get(f"{QUEUE}/{item}/approval?{text}", desk.alice_key)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json["data"]
    return found


def comment(api: Api, item: str, text: str, token: str, **headers: str) -> Answer:
    return api.post(f"{QUEUE}/{item}/comments", {"text": text}, token, headers=headers)


def wait_for(desk: Desk, item: str, act: Any, **query: int) -> tuple[TaskApprovalOut, list[float]]:
    """Wait for an approval while something happens in the second pause; return what was found, and the pauses."""
    pauses: list[float] = []

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            act()

    found = read_approval(
        item,
        ApprovalQuery.model_validate(query),
        owner=ApiKey("", desk.user_id("alice"), frozenset()),
        now=datetime.now(UTC),
        longest=3,
        approvals=DynamoApprovals(),
        wait=wait,
    )
    return found, pauses


def test_agent_reads_each_decision(api: Api, desk: Desk) -> None:
    item, rejected = propose(api, desk), propose(api, desk)
    waiting = approval(api, desk, item)
    assert (waiting["state"], waiting["decision"], waiting["task"]["id"]) == ("waiting", None, item)
    confirm_task(api, desk, item, "approve")
    api.post(f"{QUEUE}/{rejected}/confirm", {"action": "reject", "reason": "No"}, desk.alice_key)
    assert approval(api, desk, item)["state"] == "approved"
    gone = approval(api, desk, rejected)
    assert (gone["state"], gone["decision"]["reason"], gone["task"]) == ("rejected", "No", None)


def test_waiting_ends_with_the_decision(api: Api, desk: Desk) -> None:
    item = propose(api, desk)
    found, pauses = wait_for(desk, item, lambda: confirm_task(api, desk, item, "approve"), waitSeconds=20)
    assert (found.state, pauses) == ("approved", [1, 1])


def test_waiting_ends_with_a_comment_that_the_agent_does_not_know(api: Api, desk: Desk) -> None:
    item = propose(api, desk)
    found, pauses = wait_for(
        desk, item, lambda: comment(api, item, "Which?", desk.alice_key), waitSeconds=20, seenComments=0
    )
    assert (found.state, [each.text for each in found.comments], pauses) == ("waiting", ["Which?"], [1, 1])
    assert wait_for(desk, item, None, waitSeconds=1, seenComments=1)[1] == [1]


def test_waiting_is_bounded(api: Api, desk: Desk) -> None:
    found, pauses = wait_for(desk, propose(api, desk), lambda: None, waitSeconds=1_000_000)
    assert (found.state, pauses) == ("waiting", [1, 1, 1])


def test_nobody_else_can_wait_or_comment(api: Api, desk: Desk) -> None:
    item = propose(api, desk)
    assert api.get(f"{QUEUE}/{item}/approval", desk.bob_key).status == 404
    assert comment(api, item, "Hi", desk.bob_key).status == 404
    assert api.get(f"{QUEUE}/nope/approval", desk.alice_key).status == 404


def test_both_sides_see_comments_at_once(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    item = propose(api, desk)
    alice = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    said = comment(api, item, "Which account?", desk.alice_key, **{"X-Agent-Name": "Scout"})
    expected = {"author": "agent", "name": "Scout", "text": "Which account?", "at": "2026-05-21T12:00:00.000Z"}
    assert (said.status, said.json["data"]["comments"]) == (201, [expected])
    (frame,) = (each for each in alice.frames if each["type"] == "queue_comment")
    assert (frame["itemId"], frame["comment"], frame["comments"]) == (item, expected, 1)


def test_comments_are_bounded_and_end_with_the_task(api: Api, desk: Desk) -> None:
    item = propose(api, desk)
    assert comment(api, item, " ", desk.alice_key).status == 400
    assert comment(api, item, "x" * 1001, desk.alice_key).status == 400
    for number in range(20):
        assert comment(api, item, str(number), desk.alice_key).status == 201
    assert comment(api, item, "20", desk.alice_key).status == 409
    done, rejected = propose(api, desk), propose(api, desk)
    confirm_task(api, desk, done, "approve")
    set_status(api, desk, done, "done_today")
    confirm_task(api, desk, rejected, "reject")
    assert comment(api, done, "x", desk.alice_key).status == 409
    assert comment(api, rejected, "x", desk.alice_key).status == 404


def test_a_decision_keeps_the_comments(api: Api, desk: Desk) -> None:
    item = propose(api, desk)
    comment(api, item, "Which account?", desk.alice_key)
    confirm_task(api, desk, item, "approve")
    api.post(f"{QUEUE}/{item}/result", {"result": "Sent"}, desk.alice_key)
    assert [each["text"] for each in approval(api, desk, item)["comments"]] == ["Which account?"]


def test_an_expired_proposal_leaves_the_queue_and_its_agent_hears(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps, clock: Any
) -> None:
    item, approved, later = propose(api, desk), propose(api, desk), propose(api, desk, expiresAt="2026-06-01T00:00:00Z")
    confirm_task(api, desk, approved, "approve")
    alice = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    clock.move_to(UNTIL)
    assert approval(api, desk, item)["state"] == "expired"
    pump.run("end_proposals")
    (frame,) = (each for each in alice.frames if each["type"] == "queue_changed")
    assert (frame["itemId"], frame["changeType"], frame["newStatus"]) == (item, "removed", "expired")
    assert approval(api, desk, item)["decision"]["outcome"] == "expired"
    assert api.get(f"{QUEUE}/{item}", desk.alice_key).status == 404
    assert api.post(f"{QUEUE}/{item}/restore", None, desk.alice_key).status == 409
    listed = api.get(QUEUE, desk.alice_key).json["data"]
    assert ({each["id"] for each in listed["items"]}, listed["pagination"]["total"]) == ({approved, later}, 2)


def test_agent_waits_and_answers_with_tools(api: Api, desk: Desk) -> None:
    item = propose(api, desk)
    for name, arguments in (("task_comment", {"id": item, "text": "Now?"}), ("task_wait", {"id": item})):
        message = mcp.new_message("tools/call", name=name, arguments=arguments)
        result = api.post("/mcp", message, desk.alice_key).json["result"]
        assert result["structuredContent"]["data"]["comments"][0]["text"] == "Now?", result
