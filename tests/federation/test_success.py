"""Only `{"success": true}` is success, for everything that is sent to other desks; any other 2xx is a failure."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.federation.connections.domain.connection_notices import ConnectionNoticeKind
from chalicelib.federation.network.domain.instance_notices import InstanceNoticeKind
from chalicelib.resources import NETWORK, PEERS
from tests.conftest import Desk
from tests.federation.network.network_calls import own_membership, refused_command
from tests.federation.outgoing_kinds import OUTGOING, World
from tests.support.api import Api
from tests.support.instances import run_admin
from tests.support.peer import allow_federation
from tests.support.pump import Pumps
from tests.support.receiver import Receiver
from tests.support.worker_scenarios import scan_rows

# Questions, which are GETs: what they answer is judged by other rules (see docs/security-model.md).
_QUESTIONS = {str(ConnectionNoticeKind.CONFIRMATION), str(InstanceNoticeKind.REGISTRATION), "published keys"}
# Nothing is sent for these.
_LOCAL = {str(ConnectionNoticeKind.CONTACT), str(ConnectionNoticeKind.REMOVED)}
# The contract's word of success for webhooks of the marketplace.
_WEBHOOKS = {str(InstanceNoticeKind.AGENT_APPROVAL), str(InstanceNoticeKind.INSTANCE_STATUS)}
SENT = [each for each in OUTGOING if each not in _QUESTIONS | _LOCAL]


@dataclass(frozen=True)
class Reply:
    """A reply of another desk."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def lies(member: str) -> dict[str, Reply]:
    """Return every kind of reply that seems to be a success."""
    true = json.dumps({member: True}).encode()
    return {
        "page": Reply(200, b"<!doctype html><title>Parked</title>", {"Content-Type": "text/html"}),
        "empty": Reply(200, b""),
        "no content": Reply(204, b""),
        "accepted without a word": Reply(202, b"{}"),
        "false": Reply(200, json.dumps({member: False, "error": "no"}).encode()),
        "not a boolean": Reply(200, json.dumps({member: "true"}).encode()),
        "a number": Reply(200, json.dumps({member: 1}).encode()),
        "redirect": Reply(302, true, {"Location": "/elsewhere"}),
        "permanent redirect": Reply(308, true, {"Location": "https://other.example/"}),
        "ends early": Reply(200, true[:-3]),
        "shorter than it says": Reply(200, true[:-3], {"Content-Length": "400"}),
        "unknown bytes": Reply(200, b"\xff\xfe" + true),
        "array": Reply(200, b"[" + true + b"]"),
        "string": Reply(200, json.dumps(true.decode()).encode()),
        "huge": Reply(200, true + b" " * 70_000),
        "deep": Reply(200, b"[" * 60_000),
    }


@pytest.mark.parametrize("name", lies("success"))
@pytest.mark.parametrize("kind", SENT)
def test_nothing_but_the_word_of_success_is_success(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, kind: str, name: str
) -> None:
    allow_federation()
    world = World(api, desk, pump, receiver, f"http://127.0.0.1:{receiver.port}")
    send, read_error = OUTGOING[kind](world)
    before = relations()
    receiver.received.clear()
    tell(receiver, lies("received" if kind in _WEBHOOKS else "success")[name])
    send()
    assert [each.method for each in receiver.posted] == ["POST"]
    assert read_error(), "the attempt failed, with a reason"
    assert is_retried(kind)
    assert relations() == before, "nothing follows from it"


TRUTHS = {
    "plain": Reply(200, b'{"success": true, "received": true, "status": "pending"}'),
    "another status": Reply(201, b'{"success": true, "received": true, "status": "pending"}'),
    "a charset that it says": Reply(
        200,
        '{"success": true, "received": true, "status": "pending"}'.encode("utf-16"),
        {"Content-Type": "application/json; charset=utf-16"},
    ),
    "another charset than it says": Reply(
        200,
        b'{"success": true, "received": true, "status": "pending"}',
        {"Content-Type": "application/json; charset=utf-16"},
    ),
    "text of another charset": Reply(
        200, b'{"success": true, "received": true, "status": "pending", "name": "caf\xe9"}'
    ),
}


@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize("kind", SENT)
def test_the_word_of_success_ends_the_work(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, kind: str, truth: str
) -> None:
    allow_federation()
    send, read_error = OUTGOING[kind](World(api, desk, pump, receiver, f"http://127.0.0.1:{receiver.port}"))
    tell(receiver, TRUTHS[truth])
    send()
    assert not read_error()
    assert not is_retried(kind)


def tell(receiver: Receiver, reply: Reply) -> None:
    receiver.before = lambda: None
    receiver.status, receiver.body, receiver.headers = reply.status, reply.body, reply.headers


def relations() -> list[tuple[Any, ...]]:
    """Return what is believed of other desks: states of connections, proofs and keys; statuses of memberships."""
    rows = [*scan_rows(PEERS), *scan_rows(NETWORK)]
    names = ("pk", "sk", "status", "proof", "held", "peerKeyId", "peerConnectionId", "confirmedBy")
    kept = [row for row in rows if row["sk"].startswith(("CONNECTION", "PEER#")) or row["pk"] == "MEMBERSHIPS"]
    return sorted(tuple(str(row.get(each)) for each in names) for row in kept)


def is_retried(kind: str) -> bool:
    """Whether the failed attempt will be made again."""
    if kind in ("relay", "acknowledgement"):
        boxes: list[Any] = json.loads(run_admin("relays", "desks", "--json"))
        return [(each["waiting"], each["failures"]) for each in boxes] == [(1, 1)]
    if kind == "heartbeat":
        found = own_membership()
        return bool(found["failures"] == 1 and found["nextHeartbeatAt"])
    notices = [
        row
        for row in (*scan_rows(PEERS), *scan_rows(NETWORK))
        if row.get("kind") == kind and row["sk"].startswith("NOTICE")
    ]
    return [(row["outcome"], "nextAttemptAt" in row, len(row["attempts"])) for row in notices] == [("pending", True, 1)]


@pytest.mark.parametrize("name", lies("success"))
def test_a_hub_is_joined_by_a_registration_that_says_success_only(
    api: Api, desk: Desk, receiver: Receiver, name: str
) -> None:
    tell(receiver, lies("success")[name])
    assert refused_command("hub", "join", f"http://127.0.0.1:{receiver.port}")
    assert own_membership()["status"] == "joining"
    joined = {"success": True, "instanceId": "id-1", "platformToken": "dvd_fed_x", "status": "active"}
    tell(receiver, Reply(201, json.dumps(joined).encode()))
    run_admin("hub", "join", f"http://127.0.0.1:{receiver.port}")
    assert own_membership()["status"] == "active"
