"""Stored tokens: grants, their secrets, and rotations that leave the previous secret for a day."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.callers import ApiKey, PersonalToken, TokenStatus, ToolsToken
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound, Unauthorized
from chalicelib.core.domain.idempotency import AlreadyAnswered, Claim
from chalicelib.core.domain.severity import Severity
from chalicelib.core.stores.actions import put
from chalicelib.core.stores.writes import try_commit
from chalicelib.ids import MintedToken, TokenKind, mint_token, parse_token
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY
from chalicelib.tokens.domain.tokens import (
    PERSONAL_DAILY_LIMIT,
    GrantState,
    KeyGrant,
    PersonalGrant,
    ToolsGrant,
    grant_id,
    prior_expiry,
)
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.token_budgets import DynamoTokenBudgets
from chalicelib.tokens.stores.tokens import DynamoTokens, end_grant_action
from tests.support.store_calls import record_store_calls

TOKENS = DynamoTokens()
NOON = datetime(2040, 5, 21, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
GRANT, TOOLS = grant_id("fd1", "alice"), "00000000-0000-4000-8000-000000000001"
CLAIM = Claim("scope", "body", "nonce", int(NOON.timestamp()), int((NOON + DAY).timestamp()))

pytestmark = pytest.mark.usefixtures("tables")


def caller(token: MintedToken, now: datetime = NOON) -> object:
    """Return who calls with this token."""
    presented = parse_token(token.text)
    assert presented is not None
    return DynamoTokenBudgets().spend(presented, Charge(), now=now).caller


def works(token: MintedToken, now: datetime = NOON) -> bool:
    try:
        caller(token, now)
    except Unauthorized:
        return False
    return True


def add_personal(**more: object) -> MintedToken:
    token = mint_token(TokenKind.PERSONAL, GRANT)
    grant = PersonalGrant(GRANT, "fd1", "fd1.", "alice", TOOLS, "bob")
    TOKENS.add_personal(PersonalGrant(**{**vars(grant), **more}), token, now=NOON)
    return token


def add_tools() -> MintedToken:
    token = mint_token(TokenKind.TOOLS, TOOLS)
    TOKENS.add_tools(ToolsGrant(TOOLS, "fd1", "fd1.", "bob", admin=True), token, now=NOON)
    return token


def key_grant(key: MintedToken, expires_at: datetime | None = None) -> KeyGrant:
    return KeyGrant(key.row_id, "alice", "Laptop", key.visible_prefix, frozenset({"inbox"}), expires_at)


def end(state: GrantState | None) -> bool:
    """End the grant together with a change of another row; False if neither happened."""
    change = put(DIRECTORY, {"pk": "A", "sk": "1"})
    return try_commit([end_grant_action(GRANT, state), change])


# Grants


@given(st.text(), st.text(), st.text(), st.text())
def test_grants_id_depends_on_integrator_and_person_alone(one: str, two: str, three: str, four: str) -> None:
    assert str(UUID(grant_id(one, two))) == grant_id(one, two)
    if "\n" not in one + two + three + four:
        assert (grant_id(one, two) == grant_id(three, four)) is ((one, two) == (three, four))


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - aware by strategy
def test_previous_secret_ends_on_a_whole_second_24_hours_later(now: datetime) -> None:
    ends = prior_expiry(now)
    assert (ends.microsecond, ends.tzinfo) == (0, UTC)
    assert DAY - SECOND < ends - now <= DAY


def test_personal_token_is_recognised_with_what_it_was_issued_with() -> None:
    token = add_personal(severity_ceiling=Severity.WARN, moderated=True)
    assert caller(token) == PersonalToken(GRANT, "fd1", "fd1.", "alice", TOOLS, "bob", Severity.WARN, moderated=True)
    (issued,) = DynamoGrants().list_personal("alice")
    assert issued.daily_limit == PERSONAL_DAILY_LIMIT


def test_tools_token_is_recognised_and_found_by_its_id() -> None:
    token = add_tools()
    assert caller(token) == ToolsToken(TOOLS, "fd1", "fd1.", "bob", admin=True)
    assert TOKENS.find_integrator(TOOLS) == "fd1"
    assert TOKENS.find_integrator(GRANT) is None


def test_grant_is_stored_once() -> None:
    first = add_personal()
    with pytest.raises(Conflict):
        add_personal()
    add_tools()
    with pytest.raises(Conflict):
        add_tools()
    assert works(first)


def test_key_is_issued_to_active_people_only() -> None:
    key = mint_token(TokenKind.KEY)
    with pytest.raises(Forbidden):
        TOKENS.add_key(key_grant(key), key, now=NOON)
    DynamoDirectory().add_person(Person("alice", "alice@example.com", "Alice", active=False))
    with pytest.raises(Forbidden):
        TOKENS.add_key(key_grant(key), key, now=NOON)
    assert not works(key)
    DynamoDirectory().set_active("alice", active=True)
    TOKENS.add_key(key_grant(key), key, now=NOON)
    with pytest.raises(Conflict):
        TOKENS.add_key(key_grant(key), key, now=NOON)
    assert caller(key) == ApiKey(key.row_id, "alice", frozenset({"inbox"}), "Laptop")


def test_key_works_until_its_expiry() -> None:
    DynamoDirectory().add_person(Person("alice", "alice@example.com", "Alice"))
    key = mint_token(TokenKind.KEY)
    TOKENS.add_key(key_grant(key, expires_at=NOON + DAY), key, now=NOON)
    assert works(key, NOON + DAY - SECOND)
    assert not works(key, NOON + DAY)


def test_claim_issues_one_token() -> None:
    grant, token = ToolsGrant(TOOLS, "fd1", "fd1.", "bob", admin=True), mint_token(TokenKind.TOOLS, TOOLS)
    TOKENS.add_tools(grant, token, now=NOON, claim=CLAIM, reply={"id": TOOLS})
    again = Claim(CLAIM.scope, CLAIM.fingerprint, "another nonce", CLAIM.now, CLAIM.expires_at)
    with pytest.raises(AlreadyAnswered) as repeated:
        TOKENS.add_tools(grant, mint_token(TokenKind.TOOLS, TOOLS), now=NOON, claim=again, reply={})
    assert repeated.value.answered.reply == {"id": TOOLS}
    assert works(token)


# Rotations


@pytest.mark.parametrize(("add", "kind"), [(add_personal, TokenKind.PERSONAL), (add_tools, TokenKind.TOOLS)])
def test_after_a_rotation_the_previous_secret_works_for_24_hours(
    add: Callable[[], MintedToken], kind: TokenKind
) -> None:
    first = add()
    second = mint_token(kind, first.row_id)
    assert not works(second)
    assert TOKENS.rotate(second, now=NOON) == NOON + DAY
    superseded = caller(first, NOON + DAY - SECOND)
    assert isinstance(superseded, PersonalToken | ToolsToken)
    assert superseded.superseded_until == NOON + DAY
    assert not works(first, NOON + DAY)
    assert works(second, NOON + DAY)


def test_further_rotation_and_one_at_once_end_older_secrets_at_once() -> None:
    first, second, third, fourth = add_tools(), *(mint_token(TokenKind.TOOLS, TOOLS) for _ in range(3))
    TOKENS.rotate(second, now=NOON)
    TOKENS.rotate(third, now=NOON)
    assert [works(each) for each in (first, second, third)] == [False, True, True]
    assert TOKENS.rotate(fourth, now=NOON, at_once=True) == NOON
    assert [works(each) for each in (first, second, third, fourth)] == [False, False, False, True]


def test_rotation_that_is_repeated_keeps_the_previous_secret() -> None:
    first, second = add_tools(), mint_token(TokenKind.TOOLS, TOOLS)
    for _ in range(2):
        TOKENS.rotate(second, now=NOON)
    assert works(first)
    assert works(second)


def test_unknown_grant_is_not_rotated() -> None:
    for at_once in (True, False):
        with pytest.raises(NotFound):
            TOKENS.rotate(mint_token(TokenKind.TOOLS, TOOLS), now=NOON, at_once=at_once)
    assert TOKENS.find_integrator(TOOLS) is None


def test_replaced_secret_leaves_no_other() -> None:
    first, second, third = add_tools(), *(mint_token(TokenKind.TOOLS, TOOLS) for _ in range(2))
    TOKENS.rotate(second, now=NOON)
    TOKENS.replace_secret(third)
    assert [works(each) for each in (first, second, third)] == [False, False, True]


# States


def test_states_are_those_of_the_grants_that_were_issued() -> None:
    add_personal()
    unknown = grant_id("fd2", "alice")
    with record_store_calls() as seen:
        assert TOKENS.find_grant_states([GRANT, unknown], now=NOON) == {GRANT: GrantState(TokenStatus.ACTIVE, True)}
    assert seen.calls == ["BatchGetItem"]
    DynamoGrants().set_status(TokenKind.PERSONAL, GRANT, active=False)
    assert TOKENS.find_grant_states([GRANT], now=NOON) == {GRANT: GrantState(TokenStatus.DISABLED, False)}


def test_grant_is_ended_only_from_the_state_that_was_seen() -> None:
    active, disabled, revoked = (GrantState(status, False) for status in TokenStatus)
    assert end(None)
    token = add_personal()
    for other in (None, disabled, revoked):
        assert not end(other)
    assert works(token)
    DynamoGrants().set_status(TokenKind.PERSONAL, GRANT, active=False)
    assert not end(active)
    assert end(disabled)
    assert end(revoked)
    with pytest.raises(Conflict):
        DynamoGrants().set_status(TokenKind.PERSONAL, GRANT, active=True)
