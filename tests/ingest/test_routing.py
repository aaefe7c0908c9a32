"""Routing rules: the last that matches decides whom an event is for."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.severity import Severity
from chalicelib.ingest.domain.incoming import Draft
from chalicelib.ingest.domain.requests import parse_rules
from chalicelib.ingest.domain.routing import Rule, fits_pattern, named_by, read_rules, route
from chalicelib.tokens.domain.ingest_tokens import IngestRule

DRAFT = Draft(
    "disk-7",
    "alert.firing",
    "The disk is full",
    Severity.CRITICAL,
    summary="4 % are free",
    labels={"team": "payments", "empty": ""},
)


def rules(*given: tuple[dict[str, str], str]) -> tuple[Rule, ...]:
    return read_rules([IngestRule(when=when, to=[to]) for when, to in given])


@pytest.mark.parametrize(
    ("when", "matches"),
    [
        ({}, True),
        ({"severity": "critical"}, True),
        ({"severity": "warn"}, False),
        ({"type": "alert.*"}, True),
        ({"type": "alert"}, False),
        ({"title": "*DISK*"}, True),
        ({"event_id": "disk-*"}, True),
        ({"summary": "4*free"}, True),
        ({"labels.team": "pay*"}, True),
        ({"labels.Team": "pay*"}, False),
        ({"labels.host": "*"}, False),
        ({"labels.empty": "*"}, True),
        ({"labels.team": "pay*", "severity": "critical"}, True),
        ({"labels.team": "pay*", "severity": "info"}, False),
    ],
)
def test_a_rule_matches_if_every_pattern_fits(when: dict[str, str], *, matches: bool) -> None:
    found = route(DRAFT, rules((when, "a@example.com")), ())
    assert found.matched == ((1,) if matches else ())
    assert [each.type for each in found.recipients] == (["email"] if matches else [])


def test_the_last_rule_that_matches_decides() -> None:
    given = rules(
        ({}, "all@example.com"),
        ({"severity": "critical"}, "night@example.com"),
        ({"labels.team": "search"}, "search@example.com"),
    )
    found = route(DRAFT, given, ())
    assert found.matched == (1, 2)
    assert found.recipients == given[1].to


def test_the_query_names_those_of_whom_no_rule_decides() -> None:
    given = rules(({"severity": "info"}, "a@example.com"))
    otherwise = named_by(rules(({}, "group:apollo")))
    assert route(DRAFT, given, otherwise).recipients == otherwise
    assert route(DRAFT, given, ()).recipients == ()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([{"when": {"colour": "red"}, "to": ["a@example.com"]}], "rules.0.when has no field colour"),
        ([{"when": {"labels.": "red"}, "to": ["a@example.com"]}], "rules.0.when has no field labels."),
        ([{"to": ["a@example.com"]}, {"to": ["nobody"]}], "rules.1.to must name"),
        ([{"to": ["group:"]}], "rules.0.to must name"),
        ([{"to": [f"p{line}-{number}@example.com" for number in range(10)]} for line in range(6)], "60 recipients"),
        ([{"when": {"title": "x" * 120, "type": "y" * 120}, "to": ["group:a"]}] * 40, "longer than 8000 bytes"),
    ],
)
def test_rules_that_can_not_be_applied_are_refused(given: list[dict[str, Any]], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        read_rules([IngestRule.model_validate(each) for each in given])


@pytest.mark.parametrize(
    "text", ["{", "{}", '[{"to": []}]', '[{"when": {}}]', '[{"to": ["a@example.com"], "x": 1}]', "[1]"]
)
def test_rules_in_the_query_are_a_list_of_rules(text: str) -> None:
    with pytest.raises(Invalid, match="JSON list of rules"):
        parse_rules(text)


_TEXT = st.text("abß*. ", max_size=12)


@given(st.text("abß*", max_size=10), _TEXT)
def test_a_pattern_fits_what_a_shell_s_pattern_fits(pattern: str, text: str) -> None:
    assert fits_pattern(pattern, text) == fnmatchcase(text.casefold(), pattern.casefold())


_RULES = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(["severity", "type", "labels.team"]), st.sampled_from(["*", "pay*", "x"])),
        st.sampled_from(["a@example.com", "b@example.com", "group:apollo"]),
    ),
    max_size=6,
)


@given(_RULES, _RULES)
def test_rules_that_are_added_later_win_and_others_change_nothing(
    first: list[tuple[dict[str, str], str]], later: list[tuple[dict[str, str], str]]
) -> None:
    nobody = named_by(())
    before, added = route(DRAFT, rules(*first), nobody), route(DRAFT, rules(*later), nobody)
    both = route(DRAFT, rules(*first, *later), nobody)
    assert both.recipients == (added.recipients if added.matched else before.recipients)
    assert both.matched == (*before.matched, *(each + len(first) for each in added.matched))
    assert set(both.recipients) <= set(named_by(rules(*first, *later)))
