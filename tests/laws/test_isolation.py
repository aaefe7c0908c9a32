"""Nobody reaches another person's data: every operation gets Bob's valid request from everybody else."""

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
    ANY_PERMISSION,
    ApiKey,
    Caller,
    InstanceKey,
    PersonalToken,
    PlatformToken,
    ScimToken,
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
from tests.support.directories import new_scim_token
from tests.support.engine_state import Snapshot, take_snapshot
from tests.support.sample_data import CANARY, SampleData, SampleRequest
from tests.support.sample_requests import ROUTES_BY_NAME, SAMPLE_REQUESTS, sample_request
from tests.support.sockets import Sockets
from tests.support.store_calls import record_store_calls
from tests.support.stored_rows import Rows, list_messages, read_rows

# Access does not depend on the engine.
pytestmark = pytest.mark.engine("embedded")

# Operations that name an entity in their body or query.
NAMING_IN_INPUT = {"acknowledge_relay", "confirm_connection", "delete_key", "send_relay", "switch_key"}
NAMING_IN_INPUT |= {"list_employee_tasks", "propose_employee_task", "remove_passkey", "rename_passkey"}
# Operations whose path names an entity of the caller.
OWN_BY_PATH = {"put_synced_agent"}
# The body names the operation, and the response says whether it was refused.
CALLS_TOOLS = "call_mcp"
# Fields that look like ids of entities, but are chosen by the caller, public, or for administrators.
HARMLESS_FIELDS = {
    "event_id",
    "relayId",
    "peerRelayId",
    "threadId",
    "parentRelayId",
    "teamId",
    "projectId",
    "project_slug",
}
# A sender's own name for what it sends again; and what only a key names: tests/tokens/test_ingest_tokens.py.
HARMLESS_FIELDS |= {"sequence_id", "integration_id"}
HARMLESS_FIELDS |= {"capabilityId", "marketplaceId", "instanceId", "slug", "contact_user_id", "linked_tools_token_id"}
# Ids that the other desk chooses.
HARMLESS_FIELDS_OF_PEERS = {"connectionId"}
READS = {f"dynamodb:{each}" for each in ("GetItem", "BatchGetItem", "Query")}
# Authenticating takes from a budget.
_SPENT = ("dynamodb:UpdateItem", TOKENS.physical_name)
# `make chaos SWEEP=whole` tries every stranger. Tests try the likeliest, and a sample chosen by the seed.
WHOLE = os.environ.get("SWEEP") == "whole"
SEED = os.environ.get("SWEEP_SEED", "1")
LIKELIEST, FURTHER = ("nobody", "a colleague's key", "the key of somebody without a team of bob's"), 3
AREAS = ("inbox", "chat", "queue", "kanban", "contacts", "catalog")


@dataclass(frozen=True)
class Stranger:
    """A credential that is not Bob's, or one of Bob's that lacks the permission."""

    name: str
    kind: type[Caller] | None
    credential: str
    usable: bool = True
    areas: tuple[str, ...] = ("all",)


@pytest.fixture(autouse=True)
def _large_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "1")


# The snapshot with the strangers, made by the first test.
_prepared: list[tuple[Snapshot, list[Stranger]]] = []


@pytest.fixture
def strangers(api: Api, desk: Desk) -> list[Stranger]:
    """Return every stranger. They are the same in every test."""
    if not _prepared:
        made = list(_strangers(api, desk))
        _prepared.append((take_snapshot(), made))
    snapshot, found = _prepared[0]
    snapshot.restore()
    return found


def test_every_operation_has_a_sample_request() -> None:
    assert set(SAMPLE_REQUESTS) == set(ROUTES_BY_NAME)


