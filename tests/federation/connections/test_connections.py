"""Connections with people of other desks: how they are asked for, accepted and ended."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner

from chalicelib import aws
from chalicelib.core.domain.fields import timestamp
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator
from chalicelib.federation.connections.signatures import SigningKey
from chalicelib.federation.connections.stores import connections as stored
from chalicelib.federation.connections.stores.connection_rows import token_hash
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import PEER_NOTICES, PEERS
from infra.admin import main
from tests.conftest import Desk
from tests.support import concurrency, instances
from tests.support.api import Answer, Api
from tests.support.peer import CONNECTIONS, TOKEN, allow_federation, connection_request
from tests.support.pump import Pumps, count_messages
from tests.support.receiver import Receiver
from tests.support.sockets import Sockets

CHAT = "/api/v2/shared-chat/messages?role=system"
ACCEPT = "/api/federation/connect/accept"
PATHS = [CONNECTIONS, "/api/federation/connect"]
ALIASES = [
    {},
    {"fromInstanceUrl": "instanceUrl", "fromUserEmail": "senderEmail", "toUserEmail": "targetEmail"},
    {"fromInstanceUrl": "sourceUrl", "fromUserEmail": "email", "toUserEmail": "recipientEmail"},
    {"federationToken": "token", "connectionId": "remoteConnectionId", "fromUserName": "name"},
]


def asked(api: Api, **overrides: Any) -> Answer:
    return api.post(CONNECTIONS, connection_request(**overrides))


def connections(api: Api, key: str, status: str = "all") -> Any:
    return api.get(f"{CONNECTIONS}?status={status}", key).json["connections"]


def change(api: Api, key: str, connection_id: str, **body: Any) -> Answer:
    return api.call("PATCH", f"{CONNECTIONS}/{connection_id}", body, token=key)


@pytest.mark.parametrize("path", PATHS)
def test_a_desk_that_was_not_told_otherwise_is_closed(api: Api, tables: None, path: str) -> None:
    assert api.post(path, connection_request()).status == 403
    assert api.post(path, {}).status == 403, "and says so before it says anything of the input"


@pytest.mark.parametrize(("mode", "inbound"), [("closed", True), ("open", False), ("allowlist", False)])
def test_a_closed_desk_takes_no_requests(api: Api, desk: Desk, mode: str, inbound: bool) -> None:
    allow_federation(mode, inbound=inbound)
    assert asked(api).status == 403
    assert api.post(CONNECTIONS, raw="{").status == 403


def test_with_an_allowlist_only_approved_instances_may_ask(api: Api, desk: Desk) -> None:
    allow_federation("allowlist")
    assert asked(api).status == 403
    assert asked(api, toUserEmail=None).status == 400, "the input is looked at before the list"
    pending = instances.register_instance(api, baseUrl=connection_request()["fromInstanceUrl"])
    assert asked(api).status == 403
    instances.run_admin("instances", "approve", pending.instance_id, "--without-challenge")
    assert asked(api).status == 200
    instances.run_admin("instances", "suspend", pending.instance_id)
    assert api.post(CONNECTIONS, connection_request(federationToken="another-token-of-theirs")).status == 403


def test_an_instance_has_no_connections_of_its_own(api: Api, desk: Desk) -> None:
    reply = api.get(CONNECTIONS, desk.demo["federation"]["platform_token"])
    assert (reply.status, reply.json["connections"]) == (200, [])


@pytest.mark.parametrize("path", PATHS)
def test_a_request_is_active_at_once_where_no_approval_is_asked_for(api: Api, desk: Desk, path: str) -> None:
    allow_federation()
    made = api.post(path, connection_request(fromUserName="Sam", fromInstanceName="Other", connectionId="c-1"))
    assert made.status == 200
    found = connections(api, desk.alice_key, "active")[-1]
    assert made.json == {
        "success": True,
        "connectionId": found["id"],
        "status": "active",
        "localUserName": "Alice",
        "localUserEmail": "alice@example.com",
    }
    assert found["peerInstanceUrl"] == "https://other.example.org"
    assert (found["peerUserEmail"], found["peerUserName"]) == ("sam@other.example.org", "Sam")
    assert found["hmacEnabled"] is False


@pytest.mark.parametrize("aliases", ALIASES)
def test_each_set_of_names_asks_for_the_same(api: Api, desk: Desk, aliases: dict[str, str]) -> None:
    allow_federation()
    first = asked(api, connectionId="c-1", fromUserName="Sam").json["connectionId"]
    sent = {
        aliases.get(name, name): value
        for name, value in connection_request(connectionId="c-1", fromUserName="Sam").items()
    }
    again = api.post(CONNECTIONS, sent)
    assert (again.status, again.json["connectionId"]) == (200, first)
    assert len(connections(api, desk.alice_key)) == 2


def test_the_first_name_that_says_something_counts(api: Api, desk: Desk) -> None:
    allow_federation()
    sent = connection_request(
        fromInstanceUrl="", instanceUrl="https://second.example.org", sourceUrl="https://third.example.org"
    )
    assert api.post(CONNECTIONS, sent).status == 200
    assert connections(api, desk.alice_key)[-1]["peerInstanceUrl"] == "https://second.example.org"


@pytest.mark.parametrize(
    "given",
    [
        {"fromInstanceUrl": None},
        {"fromUserEmail": None},
        {"toUserEmail": None},
        {"federationToken": None},
        {"fromUserEmail": "  "},
        {"federationToken": "short"},
        {"federationToken": "has a space in it"},
        {"fromInstanceUrl": "http://other.example.org"},
        {"fromInstanceUrl": "https://127.0.0.1"},
        {"fromInstanceUrl": "https://10.1.2.3/desk"},
        {"fromInstanceUrl": "https://localhost"},
        {"fromInstanceUrl": "https://other.example.org/?x=1"},
        {"fromInstanceUrl": 5},
        {"fromInstanceUrl": "https://other.example.org/" + "é" * 300},
        {"fromUserEmail": "é" * 161},
        {"toUserEmail": "é" * 161},
        {"fluxden": {"keyId": "k", "publicKey": "AAAA"}},
    ],
)
def test_bad_requests_are_refused_and_change_nothing(api: Api, desk: Desk, given: dict[str, Any]) -> None:
    allow_federation()
    assert asked(api, **given).status == 400
    assert len(connections(api, desk.alice_key)) == 1


def test_null_is_no_name(api: Api, desk: Desk) -> None:
    allow_federation()
    assert api.post(CONNECTIONS, connection_request() | {"fromUserName": None}).status == 400
    assert api.post(CONNECTIONS, connection_request() | {"fromUserName": None, "senderName": "Sam"}).status == 200


@pytest.mark.parametrize("address", ["nobody@example.com", "dave@example.com", "nonsense"])
def test_who_is_not_here_can_not_be_asked(api: Api, desk: Desk, address: str) -> None:
    allow_federation()
    assert asked(api, toUserEmail=address).status == 404


@pytest.mark.parametrize(
    "url", ["https://OTHER.example.org", "https://other.example.org/", "https://other.example.org:443"]
)
def test_asking_again_gives_the_same_connection_with_its_first_token(api: Api, desk: Desk, url: str) -> None:
    allow_federation()
    first = asked(api).json["connectionId"]
    again = asked(
        api, fromInstanceUrl=url, federationToken="another-token-of-the-peer", fromUserEmail="SAM@other.example.org"
    )
    assert (again.json["connectionId"], again.json["status"]) == (first, "active")
    assert "token" in again.json["message"]
    assert len(connections(api, desk.alice_key)) == 2
    (kept,) = DynamoConnections().find_by_token(TOKEN)
    assert (kept.connection_id, DynamoConnections().token_of(kept)) == (first, TOKEN)
    assert DynamoConnections().find_by_token("another-token-of-the-peer") == []


def test_of_simultaneous_requests_one_makes_the_connection(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    ids = {
        each.json["connectionId"]
        for each in concurrency.run_concurrently(8, lambda n: asked(api, federationToken=f"{TOKEN}{n}"))
    }
    assert len(ids) == 1
    assert [each["id"] for each in connections(api, desk.alice_key, "pending")] == list(ids)


def test_a_person_is_asked_by_a_limited_number_of_strangers_an_hour(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "MOST_REQUESTS_AN_HOUR", 2)
    allow_federation(approval=True)
    before = len(connections(api, desk.alice_key, "all"))
    begun = (datetime.now(UTC) + timedelta(days=1)).replace(minute=50)
    with time_machine.travel(begun, tick=False):
        for each in ("a", "b"):
            assert asked(api, fromUserEmail=f"{each}@other.example.org").status == 200
        refused = asked(api, fromUserEmail="c@other.example.org")
        assert refused.status == 429
        assert 540 <= int(refused.headers["retry-after"]) <= 600
        assert asked(api, fromUserEmail="b@other.example.org").status == 200, "a repeat is none"
        assert asked(api, toUserEmail="bob@example.com").status == 200
        assert len(connections(api, desk.alice_key, "all")) == before + 2
    with time_machine.travel(begun + timedelta(minutes=10), tick=False):
        assert asked(api, fromUserEmail="c@other.example.org").status == 200


def test_no_token_is_stored_in_clear(api: Api, desk: Desk) -> None:
    allow_federation()
    asked(api)
    assert TOKEN not in json.dumps(aws.dynamodb().scan(TableName=PEERS.physical_name)["Items"])


def test_the_person_asked_is_told_in_the_chat(api: Api, desk: Desk, sockets: Sockets) -> None:
    allow_federation(approval=True)
    made = asked(api, fromUserName="Sam", connectionId="c-1").json
    (message,) = api.get(CHAT, desk.alice_key).json["data"]["messages"]
    assert "Sam" in message["content"]
    assert json.loads(message["metadata"]) == {
        "type": "federation_connection_request",
        "connectionId": made["connectionId"],
        "remoteConnectionId": "c-1",
        "status": "pending",
    }
    asked(api)
    assert len(api.get(CHAT, desk.alice_key).json["data"]["messages"]) == 1


def test_connections_are_listed_for_their_owner_only(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    asked(api)
    assert api.get(CONNECTIONS).status == 401
    assert len(api.get(CONNECTIONS, desk.alice_key).json["connections"]) == 1, "pending ones are not listed unasked"
    assert api.get(CONNECTIONS, desk.bob_key).json == {"connections": []}
    assert connections(api, desk.alice_key, "nonsense") == []
    assert len(connections(api, desk.alice_key, "pending")) == 1


def test_a_connection_is_its_owners_to_change(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    made = asked(api).json["connectionId"]
    assert change(api, desk.bob_key, made, action="accept").status == 404
    assert change(api, desk.alice_key, "nonsense", action="accept").status == 404
    assert change(api, desk.alice_key, made).status == 400
    assert change(api, desk.alice_key, made, action="marry").status == 400
    assert change(api, desk.alice_key, made, hmacEnabled=None).status == 400
    accepted = change(api, desk.alice_key, made, action="accept", hmacEnabled=True)
    assert (accepted.json["data"]["status"], accepted.json["data"]["hmacEnabled"]) == ("active", True)
    assert change(api, desk.alice_key, made, action="accept").json["data"]["status"] == "active"


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        (["decline"], "declined"),
        (["block"], "blocked"),
        (["accept", "decline"], "declined"),
        (["block", "accept"], "active"),
        (["decline", "block"], "blocked"),
        (["decline", "accept"], 409),
        (["block", "decline"], 409),
    ],
)
def test_where_actions_take_a_connection(api: Api, desk: Desk, steps: list[str], status: Any) -> None:
    allow_federation(approval=True)
    made = asked(api).json["connectionId"]
    answers = [change(api, desk.alice_key, made, action=each) for each in steps]
    assert answers[-1].status == (status if isinstance(status, int) else 200)
    if isinstance(status, str):
        assert answers[-1].json["data"]["status"] == status


def test_who_was_declined_may_ask_anew(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    first = asked(api).json["connectionId"]
    change(api, desk.alice_key, first, action="decline")
    second = asked(api, federationToken="another-token-of-the-peer").json
    assert second["connectionId"] != first
    assert [each["id"] for each in connections(api, desk.alice_key, "pending")] == [second["connectionId"]]
    assert change(api, desk.alice_key, first, action="block").status == 409


def test_who_was_blocked_may_ask_anew_but_never_comes_in_unasked(api: Api, desk: Desk) -> None:
    allow_federation()
    first = asked(api).json["connectionId"]
    change(api, desk.alice_key, first, action="block")
    second = asked(api, federationToken="another-token-of-the-peer").json
    assert (second["status"], second["connectionId"] != first) == ("pending", True)


def test_a_change_under_an_idempotency_key_happens_once(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    made = asked(api).json["connectionId"]
    first, again = (
        api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": "accept"}, token=desk.alice_key, key="k")
        for _ in range(2)
    )
    assert first.json == again.json
    assert again.headers["idempotent-replayed"] == "true"
    assert count_messages(PEER_NOTICES) == 1


def test_of_opposite_changes_at_the_same_time_each_is_made_after_the_other_or_refused(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    made = asked(api).json["connectionId"]
    actions = ["accept", "block", "accept", "block"]
    answers = concurrency.run_concurrently(4, lambda n: change(api, desk.alice_key, made, action=actions[n]))
    assert {each.status for each in answers} == {200}
    (stored,) = DynamoConnections().find_by_token(TOKEN)
    assert [each["status"] for each in connections(api, desk.alice_key)][-1] == stored.status
    assert DynamoConnections().is_connected(desk.user_id("alice"), stored.peer_url) == (stored.status == "active")


def test_who_asked_is_told_of_the_acceptance(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    allow_federation(approval=True)
    made = asked(api, fromInstanceUrl=f"http://127.0.0.1:{receiver.port}", connectionId="c-1").json["connectionId"]
    change(api, desk.alice_key, made, action="accept", hmacEnabled=True)
    assert receiver.received == [], "nothing is sent while somebody waits"
    pump.drain(PEER_NOTICES)
    (sent,) = receiver.received
    assert sent.path == ACCEPT
    assert sent.headers["x-federation-token"] == TOKEN
    assert len(sent.headers["x-federation-hmac"]) == 64
    assert json.loads(sent.body) == {
        "connectionId": made,
        "remoteConnectionId": "c-1",
        "acceptedByEmail": "alice@example.com",
        "acceptedByName": "Alice",
        "instanceUrl": "http://desk.test",
    }
    assert pump.drain(PEER_NOTICES) == 0
    change(api, desk.alice_key, made, action="accept")
    assert count_messages(PEER_NOTICES) == 0


def test_an_acceptance_is_told_again_until_it_is_heard(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    allow_federation(approval=True)
    receiver.status = 503
    made = asked(api, fromInstanceUrl=f"http://127.0.0.1:{receiver.port}").json["connectionId"]
    change(api, desk.alice_key, made, action="accept")
    pump.drain(PEER_NOTICES)
    receiver.status = 200
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=60)):
        pump.run("announce_due_peer_notices")
        pump.drain(PEER_NOTICES)
    assert len(receiver.received) == 2
    with time_machine.travel(datetime.now(UTC) + timedelta(days=2)):
        pump.run("announce_due_peer_notices")
        assert pump.drain(PEER_NOTICES) == 0


def test_nothing_is_sent_over_a_connection_that_was_ended(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    allow_federation(approval=True)
    made = asked(api, fromInstanceUrl=f"http://127.0.0.1:{receiver.port}").json["connectionId"]
    change(api, desk.alice_key, made, action="accept")
    change(api, desk.alice_key, made, action="block")
    pump.drain(PEER_NOTICES)
    assert receiver.received == []


def test_desks_of_our_kind_sign_from_the_start(api: Api, desk: Desk) -> None:
    allow_federation()
    key = SigningKey.new("key-1").public
    made = asked(api, fluxden={"keyId": key.key_id, "publicKey": key.public_key}).json
    assert set(made["fluxden"]) == {"keyId", "publicKey"}
    found = connections(api, desk.alice_key)[-1]
    assert (found["hmacEnabled"], found["signedByPeer"]) == (True, True)


def outgoing(desk: Desk, **overrides: Any) -> Connection:
    """A connection that alice has asked for."""
    now = timestamp(datetime.now(UTC))
    made = {
        "connection_id": "00000000-0000-4000-8000-000000000001",
        "user_id": desk.user_id("alice"),
        "user_email": "alice@example.com",
        "user_name": "Alice",
        "peer_url": "https://other.example.org",
        "peer_email": "sam@other.example.org",
        "asked_as": "sam@other.example.org",
        "peer_name": None,
        "peer_instance_name": None,
        "peer_connection_id": None,
        "token_hash": token_hash(TOKEN),
        "status": ConnectionStatus.PENDING,
        "initiator": Initiator.US,
        "hmac_enabled": False,
        "peer_key": None,
        "created_at": now,
        "updated_at": now,
    }
    connection = Connection(**{**made, **overrides})
    DynamoConnections().add(connection, TOKEN, after=None, message=None)
    return connection


def test_a_peer_accepts_what_was_asked_for_from_here(api: Api, desk: Desk) -> None:
    made = outgoing(desk)
    headers, told = (
        {"X-Federation-Token": TOKEN},
        {"connectionId": "c-9", "acceptedByName": "Sam", "acceptedByEmail": None},
    )
    assert change(api, desk.alice_key, made.connection_id, action="accept").status == 409
    for _ in range(2):
        answer = api.post(ACCEPT, told, headers=headers)
        assert (answer.status, answer.json["status"]) == (200, "active")
    (found,) = DynamoConnections().find_by_token(TOKEN)
    assert (found.peer_connection_id, found.peer_name, found.version) == ("c-9", "Sam", 2)
    assert connections(api, desk.alice_key, "active")[-1]["id"] == made.connection_id


def test_who_asks_can_not_accept_in_the_name_of_the_person_asked(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    asked(api)
    assert api.post(ACCEPT, {}, headers={"X-Federation-Token": TOKEN}).status == 404
    assert connections(api, desk.alice_key)[-1]["status"] == "pending"


def test_an_acceptance_needs_its_token_and_an_open_desk(api: Api, desk: Desk) -> None:
    outgoing(desk)
    assert api.post(ACCEPT, {}).status == 401
    assert api.post(ACCEPT, {}, headers={"X-Federation-Token": "unknown-token"}).status == 404
    allow_federation(inbound=False)
    assert api.post(ACCEPT, {}, headers={"X-Federation-Token": TOKEN}).status == 403


def test_calls_are_counted(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    first = asked(api)
    assert (first.calls, first.steps) == (
        ["GetItem", "BatchGetItem", "BatchGetItem", "TransactWriteItems", "Query", "PutItem"],
        6,
    )
    assert asked(api).calls == ["GetItem", "BatchGetItem", "BatchGetItem", "TransactWriteItems"]
    made = first.json["connectionId"]
    api.get(CONNECTIONS, desk.alice_key)
    assert api.get(CONNECTIONS, desk.alice_key).calls == ["UpdateItem", "Query", "BatchGetItem"]
    accepted = change(api, desk.alice_key, made, action="accept")
    assert accepted.calls == ["UpdateItem", "BatchGetItem", "BatchGetItem", "TransactWriteItems", "SendMessage"]


def admin(*command: str) -> Any:
    return CliRunner().invoke(main, list(command))


def test_the_operator_opens_and_closes_the_desk(api: Api, desk: Desk) -> None:
    assert json.loads(admin("federation", "show", "--json").output) == {
        "mode": "closed",
        "inbound": True,
        "approval": True,
        "url": "http://desk.test",
    }
    set_ = admin("federation", "set", "--mode", "open", "--approval", "off", "--json")
    assert json.loads(set_.output) == {
        "mode": "open",
        "inbound": True,
        "approval": False,
        "url": "http://desk.test",
    }
    assert asked(api).json["status"] == "active"
    admin("federation", "set", "--inbound", "off")
    assert asked(api).status == 403
    assert admin("federation", "set").exit_code == 2


def test_the_operator_lists_accepts_and_ends_connections(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    made = asked(api).json["connectionId"]
    listed = json.loads(admin("connections", "list", "--owner", "alice@example.com", "--json").output)
    assert [(each["status"], each["askedBy"]) for each in listed] == [("active", "peer"), ("pending", "peer")]
    assert "is now active" in admin("connections", "accept", made).output
    assert "is now blocked" in admin("connections", "block", made).output
    assert "is now declined" in admin("connections", "decline", listed[0]["connectionId"]).output
    assert admin("connections", "accept", desk.user_id("bob")).exit_code == 1


def test_people_who_left_are_asked_nothing(api: Api, desk: Desk) -> None:
    allow_federation()
    DynamoDirectory().set_active(desk.user_id("alice"), active=False)
    assert asked(api).status == 404
