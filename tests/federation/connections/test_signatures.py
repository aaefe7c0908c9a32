"""HTTP message signatures and digests between desks."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.core.domain.requests import RawRequest
from chalicelib.core.domain.signatures import body_digest, is_body_digest
from chalicelib.federation.connections.signatures import SigningKey, refuse_signature
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.resources import OUTBOX_WORK
from tests.conftest import Desk
from tests.federation.relays.relay_calls import new_relay, peer_messages, sign_relay
from tests.support.api import Api
from tests.support.peer import ACK, CONNECTIONS, RELAY, allow_federation, connection_request, sign_body
from tests.support.pump import Pumps
from tests.support.receiver import Receiver


@pytest.mark.parametrize(
    ("body", "digest"),
    [
        (b'{"relayId":"r-1","subject":"ping"}', "f5f7657c11c9c3a1285000ae114369f2aa3c9f5dc24f66e5dce23e966fc4733b"),
        ('{"subject":"héllo"}'.encode(), "8c7e206cf58c50606151f3f7dc793785a7e3ae6f27819c606212978eac4987a2"),
        (b"", "b85668d5ef616673aa3f1197a555c572b33af7e1112e4551efe612c5be46f536"),
    ],
)
def test_digests_match_those_of_other_implementations(body: bytes, digest: str) -> None:
    assert body_digest(body, "vector-secret") == digest
    assert is_body_digest(digest, body, "vector-secret")
    assert not is_body_digest(digest.upper(), body, "vector-secret")
    assert not is_body_digest(digest, body + b" ", "vector-secret")
    assert not is_body_digest(digest, body, "other-secret")
    assert not is_body_digest("ä" * 64, body, "vector-secret")


def test_a_signature_is_valid_for_one_request_to_one_desk_for_five_minutes(
    api: Api, desk: Desk, signing_peer: tuple[SigningKey, str]
) -> None:
    key, token = signing_peer
    now = datetime.now(UTC)
    raw, headers = sign_body(new_relay(), token)
    other_raw, other_headers = sign_body(new_relay(subject="Other"), token)
    good = sign_relay(new_relay(), key, token, RELAY)[1]
    refused = [
        (raw, headers),
        (raw, headers | {"Signature-Input": "é=(", "Signature": "x"}),
        (raw, {name: value for name, value in good.items() if name != "X-Federation-HMAC"}),
        (other_raw, good | other_headers),
        sign_relay(new_relay(), SigningKey.new("key-1"), token, RELAY),
        sign_relay(new_relay(), key, token, ACK),
        sign_relay(new_relay(), key, token, RELAY, base_url="https://another.example"),
        sign_relay(new_relay(), key, token, RELAY, at=now - timedelta(seconds=310)),
        sign_relay(new_relay(), key, token, RELAY, at=now + timedelta(seconds=310)),
    ]
    for sent, given in refused:
        assert api.post(RELAY, raw=sent, headers=given).status == 401
    assert len(peer_messages(api, desk.alice_key)) == 1, "that is of the connection"
    early = sign_relay(new_relay(), key, token, RELAY, at=now - timedelta(seconds=290))
    assert api.post(RELAY, raw=early[0], headers=early[1]).status == 200


def test_a_desk_accepts_what_another_signs(api: Api, desk: Desk, pump: Pumps, receiver: Receiver) -> None:
    """An acknowledgement from here, delivered to ourselves as the other desk: HMAC and message signature fit."""
    url = f"http://127.0.0.1:{receiver.port}"
    allow_federation()
    key = SigningKey.new("key-1")
    told = {"keyId": key.key_id, "publicKey": key.public_key}
    api.post(CONNECTIONS, connection_request(fromInstanceUrl=url, fluxden=told))
    token = str(connection_request()["federationToken"])
    raw, headers = sign_relay(new_relay(intent="assign_task"), key, token, RELAY)
    api.post(RELAY, raw=raw, headers=headers)
    (item,) = api.get("/api/v2/queue", desk.alice_key).json["data"]["items"]
    api.post(f"/api/v2/queue/{item['id']}/confirm", {"action": "reject"}, desk.alice_key)
    pump.drain(OUTBOX_WORK)
    (got,) = receiver.received
    sent = RawRequest(got.method, got.path, got.headers, got.body, datetime.now(UTC))
    assert refuse_signature(sent, base_url=url, keys=[DynamoFederation().find_key().public]) is None
    assert is_body_digest(got.headers["x-federation-hmac"], got.body, token)
