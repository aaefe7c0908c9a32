"""Connection requests of people here: sent, answered, crossed and repeated."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
import time_machine

from chalicelib import aws
from chalicelib.federation.connections.signatures import SigningKey
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.resources import PEER_NOTICES, PEERS
from chalicelib.settings import settings
from tests.conftest import Desk
from tests.federation.connections.connection_calls import (
    ACCEPT,
    END,
    REQUESTS,
    SAM,
    chat_answers,
    introduce_peer,
    own_connections,
    peer_answers,
    peer_base_url,
    request_connection,
    sent_body,
)
from tests.support import concurrency
from tests.support.api import Api
from tests.support.peer import CONNECTIONS, TOKEN, allow_federation, connection_request
from tests.support.pump import Pumps, count_messages
from tests.support.receiver import Receiver

pytestmark = pytest.mark.usefixtures("desk_with_approval")


# Sorts before every receiver's URL.
FIRST_URL = "http://127.0.0.1:1"


def reached_at(monkeypatch: pytest.MonkeyPatch, own_url: str) -> None:
    """Have others reach this desk there."""
    monkeypatch.setenv("FLUXDEN_BASE_URL", own_url)
    settings.cache_clear()


def test_a_request_is_sent_and_its_acceptance_connects(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    peer_answers(receiver, success=True, connectionId="theirs", status="pending")
    made = request_connection(api, desk, peer_base_url(receiver) + "/", nickname="Sammy")
    assert (made.status, made.json["data"]["status"], made.json["data"]["askedBy"]) == (201, "pending", "us")
    assert receiver.posted == [], "nothing is sent while somebody waits"
    pump.drain(PEER_NOTICES)
    (sent,) = receiver.posted
    body = sent_body(sent)
    token = body.pop("federationToken")
    assert set(body.pop("fluxden")) == {"keyId", "publicKey"}
    assert (sent.path, body) == (
        CONNECTIONS,
        {
            "fromInstanceUrl": "http://desk.test",
            "fromUserEmail": "alice@example.com",
            "fromUserName": "Alice",
            "toUserEmail": SAM,
            "connectionId": made.json["data"]["id"],
        },
    )
    assert [each["status"] for each in own_connections(api, desk)] == ["pending"]
    for _ in range(2):
        accepted = api.post(ACCEPT, {"connectionId": "theirs"}, headers={"X-Federation-Token": token})
        assert accepted.json["connectionId"] == made.json["data"]["id"]
    assert [each["status"] for each in own_connections(api, desk)] == ["active"]
    assert len(chat_answers(api, desk)) == 1
    assert "is connected with you now" in chat_answers(api, desk)[0]
    assert token not in json.dumps(aws.dynamodb().scan(TableName=PEERS.physical_name)["Items"])


def test_a_plain_peer_can_accept_in_its_reply(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    said = {"localUserName": "Sam\n# SYSTEM", "localUserEmail": "bob@example.com"}
    peer_answers(receiver, connectionId="c-9", status="active", **said)
    request_connection(api, desk, peer_base_url(receiver))
    pump.drain(PEER_NOTICES)
    (found,) = own_connections(api, desk, "active")
    assert (found["peerUserName"], found["peerUserEmail"]) == ("Sam # SYSTEM", SAM), "nobody else than was asked for"
    assert (found["hmacEnabled"], found["signedByPeer"], found["verified"]) == (False, False, True)
    assert len(receiver.posted) == 1


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_fluxden_peers_word_that_a_connection_is_active_needs_proof_that_the_token_is_ours(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, is_ours: bool
) -> None:
    key = SigningKey.new("theirs").public
    told = {"keyId": key.key_id, "publicKey": key.public_key}
    said = {"software": "fluxden", "connection": {"status": "active"}} if is_ours else {}
    peer_answers(receiver, connectionId="c-9", status="active", fluxden=told, **said)
    request_connection(api, desk, peer_base_url(receiver))
    pump.drain(PEER_NOTICES)
    (found,) = own_connections(api, desk)
    assert (found["status"], found["hmacEnabled"], found["signedByPeer"]) == (
        "active" if is_ours else "pending",
        True,
        True,
    )
    assert bool(found["reason"]) is not is_ours
    asked = parse_qs(receiver.received[-1].path.partition("?")[2])
    token = sent_body(receiver.posted[0])["federationToken"]
    assert asked == {"connection": [hashlib.sha256(token.encode()).hexdigest()], "to": ["http://desk.test"]}


@pytest.mark.parametrize(
    "body",
    [b'{"success": true, "connectionId": 5, "status": []}', b'{"success": true, "fluxden": 1}', b'{"success": true}'],
    ids=range(3),
)
def test_a_reply_without_a_status_leaves_the_request_pending(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, body: bytes
) -> None:
    receiver.status, receiver.body = 200, body
    request_connection(api, desk, peer_base_url(receiver))
    pump.drain(PEER_NOTICES)
    assert [each["status"] for each in own_connections(api, desk)] == ["pending"]
    assert chat_answers(api, desk) == []
    assert count_messages(PEER_NOTICES) == 0, "the worker has dealt with it"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"<!doctype html><title>Sign in</title>",
        b'{"success": false, "status": "active"}',
        b'{"success": "true", "status": "active"}',
        b'{"status": "active"}',
        b"[" * 60_000,
        b'{"success": true}' + b" " * 70_000,
    ],
    ids=range(10),
)
def test_a_reply_that_does_not_say_success_is_a_failed_attempt(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, body: bytes
) -> None:
    receiver.status, receiver.body = 200, body
    request_connection(api, desk, peer_base_url(receiver))
    pump.drain(PEER_NOTICES)
    assert [each["status"] for each in own_connections(api, desk)] == ["pending"]
    peer_answers(receiver, connectionId="theirs", status="active")
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=60)):
        pump.run("announce_due_peer_notices")
        pump.drain(PEER_NOTICES)
    assert [each["status"] for each in own_connections(api, desk)] == ["active"], "it is sent again"


@pytest.mark.parametrize(
    ("status", "body"), [(403, {"error": "closed"}), (404, {"error": "nobody"}), (200, {"status": "blocked"})]
)
def test_a_refused_request_is_declined_and_can_be_repeated(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, status: int, body: dict[str, Any]
) -> None:
    peer_answers(receiver, status, **body)
    first = request_connection(api, desk, peer_base_url(receiver))
    pump.drain(PEER_NOTICES)
    (found,) = own_connections(api, desk)
    assert found["status"] == "declined"
    assert found["reason"]
    assert [found["reason"] in each for each in chat_answers(api, desk)] == [True]
    assert api.call("PATCH", f"{CONNECTIONS}/{found['id']}", {"action": "accept"}, token=desk.alice_key).status == 409
    peer_answers(receiver, connectionId="c", status="active")
    again = request_connection(api, desk, peer_base_url(receiver))
    pump.drain(PEER_NOTICES)
    assert again.json["data"]["id"] != first.json["data"]["id"]
    assert [each["status"] for each in own_connections(api, desk)] == ["active"]
    tokens = {sent_body(each).get("federationToken") for each in receiver.posted}
    assert len(tokens) == 1, "the other desk may know the connection still, by its first token"


def test_an_undelivered_request_is_retried_for_days_and_expires(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    peer_answers(receiver, 503)
    request_connection(api, desk, peer_base_url(receiver))
    now = datetime.now(UTC)
    for _ in range(11):
        with time_machine.travel(now):
            pump.run("announce_due_peer_notices")
            pump.drain(PEER_NOTICES)
        now += timedelta(hours=30)
    assert len(receiver.posted) == 10
    assert {sent_body(each)["connectionId"] for each in receiver.posted} == {own_connections(api, desk)[0]["id"]}
    assert own_connections(api, desk)[0]["status"] == "expired"
    assert len(chat_answers(api, desk)) == 1


def test_a_repeated_request_changes_nothing(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    peer_answers(receiver, status="pending")
    first = request_connection(api, desk, peer_base_url(receiver))
    again = request_connection(api, desk, peer_base_url(receiver), peerUserEmail=SAM.upper())
    assert (again.status, again.json) == (200, first.json)
    kept, replayed = (
        request_connection(api, desk, peer_base_url(receiver), key="k", peerUserEmail="x@other.example.org")
        for _ in range(2)
    )
    assert (kept.status, replayed.status, replayed.json) == (201, 201, kept.json)
    pump.drain(PEER_NOTICES)
    assert len(receiver.posted) == 2


def test_simultaneous_requests_make_one_connection(api: Api, desk: Desk, receiver: Receiver) -> None:
    body = {"peerInstanceUrl": peer_base_url(receiver), "peerUserEmail": SAM}
    statuses = concurrency.run_concurrently(6, lambda _: api.status("POST", REQUESTS, body, desk.alice_key))
    assert sorted(statuses) == [200] * 5 + [201]
    assert len(own_connections(api, desk)) == count_messages(PEER_NOTICES) == 1


def test_a_request_to_a_peer_that_has_asked_accepts_it(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    peer_answers(receiver)
    theirs = api.post(CONNECTIONS, connection_request(fromInstanceUrl=peer_base_url(receiver))).json["connectionId"]
    made = request_connection(api, desk, peer_base_url(receiver))
    assert (made.status, made.json["data"]["id"], made.json["data"]["status"]) == (200, theirs, "active")
    pump.drain(PEER_NOTICES)
    assert [each.path for each in receiver.posted] == [ACCEPT]


@pytest.mark.parametrize(("accepted_first", "same"), [(False, False), (True, True)])
def test_a_new_request_reuses_no_token_that_may_be_somebody_elses(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, accepted_first: bool, same: bool
) -> None:
    peer_answers(receiver, status="pending")
    theirs = api.post(CONNECTIONS, connection_request(fromInstanceUrl=peer_base_url(receiver))).json["connectionId"]
    for action in ["accept"] * accepted_first + ["decline"]:
        api.call("PATCH", f"{CONNECTIONS}/{theirs}", {"action": action}, token=desk.alice_key)
        pump.drain(PEER_NOTICES)
    made = request_connection(api, desk, peer_base_url(receiver))
    pump.drain(PEER_NOTICES)
    assert (sent_body(receiver.posted[-1])["federationToken"] == TOKEN) is same
    forged = api.post(ACCEPT, {"acceptedByName": "Sam"}, headers={"X-Federation-Token": TOKEN})
    assert (made.status, forged.status) == (201, 200 if same else 404)
    assert [each["status"] for each in own_connections(api, desk)] == ["active" if same else "pending"]


@pytest.mark.parametrize("own_kind", [True, False])
def test_crossed_requests_settle_on_theirs_if_their_url_sorts_first_or_they_are_no_fluxden(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, own_kind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not own_kind:
        reached_at(monkeypatch, FIRST_URL)
    ours = request_connection(api, desk, peer_base_url(receiver)).json["data"]["id"]
    asked = introduce_peer(receiver, connectionId="theirs")
    if not own_kind:
        del asked["fluxden"]
    first, again = (api.post(CONNECTIONS, asked).json for _ in range(2))
    assert (first["status"], again["connectionId"]) == ("pending", first["connectionId"])
    assert [each["id"] for each in own_connections(api, desk)] == [ours], "until the other desk has confirmed its own"
    peer_answers(receiver, status="pending")
    pump.drain(PEER_NOTICES)
    accepted = [each for each in receiver.posted if each.path == ACCEPT]
    assert [each.headers["x-federation-token"] for each in accepted] == [TOKEN]
    assert [("fluxden" in sent_body(each), sent_body(each)["instanceUrl"]) for each in accepted] == [
        (True, settings().base_url)
    ]
    (found,) = own_connections(api, desk, "all")
    assert (found["id"], found["status"], found["askedBy"]) == (first["connectionId"], "active", "peer")
    assert pump.drain(PEER_NOTICES) == 0
    assert sum("is connected with you now" in each for each in chat_answers(api, desk)) == 1


def test_crossed_requests_settle_on_ours_if_our_url_sorts_first(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached_at(monkeypatch, FIRST_URL)
    ours = request_connection(api, desk, peer_base_url(receiver)).json["data"]["id"]
    answer = api.post(CONNECTIONS, introduce_peer(receiver)).json
    assert (answer["connectionId"], answer["status"]) == (ours, "pending")
    peer_answers(receiver, status="pending")
    pump.drain(PEER_NOTICES)
    token = sent_body(receiver.posted[0])["federationToken"]
    api.post(ACCEPT, {}, headers={"X-Federation-Token": token})
    assert [(each["id"], each["status"]) for each in own_connections(api, desk)] == [(ours, "active")]


def test_a_third_desk_can_not_accept_for_the_one_that_was_asked(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    peer_answers(receiver, status="pending")
    request_connection(api, desk, peer_base_url(receiver))
    pump.drain(PEER_NOTICES)
    headers = {"X-Federation-Token": sent_body(receiver.posted[0])["federationToken"]}
    theirs = {"fluxden": introduce_peer(receiver)["fluxden"]}
    assert api.post(ACCEPT, {**theirs, "instanceUrl": "https://third.example"}, headers=headers).status == 404
    assert [each["status"] for each in own_connections(api, desk)] == ["pending"]
    assert api.post(ACCEPT, {**theirs, "instanceUrl": peer_base_url(receiver)}, headers=headers).status == 200


def test_a_desk_that_pretends_to_be_the_peer_is_not_connected(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    ours = request_connection(api, desk, peer_base_url(receiver)).json["data"]["id"]
    peer_answers(receiver, 404)
    receiver.before = lambda: peer_answers(receiver, 200 if receiver.received[-1].path == CONNECTIONS else 404)
    api.post(CONNECTIONS, introduce_peer(receiver, federationToken="a-token-of-somebody-else" * 2))
    pump.drain(PEER_NOTICES)
    assert [(each["id"], each["status"]) for each in own_connections(api, desk)] == [(ours, "pending")]
    (forged,) = DynamoConnections().find_by_token("a-token-of-somebody-else" * 2)
    assert forged.held, "and so lets nothing in"


def test_an_end_message_ends_the_connection_once(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    peer_answers(receiver, status="pending")
    request_connection(api, desk, peer_base_url(receiver))
    pump.drain(PEER_NOTICES)
    token = sent_body(receiver.posted[0])["federationToken"]
    for _ in range(2):
        answer = api.post(END, {}, headers={"X-Federation-Token": token})
        assert (answer.status, answer.json["status"]) == (200, "declined")
    assert [each["status"] for each in own_connections(api, desk)] == ["declined"]
    assert len(chat_answers(api, desk)) == 1
    assert api.post(END, {}).status == 401
    assert api.post(END, {}, headers={"X-Federation-Token": "unknown-token"}).status == 401
    assert api.post(ACCEPT, {}, headers={"X-Federation-Token": token}).status == 404


@pytest.mark.parametrize(
    "given",
    [
        {"peerInstanceUrl": "https://127.0.0.1"},
        {"peerInstanceUrl": "https://10.0.0.8/desk"},
        {"peerInstanceUrl": "https://[::ffff:169.254.169.254]"},
        {"peerInstanceUrl": "https://localhost"},
        {"peerInstanceUrl": "http://other.example.org"},
        {"peerInstanceUrl": "https://other.example.org/?x=1"},
        {"peerInstanceUrl": None},
        {"peerInstanceUrl": 5},
        {"peerUserEmail": " "},
        {"peerUserEmail": "é" * 161},
        {"peerUserEmail": None},
        {"nickname": None},
        {"more": 1},
    ],
)
def test_invalid_requests_are_refused_and_change_nothing(api: Api, desk: Desk, given: dict[str, Any]) -> None:
    assert request_connection(api, desk, "https://other.example.org", **given).status == 400
    assert own_connections(api, desk) == []
    assert count_messages(PEER_NOTICES) == 0


def test_a_desk_without_a_public_url_can_not_ask(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reached_at(monkeypatch, "https://desk.example.com")
    assert request_connection(api, desk, "https://desk.example.com/").status == 400
    reached_at(monkeypatch, "")
    assert request_connection(api, desk, "https://other.example.org").status == 409
    reached_at(monkeypatch, "https://desk.example.com")
    allow_federation(inbound=False)
    assert request_connection(api, desk, "https://other.example.org").status == 409


def test_a_connected_peer_can_be_mentioned(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    peer_answers(receiver, status="active", localUserName="Sam Other", localUserEmail=SAM)
    made = request_connection(api, desk, peer_base_url(receiver)).json["data"]["id"]
    mentions = "/api/chat/mentions?type=people&q=sam"
    assert api.get(mentions, desk.alice_key).json == []
    pump.drain(PEER_NOTICES)
    (found,) = api.get(mentions, desk.alice_key).json
    assert found == {
        "id": made,
        "type": "person",
        "name": "Sam Other",
        "username": "sam",
        "avatar": None,
        "subtitle": "@sam · on 127.0.0.1",
        "diviName": None,
        "federated": True,
        "peerInstanceUrl": peer_base_url(receiver),
        "connectionId": made,
        "source": "federation",
        "origin": peer_base_url(receiver),
        "verified": True,
    }
    api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": "block"}, token=desk.alice_key)
    assert api.get(mentions, desk.alice_key).json == []


def test_a_request_takes_a_constant_number_of_calls(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    peer_answers(receiver, status="active")
    request_connection(api, desk, peer_base_url(receiver), peerUserEmail="x@other.example.org")
    first = request_connection(api, desk, peer_base_url(receiver))
    assert (sorted(first.calls[1:3]), first.calls[3:], first.steps) == (
        ["BatchGetItem", "GetItem"],
        ["BatchGetItem", "TransactWriteItems", "SendMessage"],
        5,
    )
    assert request_connection(api, desk, peer_base_url(receiver)).steps == 4
    pump.drain(PEER_NOTICES)
