"""Paths of errors in a client's input, from the locations that pydantic reports."""

from collections.abc import Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]
_UNIONS = ("tagged-union", "union")
# What follows the name of a member in the location of an error of that name.
_NAME = "[key]"


def to_path(location: Sequence[int | str], schema: Schema | None) -> list[int | str]:
    """Convert the location of an error to a path in the input.

    Pydantic adds the tag of a union's member to the location, and a mark to that of a mapping's key. The input has no
    such members, so the path leaves them out.
    """
    definitions: dict[str, Schema] = {}
    path: list[int | str] = []
    node, in_mapping = schema, False
    for number, part in enumerate(location, start=1):
        if in_mapping and part == _NAME and number == len(location):
            break
        node = _unwrap(node, definitions)
        in_mapping = node is not None and node["type"] == "dict"
        if node is not None and node["type"] in _UNIONS:
            node = _member(node, part)
        else:
            path.append(part)
            node = _child(node, part)
    return path


def _unwrap(node: Schema | None, definitions: dict[str, Schema]) -> Schema | None:
    """Return the schema of the value itself, without defaults, validators and references around it."""
    while node is not None:
        match node:
            case {"type": "definitions"}:
                definitions |= {each["ref"]: each for each in node["definitions"]}
                node = node["schema"]
            case {"type": "definition-ref"}:
                node = definitions.get(node["schema_ref"])
            case {"type": "json-or-python"}:
                node = node["json_schema"]
            case {"type": "lax-or-strict"}:
                node = node["strict_schema"]
            case {"type": "model-field" | "typed-dict-field" | "model" | "nullable" | "default", "schema": inner}:
                node = inner
            case {"type": str(kind), "schema": inner} if kind.startswith("function-"):
                node = inner
            case _:
                return node
    return None


def _member(union: Schema, tag: int | str) -> Schema | None:
    if union["type"] != "tagged-union":
        return None
    found: Schema | None = union["choices"].get(tag)
    return found


def _child(node: Schema | None, part: int | str) -> Schema | None:
    match node:
        case {"type": "model-fields" | "typed-dict", "fields": fields}:
            aliased = (each for each in fields.values() if each.get("validation_alias") == part)
            child: Schema | None = next(aliased, None) or fields.get(part)
            return child
        case {"type": "list" | "set" | "frozenset", "items_schema": items}:
            each_item: Schema = items
            return each_item
        case {"type": "dict", "values_schema": values}:
            each_value: Schema = values
            return each_value
    return None
