"""Agents that claim tasks: the first that sets a task in progress works on it."""

from collections import Counter
from typing import Any

import pytest

from chalicelib.resources import SOCKET_WORK
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.api_keys import new_api_key
from tests.support.concurrency import run_concurrently
from tests.support.mcp import call_tool
from tests.support.pump import Pumps
from tests.support.sockets import Sockets
from tests.tasks.client import QUEUE, add_task, change_settings, set_status


def claim(api: Api, item: str, key: str, agent: str | None = None) -> dict[str, Any]:
    headers = {"X-Agent-Name": agent} if agent else {}
    answer = api.post(f"{QUEUE}/{item}/status", {"status": "in_progress"}, key, headers=headers)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json["data"]
    return found


@pytest.fixture
def item(api: Api, desk: Desk, auto_approve: None) -> str:
    return str(add_task(api, desk)["id"])


def test_the_first_agent_claims_a_task_and_others_learn_who_did(api: Api, desk: Desk, item: str) -> None:
    mine = claim(api, item, desk.alice_key, "scout")
    assert (mine["claimedBy"], mine["claimedByCaller"], mine["status"]) == ("scout", True, "in_progress")
    theirs = claim(api, item, desk.alice_key, "miner")
    assert (theirs["claimedBy"], theirs["claimedByCaller"]) == ("scout", False)
    assert (theirs["updatedAt"], theirs["claimedAt"]) == (mine["updatedAt"], mine["claimedAt"])
    again = claim(api, item, desk.alice_key, "scout")
    assert (again["claimedByCaller"], again["updatedAt"]) == (True, mine["updatedAt"])
    assert api.get(f"{QUEUE}/{item}", desk.alice_key).json["data"]["claimedBy"] == "scout"


def test_agents_with_keys_of_one_name_are_told_apart(api: Api, desk: Desk, item: str) -> None:
    keys = [new_api_key(desk, "alice", "queue") for _ in range(2)]
    assert claim(api, item, keys[0])["claimedByCaller"] is True
    other = claim(api, item, keys[1])
    assert (other["claimedBy"], other["claimedByCaller"]) == ("test", False)


def test_one_of_eight_agents_claims_a_task(api: Api, desk: Desk, item: str) -> None:
    claims = run_concurrently(8, lambda number: claim(api, item, desk.alice_key, f"agent {number}"))
    assert Counter(each["claimedByCaller"] for each in claims) == {True: 1, False: 7}
    assert len({each["claimedBy"] for each in claims}) == 1


def test_a_dispatched_task_is_claimed_by_the_first_agent_that_takes_it_up(api: Api, desk: Desk, item: str) -> None:
    dispatched = change_settings(api, desk, mode="chief_of_staff").json["data"]["autoDispatched"]
    assert (dispatched["id"], dispatched["claimedBy"]) == (item, None)
    assert claim(api, item, desk.alice_key, "scout")["claimedByCaller"] is True
    assert claim(api, item, desk.alice_key, "miner")["claimedByCaller"] is False


def test_open_sockets_hear_that_a_dispatched_task_was_claimed(
    api: Api, desk: Desk, item: str, sockets: Sockets, pump: Pumps
) -> None:
    change_settings(api, desk, mode="chief_of_staff")
    client = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    claim(api, item, desk.alice_key, "scout")
    claim(api, item, desk.alice_key, "miner")
    frames = [each for each in client.frames if each["type"] == "queue_changed"]
    assert [(each["itemId"], each["newStatus"]) for each in frames] == [(item, "in_progress")]


def test_a_task_that_is_ready_again_can_be_claimed_by_another_agent(api: Api, desk: Desk, item: str) -> None:
    claim(api, item, desk.alice_key, "scout")
    put_back = set_status(api, desk, item, "ready").json["data"]
    assert (put_back["claimedBy"], put_back["claimedByCaller"]) == (None, None)
    assert claim(api, item, desk.alice_key, "miner")["claimedBy"] == "miner"


def test_a_completed_task_says_who_worked_on_it(api: Api, desk: Desk, item: str) -> None:
    claim(api, item, desk.alice_key, "scout")
    done = api.post(f"{QUEUE}/{item}/result", {"result": "x"}, desk.alice_key).json["data"]
    assert (done["claimedBy"], done["claimedByCaller"]) == ("scout", None)


def test_agents_claim_by_tool_alike(api: Api, desk: Desk, item: str) -> None:
    claim(api, item, desk.alice_key, "scout")
    reply = call_tool(api, desk.alice_key, "task_update_status", id=item, status="in_progress")
    assert reply["structuredContent"]["data"]["claimedByCaller"] is False
