"""What a desk says of itself, and what it believes of what others say of themselves."""

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
from chalicelib.resources import PEER_NOTICES
from chalicelib.settings import settings
from infra import catalog
from tests.conftest import Desk
from tests.support.api import Answer, Api
from tests.support.instances import run_admin, serve_this_desk
from tests.support.peer import BASE_URL, CONNECTIONS, RELAY, TOKEN, allow_federation, connection_request, sign_body
from tests.support.pump import Pumps
from tests.support.receiver import Receiver

WELL_KNOWN, CARD, FETCH = "/.well-known/fluxden", "/.well-known/agent-card.json", "fetch_peer_keys"
NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)


# What this desk says


def test_a_desk_names_its_keys_its_addresses_and_what_it_takes(api: Api, desk: Desk) -> None:
    own = DynamoFederation().find_key().public
    reply = api.get(WELL_KNOWN)
    assert reply.steps == 1
    assert reply.json["keys"] == [{"keyId": own.key_id, "algorithm": "ed25519", "publicKey": own.public_key}]
    assert reply.json["capabilities"] == {
        "connectionRequests": "closed",
        "relays": True,
        "signatures": ["rfc9421-ed25519", "hmac-sha256"],
    }
    run_admin("federation", "set", "--mode", "open", "--inbound", "off")
    assert api.get(WELL_KNOWN).json["capabilities"]["connectionRequests"] == "closed", "as nothing is taken"
    served = {path.removeprefix(BASE_URL) for path in reply.json["endpoints"].values()}
    assert {status_of(api, path) for path in served} <= {200, 400, 403, 401}, "each is there"


def status_of(api: Api, path: str) -> int:
    posted = not path.startswith(("/.well-known", "/api/v2/docs", "/api/v2/network"))
    return api.post(path, {}).status if posted else api.get(path).status


def test_a_rotated_key_is_published_beside_the_one_before(api: Api, desk: Desk) -> None:
    first = DynamoFederation().find_key()
    second, third = (run_admin("federation", "rotate-key").split()[-1].rstrip(".") for _ in range(2))
    published = [each["keyId"] for each in api.get(WELL_KNOWN).json["keys"]]
    assert published == [third, second]
    assert DynamoFederation().find_key().key_id == third
    assert first.key_id not in published


