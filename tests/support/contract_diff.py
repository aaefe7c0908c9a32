"""Compare our OpenAPI documents with the facts of the contracts: `python -m tests.support.contract_diff`.

A fact is a leaf of a facts file, such as a maximum, a required member or the name of a schema. Each must stand in our
document at the same path. Our document may say more: further members, operations, statuses and limits.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from infra.editions import EDITIONS, Edition
from tests.support.contract import CONTRACTS

MISSING = "missing"
# SCIM is a contract that others keep, too, so it has no facts here.
CONTRACTED = [each for each in EDITIONS if each.file.stem in CONTRACTS]
# Facts that contradict something else that the contract or a ruling says, with the reason for our choice.
CONTRADICTIONS = {
    "paths./connections.post.security": "The text says that no credentials are needed: the token is in the body.",
    "paths./relay.post.security": "The text says that X-Federation-Token authenticates, and it is required.",
    "paths./api/marketplace/webhook.post.security": "The required X-Federation-Token authenticates.",
}


class Difference(NamedTuple):
    """A fact of a contract that our document misses or states differently; `place` is its path in the contract."""

    place: str
    wanted: Any
    found: Any

    def __str__(self) -> str:
        return f"{self.place}: the contract has {json.dumps(self.wanted)}, the document {json.dumps(self.found)}"


@dataclass
class Comparison:
    """The facts of one contract against one document, and what was found."""

    facts: dict[str, Any]
    document: dict[str, Any]
    differences: list[Difference] = field(default_factory=list)
    count: int = 0

    def run(self) -> "Comparison":
        self._members(_with_security(self.facts), _with_security(self.document), "")
        return self

    def _compare(self, wanted: Any, own: Any, place: str) -> None:
        match wanted:
            case {"allOf": [{"$ref": str(name)}]} | {"$ref": str(name)}:
                # In OpenAPI 3.0 a reference has no members beside it, so it is wrapped.
                self._leaf(name, _referred(own), place)
                self._members({each: wanted[each] for each in wanted.keys() - {"allOf", "$ref"}}, own, place)
            case dict():
                self._members(wanted, own, place)
            case _:
                self._leaf(wanted, own, place)

    def _members(self, wanted: dict[str, Any], own: Any, place: str) -> None:
        if not isinstance(own, dict):
            self._leaf(wanted, own, place)
            return
        plain = self._plain(own)
        if not wanted:
            self.count += 1
        for name, value in wanted.items():
            at = f"{place}.{name}" if place else name
            if name == "nullable":
                self._leaf(value, _accepts_null(own), at)
            # Texts are ours, and empty in the facts.
            elif value != "":
                self._member(name, value, plain.get(name, MISSING), at)

    def _member(self, name: str, wanted: Any, own: Any, place: str) -> None:
        match wanted:
            case list() if name == "parameters":
                self._parameters(wanted, own, place)
            case list() if name in {"required", "enum"}:
                self._set(wanted, own, place)
            case [{"url": _}, *_] | [{"name": _}, *_]:
                self._entries(wanted, own, place)
            case list() if name in {"oneOf", "allOf"}:
                self._arms(wanted, own, place)
            case True if name == "additionalProperties":
                self._leaf(wanted, own in (True, MISSING), place)
            case str() if name == "type" and isinstance(own, list):
                self._leaf([wanted], [each for each in own if each != "null"], place)
            case _:
                self._compare(wanted, own, place)

    def _parameters(self, wanted: list[Any], own: Any, place: str) -> None:
        found = {_key(self._plain(each)): each for each in ([] if own == MISSING else own)}
        for each in wanted:
            name = _key(_resolve(self.facts, each))
            self._compare(each, found.get(name, MISSING), f"{place}[{' '.join(name)}]")

    def _set(self, wanted: list[Any], own: Any, place: str) -> None:
        """Compare the required members one by one, and the values of an enum together."""
        if place.endswith("enum") or own == MISSING:
            self._leaf(sorted(wanted), own if own == MISSING else sorted(own), place)
            return
        for each in wanted:
            self._leaf(each, each if each in own else MISSING, f"{place}[{each}]")

    def _entries(self, wanted: list[dict[str, Any]], own: Any, place: str) -> None:
        for each in wanted:
            (name, value), *_ = each.items()
            found = next((other for other in own if other.get(name) == value), MISSING) if own != MISSING else own
            self._compare(each, found, f"{place}[{value}]")

    def _arms(self, wanted: list[Any], own: Any, place: str) -> None:
        if own == MISSING or len(own) != len(wanted):
            self._leaf(wanted, own, place)
            return
        for number, (each, found) in enumerate(zip(wanted, own, strict=True)):
            self._compare(each, found, f"{place}[{number}]")

    def _leaf(self, wanted: Any, own: Any, place: str) -> None:
        self.count += 1
        if wanted != own:
            self.differences.append(Difference(place, wanted, own))

    def _plain(self, own: dict[str, Any]) -> dict[str, Any]:
        """Return what stands behind references and beside a null."""
        arms = [arm for arm in own.get("anyOf", []) if arm.get("type") != "null"]
        if len(arms) == 1:
            return {**self._plain(arms[0]), **own}
        if len(own.get("allOf", [])) == 1:
            return {**self._plain(own["allOf"][0]), **own}
        if "$ref" in own:
            return {**self._plain(_resolve(self.document, own)), **own}
        return own


def _referred(own: Any) -> Any:
    """Return the reference of a schema that may be null too."""
    if not isinstance(own, dict):
        return own
    arms = [arm for arm in own.get("anyOf") or own.get("allOf") or [] if arm.get("type") != "null"]
    return own.get("$ref", _referred(arms[0]) if len(arms) == 1 else MISSING)


def _accepts_null(own: dict[str, Any]) -> bool:
    kinds = own.get("type")
    return (
        own.get("nullable") is True
        or (isinstance(kinds, list) and "null" in kinds)
        or {"type": "null"} in own.get("anyOf", [])
    )


def _with_security(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with the security of each operation, also where it is the document's."""
    paths = {
        path: {
            method: {"security": document["security"]} | operation if isinstance(operation, dict) else operation
            for method, operation in methods.items()
        }
        for path, methods in document["paths"].items()
    }
    return document | {"paths": paths}


def _key(parameter: dict[str, Any]) -> tuple[str, str]:
    return parameter.get("in", MISSING), parameter.get("name", MISSING)


def _resolve(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        _, section, group, name = node["$ref"].split("/")
        node = document[section][group][name]
    return node


def compare(edition: Edition) -> Comparison:
    """Compare the committed document of an edition with the facts of its contract."""
    facts = json.loads(CONTRACTS[edition.file.stem][0].read_text(encoding="utf-8"))
    return Comparison(facts, json.loads(edition.file.read_text(encoding="utf-8"))).run()


def _report() -> Iterator[str]:
    for edition in CONTRACTED:
        found = compare(edition)
        renamed = sum(1 for each in found.differences if "components/schemas/" in str(each.wanted))
        settled = [each.place for each in found.differences if each.place in CONTRADICTIONS]
        others = [each for each in found.differences if each.place not in CONTRADICTIONS]
        yield f"{edition.file.name}: {found.count} facts, {len(others)} different, {renamed} renamed schemas"
        yield from (f"  {each}" for each in others)
        yield from (f"  {each}, where the contract contradicts itself: {CONTRADICTIONS[each]}" for each in settled)


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in _report())
