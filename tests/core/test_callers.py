"""Callers: what a key may call, and by which name each caller is charged and logged."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.callers import (
    ANY_PERMISSION,
    ApiKey,
    Caller,
    InstanceKey,
    PersonalToken,
    PlatformToken,
    ToolsToken,
)

pytestmark = pytest.mark.engine("embedded")

permissions = st.sampled_from(["all", "inbox", "board", "chat", "queue"])


@given(st.frozensets(permissions), permissions)
def test_key_has_the_permissions_it_names_and_with_all_every_one(held: frozenset[str], wanted: str) -> None:
    key = ApiKey("key", "alice", held)
    assert key.has_permission(wanted) is (wanted in held or "all" in held)


@given(st.frozensets(permissions))
def test_every_key_may_call_what_needs_any_permission(held: frozenset[str]) -> None:
    assert ApiKey("key", "alice", held).has_permission(ANY_PERMISSION)


@given(st.frozensets(permissions), st.frozensets(permissions), permissions)
def test_more_permissions_never_allow_less(held: frozenset[str], more: frozenset[str], wanted: str) -> None:
    if ApiKey("key", "alice", held).has_permission(wanted):
        assert ApiKey("key", "alice", held | more).has_permission(wanted)


def test_callers_of_different_kinds_never_share_an_identity() -> None:
    callers: list[Caller] = [
        PersonalToken("x", "x", "x.", "x", "x", "x", None, moderated=False),
        ToolsToken("x", "x", "x.", "x", admin=False),
        ApiKey("x", "x", frozenset()),
        PlatformToken("x"),
        InstanceKey("x", frozenset({"x"})),
    ]
    assert all(one.identity != other.identity for one, other in combinations(callers, 2))


def test_keys_of_one_person_and_rotations_of_one_grant_share_an_identity() -> None:
    assert ApiKey("one", "alice", frozenset()).identity == ApiKey("two", "alice", frozenset({"all"})).identity
    assert ToolsToken("one", "fd1", "fd1.", "alice", admin=False).identity == "tools/fd1"


@given(st.lists(st.text("abc", min_size=1), min_size=1, unique=True))
def test_identity_of_an_instance_key_does_not_depend_on_the_order_of_its_holders(holders: list[str]) -> None:
    identity = InstanceKey("hash", frozenset(holders)).identity
    assert identity == InstanceKey("hash", frozenset(reversed(holders))).identity
    assert identity == "instance-key/" + ",".join(sorted(holders))