@pytest.mark.parametrize("name", sorted(SAMPLE_REQUESTS))
def test_a_stranger_reads_and_changes_nothing(
    api: Api, desk: Desk, strangers: list[Stranger], sockets: Sockets, name: str
) -> None:
    route, request = sample_request(name, SampleData(api, desk))
    _check_references(route, request)
    bob, snapshot, before, queued = desk.user_id("bob"), take_snapshot(), read_rows(), list_messages()
    tokens = read_rows(TOKENS)
    request = replace(request, body=_replace_canary(request.body))
    others = [each for each in strangers if each.credential != request.credential and _expected_statuses(route, each)]
    for each in _sample(others, name) if route.callers or route.gate else ():
        with record_store_calls() as seen:
            reply = request.send(api, route, credential=each.credential)
        attempt = (name, each.name, reply.status, reply.text)
        assert reply.status in _expected_statuses(route, each), attempt
        assert CANARY not in reply.text, attempt
        assert read_rows(TOKENS) == tokens or reply.status < 400, attempt
        if all(action in READS or (action, table) == _SPENT for action, table, _ in seen.permissions):
            continue
        after = read_rows()
        if reply.status >= 400:
            assert (after, list_messages()) == (before, queued), attempt
        assert _rows_of(bob, before).items() <= after.items(), attempt
        snapshot.restore()
    own = request.send(api, route)
    assert own.status == route.status, (name, own.text)


def _sample(found: list[Stranger], name: str) -> list[Stranger]:
    """Return the likeliest strangers and a sample of the others, or all in a whole sweep."""
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
    yield Stranger("a directory's token", ScimToken, new_scim_token())
    yield Stranger("another connection's token", None, str(desk.demo["federation"]["federation_token"]))
    for area in AREAS:
        yield Stranger(f"bob's key for {area}", ApiKey, new_api_key(desk, "bob", area), areas=(area,))
    for name, ends in (("an expired key", now - timedelta(days=1)), ("a key that is off", None)):
        token = mint_token(TokenKind.KEY)
        grant = KeyGrant(
            str(uuid4()), desk.user_id("bob"), "t", token.visible_prefix, frozenset({"all"}), expires_at=ends
        )
        DynamoTokens().add_key(grant, token, now=now)
        if ends is None:
            DynamoGrants().switch_key(grant.key_id, active=False, owner_id=None, claim=None, reply={})
        yield Stranger(name, ApiKey, token.text, usable=False)


def _expected_statuses(route: Route, stranger: Stranger) -> set[int]:
    """Return the statuses that the operation's declaration implies. Empty if the stranger has access."""
    named = "{" in route.path or route.__name__ in NAMING_IN_INPUT
    if route.__name__ == CALLS_TOOLS:
        return set() if "queue" in stranger.areas else {200} if _opens(stranger) else {401, 403}
    if route.__name__ == "finish_sign_in":
        return {303}
    provisions = stranger.kind is ScimToken and ScimToken in route.callers
    if route.__name__ in {"sign_in", "sign_in_with_passkey"} or provisions:
        # Whoever has the code, or the passkey, signs in. All directories provision the same people.
        return set()
    if route.gate:
        if route.__name__ in {"request_connection", "ask_to_sign_in"}:
            return {200}
        return {401, 404} if named or stranger.name != "another connection's token" else {200}
    if route.caller_is_optional:
        return {200}
    if stranger.kind not in route.callers or not stranger.usable:
        return {401, 403}
    if route.admin_only or route.operator_only:
        return {403}
    if stranger.areas != ("all",):
        return set() if route.permission in (ANY_PERMISSION, *stranger.areas) else {403}
    return {404} if named and route.__name__ not in OWN_BY_PATH else {200, 201, 202, 400, 403, 409}


def _opens(stranger: Stranger) -> bool:
    return stranger.usable and stranger.kind in (ApiKey, ToolsToken)


def _check_references(route: Route, request: SampleRequest) -> None:
    """Check that Bob's request has a value for every field that looks like the id of an entity."""
    models = [(route.body, request.body or {}), (route.annotations.get("query"), request.query)]
    for model, given in models:
        fields = getattr(model, "model_fields", {})
        names = {field.alias or name for name, field in fields.items()}
        things = {name for name in names if re.search(r"(^i|I|_i)d$|slug$|cursor$", name)}
        optional = (
            HARMLESS_FIELDS
            | (HARMLESS_FIELDS_OF_PEERS if route.gate else set())
            | (things if route.admin_only or route.operator_only else set())
        )
        assert things <= {*given, *optional}, (
            f"{route.__name__}: {things} may name an entity, but the sample request has no value"
        )


def _replace_canary(body: Any) -> Any:
    return json.loads(json.dumps(body).replace(CANARY, "words-of-a-stranger"))


def _rows_of(user_id: str, found: Rows) -> Rows:
    """Return the rows about this user."""
    return {key: row for key, row in found.items() if user_id in key[1] or user_id in row}
