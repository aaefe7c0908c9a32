"""Refusals: their codes, their additional members, and the tree that their module documents."""

import re
from collections.abc import Iterator

import pytest

from chalicelib.core.domain import errors
from chalicelib.core.domain.errors import (
    Conflict,
    IdempotencyInProgress,
    Invalid,
    ItemInUse,
    NotFound,
    RateLimited,
    Refusal,
    Unavailable,
)

pytestmark = pytest.mark.engine("embedded")


def _tree(kind: type[Refusal] = Refusal, depth: int = 0) -> Iterator[tuple[str, int]]:
    yield kind.__name__, depth
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield from _tree(each, depth + 1)


def test_documented_tree_is_the_tree_of_the_classes() -> None:
    _, drawn = (errors.__doc__ or "").split("\n\n")
    lines = re.findall(r"^([│├└─ ]*)(\w+)", drawn, re.MULTILINE)
    documented = [(name, len(branch) // 4) for branch, name in lines]
    assert sorted(documented) == sorted(_tree())


def test_only_a_kind_without_a_code_of_its_own_shares_that_of_its_parent() -> None:
    kinds = [getattr(errors, name) for name, depth in _tree() if depth]
    own = [kind.code for kind in kinds if "code" in vars(kind)]
    assert len(own) == len(set(own))
    assert [kind.__name__ for kind in kinds if "code" not in vars(kind)] == ["Inactive", "Unapproved"]
    assert all("title" in vars(kind) for kind in kinds if "code" in vars(kind))


def test_detail_is_the_text_of_the_exception() -> None:
    refusal = NotFound("No such card.")
    assert (refusal.detail, str(refusal), refusal.retry_after, refusal.extra) == (
        "No such card.",
        "No such card.",
        None,
        {},
    )


def test_reasons_of_an_invalid_input_are_copied_by_field() -> None:
    reasons = ("too long",)
    assert Invalid("title: too long", {"title": reasons}).fields == {"title": ["too long"]}
    assert Invalid("Not JSON.").fields == {}


def test_item_in_use_shows_its_dependents_only_if_it_has_some() -> None:
    refusal = ItemInUse("In use.", {"approvals": 2})
    assert refusal.extra == {"blockers": {"approvals": 2}}
    assert ItemInUse("In use.").extra == {}
    assert isinstance(refusal, Conflict)


def test_refusals_that_pass_say_when_to_try_again() -> None:
    assert RateLimited("Used up.", retry_after=50).retry_after == 50
    assert IdempotencyInProgress("Still in progress.").retry_after == 1
    assert Unavailable("A store did not answer.").retry_after == 1