def test_a_desk_that_keeps_no_secrets_publishes_no_key(api: Api, tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_SECRET_KEY", "")
    monkeypatch.setenv("FLUXDEN_BASE_URL", "")
    settings.cache_clear()
    said = api.get(WELL_KNOWN).json
    assert (said["software"], said["keys"], "endpoints" in said) == ("fluxden", [], False)
    assert api.get(CARD).status == 404


def test_the_agent_card_names_what_is_served_and_nothing_of_a2a_that_is_not(api: Api, desk: Desk) -> None:
    reply = api.get(CARD)
    assert (reply.status, reply.calls) == (200, [])
    assert reply.headers["cache-control"] == "public, max-age=300"
    assert api.get(CARD, headers={"If-None-Match": reply.headers["etag"]}).status == 304
    card = reply.json
    required = {
        "name",
        "description",
        "supportedInterfaces",
        "version",
        "capabilities",
        "defaultInputModes",
        "defaultOutputModes",
        "skills",
    }
    assert required <= set(card)
    (interface,) = card["supportedInterfaces"]
    assert interface["url"] == f"{BASE_URL}{RELAY}"
    assert interface["protocolBinding"] not in {"JSONRPC", "GRPC", "HTTP+JSON"}
    assert card["capabilities"]["extensions"][0]["required"] is True
    (requirement,) = card["securityRequirements"]
    (scheme,) = requirement["schemes"]
    assert card["securitySchemes"][scheme]["apiKeySecurityScheme"]["name"] == "X-Federation-Token"
    assert all({"id", "name", "description", "tags"} <= set(each) for each in card["skills"])


# What others say


@pytest.fixture
def peer(receiver: Receiver) -> Iterator[str]:
    """The base URL of another desk, on this machine; it is noon there."""
    allow_federation()
    receiver.status = 404
    with time_machine.travel(NOON, tick=False):
        yield f"http://127.0.0.1:{receiver.port}"


def publish(receiver: Receiver, *keys: SigningKey, **overrides: Any) -> None:
    told = [{"keyId": each.key_id, "publicKey": each.public_key, "algorithm": "ed25519"} for each in keys]
    receiver.status = 200
    receiver.body = json.dumps({"software": "fluxden", "version": "9", "keys": told} | overrides).encode()


def introduced(api: Api, peer: str, key: SigningKey, **overrides: Any) -> None:
    told = {"keyId": key.key_id, "publicKey": key.public_key}
    assert api.post(CONNECTIONS, connection_request(fromInstanceUrl=peer, fluxden=told, **overrides)).status == 200


def relay(api: Api, key: SigningKey | None, number: int, token: str = TOKEN) -> Answer:
    raw, headers = sign_body(
        {"relayId": f"r-{number}", "type": "request", "intent": "custom", "subject": "Hello"}, token
    )
    if key is not None:
        url = f"{BASE_URL}{RELAY}"
        headers |= signature_headers("POST", url, raw, destination=BASE_URL, key=key, at=datetime.now(UTC))
    return api.post(RELAY, raw=raw, headers=headers)


def test_a_new_key_is_fetched_from_its_desk_and_holds_from_then_on(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, peer: str
) -> None:
    first, second, third = (SigningKey.new(f"key-{number}") for number in (1, 2, 3))
    introduced(api, peer, first)
    publish(receiver, first)
    pump.run(FETCH)
    assert sorted(pump.calls) == ["Query", "UpdateItem", "UpdateItem"]
    assert relay(api, first, 1).status == 200
    publish(receiver, second, first)
    with time_machine.travel(NOON, tick=False) as clock:
        soon = relay(api, second, 2)
        assert (soon.status, soon.steps) == (401, 2), "they were asked for a moment ago"
        clock.shift(timedelta(minutes=10))
        soon = relay(api, second, 2)
        assert (soon.status, soon.headers["retry-after"], soon.steps) == (503, "120", 3), "a minute has begun, too"
        again = relay(api, second, 2)
        assert (again.status, again.steps) == (503, 1)
        pump.run(FETCH)
        assert [relay(api, key, number).status for number, key in enumerate((second, first), 2)] == [200, 200]
        assert relay(api, third, 4).status == 401
        forged = SigningKey.new("key-2")
        assert relay(api, forged, 5).status == 401, "another's key under a known name"
        assert relay(api, None, 6).status == 401, "it has introduced itself as one that signs"
        pump.run(FETCH)
        assert pump.calls == ["Query"]
    assert [each.path for each in receiver.received] == [WELL_KNOWN] * 2


def test_an_introduction_does_not_hold_against_what_the_desk_publishes(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, peer: str
) -> None:
    claimed, real = SigningKey.new("claimed"), SigningKey.new("real")
    introduced(api, peer, claimed)
    publish(receiver, real)
    pump.run(FETCH)
    assert relay(api, claimed, 1).status == 401
    assert relay(api, real, 2).status == 200


def test_a_desk_that_publishes_a_key_is_sent_signed_messages_and_may_send_unsigned_ones(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, peer: str
) -> None:
    allow_federation(approval=True)
    key = SigningKey.new("key-1")
    made = api.post(CONNECTIONS, connection_request(fromInstanceUrl=peer)).json["connectionId"]
    other = connection_request(fromInstanceUrl=peer, fromUserEmail="tom@other.example.org", federationToken="u" * 40)
    api.post(CONNECTIONS, other)
    publish(receiver, key)
    pump.run(FETCH)
    assert len(receiver.received) == 1, "once for both connections"
    api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": "accept"}, token=desk.alice_key)
    pump.drain(PEER_NOTICES)
    got = receiver.received[-1]
    sent = RawRequest(got.method, got.path, got.headers, got.body, datetime.now(UTC))
    own = [DynamoFederation().find_key().public]
    assert refuse_signature(sent, base_url=peer, keys=own) is None
    assert relay(api, None, 1).status == 200, "it may not know yet that we understand signatures"
    assert relay(api, key, 2).status == 200
    assert relay(api, SigningKey.new("key-1"), 3).status == 401


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
def test_who_publishes_no_keys_of_ours_is_known_by_the_introduction(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, peer: str, wrong: dict[str, Any]
) -> None:
    key = SigningKey.new("key-1")
    introduced(api, peer, key)
    publish(receiver, SigningKey.new("key-2"), **wrong)
    pump.run(FETCH)
    assert relay(api, key, 1).status == 200
    pump.run(FETCH)
    assert pump.calls == ["Query"], "that was an answer"


def test_a_desk_that_is_down_is_asked_again_ever_more_rarely_and_then_no_more(
    api: Api, desk: Desk, pump: Pumps, receiver: Receiver, peer: str
) -> None:
    key = SigningKey.new("key-1")
    introduced(api, peer, key)
    receiver.status = 503
    with time_machine.travel(NOON, tick=False) as clock:
        for minutes in (0, 9, 1, 59, 1, 359, 1, 10_000):
            clock.shift(timedelta(minutes=minutes))
            pump.run(FETCH)
        assert len(receiver.received) == 4
        assert relay(api, key, 1).status == 200
        assert relay(api, SigningKey.new("key-2"), 2).status == 503, "reason enough to ask once more"
        publish(receiver, key)
        pump.run(FETCH)
    (connection,) = DynamoConnections().find_by_token(TOKEN)
    assert (connection.published, connection.keys_due_at) == ((key.public,), None)


def test_what_one_desk_publishes_another_reads(
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
