"""Nobody reaches what is another's: every operation, with a valid request of bob's, made by everybody else."""

import json
import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.core.domain.callers import (
    ANY_AREA,
    ApiKey,
    Caller,
    InstanceKey,
    PersonalToken,
    PlatformToken,
    ToolsToken,
)
from chalicelib.edge.route import Route
from chalicelib.ids import TokenKind, mint_token
from chalicelib.resources import TOKENS
from chalicelib.tokens.domain.tokens import KeyGrant
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.tokens import DynamoTokens
from tests.conftest import Desk
from tests.support import instances
from tests.support.api import Api
from tests.support.api_keys import new_api_key
from tests.support.engine_state import Snapshot, take_snapshot
from tests.support.sample_data import CANARY, SampleData, SampleRequest
from tests.support.sample_requests import ROUTES_BY_NAME, SAMPLE_REQUESTS, sample_request
from tests.support.sockets import Sockets
from tests.support.store_calls import record_store_calls
from tests.support.stored_rows import Rows, list_messages, read_rows

# Who may reach what is no engine's affair.
pytestmark = pytest.mark.engine("embedded")

# Operations that are asked about another's thing otherwise than by their path.
NAMING_IN_INPUT = {"acknowledge_relay", "confirm_connection", "delete_key", "send_relay", "switch_key"}
# Whose paths name what everybody may have one of: here it is the stranger's own.
OWN_BY_PATH = {"put_synced_agent"}
# It says in its body which operation is meant, and there whether that was refused.
CALLS_TOOLS = "call_mcp"
# Names that sound like those of things, and are words of the caller's own, or public, or an administrator's.
WORDS = {"event_id", "relayId", "peerRelayId", "threadId", "parentRelayId", "teamId", "projectId", "project_slug"}
WORDS |= {"capabilityId", "marketplaceId", "instanceId", "slug", "contact_user_id", "linked_tools_token_id"}
# What these are called is the other desk's own affair.
WORDS_OF_PEERS = {"connectionId"}
READS = {f"dynamodb:{each}" for each in ("GetItem", "BatchGetItem", "Query")}
# Everybody tries with `make chaos SWEEP=whole`; in the tests these, and some more of them with each seed.
WHOLE = os.environ.get("SWEEP") == "whole"
SEED = os.environ.get("SWEEP_SEED", "1")
LIKELIEST, FURTHER = ("nobody", "a colleague's key", "the key of somebody without a team of bob's"), 3
AREAS = ("inbox", "chat", "queue", "kanban", "contacts", "catalog")


@dataclass(frozen=True)
class Stranger:
    """Somebody who is not bob, or one of bob's own credentials that does not open the operation."""

    name: str
    kind: type[Caller] | None
    credential: str
    usable: bool = True
    areas: tuple[str, ...] = ("all",)


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "1")


# The world with the strangers in it, made by the first test.
_peopled: list[tuple[Snapshot, list[Stranger]]] = []


@pytest.fixture
def strangers(api: Api, desk: Desk) -> list[Stranger]:
    """Everybody who is not bob; the same ones in every test."""
    if not _peopled:
        made = list(_strangers(api, desk))
        _peopled.append((take_snapshot(), made))
    world, found = _peopled[0]
    world.restore()
    return found


def test_every_operation_has_a_request_that_is_made_by_strangers() -> None:
    assert set(SAMPLE_REQUESTS) == set(ROUTES_BY_NAME)


@pytest.mark.parametrize("name", sorted(SAMPLE_REQUESTS))
def test_who_is_not_meant_reaches_nothing(
    api: Api, desk: Desk, strangers: list[Stranger], sockets: Sockets, name: str
) -> None:
    route, ask = sample_request(name, SampleData(api, desk))
    _check_references(route, ask)
    bob, kept, before, queued = desk.user_id("bob"), take_snapshot(), read_rows(), list_messages()
    tokens = read_rows(TOKENS)
    ask = replace(ask, body=_in_other_words(ask.body))
    others = [each for each in strangers if each.credential != ask.credential and _expected(route, each)]
    for each in _some(others, name) if route.callers or route.gate else ():
        with record_store_calls() as seen:
            reply = ask.send(api, route, credential=each.credential)
        told = (name, each.name, reply.status, reply.text)
        assert reply.status in _expected(route, each), told
        assert CANARY not in reply.text, told
        assert read_rows(TOKENS) == tokens or reply.status < 400, told
        if all(action in READS or table == TOKENS.physical_name for action, table, _ in seen.permissions):
            continue
        after = read_rows()
        if reply.status >= 400:
            assert (after, list_messages()) == (before, queued), told
        assert _of(bob, before).items() <= after.items(), told
        kept.restore()
    own = ask.send(api, route)
    assert own.status == route.status, (name, own.text)


