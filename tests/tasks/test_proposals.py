"""Proposals of agents: their schema, edited approval, reasons, and what agents hear."""

import json
from typing import Any

import pytest
import time_machine

from chalicelib.resources import AUDIT, SOCKET_WORK
from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.pump import Pumps
from tests.support.sockets import Sockets
from tests.support.worker_scenarios import scan_rows
from tests.tasks.client import QUEUE, add_task, change_settings

PROPOSAL = {
    "tool": "send_invoice",
    "arguments": {"to": "nadia@north.example", "amount": 120, "note": None, "copies": ["a"]},
    "why": "The work is done.",
    "otherwise": "The invoice is late.",
    "expiresAt": "2026-06-01T10:00:00+02:00",
    "reversible": False,
}


@pytest.fixture(name="clock", autouse=True)
def _clock() -> Any:
    with time_machine.travel("2026-05-21T12:00:00Z", tick=False) as clock:
        yield clock


def propose(api: Api, desk: Desk, **members: Any) -> dict[str, Any]:
    return add_task(api, desk, title="Send the invoice", metadata={"proposal": PROPOSAL | members, "run": 7})


def decide(api: Api, desk: Desk, item: str, action: str, **members: Any) -> Answer:
    return api.post(f"{QUEUE}/{item}/confirm", {"action": action} | members, desk.alice_key)


def proposal_of(item: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(item["metadata"])["proposal"]
    return found


def test_a_proposal_is_stored_as_it_was_made(api: Api, desk: Desk) -> None:
    item = propose(api, desk)
    assert proposal_of(item) == PROPOSAL | {"expiresAt": "2026-06-01T08:00:00.000Z"}
    assert json.loads(item["metadata"])["run"] == 7
    assert (item["expiresAt"], item["decision"]) == ("2026-06-01T08:00:00.000Z", None)


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("tool", {"tool": ""}),
        ("tool", {"tool": "a\nb"}),
        ("arguments", {"arguments": ["x"]}),
        ("arguments", {"arguments": {str(each): each for each in range(51)}}),
        ("why", {"why": " "}),
        ("otherwise", {"otherwise": None}),
        ("expiresAt", {"expiresAt": "tomorrow"}),
        ("expiresAt", {"expiresAt": "2026-05-21T12:00:00Z"}),
        ("reversible", {"reversible": "no"}),
        ("colour", {"colour": "red"}),
    ],
)
def test_a_malformed_proposal_is_refused_by_field(api: Api, desk: Desk, path: str, members: Any) -> None:
    metadata = {"proposal": PROPOSAL | members}
    refused = api.post(QUEUE, {"title": "x", "metadata": metadata}, desk.alice_key)
    assert (refused.status, f"proposal.{path}" in refused.json["error"]) == (400, True), refused.text


def test_metadata_without_a_proposal_is_free_form(api: Api, desk: Desk) -> None:
    metadata = {"z": [1.5, {"proposal": "x"}], "a": None, "kind": "ours"}
    assert json.loads(add_task(api, desk, metadata=metadata)["metadata"]) == metadata


def test_agent_reads_the_arguments_that_the_person_edited(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    item = propose(api, desk)["id"]
    alice = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    edits = {"amount": 99.5, "note": "Thanks", "to": "nadia@north.example"}
    approved = decide(api, desk, item, "approve", arguments=edits, reason="Less").json["data"]
    assert proposal_of(approved)["arguments"] == PROPOSAL["arguments"] | edits  # type: ignore[operator]
    decision = {
        "outcome": "approved",
        "at": "2026-05-21T12:00:00.000Z",
        "reason": "Less",
        "changed": ["amount", "note"],
    }
    read = api.get(f"{QUEUE}/{item}", desk.alice_key).json["data"]
    assert (read["decision"], read["metadata"]) == (
        decision | {"standingApprovalId": None, "decidedBy": None},
        approved["metadata"],
    )
    (frame,) = (each for each in alice.frames if each["type"] == "queue_changed")
    assert (frame["newStatus"], frame["decision"]) == ("ready", decision)
    (entry,) = (row for row in scan_rows(AUDIT) if row["kind"] == "queueItem.approve")
    assert entry["details"] == {"edited": "3"}


@pytest.mark.parametrize(
    ("path", "arguments"),
    [("colour", {"colour": 1}), ("amount", {"amount": "99"}), ("amount", {"amount": True}), ("copies", {"copies": {}})],
)
def test_edits_keep_to_what_was_proposed(api: Api, desk: Desk, path: str, arguments: Any) -> None:
    item = propose(api, desk)
    refused = decide(api, desk, item["id"], "approve", arguments={"to": "x"} | arguments)
    assert (refused.status, f"arguments.{path}" in refused.json["error"]) == (400, True), refused.text
    assert api.get(f"{QUEUE}/{item['id']}", desk.alice_key).json["data"].items() <= item.items()


def test_only_the_approval_of_a_proposal_has_arguments(api: Api, desk: Desk) -> None:
    item, plain = propose(api, desk)["id"], add_task(api, desk)["id"]
    assert decide(api, desk, item, "reject", arguments={"to": "x"}).status == 400
    assert decide(api, desk, plain, "approve", arguments={"to": "x"}).status == 400
    assert decide(api, desk, plain, "approve", reason=" ").status == 400


def test_agent_hears_why_a_proposal_was_rejected(api: Api, desk: Desk, sockets: Sockets, pump: Pumps) -> None:
    item = propose(api, desk)["id"]
    alice = sockets.connect(desk.alice_key)
    pump.drain(SOCKET_WORK)
    assert decide(api, desk, item, "reject", reason="Too much").status == 200
    (frame,) = (each for each in alice.frames if each["type"] == "queue_changed")
    assert (frame["newStatus"], frame["decision"]["reason"]) == ("rejected", "Too much")
    restored = api.post(f"{QUEUE}/{item}/restore", None, desk.alice_key).json["data"]
    assert (restored["decision"], restored["expiresAt"]) == (None, "2026-06-01T08:00:00.000Z")
    assert decide(api, desk, item, "approve").status == 200


def test_an_expired_proposal_cannot_be_approved(api: Api, desk: Desk, clock: Any) -> None:
    item, rejected = propose(api, desk)["id"], propose(api, desk)["id"]
    assert decide(api, desk, rejected, "reject").status == 200
    clock.move_to("2026-06-01T08:00:00Z")
    assert decide(api, desk, item, "approve").status == 409
    assert api.post(f"{QUEUE}/{rejected}/restore", None, desk.alice_key).status == 409
    assert decide(api, desk, item, "reject").status == 200


def test_a_dispatched_proposal_says_that_it_was_approved(api: Api, desk: Desk) -> None:
    change_settings(api, desk, mode="chief_of_staff")
    approved = decide(api, desk, propose(api, desk)["id"], "approve").json["data"]
    assert (approved["status"], approved["decision"]["outcome"]) == ("in_progress", "approved")
