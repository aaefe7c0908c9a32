"""What bounds strangers: each operation that needs no credential, and each secret that somebody could guess."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine

from chalicelib.api.v2 import peer_admission
from chalicelib.api.v2.contract import V2
from chalicelib.core.domain.callers import InstanceKey, PlatformToken
from chalicelib.edge.auth import CALLER_TYPES
from chalicelib.edge.route import Route
from chalicelib.ids import (
    InstanceCredential,
    PathSecret,
    SignInSecret,
    TokenKind,
    mint_platform_token,
    mint_sign_in_secret,
    mint_token,
)
from chalicelib.tokens.domain.identity_providers import ATTEMPT_COOKIE
from chalicelib.tokens.domain.passkeys import BROWSER_COOKIE
from chalicelib.tokens.domain.sessions import COOKIE
from chalicelib.tokens.services.guarded_budgets import GuardedBudgets
from infra.template.gateways import is_anonymous
from tests.support import authenticator
from tests.support.api import ROUTES, Api
from tests.support.authenticator import SoftPasskey
from tests.support.hostile_peer import ACCEPT, END, HEARTBEAT, WEBHOOK
from tests.support.instances import REGISTER, new_registration, register_instance, run_admin
from tests.support.mcp import new_message, post_message
from tests.support.passkeys import OWN, Visitor
from tests.support.peer import ACK, RELAY
from tests.support.secrets_in_code import find_cookies, find_makers, find_secret_fields
from tests.support.sessions import OWN_PAGE, SESSIONS, cookie
from tests.support.sockets import Sockets

_COUNTS = json.loads((Path(__file__).parents[2] / "docs/reference/store-calls.json").read_text())
NOON = datetime(2026, 5, 21, 12, 0, tzinfo=UTC)
STRANGER = "203.0.113.9"

NO_CALLS = "takes no store call"
TOKEN = "the budget of the connection's token; wrong tokens make an address wait"
SHARE = "each network address has a share of an hour"
MINUTE = "each network address has a share of a minute, which is counted before what costs"
OURS = "takes a secret of 256 bits with a checksum, and without one no store call"
SEALED = "takes an id that is sealed with the desk's key, and without one no store call"
RECORDED = "takes a secret of 256 bits with a checksum, and without one only the call that records the refusal"
# The method has a rate of its own at API Gateway, or at the proxy before a host, so it takes nothing from others.
READS = "reads rows by key, which costs less than the write that would count it; questions and challenges: see TAKEN"
LISTS = "reads the few rows that operators wrote, which costs less than the write that would count it"
BOUNDS = {
    "acknowledge_relay": TOKEN,
    "ask_to_sign_in": MINUTE,
    "call_mcp": OURS,
    "confirm_connection": TOKEN,
    "describe_desk": READS,
    "discover_network": MINUTE,
    "end_connection": TOKEN,
    "finish_sign_in": MINUTE,
    "get_agent_card": NO_CALLS,
    "get_console": NO_CALLS,
    "get_console_asset": NO_CALLS,
    "get_console_worker": NO_CALLS,
    "get_docs": NO_CALLS,
    "get_docs_asset": NO_CALLS,
    "get_health": NO_CALLS,
    "get_openapi": NO_CALLS,
    "get_scim_openapi": NO_CALLS,
    "get_v2_docs": NO_CALLS,
    "get_v2_openapi": NO_CALLS,
    "ingest_by_address": OURS,
    "ingest_by_put": OURS,
    "list_sign_in_providers": LISTS,
    "list_updates": NO_CALLS,
    "open_mcp_stream": NO_CALLS,
    "receive_relay": TOKEN,
    "register_instance": SHARE,
    "request_connection": SHARE,
    "sign_in": RECORDED,
    "sign_in_with_passkey": RECORDED,
    "show_unsubscribe": SEALED,
    "start_sign_in": MINUTE,
    "unsubscribe_from_email": SEALED,
}

# Every function that draws random bits, with what they are for.
MADE = {
    "chalicelib.ids.mint_token": "tools tokens, personal tokens (also claimed ones) and API keys: CHECKED",
    "chalicelib.ids.mint_sign_in_secret": "sessions, codes, tickets, challenges of passkeys, ingest tokens: CHECKED",
    "chalicelib.ids.mint_platform_token": "platform tokens: GUARDED",
    "chalicelib.api.v2.connection_requests.ask_for_connection": "connection tokens of our requests: GUARDED",
    "infra.commands.hub.join": "our instance key at a hub, with which the hub calls back: GUARDED",
    "chalicelib.api.v2.sign_in.start_sign_in": "an attempt of single sign-on, in a cookie: see TAKEN",
    "chalicelib.api.v2.authenticators.new_browser": "names a browser that answers a challenge, in a cookie: see TAKEN",
    "chalicelib.ids.new_signing_secret": "signs our callbacks; no operation takes it",
    "chalicelib.federation.connections.signatures.SigningKey.new": "our private key; no operation takes it",
    "chalicelib.queues.notices.deliver_notice": "challenges that we send; the proof comes in the reply",
    "chalicelib.api.v2.operate_federation.block_origin": "challenges that we send, as above",
    "chalicelib.api.v2.operate_network._decision": "challenges that we send, as above",
    "infra.commands.federation.block": "challenges that we send, as above",
    "infra.commands.instances._decision": "challenges that we send, as above",
    "chalicelib.vault.new_key": "the sealing key, which operators keep in the environment",
    "chalicelib.live.message_encryption.encrypt_message": "a salt and a key for one message; no operation takes them",
    "chalicelib.vault.seal": "a nonce, no secret",
    "chalicelib.sealing.seal": "a nonce, no secret",
    "chalicelib.ids.new_request_id": "an id, no secret",
    "chalicelib.ids.new_nonce": "names an attempt or a write, no secret",
    "chalicelib.ids.new_ulid": "an id, no secret",
}
# Every field of a request that sounds like a secret, beside the bearer tokens, with what stops guessing it.
TAKEN = {
    "X-Federation-Token": "GUARDED, as a connection token or an instance key",
    "federationToken": "the asker's own choice; what has it already is nobody's business and is not told",
    "apiKey": "GUARDED where an operator decided, and before that the registrant's own choice",
    "code": "of sign_in: CHECKED; of finish_sign_in: the provider refuses it, and attempts are counted by minute",
    "state": "follows from the attempt's cookie, so there is no row to find; attempts are counted by minute",
    "credential": "of a passkey: a signature over a challenge, which is CHECKED, so nothing is found by guessing",
    "authenticatorData": "of a passkey, as above",
    "signature": "of a passkey, as above: verified with a key, so nothing is found by it",
    "challenge": "no secret: the desk that asks chose it, and the proof is of use to that desk only",
    "connection": "GUARDED: the SHA-256 of a connection token",
    "Signature-Input": "a signature is verified with a key, so nothing is found by it",
    "keyId": "no secret: the name of a public key",
    "publicKey": "no secret",
    "keys": "of a browser's subscription, which the person gives",
    "auth": "of a browser's subscription, which the person gives",
    "p256dh": "of a browser's subscription, which the person gives",
    "authMethod": "no secret: how an agent's own users sign in",
    "linked_tools_token_id": "no secret: an id",
    "signing_secret": "the maker's own: requests to an address must be signed with it",
    "withoutChallenge": "no secret: a choice",
}
_COMPARED = "compared with the hash in a challenge's row, so nothing is found by it"
COOKIES = {COOKIE: "CHECKED", ATTEMPT_COOKIE: TAKEN["state"], BROWSER_COOKIE: _COMPARED}


# The transaction that records a refusal in the audit log, once in ten minutes for each network.
RECORDING = ["TransactWriteItems"]


def of_bearer(path: str) -> Callable[[Api, str], tuple[int, list[str]]]:
    def show(api: Api, text: str) -> tuple[int, list[str]]:
        answer = api.get(path, text)
        return answer.status, answer.calls

    return show


def of_address(api: Api, text: str) -> tuple[int, list[str]]:
    answer = api.post(f"/api/v1/ingest/ntfy/{text}", {"topic": "x"})
    return answer.status, answer.calls


def of_session(api: Api, text: str) -> tuple[int, list[str]]:
    answer = api.get("/api/v2/me", headers=cookie(text))
    return answer.status, answer.calls


def of_code(api: Api, text: str) -> tuple[int, list[str]]:
    answer = api.post(SESSIONS, {"code": text}, headers=OWN_PAGE)
    return answer.status, answer.calls


def of_challenge(api: Api, text: str) -> tuple[int, list[str]]:
    asked = {"challenge": authenticator.encode(text.encode())}
    credential = authenticator.get(asked, OWN, SoftPasskey(b"nobody"))
    answer = Visitor(api).send(credential)
    return answer.status, answer.calls


def of_socket(_: Api, text: str) -> tuple[int, list[str]]:
    client = Sockets().connect(subprotocols=["bearer", text])
    return client.status, client.calls


def of_mcp(api: Api, text: str) -> tuple[int, list[str]]:
    answer = post_message(api, new_message("tools/call", name="task_list", arguments={}), text)
    return answer.status, answer.calls


# The secrets of 256 bits with a checksum, each with every kind of door that takes it.
CHECKED = {
    (TokenKind.TOOLS, "HTTP"): of_bearer("/api/v1/integrators"),
    (TokenKind.TOOLS, "MCP"): of_mcp,
    (TokenKind.PERSONAL, "HTTP"): of_bearer("/api/v1/events/nothing"),
    (TokenKind.SCIM, "HTTP"): of_bearer("/scim/v2/Users"),
    (TokenKind.KEY, "HTTP"): of_bearer("/api/v2/me"),
    (TokenKind.KEY, "MCP"): of_mcp,
    (TokenKind.KEY, "socket"): of_socket,
    (PathSecret.INGEST, "address"): of_address,
    (SignInSecret.SESSION, "HTTP"): of_session,
    (SignInSecret.CODE, "sign_in"): of_code,
    (SignInSecret.TICKET, "socket"): of_socket,
    (SignInSecret.CHALLENGE, "sign_in_with_passkey"): of_challenge,
}


def guess_token(path: str) -> Callable[[Api, int], int]:
    def guess(api: Api, number: int) -> int:
        sent = {"X-Federation-Token": f"wrong-token-{number}"}
        event = {"event": "agent_approval", "agentId": "x", "status": "rejected", "timestamp": "2026-05-21T12:00:00Z"}
        body = event if path == WEBHOOK else {"intent": "get_info", "subject": "Hi"}
        return api.post(path, body, headers=sent, address=STRANGER).status

    return guess


def guess_platform_token(api: Api, _: int) -> int:
    return api.post(HEARTBEAT, None, mint_platform_token().text, address=STRANGER).status


def guess_instance_key(api: Api, number: int) -> int:
    return api.get("/api/v2/prompt-groups", f"guess-{number}", address=STRANGER).status


def guess_registered_key(api: Api, number: int) -> int:
    known = new_registration(baseUrl="https://known.example", apiKey=f"wrong-key-{number}")
    return api.post(REGISTER, known, address=STRANGER).status


def guess_connection(api: Api, number: int) -> int:
    asked = f"/.well-known/fluxden?connection={number:064x}&to=https://peer.example"
    return api.get(asked, address=STRANGER).status


# The secrets that others choose, or that have no checksum: by door the guess, its refusal, and how many are free.
GUARDED = {
    "connection token, relay": (guess_token(RELAY), 401, 5),
    "connection token, acknowledgement": (guess_token(ACK), 401, 5),
    "connection token, acceptance": (guess_token(ACCEPT), 401, 5),
    "connection token, end": (guess_token(END), 401, 5),
    "connection token, its SHA-256": (guess_connection, 404, 100),
    "platform token": (guess_platform_token, 401, 5),
    "instance key": (guess_instance_key, 401, 5),
    "instance key, webhook": (guess_token(WEBHOOK), 401, 5),
    "instance key, registration": (guess_registered_key, 403, 5),
}


def routes_of_strangers() -> dict[str, Route]:
    return {each.__name__: each for each in ROUTES.values() if not each.callers or each.caller_is_optional}


def test_every_operation_for_strangers_says_what_bounds_it() -> None:
    found = routes_of_strangers()
    assert set(found) == set(BOUNDS)
    for name, route in found.items():
        match BOUNDS[name]:
            case bound if bound == NO_CALLS:
                assert _COUNTS[name]["steps"] == 0, name
            case bound if bound == TOKEN:
                assert route.gate is not None, name
                assert route.gate.__module__ == peer_admission.__name__, name
            case bound if bound in (READS, LISTS):
                assert is_anonymous(route), f"{name} has no rate of its own at API Gateway"


def test_every_secret_that_is_made_or_taken_has_a_row() -> None:
    assert find_makers() == set(MADE)
    assert set(CALLER_TYPES) == {*TokenKind, *InstanceCredential, SignInSecret.SESSION}
    assert {kind for kind, _ in CHECKED} == {*TokenKind, *SignInSecret, *PathSecret}
    assert {each.value for each in InstanceCredential} <= set(GUARDED)
    taken = {name for route in ROUTES.values() for name in find_secret_fields(route)}
    assert taken == set(TAKEN)
    assert find_cookies() == set(COOKIES)


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(("kind", "door"), CHECKED, ids=lambda each: str(each).strip("-_"))
def test_a_secret_of_ours_with_a_wrong_character_is_refused_without_looking_for_it(
    api: Api, kind: TokenKind | SignInSecret | PathSecret, door: str
) -> None:
    show = CHECKED[kind, door]
    recorded = RECORDING if BOUNDS.get(door) == RECORDED else []
    if isinstance(kind, TokenKind):
        text = mint_token(kind, None if kind is TokenKind.KEY else str(uuid4())).text
    else:
        text = mint_sign_in_secret(kind).text
    status, calls = show(api, text)
    assert status == 401
    assert len(calls) > len(recorded), "nobody has this one, which only the store can say"
    for wrong in spoilt(text, str(kind)):
        assert show(api, wrong) == (401, recorded), wrong
    assert show(api, "")[1] in ([], recorded)


def spoilt(text: str, prefix: str) -> list[str]:
    """Return the secret with another character at places from its prefix to its end, with one more, and cut."""
    places = (len(prefix) + 3, len(text) // 2, len(text) - 8, len(text) - 1)
    swapped = [text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :] for place in places]
    return [*swapped, text[:-1], f"{text}A"]


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("secret", GUARDED)
def test_wrong_tries_of_a_secret_that_could_be_guessed_make_the_next_ones_wait(api: Api, secret: str) -> None:
    guess, refused, free = GUARDED[secret]
    known = register_instance(api, baseUrl="https://known.example", apiKey="the-key-that-is-right")
    run_admin("instances", "approve", known.instance_id, "--without-challenge")
    with time_machine.travel(NOON, tick=False) as clock:
        assert [guess(api, number) for number in range(free + 3)] == [refused] * free + [429] * 3
        clock.shift(1)
        assert [guess(api, free + number) for number in range(2)] == [refused, 429]
        clock.shift(1)
        assert guess(api, free + 2) == 429, "the second wait is longer"


def test_every_family_that_takes_credentials_of_instances_has_the_guard() -> None:
    assert isinstance(V2.tokens, GuardedBudgets)
    takers = {r.family.tokens for r in ROUTES.values() if {PlatformToken, InstanceKey} & set(r.callers)}
    assert takers
    assert all(isinstance(each, GuardedBudgets) for each in takers)


@pytest.mark.usefixtures("desk")
def test_an_attempt_of_single_sign_on_finds_nothing_that_could_be_guessed(api: Api) -> None:
    path = "/api/v2/sign-in/company/callback?code=x&state=guess"
    answer = api.get(path, headers={"Cookie": f"{ATTEMPT_COOKIE}=guess"})
    assert (answer.status, answer.calls) == (303, ["GetItem", *RECORDING]), "only the provider is looked up"
