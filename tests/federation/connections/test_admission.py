"""Admission of what peers send: tokens, states, digests, signatures and budgets."""

import json
from datetime import UTC, datetime

import pytest
import time_machine

from chalicelib.federation.connections.signatures import SigningKey
from chalicelib.settings import settings
from tests.conftest import Desk
from tests.federation.connections.connection_calls import ACCEPT, END
from tests.federation.relays.relay_calls import PATHS, new_relay, peer_messages, receive_relay, sign_relay
from tests.support import concurrency
from tests.support.api import Api
from tests.support.instances import register_instance, run_admin
from tests.support.peer import ACK, CONNECTIONS, RELAY, allow_federation, connection_request, sign_body

SIGNED_PATHS = [*PATHS, ACK]
PEER_PATHS = [*SIGNED_PATHS, ACCEPT, END]


def sign_with_hmac(api: Api, desk: Desk) -> None:
    made = desk.demo["federation"]["connection_id"]
    patched = api.call("PATCH", f"{CONNECTIONS}/{made}", {"hmacEnabled": True}, token=desk.alice_key)
    assert patched.json["data"]["hmacEnabled"] is True


@pytest.mark.parametrize("path", SIGNED_PATHS)
def test_a_request_without_a_known_token_is_refused(api: Api, desk: Desk, token: str, path: str) -> None:
    assert api.post(path, {"status": "completed"}).status == 401
    assert api.post(path, {"status": "completed"}, headers={"X-Federation-Token": "  "}).status == 401
    assert api.post(path, {"status": "completed"}, headers={"X-Federation-Token": "unknown"}).status == 401
    assert api.post(path, raw=b"{", headers={"X-Federation-Token": "unknown"}).status == 401, "nor learns of its body"
    assert api.post(path, raw=b"{", headers={"X-Federation-Token": token}).status == 400
    allow_federation(inbound=False)
    assert api.post(path, {}, headers={"X-Federation-Token": token}).status == 403
    assert api.post(path, {}).status == 401


@pytest.mark.parametrize("path", PEER_PATHS)
@pytest.mark.parametrize("unknown", ["", "unknown", "x" * 600, "t\u00f6ken", "two words", "dvd_fed_" + "a" * 40])
def test_an_unknown_or_malformed_token_is_401_and_an_inactive_one_404(
    api: Api, desk: Desk, token: str, path: str, unknown: str
) -> None:
    assert api.post(path, {"status": "completed"}, headers={"X-Federation-Token": unknown}).status == 401
    made = desk.demo["federation"]["connection_id"]
    assert api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": "block"}, token=desk.alice_key).status == 200
    assert api.post(path, {"status": "completed"}, headers={"X-Federation-Token": token}).status == 404


@pytest.mark.parametrize("action", ["block", "decline"])
def test_an_ended_connection_lets_nothing_in(api: Api, desk: Desk, token: str, action: str) -> None:
    made = desk.demo["federation"]["connection_id"]
    api.call("PATCH", f"{CONNECTIONS}/{made}", {"action": action}, token=desk.alice_key)
    assert receive_relay(api, token).status == 404
    assert peer_messages(api, desk.alice_key) == []


def test_a_pending_connection_lets_no_relay_in(api: Api, desk: Desk) -> None:
    allow_federation(approval=True)
    api.post(CONNECTIONS, connection_request())
    assert receive_relay(api, connection_request()["federationToken"]).status == 404


@pytest.mark.parametrize("path", PATHS)
def test_a_connection_with_hmac_needs_a_digest_of_the_raw_body(api: Api, desk: Desk, token: str, path: str) -> None:
    sign_with_hmac(api, desk)
    raw, headers = sign_body(new_relay(), token)
    spaced = json.dumps(new_relay(), indent=2).encode()
    digest = headers["X-Federation-HMAC"]
    assert receive_relay(api, token, path).status == 401
    of_another = sign_body(new_relay(), "other")[1]["X-Federation-HMAC"]
    for wrong in ("", "x", digest.upper(), f"{digest}zz", digest[:-2], f" {digest}x", of_another):
        assert api.post(path, raw=raw, headers=headers | {"X-Federation-HMAC": wrong}).status == 401
    assert api.post(path, raw=spaced, headers=headers).status == 401
    assert api.post(path, raw=b"{", headers=headers).status == 401, "before the body is read"
    assert peer_messages(api, desk.alice_key) == []
    assert api.post(path, raw=raw, headers=headers).status == 200
    assert api.post(path, raw=spaced, headers=sign_body(spaced, token)[1]).json["duplicate"] is True


