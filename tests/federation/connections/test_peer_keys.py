"""The keys that peers publish: fetched, replaced and preferred to those of the handshake."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from app import app
from chalicelib.core.domain.requests import RawRequest
from chalicelib.federation.connections.signatures import SigningKey, refuse_signature, signature_headers
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.connections.stores.peer_keys import DynamoPeerKeys
from chalicelib.resources import PEER_NOTICES
from infra import catalog
from tests.conftest import Desk
from tests.federation.connections.connection_calls import (
    ACCEPT,
    peer_answers,
    peer_base_url,
    request_connection,
    sent_body,
)
from tests.federation.network.network_calls import FETCH, WELL_KNOWN
from tests.support.api import Answer, Api
from tests.support.instances import run_admin, serve_this_desk
from tests.support.peer import (
    BASE_URL,
    CONNECTIONS,
    RELAY,
    TOKEN,
    allow_federation,
    connection_request,
    sign_body,
    sign_request,
)
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def publishing_peer(receiver: Receiver) -> Iterator[str]:
    """The base URL of another desk, on this machine; it is noon there."""
    allow_federation()
    receiver.status = 404
    with time_machine.travel(NOON, tick=False):
        yield f"http://127.0.0.1:{receiver.port}"


def publish_keys(receiver: Receiver, *keys: SigningKey, **overrides: Any) -> None:
    told = [{"keyId": each.key_id, "publicKey": each.public_key, "algorithm": "ed25519"} for each in keys]
    receiver.status = 200
    receiver.body = json.dumps({"software": "fluxden", "version": "9", "keys": told} | overrides).encode()


def connect_peer(api: Api, publishing_peer: str, key: SigningKey, **overrides: Any) -> None:
    told = {"keyId": key.key_id, "publicKey": key.public_key}
    assert (
        api.post(CONNECTIONS, connection_request(fromInstanceUrl=publishing_peer, fluxden=told, **overrides)).status
        == 200
    )


def post_signed_relay(api: Api, key: SigningKey | None, number: int, token: str = TOKEN) -> Answer:
    raw, headers = sign_body(
        {"relayId": f"r-{number}", "type": "request", "intent": "custom", "subject": "Hello"}, token
    )
    if key is not None:
        url = f"{BASE_URL}{RELAY}"
        headers |= signature_headers("POST", url, raw, destination=BASE_URL, key=key, at=datetime.now(UTC))
    return api.post(RELAY, raw=raw, headers=headers)


@pytest.mark.usefixtures("desk_with_approval")
def test_published_keys_of_an_asked_peer_take_precedence_over_its_handshake(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver
) -> None:
    published, introduced_as = SigningKey.new("published"), SigningKey.new("introduced")
    peer_answers(receiver, status="pending")
    request_connection(api, desk, peer_base_url(receiver))
    pump.drain(PEER_NOTICES)
    token = sent_body(receiver.posted[0])["federationToken"]
    key = {"keyId": published.key_id, "algorithm": "ed25519", "publicKey": published.public_key}
    peer_answers(receiver, software="fluxden", keys=[key])
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


@pytest.mark.usefixtures("desk_with_approval")
@pytest.mark.parametrize("code", [404, 429])
def test_a_failed_fetch_keeps_the_known_keys(api: Api, desk: Desk, pump: Pumps, receiver: Receiver, code: int) -> None:
    known, forged = SigningKey.new("known"), SigningKey.new("forged")
    key = {"keyId": known.key_id, "publicKey": known.public_key}
    forger = {"keyId": forged.key_id, "publicKey": forged.public_key}
    made = api.post(CONNECTIONS, connection_request(fromInstanceUrl=peer_base_url(receiver), fluxden=forger)).json[
        "connectionId"
    ]
    if code == 429:
        peer_answers(receiver, code)
        pump.run("fetch_peer_keys")
    peer_answers(receiver, software="fluxden", keys=[key])
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        pump.run("fetch_peer_keys")
    peers, keys = DynamoConnections(), DynamoPeerKeys()
    (found,) = peers.find_by_token(TOKEN)
    assert found.keys == (known.public,)
    keys.request_keys(found, now=datetime.now(UTC) + timedelta(hours=1))
    peer_answers(receiver, code)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=2)):
        pump.run("fetch_peer_keys")
    assert peers.find(made).keys == (known.public,)  # type: ignore[union-attr]


def test_a_new_key_is_fetched_from_its_desk_and_accepted_from_then_on(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, publishing_peer: str
) -> None:
    first, second, third = (SigningKey.new(f"key-{number}") for number in (1, 2, 3))
    connect_peer(api, publishing_peer, first)
    publish_keys(receiver, first)
    pump.run(FETCH)
    assert sorted(pump.calls) == ["GetItem", "Query", *["UpdateItem"] * 3]
    assert post_signed_relay(api, first, 1).status == 200
    publish_keys(receiver, second, first)
    with time_machine.travel(NOON, tick=False) as clock:
        soon = post_signed_relay(api, second, 2)
        assert (soon.status, soon.steps) == (401, 2), "they were asked for a moment ago"
        clock.shift(timedelta(minutes=10))
        soon = post_signed_relay(api, second, 2)
        assert (soon.status, soon.headers["retry-after"], soon.steps) == (503, "120", 3), "a minute has begun, too"
        again = post_signed_relay(api, second, 2)
        assert (again.status, again.steps) == (503, 1)
        pump.run(FETCH)
        assert [post_signed_relay(api, key, number).status for number, key in enumerate((second, first), 2)] == [
            200,
            200,
        ]
        assert post_signed_relay(api, third, 4).status == 401
        forged = SigningKey.new("key-2")
        assert post_signed_relay(api, forged, 5).status == 401, "another's key under a known name"
        assert post_signed_relay(api, None, 6).status == 401, "it has introduced itself as one that signs"
        pump.run(FETCH)
        assert pump.calls == ["Query"]
    assert [each.path for each in receiver.received] == [WELL_KNOWN] * 2


def test_published_keys_take_precedence_over_the_handshake(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, publishing_peer: str
) -> None:
    claimed, real = SigningKey.new("claimed"), SigningKey.new("real")
    connect_peer(api, publishing_peer, claimed)
    publish_keys(receiver, real)
    pump.run(FETCH)
    assert post_signed_relay(api, claimed, 1).status == 401
    assert post_signed_relay(api, real, 2).status == 200


def test_a_peer_that_publishes_a_key_must_sign(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, publishing_peer: str
) -> None:
    allow_federation(approval=True)
    key = SigningKey.new("key-1")
    publish_keys(receiver, key, success=True)
    raw, headers = sign_request(connection_request(fromInstanceUrl=publishing_peer), key)
    made = api.post(CONNECTIONS, raw=raw, headers=headers).json["connectionId"]
    pump.drain(PEER_NOTICES)
    api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": "accept"}, token=desk.alice_key)
    pump.drain(PEER_NOTICES)
    got = receiver.posted[-1]
    sent = RawRequest(got.method, got.path, got.headers, got.body, datetime.now(UTC))
    own = [DynamoFederation().find_key().public]
    assert refuse_signature(sent, base_url=publishing_peer, keys=own) is None
    assert post_signed_relay(api, None, 1).status == 401
    assert post_signed_relay(api, key, 2).status == 200
    assert post_signed_relay(api, SigningKey.new("key-1"), 3).status == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"software": "other"},
        {"keys": "k"},
        {"keys": [{"keyId": "k", "publicKey": "short"}]},
        {"keys": []},
        {"software": None},
    ],
    ids=json.dumps,
)
def test_a_peer_that_publishes_no_keys_is_verified_with_its_handshake_key(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, publishing_peer: str, wrong: dict[str, Any]
) -> None:
    key = SigningKey.new("key-1")
    connect_peer(api, publishing_peer, key)
    publish_keys(receiver, SigningKey.new("key-2"), **wrong)
    pump.run(FETCH)
    assert post_signed_relay(api, key, 1).status == 200
    pump.run(FETCH)
    assert pump.calls == ["Query"], "that was an answer"


def test_fetching_the_keys_of_a_failing_peer_backs_off_and_stops(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, publishing_peer: str
) -> None:
    key = SigningKey.new("key-1")
    connect_peer(api, publishing_peer, key)
    receiver.status = 503
    with time_machine.travel(NOON, tick=False) as clock:
        for minutes in (0, 9, 1, 59, 1, 359, 1, 10_000):
            clock.shift(timedelta(minutes=minutes))
            pump.run(FETCH)
        assert len(receiver.received) == 4
        assert post_signed_relay(api, key, 1).status == 200
        assert post_signed_relay(api, SigningKey.new("key-2"), 2).status == 503, "reason enough to ask once more"
        publish_keys(receiver, key)
        pump.run(FETCH)
    (connection,) = DynamoConnections().find_by_token(TOKEN)
    assert (connection.published, connection.keys_due_at) == ((key.public,), None)


def test_a_desk_reads_what_another_publishes(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_federation()
    url = serve_this_desk(receiver)
    api.post(CONNECTIONS, connection_request(fromInstanceUrl=url))
    run_admin("federation", "rotate-key")

    next(each for each in catalog.schedules(app) if each.__name__ == FETCH)({}, None)
    (connection,) = DynamoConnections().find_by_token(TOKEN)
    assert list(connection.published) == DynamoFederation().list_public_keys()
    assert len(connection.published) == 2
