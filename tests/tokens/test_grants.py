"""Tokens as owners and operators see them: lists, switches, revocations and budgets."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound
from chalicelib.core.domain.idempotency import AlreadyAnswered, Claim
from chalicelib.ids import MintedToken, TokenKind, mint_token, parse_token
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.tokens.domain.tokens import KeyGrant, PersonalGrant, ToolsGrant, grant_id
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.token_budgets import DynamoTokenBudgets
from chalicelib.tokens.stores.tokens import DynamoTokens
from tests.support.concurrency import run_concurrently
from tests.support.store_calls import record_store_calls

GRANTS, TOKENS = DynamoGrants(), DynamoTokens()
NOON = datetime(2040, 5, 21, 12, tzinfo=UTC)
GRANT, TOOLS = grant_id("fd1", "alice"), "00000000-0000-4000-8000-000000000001"


@pytest.fixture(autouse=True)
def _people(tables: None) -> None:
    for name in ("alice", "bob"):
        DynamoDirectory().add_person(Person(name, f"{name}@example.com", name.title()))


def add_key(number: int = 0, owner: str = "alice") -> str:
    """Issue a key `number` minutes after noon, and return its id."""
    key = mint_token(TokenKind.KEY)
    now, key_id = NOON + timedelta(minutes=number), f"{owner}-{number}"
    TOKENS.add_key(KeyGrant(key_id, owner, f"Key {number}", key.visible_prefix, frozenset({"inbox"})), key, now=now)
    return key_id


def add_personal() -> MintedToken:
    token = mint_token(TokenKind.PERSONAL, GRANT)
    TOKENS.add_personal(PersonalGrant(GRANT, "fd1", "fd1.", "alice", TOOLS, "bob"), token, now=NOON)
    return token


def add_tools() -> MintedToken:
    token = mint_token(TokenKind.TOOLS, TOOLS)
    TOKENS.add_tools(ToolsGrant(TOOLS, "fd1", "fd1.", "bob", admin=True), token, now=NOON)
    return token


def spend(token: MintedToken, units: int, now: datetime = NOON) -> None:
    presented = parse_token(token.text)
    assert presented is not None
    DynamoTokenBudgets().spend(presented, Charge(units, 1), now=now)


def claim(nonce: str) -> Claim:
    return Claim("scope", "body", nonce, int(NOON.timestamp()), int(NOON.timestamp()) + 3600)


def switch(key_id: str, *, active: bool, owner_id: str | None = None) -> bool:
    return GRANTS.switch_key(key_id, active=active, owner_id=owner_id, claim=None, reply={})


def test_persons_keys_are_listed_newest_first() -> None:
    for number in (1, 0, 2):
        add_key(number)
    add_key(0, "bob")
    keys = GRANTS.list_keys("alice")
    assert [key.name for key in keys] == ["Key 2", "Key 1", "Key 0"]
    assert all(key.active and key.user_id == "alice" and key.usage_count == 0 for key in keys)
    assert keys[0].last_used_at is keys[0].expires_at is None
    with record_store_calls() as seen:
        assert GRANTS.list_keys("nobody") == []
    assert seen.calls == ["Query"]


def test_keys_and_personal_tokens_of_a_person_are_lists_of_their_own() -> None:
    add_key()
    add_personal()
    add_tools()
    assert [each.key_id for each in GRANTS.list_keys("alice")] == ["alice-0"]
    assert [each.token_id for each in GRANTS.list_personal("alice")] == [GRANT]
    assert [each.token_id for each in GRANTS.list_tools()] == [TOOLS]
    assert GRANTS.find_key_owner("alice-0") == "alice"
    assert GRANTS.find_key_owner(GRANT) is None


def test_issued_token_shows_its_use_and_until_when_its_previous_secret_works() -> None:
    token = add_tools()
    issued = GRANTS.find_issued(TokenKind.TOOLS, TOOLS)
    assert issued is not None
    assert (issued.user_id, issued.admin, issued.use_count, issued.last_used_at) == ("bob", True, 0, None)
    spend(token, 1)
    ends = TOKENS.rotate(mint_token(TokenKind.TOOLS, TOOLS), now=NOON)
    issued = GRANTS.find_issued(TokenKind.TOOLS, TOOLS)
    assert issued is not None
    assert (issued.use_count, issued.last_used_at, issued.prior_until) == (1, NOON, ends)
    assert GRANTS.find_issued(TokenKind.PERSONAL, TOOLS) is None


def test_key_is_switched_by_its_owner_or_an_operator() -> None:
    key_id = add_key()
    for owner, found in (("bob", False), ("alice", True), (None, True)):
        assert switch(key_id, active=False, owner_id=owner) is found
        assert GRANTS.list_keys("alice")[0].active is not found
        assert switch(key_id, active=True)
    assert not switch("unknown", active=False)


def test_key_of_an_inactive_person_is_disabled_but_not_enabled() -> None:
    key_id = add_key()
    DynamoDirectory().set_active("alice", active=False)
    assert switch(key_id, active=False)
    with pytest.raises(Forbidden):
        switch(key_id, active=True)
    assert not GRANTS.list_keys("alice")[0].active


def test_one_of_concurrent_deletions_succeeds() -> None:
    key_id = add_key()
    assert not GRANTS.delete_key(key_id, owner_id="bob", claim=None)
    found = run_concurrently(4, lambda _: GRANTS.delete_key(key_id, owner_id="alice", claim=None))
    assert sum(found) == 1
    assert GRANTS.list_keys("alice") == []
    assert not switch(key_id, active=True)


def test_switch_or_deletion_that_repeats_a_claim_changes_nothing() -> None:
    first, second = add_key(1), add_key(2)
    assert GRANTS.switch_key(first, active=False, owner_id=None, claim=claim("one"), reply={"id": first})
    with pytest.raises(AlreadyAnswered) as repeated:
        GRANTS.switch_key(second, active=False, owner_id=None, claim=claim("two"), reply={})
    assert repeated.value.answered.reply == {"id": first}
    with pytest.raises(AlreadyAnswered):
        GRANTS.delete_key(second, owner_id=None, claim=claim("three"))
    assert [key.active for key in GRANTS.list_keys("alice")] == [True, False]


def test_token_is_disabled_and_enabled_once_each() -> None:
    add_tools()
    for active in (False, True):
        assert GRANTS.set_status(TokenKind.TOOLS, TOOLS, active=active)
        assert not GRANTS.set_status(TokenKind.TOOLS, TOOLS, active=active)
    with pytest.raises(NotFound):
        GRANTS.set_status(TokenKind.PERSONAL, GRANT, active=False)


def test_token_is_enabled_only_while_its_person_is_active() -> None:
    add_personal()
    GRANTS.set_status(TokenKind.PERSONAL, GRANT, active=False)
    DynamoDirectory().set_active("alice", active=False)
    with pytest.raises(Forbidden):
        GRANTS.set_status(TokenKind.PERSONAL, GRANT, active=True, while_active="alice")
    assert GRANTS.list_personal("alice")[0].status is TokenStatus.DISABLED
    assert GRANTS.set_status(TokenKind.PERSONAL, GRANT, active=True, while_active="bob")


def test_revoked_token_is_revoked_for_good() -> None:
    assert not GRANTS.revoke_tools(TOOLS, claim=None, reply={})
    add_tools()
    for _ in range(2):
        assert GRANTS.revoke_tools(TOOLS, claim=None, reply={})
    for active in (True, False):
        with pytest.raises(Conflict):
            GRANTS.set_status(TokenKind.TOOLS, TOOLS, active=active)
    assert GRANTS.list_tools()[0].status is TokenStatus.REVOKED


def test_usage_has_the_windows_of_a_persons_tokens_and_keys_or_of_all_tools_tokens() -> None:
    personal, tools = add_personal(), add_tools()
    add_key()
    spend(personal, 5)
    spend(tools, 7)
    found = GRANTS.list_usage("alice")
    assert [(each.kind, each.token_id, each.integrator, each.minute_used) for each in found] == [
        (TokenKind.PERSONAL, GRANT, "fd1", 5),
        (TokenKind.KEY, "alice-0", None, 0),
    ]
    assert found[0].day_left == found[0].daily_limit - 1
    assert [(each.token_id, each.minute_used) for each in GRANTS.list_usage(None)] == [(TOOLS, 7)]
    with record_store_calls() as seen:
        GRANTS.list_usage("alice")
    assert seen.steps == 2
