"""Our documents state all that the contracts state, and are no stricter."""

import copy
import json
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any

import pytest

from infra.editions import Edition
from tests.support import contract
from tests.support.contract_diff import CONTRACTED, CONTRADICTIONS, Comparison, compare

pytestmark = pytest.mark.engine("embedded")

_RULES = (
    "additionalProperties",
    "enum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "required",
    "type",
)
_WANTED = {
    (path, method)
    for version in ("/api/v1", "/api/v2")
    for path, methods in contract.contract_facts(version)["paths"].items()
    for method in methods
}
_SERVED = sorted(
    (path, method) for path, method in _WANTED if method in contract.own_document(path)["paths"].get(path, {})
)
# Open by the contract's text, although its security scheme has no exception.
_PUBLIC = {("/api/v2/connections", "post")}


@pytest.mark.parametrize("edition", CONTRACTED, ids=lambda edition: edition.file.stem)
def test_the_document_states_every_fact_of_its_contract(edition: Edition) -> None:
    """`python -m tests.support.contract_diff` lists the differences."""
    found = compare(edition)
    assert found.count > 500
    assert [str(each) for each in found.differences if each.place not in CONTRADICTIONS] == []


@pytest.mark.parametrize("name", contract.CONTRACTS)
def test_the_comparison_finds_each_changed_or_missing_fact(name: str) -> None:
    facts = json.loads(contract.CONTRACTS[name][0].read_text(encoding="utf-8"))
    assert Comparison(facts, facts).run().differences == []
    # All of them would take a minute.
    for place in list(_leaves(facts))[::23]:
        for removes in (True, False):
            document = copy.deepcopy(facts)
            holder: Any = reduce(getitem, place[:-1], document)
            if removes:
                del holder[place[-1]]
            else:
                holder[place[-1]] = "#/components/schemas/Tier" if place[-1] == "$ref" else "changed"
                document["components"]["schemas"]["Tier"] = {}
            assert Comparison(facts, document).run().differences, (place, removes)


def _leaves(node: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for name, each in node.items() if isinstance(node, dict) else enumerate(node):
        if isinstance(each, dict | list) and each:
            yield from _leaves(each, (*place, name))
        # Without additionalProperties, others are allowed as well.
        elif (name, each) not in (("description", ""), ("additionalProperties", True)):
            yield (*place, name)


def test_every_contradiction_is_still_one() -> None:
    assert CONTRADICTIONS.keys() == {each.place for edition in CONTRACTED for each in compare(edition).differences}


def test_every_operation_of_the_contracts_is_served() -> None:
    assert _WANTED - set(_SERVED) == set()


@pytest.mark.parametrize(("path", "method"), _SERVED)
def test_an_operation_is_no_stricter_than_its_contract(path: str, method: str) -> None:
    facts, document = contract.contract_facts(path), contract.own_document(path)
    own, wanted = document["paths"][path][method], facts["paths"][path][method]
    required = {_key(facts, each) for each in wanted.get("parameters", []) if _resolved(facts, each).get("required")}
    assert {_key(document, each) for each in own.get("parameters", []) if _resolved(document, each)["required"]} <= (
        required
    )
    assert (wanted.get("security") == [] or (path, method) in _PUBLIC) == (own.get("security") == [])
    if "requestBody" in wanted:
        # A body with required fields is required, even if the contract says otherwise.
        is_required = wanted["requestBody"].get("required") or _schema(wanted["requestBody"]).get("required")
        assert is_required or not own["requestBody"]["required"]
        _compare(path, _schema(wanted["requestBody"]), _schema(own["requestBody"]), place="body")
    else:
        assert "requestBody" not in own


def _key(document: dict[str, Any], parameter: dict[str, Any]) -> tuple[str, str]:
    found = _resolved(document, parameter)
    # Names of path parameters may differ.
    return found["in"], "" if found["in"] == "path" else found["name"]


_resolved = contract.resolve_reference


def _schema(node: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = node["content"]["application/json"]["schema"]
    return found


def _compare(path: str, wanted: dict[str, Any], own: dict[str, Any], *, place: str) -> None:
    wanted, own = _plain(contract.contract_facts(path), wanted), _plain(contract.own_document(path), own)
    for rule in _RULES:
        if rule not in wanted or isinstance(wanted[rule], dict):
            continue
        found = own.get(rule, [own["const"]] if rule == "enum" and "const" in own else None)
        if isinstance(wanted[rule], list):
            assert sorted(found or []) == sorted(wanted[rule]), (place, rule)
        else:
            assert found == wanted[rule], (place, rule)
    for name, member in wanted.get("properties", {}).items():
        assert name in own["properties"], (place, name)
        _compare(path, member, own["properties"][name], place=f"{place}.{name}")
    for nested in ("items", "additionalProperties"):
        if isinstance(wanted.get(nested), dict):
            _compare(path, wanted[nested], own[nested], place=f"{place}.{nested}")


def _plain(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Return the schema behind references, `allOf` and an optional null."""
    found = contract.resolve_reference(document, node)
    for member in found.get("allOf", []):
        found = {**_plain(document, member), **found}
    match found.get("type"):
        case [kind, "null"]:
            found = {**found, "type": kind}
    arms = [arm for arm in found.get("anyOf", []) if arm.get("type") != "null"]
    return _plain(document, arms[0]) if len(arms) == 1 else found
