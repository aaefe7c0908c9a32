"""Our document held against the contract's: nothing that a client may send or expect is missing or stricter."""

from typing import Any

import pytest

from tests.support import contract

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
_SERVED = [
    (path, method)
    for path, methods in contract.contract()["paths"].items()
    for method in methods
    if method in contract.ours()["paths"].get(path, {})
]


def test_every_operation_of_the_contract_is_served() -> None:
    wanted = {(path, method) for path, methods in contract.contract()["paths"].items() for method in methods}
    assert wanted == set(_SERVED)


@pytest.mark.parametrize(("path", "method"), _SERVED)
def test_an_operation_of_the_contract_has_its_parameters_statuses_and_body(path: str, method: str) -> None:
    own, wanted = contract.ours()["paths"][path][method], contract.contract()["paths"][path][method]
    names = {(each["name"], each["in"]) for each in own.get("parameters", [])}
    for each in wanted.get("parameters", []):
        parameter = contract.resolved(contract.contract(), each)
        assert (parameter["name"], parameter["in"]) in names
    assert set(wanted["responses"]) <= set(own["responses"])
    assert (wanted.get("security") == []) == (own.get("security") == [])
    if "requestBody" in wanted:
        assert wanted["requestBody"]["required"] or not own["requestBody"]["required"]
        _compare(_schema(wanted["requestBody"]), _schema(own["requestBody"]), place="body")


@pytest.mark.parametrize(("path", "method"), _SERVED)
def test_a_reply_of_the_contract_has_all_its_members(path: str, method: str) -> None:
    own, wanted = contract.ours()["paths"][path][method], contract.contract()["paths"][path][method]
    for status, response in wanted["responses"].items():
        content = contract.resolved(contract.contract(), response).get("content", {})
        for media_type, described in content.items():
            served = own["responses"][status]["content"][media_type]
            if "properties" in _plain(contract.contract(), described.get("schema", {})):
                _has_members(described["schema"], served["schema"], place=status)


def _schema(node: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = node["content"]["application/json"]["schema"]
    return found


def _compare(wanted: dict[str, Any], own: dict[str, Any], *, place: str) -> None:
    wanted, own = _plain(contract.contract(), wanted), _plain(contract.ours(), own)
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
        _compare(member, own["properties"][name], place=f"{place}.{name}")
    for nested in ("items", "additionalProperties"):
        if isinstance(wanted.get(nested), dict):
            _compare(wanted[nested], own[nested], place=f"{place}.{nested}")


def _has_members(wanted: dict[str, Any], own: dict[str, Any], *, place: str) -> None:
    wanted, own = _plain(contract.contract(), wanted), _plain(contract.ours(), own)
    for name, member in wanted.get("properties", {}).items():
        assert name in own["properties"], (place, name)
        _has_members(member, own["properties"][name], place=f"{place}.{name}")
    if "items" in wanted:
        _has_members(wanted["items"], own["items"], place=f"{place}[]")


def _plain(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, behind references, `allOf` and the null that may stand beside it."""
    found = contract.resolved(document, node)
    for member in found.get("allOf", []):
        found = {**_plain(document, member), **found}
    arms = [arm for arm in found.get("anyOf", []) if arm.get("type") != "null"]
    return _plain(document, arms[0]) if len(arms) == 1 else found
