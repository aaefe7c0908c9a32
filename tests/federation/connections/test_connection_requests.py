"""Connections that people here ask for: how the other desk is asked, and what its answer makes of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib import aws
from chalicelib.federation.connections.signatures import SigningKey, signature_headers
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.peer_keys import DynamoPeerKeys
from chalicelib.resources import PEER_NOTICES, PEERS
from chalicelib.settings import settings
from tests.conftest import Desk
from tests.support import concurrency
from tests.support.api import Answer, Api
from tests.support.peer import BASE_URL, CONNECTIONS, TOKEN, allow_federation, connection_request
from tests.support.pump import Pumps, count_messages
from tests.support.receiver import Received, Receiver

REQUESTS, CHAT = "/api/v2/connection-requests", "/api/v2/shared-chat/messages?role=system"
ACCEPT, END = "/api/federation/connect/accept", "/api/federation/connect/end"
SAM = "sam@other.example.org"
# Sorts before every receiver's URL.
FIRST_URL = "http://127.0.0.1:1"
EXPIRY = "end_unanswered_requests"


@pytest.fixture(autouse=True)
def _open(desk: Desk) -> None:
    allow_federation(approval=True)


def reached_at(monkeypatch: pytest.MonkeyPatch, own_url: str) -> None:
    """Have others reach this desk there."""
    monkeypatch.setenv("FLUXDEN_BASE_URL", own_url)
    settings.cache_clear()


def url(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}"


def ask(api: Api, desk: Desk, peer: str, key: str | None = None, **more: Any) -> Answer:
    body = {"peerInstanceUrl": peer, "peerUserEmail": SAM} | more
    return api.post(REQUESTS, body, desk.alice_key, key=key)


def connections(api: Api, desk: Desk, status: str = "all") -> list[Any]:
    found = api.get(f"{CONNECTIONS}?status={status}", desk.alice_key).json["connections"]
    return [each for each in found if each["peerUserEmail"] != "pat@peer.example"]


def told(api: Api, desk: Desk) -> list[str]:
    return [each["content"] for each in api.get(CHAT, desk.alice_key).json["data"]["messages"]]


def answers(receiver: Receiver, code: int = 200, /, **said: Any) -> None:
    receiver.status, receiver.body = code, json.dumps(said).encode()


def said(received: Received) -> Any:
    return json.loads(received.body)


def test_the_other_desk_is_asked_and_its_acceptance_connects(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    answers(receiver, success=True, connectionId="theirs", status="pending")
    made = ask(api, desk, url(receiver) + "/", nickname="Sammy")
    assert (made.status, made.json["data"]["status"], made.json["data"]["askedBy"]) == (201, "pending", "us")
    assert receiver.received == [], "nothing is sent while somebody waits"
    pump.drain(PEER_NOTICES)
    (sent,) = receiver.received
    body = said(sent)
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
    assert [each["status"] for each in connections(api, desk)] == ["pending"]
    for _ in range(2):
        accepted = api.post(ACCEPT, {"connectionId": "theirs"}, headers={"X-Federation-Token": token})
        assert accepted.json["connectionId"] == made.json["data"]["id"]
    assert [each["status"] for each in connections(api, desk)] == ["active"]
    assert len(told(api, desk)) == 1
    assert "is connected with you now" in told(api, desk)[0]
    assert token not in json.dumps(aws.dynamodb().scan(TableName=PEERS.physical_name)["Items"])


def test_a_desk_that_accepts_at_once_says_so_in_its_reply(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    key = SigningKey.new("theirs").public
    answers(
        receiver,
        connectionId="c-9",
        status="active",
        localUserName="Sam",
        localUserEmail="sam@elsewhere.example",
        fluxden={"keyId": key.key_id, "publicKey": key.public_key},
    )
    ask(api, desk, url(receiver))
    pump.drain(PEER_NOTICES)
    (found,) = connections(api, desk, "active")
    assert (found["peerUserName"], found["peerUserEmail"]) == ("Sam", "sam@elsewhere.example")
    assert (found["hmacEnabled"], found["signedByPeer"]) == (True, True)
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"\xff", b'{"connectionId": 5, "status": []}', b'{"fluxden": 1}', b"[" * 60_000],
    ids=range(7),
)
def test_a_reply_that_says_nothing_leaves_the_request_waiting(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, body: bytes
) -> None:
    receiver.status, receiver.body = 200, body
    ask(api, desk, url(receiver))
    pump.drain(PEER_NOTICES)
    assert [each["status"] for each in connections(api, desk)] == ["pending"]
    assert told(api, desk) == []
    assert count_messages(PEER_NOTICES) == 0, "the worker has dealt with it"


@pytest.mark.parametrize(
    ("status", "body"), [(403, {"error": "closed"}), (404, {"error": "nobody"}), (200, {"status": "blocked"})]
)
def test_a_refusal_is_told_and_may_be_followed_by_another_request(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, status: int, body: dict[str, Any]
) -> None:
    answers(receiver, status, **body)
    first = ask(api, desk, url(receiver))
    pump.drain(PEER_NOTICES)
    (found,) = connections(api, desk)
    assert found["status"] == "declined"
    assert found["reason"]
    assert [found["reason"] in each for each in told(api, desk)] == [True]
    assert api.call("PATCH", f"{CONNECTIONS}/{found['id']}", {"action": "accept"}, token=desk.alice_key).status == 409
    answers(receiver, connectionId="c", status="active")
    again = ask(api, desk, url(receiver))
    pump.drain(PEER_NOTICES)
    assert again.json["data"]["id"] != first.json["data"]["id"]
    assert [each["status"] for each in connections(api, desk)] == ["active"]
    tokens = {said(each).get("federationToken") for each in receiver.received}
    assert len(tokens) == 1, "the other desk may know the connection still, by its first token"


def test_a_request_that_nobody_hears_is_tried_for_days_and_expires(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    answers(receiver, 503)
    ask(api, desk, url(receiver))
    now = datetime.now(UTC)
    for _ in range(11):
        with time_machine.travel(now):
            pump.run("announce_due_peer_notices")
            pump.drain(PEER_NOTICES)
        now += timedelta(hours=30)
    assert len(receiver.received) == 10
    assert {said(each)["connectionId"] for each in receiver.received} == {connections(api, desk)[0]["id"]}
    assert connections(api, desk)[0]["status"] == "expired"
    assert len(told(api, desk)) == 1


@pytest.mark.parametrize("own_kind", [True, False])
def test_a_request_that_is_heard_and_not_answered_expires_after_thirty_days(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, own_kind: bool
) -> None:
    key = SigningKey.new("theirs").public
    own = {"fluxden": {"keyId": key.key_id, "publicKey": key.public_key}} if own_kind else {}
    answers(receiver, status="pending", **own)
    with time_machine.travel(datetime(2026, 5, 21, tzinfo=UTC), tick=False) as clock:
        made = ask(api, desk, url(receiver)).json["data"]["id"]
        pump.drain(PEER_NOTICES)
        token = said(receiver.received[0])["federationToken"]
        clock.shift(timedelta(days=30, seconds=-1))
        pump.run(EXPIRY)
        assert connections(api, desk)[0]["status"] == "pending"
        clock.shift(timedelta(seconds=1))
        for _ in range(2):
            pump.run(EXPIRY)
        assert pump.calls == ["Query"], "it is ended once"
        assert connections(api, desk)[0]["status"] == "expired"
        assert ["has not answered your request" in each for each in told(api, desk)] == [True]
        pump.drain(PEER_NOTICES)
        ends = [(each.path, said(each)["connectionId"]) for each in receiver.received[1:]]
        assert ends == ([(END, made)] if own_kind else []), "other makes know no such word"
        late = api.post(ACCEPT, {}, headers={"X-Federation-Token": token})
        assert late.status == 404
        if not own_kind:
            assert api.post(END, {}, headers={"X-Federation-Token": token}).status == 200, "both may end it"
        assert ask(api, desk, url(receiver)).json["data"]["status"] == "pending", "whoever asked may ask again"


def test_of_requests_that_crossed_the_one_that_does_not_count_is_looked_at_once(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    with time_machine.travel(datetime(2026, 5, 21, tzinfo=UTC), tick=False) as clock:
        ask(api, desk, url(receiver))
        answers(receiver, status="pending")
        api.post(CONNECTIONS, introduced(receiver))
        pump.drain(PEER_NOTICES)
        assert [each["status"] for each in connections(api, desk)] == ["active"]
        clock.shift(timedelta(days=30))
        for _ in range(2):
            pump.run(EXPIRY)
        assert pump.calls == ["Query"]
        assert [each["status"] for each in connections(api, desk)] == ["active"]


def test_the_keys_of_whom_one_asks_are_fetched_and_hold_against_those_they_tell(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    published, introduced_as = SigningKey.new("published"), SigningKey.new("introduced")
    answers(receiver, status="pending")
    ask(api, desk, url(receiver))
    pump.drain(PEER_NOTICES)
    token = said(receiver.received[0])["federationToken"]
    key = {"keyId": published.key_id, "algorithm": "ed25519", "publicKey": published.public_key}
    answers(receiver, software="fluxden", keys=[key])
    pump.run("fetch_peer_keys")
    told_key = {"keyId": introduced_as.key_id, "publicKey": introduced_as.public_key}
    accept = json.dumps({"fluxden": told_key}).encode()
    replies = []
    for signer in (introduced_as, published):
        headers = signature_headers(
            "POST", f"{BASE_URL}{ACCEPT}", accept, destination=BASE_URL, key=signer, at=datetime.now(UTC)
        )
        replies.append(api.post(ACCEPT, raw=accept, headers={**headers, "X-Federation-Token": token}))
    assert [each.status for each in replies] == [401, 200], "they were asked for a moment ago"
    (found,) = DynamoConnections().find_by_token(token)
    assert (found.status, found.peer_key, found.keys) == ("active", introduced_as.public, (published.public,))


@pytest.mark.parametrize("code", [404, 429])
def test_a_desk_whose_keys_are_missed_for_a_moment_keeps_them(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, code: int
) -> None:
    known, forged = SigningKey.new("known"), SigningKey.new("forged")
    key = {"keyId": known.key_id, "publicKey": known.public_key}
    forger = {"keyId": forged.key_id, "publicKey": forged.public_key}
    made = api.post(CONNECTIONS, connection_request(fromInstanceUrl=url(receiver), fluxden=forger)).json["connectionId"]
    if code == 429:
        answers(receiver, code)
        pump.run("fetch_peer_keys")
    answers(receiver, software="fluxden", keys=[key])
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        pump.run("fetch_peer_keys")
    peers, keys = DynamoConnections(), DynamoPeerKeys()
    (found,) = peers.find_by_token(TOKEN)
    assert found.keys == (known.public,)
    keys.request_keys(found, now=datetime.now(UTC) + timedelta(hours=1))
    answers(receiver, code)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=2)):
        pump.run("fetch_peer_keys")
    assert peers.find(made).keys == (known.public,)  # type: ignore[union-attr]


def test_asking_again_changes_nothing(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    answers(receiver, status="pending")
    first = ask(api, desk, url(receiver))
    again = ask(api, desk, url(receiver), peerUserEmail=SAM.upper())
    assert (again.status, again.json) == (200, first.json)
    kept, replayed = (ask(api, desk, url(receiver), key="k", peerUserEmail="x@other.example.org") for _ in range(2))
    assert (kept.status, replayed.status, replayed.json) == (201, 201, kept.json)
    pump.drain(PEER_NOTICES)
    assert len(receiver.received) == 2


def test_of_simultaneous_requests_one_makes_the_connection(api: Api, desk: Desk, receiver: Receiver) -> None:
    body = {"peerInstanceUrl": url(receiver), "peerUserEmail": SAM}
    statuses = concurrency.run_concurrently(6, lambda _: api.status("POST", REQUESTS, body, desk.alice_key))
    assert sorted(statuses) == [200] * 5 + [201]
    assert len(connections(api, desk)) == count_messages(PEER_NOTICES) == 1


def test_who_has_asked_already_is_accepted(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    answers(receiver)
    theirs = api.post(CONNECTIONS, connection_request(fromInstanceUrl=url(receiver))).json["connectionId"]
    made = ask(api, desk, url(receiver))
    assert (made.status, made.json["data"]["id"], made.json["data"]["status"]) == (200, theirs, "active")
    pump.drain(PEER_NOTICES)
    assert [each.path for each in receiver.received] == [ACCEPT]


@pytest.mark.parametrize(("accepted_first", "same"), [(False, False), (True, True)])
def test_asking_anew_shares_no_token_that_may_be_somebody_elses(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, accepted_first: bool, same: bool
) -> None:
    answers(receiver, status="pending")
    theirs = api.post(CONNECTIONS, connection_request(fromInstanceUrl=url(receiver))).json["connectionId"]
    for action in ["accept"] * accepted_first + ["decline"]:
        api.call("PATCH", f"{CONNECTIONS}/{theirs}", {"action": action}, token=desk.alice_key)
        pump.drain(PEER_NOTICES)
    made = ask(api, desk, url(receiver))
    pump.drain(PEER_NOTICES)
    assert (said(receiver.received[-1])["federationToken"] == TOKEN) is same
    forged = api.post(ACCEPT, {"acceptedByName": "Sam"}, headers={"X-Federation-Token": TOKEN})
    assert (made.status, forged.status) == (201, 200 if same else 404)
    assert [each["status"] for each in connections(api, desk)] == ["active" if same else "pending"]


def introduced(receiver: Receiver, **more: Any) -> dict[str, Any]:
    key = SigningKey.new("theirs").public
    return connection_request(
        fromInstanceUrl=url(receiver), fluxden={"keyId": key.key_id, "publicKey": key.public_key}, **more
    )


@pytest.mark.parametrize("own_kind", [True, False])
def test_of_requests_that_cross_theirs_counts_where_it_comes_first_or_they_know_no_rule(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, own_kind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not own_kind:
        reached_at(monkeypatch, FIRST_URL)
    ours = ask(api, desk, url(receiver)).json["data"]["id"]
    asked = introduced(receiver, connectionId="theirs")
    if not own_kind:
        del asked["fluxden"]
    first, again = (api.post(CONNECTIONS, asked).json for _ in range(2))
    assert (first["status"], again["connectionId"]) == ("pending", first["connectionId"])
    assert [each["id"] for each in connections(api, desk)] == [ours], "until the other desk has confirmed its own"
    answers(receiver, status="pending")
    pump.drain(PEER_NOTICES)
    accepted = [each for each in receiver.received if each.path == ACCEPT]
    assert [each.headers["x-federation-token"] for each in accepted] == [TOKEN]
    assert [("fluxden" in said(each), said(each)["instanceUrl"]) for each in accepted] == [(True, settings().base_url)]
    (found,) = connections(api, desk, "all")
    assert (found["id"], found["status"], found["askedBy"]) == (first["connectionId"], "active", "peer")
    assert pump.drain(PEER_NOTICES) == 0
    assert sum("is connected with you now" in each for each in told(api, desk)) == 1


def test_of_requests_that_cross_ours_counts_where_it_comes_first(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached_at(monkeypatch, FIRST_URL)
    ours = ask(api, desk, url(receiver)).json["data"]["id"]
    answer = api.post(CONNECTIONS, introduced(receiver)).json
    assert (answer["connectionId"], answer["status"]) == (ours, "pending")
    answers(receiver, status="pending")
    pump.drain(PEER_NOTICES)
    token = said(receiver.received[0])["federationToken"]
    api.post(ACCEPT, {}, headers={"X-Federation-Token": token})
    assert [(each["id"], each["status"]) for each in connections(api, desk)] == [(ours, "active")]


def test_a_desk_that_was_not_asked_accepts_nothing_for_the_one_that_was(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    answers(receiver, status="pending")
    ask(api, desk, url(receiver))
    pump.drain(PEER_NOTICES)
    headers = {"X-Federation-Token": said(receiver.received[0])["federationToken"]}
    theirs = {"fluxden": introduced(receiver)["fluxden"]}
    assert api.post(ACCEPT, {**theirs, "instanceUrl": "https://third.example"}, headers=headers).status == 404
    assert [each["status"] for each in connections(api, desk)] == ["pending"]
    assert api.post(ACCEPT, {**theirs, "instanceUrl": url(receiver)}, headers=headers).status == 200


def test_who_pretends_to_be_the_desk_that_was_asked_gets_nothing(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    ours = ask(api, desk, url(receiver)).json["data"]["id"]
    answers(receiver, 404)
    receiver.before = lambda: answers(receiver, 200 if receiver.received[-1].path == CONNECTIONS else 404)
    api.post(CONNECTIONS, introduced(receiver, federationToken="a-token-of-somebody-else"))
    pump.drain(PEER_NOTICES)
    assert [(each["id"], each["status"]) for each in connections(api, desk)] == [(ours, "pending")]
    (forged,) = DynamoConnections().find_by_token("a-token-of-somebody-else")
    assert forged.status == "pending", "and so lets nothing in"


@pytest.mark.parametrize("action", ["decline", "block"])
def test_a_desk_of_our_kind_is_told_that_it_was_declined(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, action: str
) -> None:
    answers(receiver)
    made = api.post(CONNECTIONS, introduced(receiver)).json["connectionId"]
    api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": action}, token=desk.alice_key)
    pump.drain(PEER_NOTICES)
    (sent,) = receiver.received
    assert (sent.path, said(sent)) == (END, {"connectionId": made, "status": "declined"})
    assert "signature" in sent.headers


def test_word_of_the_end_ends_the_connection_once(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    answers(receiver, status="pending")
    ask(api, desk, url(receiver))
    pump.drain(PEER_NOTICES)
    token = said(receiver.received[0])["federationToken"]
    for _ in range(2):
        answer = api.post(END, {}, headers={"X-Federation-Token": token})
        assert (answer.status, answer.json["status"]) == (200, "declined")
    assert [each["status"] for each in connections(api, desk)] == ["declined"]
    assert len(told(api, desk)) == 1
    assert api.post(END, {}).status == 401
    assert api.post(END, {}, headers={"X-Federation-Token": "unknown-token"}).status == 404
    assert api.post(ACCEPT, {}, headers={"X-Federation-Token": token}).status == 404


def test_a_request_that_was_taken_back_is_not_sent(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    made = ask(api, desk, url(receiver)).json["data"]["id"]
    assert api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": "decline"}, token=desk.alice_key).status == 200
    pump.drain(PEER_NOTICES)
    assert receiver.received == []


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
def test_bad_requests_are_refused_and_change_nothing(api: Api, desk: Desk, given: dict[str, Any]) -> None:
    assert ask(api, desk, "https://other.example.org", **given).status == 400
    assert connections(api, desk) == []
    assert count_messages(PEER_NOTICES) == 0


def test_a_desk_that_can_not_be_answered_asks_nobody(api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reached_at(monkeypatch, "https://desk.example.com")
    assert ask(api, desk, "https://desk.example.com/").status == 400
    reached_at(monkeypatch, "")
    assert ask(api, desk, "https://other.example.org").status == 409
    reached_at(monkeypatch, "https://desk.example.com")
    allow_federation(inbound=False)
    assert ask(api, desk, "https://other.example.org").status == 409


def contacts(api: Api, desk: Desk) -> list[Any]:
    found: list[Any] = api.get("/api/v2/contacts?search=sam", desk.alice_key).json["data"]["contacts"]
    return found


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("asked_by", ["us", "peer"])
def test_who_one_is_connected_with_is_a_contact(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, known: bool, asked_by: str
) -> None:
    if known:
        api.post("/api/v2/contacts", {"name": "Sam of old", "email": SAM.upper()}, desk.alice_key)
    answers(receiver, status="active", localUserName="Sam Other", localUserEmail=SAM)
    if asked_by == "peer":
        api.post(CONNECTIONS, connection_request(fromInstanceUrl=url(receiver), fromUserName="Sam Other"))
    for _ in range(2):
        ask(api, desk, url(receiver))
        pump.drain(PEER_NOTICES)
        pump.drain(PEER_NOTICES)
    (contact,) = contacts(api, desk)
    assert contact["name"] == ("Sam of old" if known else "Sam Other")
    assert contact["source"] == (None if known else "federation")
    (found,) = connections(api, desk, "active")
    assert found["contactId"] == contact["id"]


def test_who_one_is_connected_with_may_be_mentioned(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    answers(receiver, status="active", localUserName="Sam Other", localUserEmail=SAM)
    made = ask(api, desk, url(receiver)).json["data"]["id"]
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
        "peerInstanceUrl": url(receiver),
        "connectionId": made,
    }
    api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": "block"}, token=desk.alice_key)
    assert api.get(mentions, desk.alice_key).json == []


def test_calls_are_counted(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    answers(receiver, status="active")
    ask(api, desk, url(receiver), peerUserEmail="x@other.example.org")
    first = ask(api, desk, url(receiver))
    assert (sorted(first.calls[1:3]), first.calls[3:], first.steps) == (
        ["BatchGetItem", "GetItem"],
        ["BatchGetItem", "TransactWriteItems", "SendMessage"],
        5,
    )
    assert ask(api, desk, url(receiver)).steps == 4
    pump.drain(PEER_NOTICES)
