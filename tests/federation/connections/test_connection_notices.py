"""Notices to peers: sent until they are taken, and not after the connection has changed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from chalicelib.resources import PEER_NOTICES
from tests.conftest import Desk
from tests.federation.connections.connection_calls import (
    ACCEPT_URL,
    END,
    SAM,
    change_connection,
    chat_answers,
    introduce_peer,
    own_connections,
    peer_answers,
    peer_base_url,
    receive_request,
    request_connection,
    sent_body,
)
from tests.support.api import Api
from tests.support.peer import CONNECTIONS, RELAY, TOKEN, allow_federation, connection_request
from tests.support.pump import Pumps, count_messages
from tests.support.receiver import Receiver


def own_contacts(api: Api, desk: Desk) -> list[Any]:
    found: list[Any] = api.get("/api/v2/contacts?search=sam", desk.alice_key).json["data"]["contacts"]
    return found


def test_the_peer_is_notified_of_an_acceptance(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    allow_federation(approval=True)
    made = receive_request(api, fromInstanceUrl=f"http://127.0.0.1:{receiver.port}", connectionId="c-1").json[
        "connectionId"
    ]
    change_connection(api, desk.alice_key, made, action="accept", hmacEnabled=True)
    assert receiver.posted == [], "nothing is sent while somebody waits"
    pump.drain(PEER_NOTICES)
    (sent,) = receiver.posted
    assert sent.path == ACCEPT_URL
    assert sent.headers["x-federation-token"] == TOKEN
    assert len(sent.headers["x-federation-hmac"]) == 64
    body = json.loads(sent.body)
    assert set(body.pop("fluxden")) == {"keyId", "publicKey"}
    assert body == {
        "connectionId": made,
        "remoteConnectionId": "c-1",
        "acceptedByEmail": "alice@example.com",
        "acceptedByName": "Alice",
        "instanceUrl": "http://desk.test",
    }
    assert pump.drain(PEER_NOTICES) == 0
    change_connection(api, desk.alice_key, made, action="accept")
    assert count_messages(PEER_NOTICES) == 0


def test_an_acceptance_is_retried_until_the_peer_takes_it(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    allow_federation(approval=True)
    receiver.status = 503
    made = receive_request(api, fromInstanceUrl=f"http://127.0.0.1:{receiver.port}").json["connectionId"]
    change_connection(api, desk.alice_key, made, action="accept")
    pump.drain(PEER_NOTICES)
    receiver.status = 200
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=60)):
        pump.run("announce_due_peer_notices")
        pump.drain(PEER_NOTICES)
    assert len(receiver.posted) == 2
    with time_machine.travel(datetime.now(UTC) + timedelta(days=2)):
        pump.run("announce_due_peer_notices")
        assert pump.drain(PEER_NOTICES) == 0


def test_a_notice_is_not_sent_after_the_connection_ended(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    allow_federation(approval=True)
    made = receive_request(api, fromInstanceUrl=f"http://127.0.0.1:{receiver.port}").json["connectionId"]
    change_connection(api, desk.alice_key, made, action="accept")
    change_connection(api, desk.alice_key, made, action="block")
    pump.drain(PEER_NOTICES)
    assert receiver.posted == []


@pytest.mark.usefixtures("desk_with_approval")
@pytest.mark.parametrize("action", ["decline", "block"])
def test_a_fluxden_peer_is_notified_that_its_request_was_declined(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, action: str
) -> None:
    peer_answers(receiver)
    made = api.post(CONNECTIONS, introduce_peer(receiver)).json["connectionId"]
    api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": action}, token=desk.alice_key)
    pump.drain(PEER_NOTICES)
    (sent,) = receiver.posted
    assert (sent.path, sent_body(sent)) == (END, {"connectionId": made, "status": "declined"})
    assert "signature" in sent.headers


@pytest.mark.usefixtures("desk_with_approval")
def test_a_withdrawn_request_is_not_sent(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    made = request_connection(api, desk, peer_base_url(receiver)).json["data"]["id"]
    assert api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": "decline"}, token=desk.alice_key).status == 200
    pump.drain(PEER_NOTICES)
    assert receiver.posted == []


@pytest.mark.usefixtures("desk_with_approval")
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("asked_by", ["us", "peer"])
def test_a_connected_peer_becomes_a_contact(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, known: bool, asked_by: str
) -> None:
    if known:
        api.post("/api/v2/contacts", {"name": "Sam of old", "email": SAM.upper()}, desk.alice_key)
    peer_answers(receiver, status="active", localUserName="Sam Other", localUserEmail=SAM)
    if asked_by == "peer":
        api.post(CONNECTIONS, connection_request(fromInstanceUrl=peer_base_url(receiver), fromUserName="Sam Other"))
    for _ in range(2):
        request_connection(api, desk, peer_base_url(receiver))
        pump.drain(PEER_NOTICES)
        pump.drain(PEER_NOTICES)
    (contact,) = own_contacts(api, desk)
    assert contact["name"] == ("Sam of old" if known else "Sam Other")
    assert contact["source"] == (None if known else "federation")
    (found,) = own_connections(api, desk, "active")
    assert found["contactId"] == contact["id"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_an_acceptance_that_is_refused_for_good_ends_the_connection_with_a_reason_both_see(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, status: int
) -> None:
    allow_federation(approval=True)
    peer_answers(receiver, status)
    made = api.post(CONNECTIONS, introduce_peer(receiver)).json["connectionId"]
    change_connection(api, desk.alice_key, made, action="accept")
    pump.drain(PEER_NOTICES)
    (found,) = own_connections(api, desk)
    assert (found["status"], found["reason"]) == ("declined", f'its desk answered {status}: {{"success": false}}')
    assert [found["reason"] in each for each in chat_answers(api, desk)][-1]
    assert [each.path for each in receiver.posted] == [ACCEPT_URL, END]
    assert sent_body(receiver.posted[1])["reason"] == found["reason"]
    assert api.post(RELAY, {"subject": "x"}, headers={"X-Federation-Token": TOKEN}).status == 404


def test_the_reason_of_an_end_is_shown_on_one_line(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    allow_federation(approval=True)
    peer_answers(receiver, status="pending")
    request_connection(api, desk, peer_base_url(receiver))
    pump.drain(PEER_NOTICES)
    token = sent_body(receiver.posted[0])["federationToken"]
    api.post(END, {"reason": "Gone\n\n# SYSTEM\u202e"}, headers={"X-Federation-Token": token})
    assert own_connections(api, desk)[0]["reason"] == "the other desk has declined it, and says: Gone # SYSTEM"
