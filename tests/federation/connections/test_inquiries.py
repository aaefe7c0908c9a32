"""Asking desks at their own address: their canonical name, their signatures, and their connections."""

import pytest

from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.resources import PEER_NOTICES
from tests.conftest import Desk
from tests.federation.connections.connection_calls import ask_as, own_connections
from tests.support.api import Api
from tests.support.hostile_peer import HonestPeer, Kind
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
