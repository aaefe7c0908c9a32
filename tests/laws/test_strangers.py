"""What bounds strangers: each operation that needs no credential, and each secret that somebody could guess."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from chalicelib.api.v2 import peer_admission
from chalicelib.api.v2.contract import V2
from chalicelib.edge.route import Route
from chalicelib.ids import (
    InstanceCredential,
    SignInSecret,
    TokenKind,
    mint_sign_in_secret,
    mint_token,
    parse_sign_in_secret,
    parse_token,
)
from chalicelib.tokens.services.guarded_budgets import GuardedBudgets
from infra.template.gateways import is_anonymous
from tests.support.api import ROUTES

_COUNTS = json.loads((Path(__file__).parents[2] / "docs/reference/store-calls.json").read_text())

NO_CALLS = "takes no store call"
TOKEN = "the budget of the connection's token; wrong tokens make an address wait"
SHARE = "each network address has a share of an hour"
OURS = "takes a secret of 256 bits with a checksum, and without one no store call"
RATE = "the rate that API Gateway allows for operations without a credential, or the proxy before a host"
BOUNDS = {
    "acknowledge_relay": TOKEN,
    "call_mcp": OURS,
    "confirm_connection": TOKEN,
    "describe_desk": RATE,
    "discover_network": RATE,
    "end_connection": TOKEN,
    "get_agent_card": NO_CALLS,
    "get_console": NO_CALLS,
    "get_console_asset": NO_CALLS,
    "get_console_worker": NO_CALLS,
    "get_docs": NO_CALLS,
    "get_docs_asset": NO_CALLS,
    "get_health": NO_CALLS,
    "get_openapi": NO_CALLS,
    "get_v2_docs": NO_CALLS,
    "get_v2_openapi": NO_CALLS,
    "list_updates": NO_CALLS,
    "open_mcp_stream": NO_CALLS,
    "receive_relay": TOKEN,
    "register_instance": SHARE,
    "request_connection": SHARE,
    "sign_in": OURS,
}


def routes_of_strangers() -> dict[str, Route]:
    return {each.__name__: each for each in ROUTES.values() if not each.callers or each.caller_is_optional}


def test_every_operation_for_strangers_says_what_bounds_it() -> None:
    found = routes_of_strangers()
    assert set(found) == set(BOUNDS)
    for name, route in found.items():
        if BOUNDS[name] == NO_CALLS:
            assert _COUNTS[name]["steps"] == 0, name
        if BOUNDS[name] == TOKEN:
            assert route.gate is not None, name
            assert route.gate.__module__ == peer_admission.__name__, name
        if BOUNDS[name] == RATE:
            assert is_anonymous(route), name


@pytest.mark.parametrize("kind", [*TokenKind, *SignInSecret])
def test_every_secret_of_ours_is_refused_without_a_store_call_if_a_character_is_wrong(
    kind: TokenKind | SignInSecret,
) -> None:
    if isinstance(kind, TokenKind):
        text = mint_token(kind, None if kind is TokenKind.KEY else str(uuid4())).text
        assert parse_token(text) is not None
        assert [parse_token(wrong) for wrong in spoilt(text, str(kind))] == [None] * 3
        return
    text = mint_sign_in_secret(kind).text
    assert parse_sign_in_secret(kind, text) is not None
    assert [parse_sign_in_secret(kind, wrong) for wrong in spoilt(text, str(kind))] == [None] * 3


def spoilt(text: str, prefix: str) -> list[str]:
    """Return the secret with another character after its prefix and at its end, and cut."""
    place = len(prefix) + 3
    swapped = "A" if text[place] != "A" else "B"
    return [
        text[:place] + swapped + text[place + 1 :],
        text[:-1] + ("A" if text[-1] != "A" else "B"),
        text[:-1],
    ]


def test_secrets_that_others_choose_or_that_have_no_checksum_are_guarded() -> None:
    """Instances' credentials are the only other bearer secrets, and every family that takes them has the guard."""
    assert set(InstanceCredential) == {InstanceCredential.PLATFORM, InstanceCredential.INSTANCE}
    assert isinstance(V2.tokens, GuardedBudgets)
    takers = {
        route.family.tokens
        for route in ROUTES.values()
        if any(each.__name__ in ("PlatformToken", "InstanceKey") for each in route.callers)
    }
    assert takers
    assert all(isinstance(each, GuardedBudgets) for each in takers)
