"""Connections that peers confirm and end, and that operators change."""

import json
from datetime import UTC, datetime
from typing import Any

from chalicelib.core.domain.fields import timestamp
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator
from chalicelib.federation.connections.stores.connection_rows import token_hash
from chalicelib.federation.connections.stores.connections import DynamoConnections
from tests.conftest import Desk
from tests.federation.connections.connection_calls import (
    ACCEPT_URL,
    change_connection,
    connections_of,
    receive_request,
    run_command,
)
from tests.support.api import Api
from tests.support.peer import CONNECTIONS, TOKEN, allow_federation


def add_outgoing(desk: Desk, **overrides: Any) -> Connection:
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


def test_a_peer_accepts_a_request_of_this_desk(api: Api, desk: Desk) -> None:
    made = add_outgoing(desk)
    headers, told = (
        {"X-Federation-Token": TOKEN},
        {"connectionId": "c-9", "acceptedByName": "Sam", "acceptedByEmail": "bob@example.com"},
    )
    assert change_connection(api, desk.alice_key, made.connection_id, action="accept").status == 409
    for _ in range(2):
        answer = api.post(ACCEPT_URL, told, headers=headers)
        assert (answer.status, answer.json["status"]) == (200, "active")
    (found,) = DynamoConnections().find_by_token(TOKEN)
    assert (found.peer_connection_id, found.peer_name, found.version) == ("c-9", "Sam", 2)
    (active,) = [each for each in connections_of(api, desk.alice_key, "active") if each["id"] == made.connection_id]
    assert active["peerUserEmail"] == made.peer_email, "nobody else than was asked for"


def test_the_asking_desk_can_not_accept_its_own_request(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    receive_request(api)
    assert api.post(ACCEPT_URL, {}, headers={"X-Federation-Token": TOKEN}).status == 404
    assert connections_of(api, desk.alice_key)[-1]["status"] == "pending"


def test_an_acceptance_needs_the_token_and_inbound_federation(api: Api, desk: Desk) -> None:
    add_outgoing(desk)
    assert api.post(ACCEPT_URL, {}).status == 401
    assert api.post(ACCEPT_URL, {}, headers={"X-Federation-Token": "unknown-token"}).status == 401
    allow_federation(inbound=False)
    assert api.post(ACCEPT_URL, {}, headers={"X-Federation-Token": TOKEN}).status == 403


def test_connections_take_a_constant_number_of_calls(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    first = receive_request(api)
    assert (first.calls, first.steps) == (
        ["GetItem", *["BatchGetItem"] * 3, "TransactWriteItems", "SendMessage", "Query", "PutItem"],
        8,
    )
    assert receive_request(api).calls == ["GetItem", *["BatchGetItem"] * 3, "TransactWriteItems"]
    made = first.json["connectionId"]
    api.get(CONNECTIONS, desk.alice_key)
    assert api.get(CONNECTIONS, desk.alice_key).calls == ["UpdateItem", "Query", "BatchGetItem"]
    accepted = change_connection(api, desk.alice_key, made, action="accept")
    assert accepted.calls == ["UpdateItem", "BatchGetItem", "BatchGetItem", "TransactWriteItems", "SendMessage"]


def test_an_operator_lists_accepts_and_ends_connections(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    made = receive_request(api).json["connectionId"]
    listed = json.loads(run_command("connections", "list", "--owner", "alice@example.com", "--json").output)
    assert [(each["status"], each["askedBy"], each["relation"]) for each in listed] == [
        ("active", "peer", "confirmed"),
        ("pending", "peer", "claimed"),
    ]
    assert "is now active" in run_command("connections", "accept", made).output
    assert "is now blocked" in run_command("connections", "block", made).output
    assert "is now declined" in run_command("connections", "decline", listed[0]["connectionId"]).output
    assert run_command("connections", "accept", desk.user_id("bob")).exit_code == 1