def _some(found: list[Stranger], name: str) -> list[Stranger]:
    """The likeliest to get through, and some more by the seed; or all."""
    if WHOLE:
        return found
    first = [each for each in found if each.name in LIKELIEST]
    rest = [each for each in found if each not in first]
    return first + random.Random(f"{SEED} {name}").sample(rest, min(FURTHER, len(rest)))


def _strangers(api: Api, desk: Desk) -> Iterator[Stranger]:
    other, now = instances.add_member(api, name="Stranger"), datetime.now(UTC)
    yield Stranger("nobody", None, "")
    yield Stranger("nonsense", None, "dvd_nonsense")
    yield Stranger("an unknown key", ApiKey, mint_token(TokenKind.KEY).text, usable=False)
    yield Stranger("a colleague's key", ApiKey, desk.alice_key)
    yield Stranger("the key of somebody without a team of bob's", ApiKey, new_api_key(desk, "erin"))
    yield Stranger("a colleague's personal token", PersonalToken, desk.alice)
    yield Stranger("a held personal token", PersonalToken, desk.moderated)
    yield Stranger("another integrator's tools token", ToolsToken, desk.hr)
    yield Stranger("another instance's token", PlatformToken, other.token)
    yield Stranger("another instance's key", InstanceKey, other.key)
    yield Stranger("another connection's token", None, str(desk.demo["federation"]["federation_token"]))
    for area in AREAS:
        yield Stranger(f"bob's key for {area}", ApiKey, new_api_key(desk, "bob", area), areas=(area,))
    for name, ends in (("an expired key", now - timedelta(days=1)), ("a key that is off", None)):
        token = mint_token(TokenKind.KEY)
        grant = KeyGrant(str(uuid4()), desk.user_id("bob"), "t", token.shown, frozenset({"all"}), expires_at=ends)
        DynamoTokens().add_key(grant, token, now=now)
        if ends is None:
            DynamoGrants().switch_key(grant.key_id, active=False, owner_id=None, claim=None, reply={})
        yield Stranger(name, ApiKey, token.text, usable=False)


def _expected(route: Route, stranger: Stranger) -> set[int]:
    """By the operation's declaration: its kinds of callers, its area, what its path names. Nothing for bob himself."""
    named = "{" in route.path or route.__name__ in NAMING_IN_INPUT
    if route.__name__ == CALLS_TOOLS:
        return set() if "queue" in stranger.areas else {200} if _opens(stranger) else {401, 403}
    if route.gate:
        if route.__name__ == "request_connection":
            return {200}
        return {401, 404} if named or stranger.name != "another connection's token" else {200}
    if route.caller_is_optional:
        return {200}
    if stranger.kind not in route.callers or not stranger.usable:
        return {401, 403}
    if route.admin_only or route.operator_only:
        return {403}
    if stranger.areas != ("all",):
        return set() if route.area in (ANY_AREA, *stranger.areas) else {403}
    return {404} if named and route.__name__ not in OWN_BY_PATH else {200, 201, 202, 400, 403, 409}


def _opens(stranger: Stranger) -> bool:
    return stranger.usable and stranger.kind in (ApiKey, ToolsToken)


def _check_references(route: Route, ask: SampleRequest) -> None:
    """Whatever input is called like somebody's thing is given in bob's request, or known to be none."""
    models = [(route.body, ask.body or {}), (route.hints.get("query"), ask.query)]
    for model, given in models:
        fields = getattr(model, "model_fields", {})
        names = {field.alias or name for name, field in fields.items()}
        things = {name for name in names if re.search(r"(^i|I|_i)d$|slug$|cursor$", name)}
        optional = (
            WORDS
            | (WORDS_OF_PEERS if route.gate else set())
            | (things if route.admin_only or route.operator_only else set())
        )
        assert things <= {*given, *optional}, f"{route.__name__}: {things} may be another's, and nobody tries"


def _in_other_words(body: Any) -> Any:
    return json.loads(json.dumps(body).replace(CANARY, "words-of-a-stranger"))


def _of(user_id: str, found: Rows) -> Rows:
    """The rows about this user."""
    return {key: row for key, row in found.items() if user_id in key[1] or user_id in row}
