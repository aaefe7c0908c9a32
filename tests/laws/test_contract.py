"""Our documents accept and return all that the contracts require, and are no stricter."""

from typing import Any

import pytest

from tests.support import contract

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


def test_every_operation_of_the_contracts_is_served() -> None:
    assert _WANTED - set(_SERVED) == set()


@pytest.mark.parametrize(("path", "method"), _SERVED)
def test_an_operation_has_the_parameters_statuses_and_body_of_its_contract(path: str, method: str) -> None:
    own, wanted = (
        contract.own_document(path)["paths"][path][method],
        contract.contract_facts(path)["paths"][path][method],
    )
    found = {(each["name"], each["in"]): each for each in own.get("parameters", [])}
    for each in wanted.get("parameters", []):
        parameter = contract.resolve_reference(contract.contract_facts(path), each)
        if parameter["in"] != "path":
            same = found[parameter["name"], parameter["in"]]
            assert parameter.get("required", False) or not same["required"]
            if "default" in parameter["schema"]:
                assert same["schema"]["default"] == parameter["schema"]["default"]
    assert set(wanted["responses"]) <= set(own["responses"])
    assert (wanted.get("security") == [] or (path, method) in _PUBLIC) == (own.get("security") == [])
    if "requestBody" in wanted:
        # A body with required fields is required, even if the contract says otherwise.
        required = wanted["requestBody"].get("required") or _schema(wanted["requestBody"]).get("required")
        assert required or not own["requestBody"]["required"]
        _compare(path, _schema(wanted["requestBody"]), _schema(own["requestBody"]), place="body")


@pytest.mark.parametrize(("path", "method"), _SERVED)
def test_a_response_has_every_field_of_its_contract(path: str, method: str) -> None:
    own, wanted = (
        contract.own_document(path)["paths"][path][method],
        contract.contract_facts(path)["paths"][path][method],
    )
    for status, response in wanted["responses"].items():
        content = contract.resolve_reference(contract.contract_facts(path), response).get("content", {})
        for media_type, described in content.items():
            served = own["responses"][status]["content"][media_type]
            if {"properties", "items"} & set(_plain(contract.contract_facts(path), described.get("schema", {}))):
                _has_members(path, described["schema"], served["schema"], place=status)


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


def _has_members(path: str, wanted: dict[str, Any], own: dict[str, Any], *, place: str) -> None:
    """Check that every field is in at least one of our response's schemas."""
    wanted, own = _plain(contract.contract_facts(path), wanted), _plain(contract.own_document(path), own)
    kinds = [_plain(contract.own_document(path), kind) for kind in own.get("oneOf", [own])]
    for name, member in wanted.get("properties", {}).items():
        found = [kind["properties"][name] for kind in kinds if name in kind["properties"]]
        assert found, (place, name)
        for each in found:
            _has_members(path, member, each, place=f"{place}.{name}")
    if "items" in wanted:
        _has_members(path, wanted["items"], own["items"], place=f"{place}[]")


def _plain(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Return the schema behind references, `allOf` and an optional null."""
    found = contract.resolve_reference(document, node)
    for member in found.get("allOf", []):
        found = {**_plain(document, member), **found}
    arms = [arm for arm in found.get("anyOf", []) if arm.get("type") != "null"]
    return _plain(document, arms[0]) if len(arms) == 1 else found
