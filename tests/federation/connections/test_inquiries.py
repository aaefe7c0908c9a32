"""Asking desks at their own address: their canonical name, their signatures, and their connections."""

import pytest

from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.resources import PEER_NOTICES
from tests.conftest import Desk
from tests.federation.connections.connection_calls import ask_as, own_connections, request_connection, sent_body
from tests.support.api import Api
from tests.support.hostile_peer import ACCEPT, HonestPeer, Kind
from tests.support.peer import CONNECTIONS, allow_federation, connection_request, sign_request
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

pytestmark = pytest.mark.usefixtures("large_budget", "receiver")


def test_a_desk_is_known_by_the_address_that_it_names(api: Api, desk: Desk, pump: Pumps, signing: HonestPeer) -> None:
    allow_federation(approval=True, unverified="pending")
    with HonestPeer(Receiver(), Kind.KEYS, key=signing.key, alias_of=signing.url) as alias:
        ask_as(api, alias)
        pump.drain(PEER_NOTICES)
        (found,) = own_connections(api, desk)
        assert (found["peerInstanceUrl"], found["verified"]) == (signing.url, True)
        with HonestPeer(Receiver(), Kind.KEYS, alias_of=signing.url) as liar:
            ask_as(api, liar, fromUserEmail="tom@other.example.org", federationToken="l" * 40)
            pump.drain(PEER_NOTICES)
        assert len(own_connections(api, desk)) == 1, "whose keys are others than its name"


def test_a_confirmation_is_for_the_desk_that_was_asked_only(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    allow_federation(approval=True)
    body = {"peerInstanceUrl": f"http://127.0.0.1:{receiver.port}", "peerUserEmail": "sam@other.example.org"}
    made = api.post("/api/v2/connection-requests", body, desk.alice_key).json["data"]["id"]
    found = DynamoConnections().find(made)
    assert found is not None
    url = f"/.well-known/fluxden?connection={found.token_hash}&to="
    assert api.get(f"{url}http://127.0.0.1:{receiver.port}/").json["connection"] == {"status": "pending"}
    for other in ("https://third.example", "nonsense", "http://127.0.0.1:1"):
        assert api.get(f"{url}{other}").status == 404
    assert api.get(f"/.well-known/fluxden?connection={'0' * 64}&to=https://third.example").status == 404
    assert api.get(f"/.well-known/fluxden?connection={found.token_hash}").status == 400
    assert api.get("/.well-known/fluxden?to=https://third.example").status == 400


def test_a_signed_request_with_another_body_is_refused(api: Api, desk: Desk, signing: HonestPeer) -> None:
    allow_federation(approval=True, unverified="pending")
    _, headers = sign_request(connection_request(fromInstanceUrl=signing.url), signing.key)
    raw, _ = sign_request(connection_request(fromInstanceUrl=signing.url, fromUserName="Other"), signing.key)
    assert api.post(CONNECTIONS, raw=raw, headers=headers).status == 403


def test_a_request_under_another_address_of_a_desk_is_moved_to_its_canonical_one(
    api: Api, desk: Desk, pump: Pumps, signing: HonestPeer
) -> None:
    allow_federation(approval=True)
    with HonestPeer(Receiver(), Kind.KEYS, key=signing.key, alias_of=signing.url) as alias:
        made = request_connection(api, desk, alias.url).json["data"]["id"]
        pump.drain(PEER_NOTICES)
        (found,) = own_connections(api, desk)
        assert (found["id"], found["peerInstanceUrl"], found["verified"]) == (made, signing.url, True)
        assert [each.path for each in signing.receiver.posted] == [CONNECTIONS]
        assert alias.receiver.posted == []
        token = sent_body(signing.receiver.posted[0])["federationToken"]
        told = {"keyId": signing.key.key_id, "publicKey": signing.key.public_key}
        accept = {"instanceUrl": f"{signing.url}/", "fluxden": told}
        raw, headers = sign_request(accept, signing.key, ACCEPT)
        assert api.post(ACCEPT, raw=raw, headers=headers | {"X-Federation-Token": token}).status == 200
        again = request_connection(api, desk, alias.url).json["data"]["id"]
        pump.drain(PEER_NOTICES)
        found = {each["id"]: (each["status"], each["reason"]) for each in own_connections(api, desk)}
        assert found[made] == ("active", None)
        assert found[again][0] == "declined"
        assert "its canonical address" in found[again][1]


def test_another_name_of_a_desk_is_not_believed_unless_the_desk_there_says_so(
    api: Api, desk: Desk, pump: Pumps, signing: HonestPeer
) -> None:
    allow_federation(approval=True)
    signing.alias_of = "https://third.example"
    with HonestPeer(Receiver(), Kind.KEYS, alias_of=signing.url) as liar:
        request_connection(api, desk, liar.url)
        pump.drain(PEER_NOTICES)
        assert [each["origin"] for each in own_connections(api, desk)] == [liar.url]
