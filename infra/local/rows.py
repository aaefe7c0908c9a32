"""Rows of moto's tables, their keys, and the parts of requests and replies about them."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from infra.local import compiled
from infra.local.compiled import NotCompiledError
from infra.local.packed_rows import attributes_of, pack, row_size

Params = dict[str, Any]
Key = tuple[DynamoType, DynamoType | None]

LARGEST_ROW = 405_000  # in bytes, as moto has it


def find_row(table: Table, key: Key) -> Item | None:
    rows: Any = table.items
    hash_key, range_key = key
    found: Item | None = rows.get(hash_key) if range_key is None else rows.get(hash_key, {}).get(range_key)
    return found


def read_key(table: Table, given: Params) -> Key:
    expect(given.keys() == {*table.table_key_attrs})
    types = key_types(table)
    made = [DynamoType(given[name]) for name in table.table_key_attrs]
    expect(all(key.type == types[name] and key.value for name, key in zip(table.table_key_attrs, made, strict=True)))
    return made[0], _shared_key(made[1].type, made[1].value) if len(made) > 1 else None


@lru_cache(maxsize=1024)
def _shared_key(kind: str, value: Any) -> DynamoType:
    """The range key of many rows, such as `DELIVERY`, is held once."""
    return DynamoType({kind: value})


def key_of(table: Table, request: Params) -> Params:
    if "Key" in request:
        return dict(request["Key"])
    return {name: request["Item"][name] for name in table.table_key_attrs}


def key_types(table: Table) -> dict[str, str]:
    return {each["AttributeName"]: each["AttributeType"] for each in table.attr}


def key_attributes(table: Table, key: Key) -> dict[str, DynamoType]:
    return {name: value for name, value in zip(table.table_key_attrs, key, strict=False) if value is not None}


def new_row(key: Key, attributes: Mapping[str, DynamoType]) -> Item:
    expect(row_size(attributes) <= LARGEST_ROW)
    return pack(*key, attributes)


@dataclass(frozen=True)
class Projection:
    attributes: frozenset[str]
    names: frozenset[str]


def read_projection(params: Params, used: frozenset[str] | None = None) -> Projection | None:
    """The attributes that a read asks for, by their plain names; None when it asks for all."""
    text, names = params.get("ProjectionExpression"), dict(read_names(params))
    if text is None:
        expect(used is not None or "ExpressionAttributeNames" not in params)
        return None
    parts = [each.strip() for each in text.split(",")]
    expect(all(part and not set(part) & set(".[] ") for part in parts))
    placeholders = frozenset(part for part in parts if part.startswith("#"))
    expect(placeholders <= names.keys() and (used is not None or placeholders == names.keys()))
    return Projection(frozenset(names.get(part, part) for part in parts), placeholders)


def read_names(params: Params) -> compiled.Names:
    return tuple(sorted(params.get("ExpressionAttributeNames", {}).items()))


def read_values(params: Params) -> dict[str, DynamoType]:
    given = params.get("ExpressionAttributeValues", {})
    expect(given or "ExpressionAttributeValues" not in params)
    return {name: DynamoType(value) for name, value in given.items()}


def attributes_reply(row: Item | None) -> Params:
    return {"Attributes": to_json(attributes_of(row))} if row else {}


def to_json(
    attributes: Mapping[str, DynamoType], chosen: Projection | None = None, listed: Iterable[str] | None = None
) -> Params:
    return {
        name: value_to_json(attributes[name])
        for name in attributes
        if (chosen is None or name in chosen.attributes) and (listed is None or name in listed)
    }


def decode_binary(parsed: Params) -> Params:
    """Decode an attribute value of base64 text, as a hook of `json.loads`: moto holds the bytes."""
    match parsed:
        case {"B": str(text)} if len(parsed) == 1:
            return {"B": base64.b64decode(text)}
        case {"BS": [str(), *_] as texts} if len(parsed) == 1:
            return {"BS": [base64.b64decode(text) for text in texts]}
    return parsed


def value_to_json(value: DynamoType) -> Params:
    if value.type == "B":
        return {"B": base64.b64encode(value.value).decode()}
    if value.type == "BS":
        return {"BS": [base64.b64encode(each).decode() for each in value.value]}
    if value.type == "L":
        return {"L": [value_to_json(each) for each in value.value]}
    if value.type == "M":
        return {"M": {name: value_to_json(each) for name, each in value.value.items()}}
    return {value.type: value.value}


def expect(holds: object) -> None:
    if not holds:
        raise NotCompiledError