def test_an_acknowledgement_needs_a_digest_as_well(api: Api, desk: Desk, token: str) -> None:
    sign_with_hmac(api, desk)
    ack = {"relayId": "r", "status": "completed"}
    assert api.post(ACK, ack, headers={"X-Federation-Token": token}).status == 401
    raw, headers = sign_body(ack, token)
    assert api.post(ACK, raw=raw, headers=headers).status == 404


@pytest.mark.parametrize("path", PATHS)
def test_a_peer_that_sent_a_key_must_sign_with_it(
    api: Api, desk: Desk, signing_peer: tuple[SigningKey, str], path: str
) -> None:
    key, token = signing_peer
    raw, headers = sign_relay(new_relay(), key, token, path)
    assert api.post(path, raw=raw, headers=headers).status == 200


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "Forwarded", "X-Original-Host"])
@pytest.mark.parametrize("path", [*PATHS, ACK, ACCEPT, END])
def test_no_header_decides_which_desk_a_signature_is_for(
    api: Api, desk: Desk, signing_peer: tuple[SigningKey, str], path: str, header: str
) -> None:
    """A message that the peer signed for another desk is not taken here, whatever host the caller names."""
    key, token = signing_peer
    named = {header: "host=other.example" if header == "Forwarded" else "other.example"}
    for base_url in ("https://other.example", "http://other.example"):
        raw, headers = sign_relay(new_relay(), key, token, path, base_url=base_url)
        assert api.post(path, raw=raw, headers=headers | named).status == 401
    raw, headers = sign_relay(new_relay(), key, token, path)
    assert api.post(path, raw=raw, headers=headers | named).status != 401


def test_each_connection_has_its_own_rate_limit(
    api: Api, desk: Desk, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLUXDEN_CONNECTION_BUDGET", "3")
    settings.cache_clear()
    with time_machine.travel(datetime(2026, 5, 21, 12, 0, 10, tzinfo=UTC), tick=False) as clock:
        taken = [receive_relay(api, token, relayId=f"r-{number}") for number in range(3)]
        assert [each.headers["x-ratelimit-remaining"] for each in taken] == ["2", "1", "0"]
        for path in (RELAY, ACK, "/api/federation/connect/accept"):
            refused = api.post(path, raw="{", headers={"X-Federation-Token": token})
            assert (refused.status, refused.headers["retry-after"]) == (429, "50")
            assert refused.headers["x-ratelimit-limit"] == "3"
        unknown = receive_relay(api, "a-token-that-nobody-knows")
        assert (unknown.status, "x-ratelimit-limit" in unknown.headers) == (401, False)
        clock.shift(50)
        refused = api.post(ACK, {}, headers={"X-Federation-Token": token})
        assert (refused.status, refused.headers["x-ratelimit-remaining"]) == (400, "2")
        answers = concurrency.run_concurrently(
            6, lambda _: api.post(ACK, {}, headers={"X-Federation-Token": token}).status
        )
        assert sorted(answers) == [400, 400, 429, 429, 429, 429]


@pytest.mark.parametrize("path", PEER_PATHS)
def test_a_suspended_desk_gets_nothing_in_until_it_is_approved_again(
    api: Api, desk: Desk, token: str, path: str
) -> None:
    body = {"relayId": "r", "status": "completed"}
    made = register_instance(api, baseUrl="https://DESK.peer.example.:443/")
    run_admin("instances", "approve", made.instance_id, "--without-challenge")
    allowed = api.post(path, body, headers={"X-Federation-Token": token}).status
    run_admin("instances", "suspend", made.instance_id)
    refused = api.post(path, body, headers={"X-Federation-Token": token})
    assert (refused.status, refused.json["error"]) == (404, "No active connection for this token.")
    allow_federation()
    asked = connection_request(fromInstanceUrl="https://desk.peer.example/", federationToken="another-token-of-theirs")
    assert api.post(CONNECTIONS, asked).status == 403
    run_admin("federation", "set", "--mode", "open")
    assert api.post(path, body, headers={"X-Federation-Token": token}).status == 404, "settings leave it suspended"
    run_admin("instances", "approve", made.instance_id, "--without-challenge")
    assert api.post(path, body, headers={"X-Federation-Token": token}).status == allowed
    assert api.post(CONNECTIONS, asked).status == 200
