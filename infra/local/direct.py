"""Requests about rows, answered from moto's tables without moto's emulation of HTTP.

moto reads every request by ten validators over copies of the row. Here the same rows are read and written by compiled
expressions. A request that is refused for its form, or that has a part not handled here, changes nothing and is left
to moto, which answers it in its own way. `tests/system/test_direct_engine.py` compares both ways.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.dynamodb.exceptions import ConditionalCheckFailed, TransactionCanceledException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import RESULT_SIZE_LIMIT, Table
from moto.dynamodb.responses import (
    validate_put_has_empty_attrs,
    validate_put_has_empty_keys,
    validate_put_has_gsi_keys_set_to_none,
)

from infra.local import compiled, indexes
from infra.local.compiled import NotCompiledError

Params = dict[str, Any]
Key = tuple[DynamoType, DynamoType | None]

_LARGEST_ROW = 405_000  # in bytes, as moto has it
_LARGEST_BATCH_READ = 16 * 1024 * 1024
_MOST_MEMBERS = 100
_NO_ATTRIBUTES: dict[str, DynamoType] = {}
# A request with another member than these is moto's.
_SHARED = {"TableName", "ExpressionAttributeNames", "ExpressionAttributeValues"}
_CONDITIONAL = _SHARED | {"ConditionExpression", "ReturnValuesOnConditionCheckFailure", "ReturnValues"}
HANDLED = {
    "PutItem": _CONDITIONAL | {"Item"},
    "UpdateItem": _CONDITIONAL | {"Key", "UpdateExpression"},
    "DeleteItem": _CONDITIONAL | {"Key"},
    "GetItem": {"TableName", "Key", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"},
    "Query": _SHARED
    | {"KeyConditionExpression", "FilterExpression", "ProjectionExpression", "IndexName", "ConsistentRead"}
    | {"Limit", "ScanIndexForward", "ExclusiveStartKey"},
    "BatchGetItem": {"RequestItems"},
    "BatchWriteItem": {"RequestItems"},
    "TransactWriteItems": {"TransactItems", "ClientRequestToken"},
}


@dataclass(frozen=True)
class _Failed(Exception):
    """The condition of a write did not hold on this row."""

    row: Item | None


@dataclass(frozen=True)
class _Write:
    """A write that is worked out and not yet made: `new` takes the place of `old`; equal ones change nothing."""

    table: Table
    key: Key
    old: Item | None
    new: Item | None


def answer(backend: DynamoDBBackend, action: str, body: Any) -> tuple[int, bytes] | None:
    """The status and the JSON of the reply; None when the request is moto's to answer, and nothing was changed."""
    if action not in HANDLED:
        return None
    params = json.loads(body)
    if params.keys() - HANDLED[action]:
        return None
    try:
        reply = _ACTIONS[action](backend, params)
    except (ConditionalCheckFailed, TransactionCanceledException) as refused:
        description: Any = refused.description
        return 400, description.encode()
    except Exception:
        return None
    return 200, json.dumps(reply).encode()


# Actions


def _put_item(backend: DynamoDBBackend, params: Params) -> Params:
    write = _single(lambda: _put(backend.get_table(params["TableName"]), params), params)
    return_values = params.get("ReturnValues", "NONE")
    _expect(return_values in ("NONE", "ALL_OLD"))
    _make(write)
    return _attributes(write.old if return_values == "ALL_OLD" else None)


def _update_item(backend: DynamoDBBackend, params: Params) -> Params:
    return_values = params.get("ReturnValues", "NONE")
    _expect(return_values in ("NONE", "ALL_OLD", "ALL_NEW"))
    write = _single(lambda: _update(backend.get_table(params["TableName"]), params), params)
    _make(write)
    return _attributes({"NONE": None, "ALL_OLD": write.old, "ALL_NEW": write.new}[return_values])


def _delete_item(backend: DynamoDBBackend, params: Params) -> Params:
    return_values = params.get("ReturnValues", "NONE")
    _expect(return_values in ("NONE", "ALL_OLD"))
    write = _single(lambda: _delete(backend.get_table(params["TableName"]), params), params)
    _make(write)
    return _attributes(write.old if return_values == "ALL_OLD" else None)


def _get_item(backend: DynamoDBBackend, params: Params) -> Params:
    table = backend.get_table(params["TableName"])
    row = _find(table, _key(table, params["Key"]))
    chosen = _projection(params)
    return {"Item": _to_json(row.attrs, chosen)} if row else {}


def _batch_get_item(backend: DynamoDBBackend, params: Params) -> Params:
    asked = params["RequestItems"]
    _expect(sum(len(each["Keys"]) for each in asked.values()) <= _MOST_MEMBERS)
    replies: dict[str, list[Params]] = {}
    size = 0
    for name, request in asked.items():
        _expect(not request.keys() - {"Keys", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"})
        table, chosen = backend.get_table(name), _projection(request)
        keys = [_key(table, key) for key in request["Keys"]]
        _expect(len(set(keys)) == len(keys))
        rows = [row for key in keys if (row := _find(table, key))]
        size += sum(_size(row.attrs) for row in rows)
        replies[name] = [_to_json(row.attrs, chosen) for row in rows]
    _expect(size <= _LARGEST_BATCH_READ)
    return {"Responses": replies, "UnprocessedKeys": {}}


def _batch_write_item(backend: DynamoDBBackend, params: Params) -> Params:
    writes: list[_Write] = []
    for name, requests in params["RequestItems"].items():
        table = backend.get_table(name)
        for request in requests:
            ((kind, inner),) = request.items()
            writes.append(_put(table, inner) if kind == "PutRequest" else _delete(table, inner))
    _expect(len({(write.table.name, write.key) for write in writes}) == len(writes))
    for write in writes:
        _make(write)
    return {"ItemCollectionMetrics": {}, "UnprocessedItems": {}}


def _transact_write_items(backend: DynamoDBBackend, params: Params) -> Params:
    members = params["TransactItems"]
    _expect(len(members) <= _MOST_MEMBERS)
    writes: list[_Write] = []
    errors: list[tuple[str | None, str | None, Params | None]] = []
    places: set[tuple[str, Key]] = set()
    for member in members:
        ((kind, request),) = member.items()
        handled = HANDLED[_MEMBER_ACTIONS[kind]] - {"ReturnValues"}
        _expect(not request.keys() - handled and request.get("ExpressionAttributeValues") != {})
        table = backend.get_table(request["TableName"])
        key = _key(table, _key_of(table, request))
        _expect((table.name, key) not in places)
        places.add((table.name, key))
        try:
            writes.append(_MEMBERS[kind](table, request))
            errors.append((None, None, None))
        except _Failed as failed:
            asks = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            row = _to_json(failed.row.attrs) if asks and failed.row else None
            errors.append(("ConditionalCheckFailed", "The conditional request failed", row))
    if any(code for code, _, _ in errors):
        raise TransactionCanceledException(errors)
    for write in writes:
        _make(write)
    return {"ItemCollectionMetrics": {}}


def _query(backend: DynamoDBBackend, params: Params) -> Params:
    table, index = backend.get_table(params["TableName"]), params.get("IndexName")
    names, values = _names(params), _values(params)
    schema = backend.get_schema(params["TableName"], index)
    _expect(index is None or any(key["KeyType"] == "RANGE" for key in schema))
    _expect(not (params.get("ConsistentRead") and index in {each.name for each in table.global_indexes}))
    described = tuple((key["AttributeName"], key["KeyType"]) for key in schema)
    where = compiled.key_condition(params["KeyConditionExpression"], names, frozenset(values), described)
    text, chosen = params.get("FilterExpression"), _projection(params, where.names)
    _expect(text != "")
    matches = compiled.condition(text, names, frozenset(values))
    _expect(set(dict(names)) <= where.names | matches.names | (chosen.names if chosen else frozenset()))
    rows, more = _page(table, index, where, values, params)
    found = [row for row in rows if matches.holds(row.attrs, values)]
    listed = _listed_attributes(table, index)
    reply: Params = {
        "Count": len(found),
        "ScannedCount": len(rows),
        "Items": [_to_json(row.attrs, chosen, listed) for row in found],
    }
    if more:
        last = rows[-1].attrs
        keys = [name for name, _ in described] + table.table_key_attrs
        reply["LastEvaluatedKey"] = {name: _value_json(last[name]) for name in dict.fromkeys(keys)}
    return reply


_ACTIONS: dict[str, Callable[[DynamoDBBackend, Params], Params]] = {
    "PutItem": _put_item,
    "UpdateItem": _update_item,
    "DeleteItem": _delete_item,
    "GetItem": _get_item,
    "Query": _query,
    "BatchGetItem": _batch_get_item,
    "BatchWriteItem": _batch_write_item,
    "TransactWriteItems": _transact_write_items,
}


# Writes


def _put(table: Table, request: Params) -> _Write:
    given = request["Item"]
    key = _key(table, {name: given[name] for name in table.table_key_attrs})
    validate_put_has_empty_keys(given, table)
    validate_put_has_empty_attrs(given, table)
    validate_put_has_gsi_keys_set_to_none(given, table)
    types: Any = table
    types._validate_item_types(given)
    types._validate_key_sizes(given)
    old = _find(table, key)
    _check(request, old)
    return _Write(table, key, old, _row(table, key, {name: DynamoType(value) for name, value in given.items()}))


def _update(table: Table, request: Params) -> _Write:
    key = _key(table, request["Key"])
    names, values = _names(request), _values(request)
    change = compiled.update(request["UpdateExpression"], names)
    _expect(not change.bases & {*table.table_key_attrs})
    old = _find(table, key)
    _check(request, old, change.names, change.values)
    before: Mapping[str, DynamoType] = old.attrs if old else _key_attributes(table, key)
    after = change.apply(before, values)
    for name in change.bases & _key_types(table).keys() & after.keys():
        # A wrong type, or an empty text, in an index's key is for moto to refuse.
        _expect(after[name].type == _key_types(table)[name] and after[name].value != "")
    return _Write(table, key, old, _row(table, key, after))


def _delete(table: Table, request: Params) -> _Write:
    key = _key(table, request["Key"])
    old = _find(table, key)
    _check(request, old)
    return _Write(table, key, old, None)


def _condition_check(table: Table, request: Params) -> _Write:
    key = _key(table, request["Key"])
    old = _find(table, key)
    _check(request, old)
    return _Write(table, key, old, old)


_MEMBERS: dict[str, Callable[[Table, Params], _Write]] = {
    "Put": _put,
    "Update": _update,
    "Delete": _delete,
    "ConditionCheck": _condition_check,
}
_MEMBER_ACTIONS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "DeleteItem"}


def _single(work_out: Callable[[], _Write], params: Params) -> _Write:
    try:
        return work_out()
    except _Failed as failed:
        asks = params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        raise ConditionalCheckFailed(item=_to_json(failed.row.attrs) if asks and failed.row else None) from failed


def _check(
    request: Params, row: Item | None, names: frozenset[str] = frozenset(), values: frozenset[str] = frozenset()
) -> None:
    given_names, given = _names(request), _values(request)
    only_if = compiled.condition(request.get("ConditionExpression"), given_names, frozenset(given))
    _expect(set(dict(given_names)) <= names | only_if.names and given.keys() <= values | only_if.values)
    if not only_if.holds(row.attrs if row else _NO_ATTRIBUTES, given):
        raise _Failed(row)


def _make(write: _Write) -> None:
    table: Any = write.table
    # Snapshots that were taken of the table are not what it holds any more.
    table.is_written = True
    if write.old is write.new:
        return
    orders = indexes.of(write.table)
    hash_key, range_key = write.key
    rows = table.items if range_key is None else table.items[hash_key]
    if write.new is None:
        del rows[hash_key if range_key is None else range_key]
        if range_key is not None and not rows:
            del table.items[hash_key]
    else:
        rows[hash_key if range_key is None else range_key] = write.new
    orders.replace(write.old, write.new)


# Rows


def _find(table: Table, key: Key) -> Item | None:
    rows: Any = table.items
    hash_key, range_key = key
    found: Item | None = rows.get(hash_key) if range_key is None else rows.get(hash_key, {}).get(range_key)
    return found


def _key(table: Table, given: Params) -> Key:
    _expect(given.keys() == {*table.table_key_attrs})
    types = _key_types(table)
    made = [DynamoType(given[name]) for name in table.table_key_attrs]
    _expect(all(key.type == types[name] and key.value for name, key in zip(table.table_key_attrs, made, strict=True)))
    return made[0], made[1] if len(made) > 1 else None


def _key_of(table: Table, request: Params) -> Params:
    if "Key" in request:
        return dict(request["Key"])
    return {name: request["Item"][name] for name in table.table_key_attrs}


def _key_types(table: Table) -> dict[str, str]:
    return {each["AttributeName"]: each["AttributeType"] for each in table.attr}


def _key_attributes(table: Table, key: Key) -> dict[str, DynamoType]:
    return {name: value for name, value in zip(table.table_key_attrs, key, strict=False) if value is not None}


def _row(table: Table, key: Key, attributes: dict[str, DynamoType]) -> Item:  # noqa: ARG001
    _expect(_size(attributes) <= _LARGEST_ROW)
    held = dict.__new__(LimitedSizeDict)
    dict.update(held, attributes)
    row = object.__new__(Item)
    row.hash_key, row.range_key, row.attrs = *key, held
    return row


def _size(attributes: Mapping[str, DynamoType]) -> int:
    return sum(len(name.encode()) + _value_size(value) for name, value in attributes.items())


def _value_size(value: DynamoType) -> int:
    return len(value.value.encode()) if value.type == "S" else value.size()


# Queries


def _page(
    table: Table, index: str | None, where: compiled.KeyCondition, values: compiled.Values, params: Params
) -> tuple[list[Item], bool]:
    """The rows of a page, and whether moto would say that there may be more."""
    order = indexes.of(table).order(table, index)
    partition = order.partition(values[where.hash_value])
    bounds = [compiled.plain(values[name]) for name in where.range_values]
    first, last = partition.within(where.comparison, bounds)
    keys, total = partition.keys, len(partition.keys)
    forward = params.get("ScanIndexForward", True)
    if (start := params.get("ExclusiveStartKey")) is not None:
        after = _start(order, start, partition, forward=forward)
        first, last = (max(first, after), last) if forward else (first, min(last, after))
    positions = range(first, last) if forward else range(last - 1, first - 1, -1)
    limit, size = params.get("Limit"), 0
    rows: list[Item] = []
    for position in positions:
        row = partition.rows[keys[position]]
        row_size = _size(row.attrs)
        if len(rows) == limit or size + row_size > RESULT_SIZE_LIMIT:
            return rows, True
        rows.append(row)
        size += row_size
    # moto looks on to rows beyond the range before it says that there are no more.
    beyond = range(last, total) if forward else range(first - 1, -1, -1)
    full = len(rows) == limit
    more = rows and any(
        full or size + _size(partition.rows[keys[position]].attrs) > RESULT_SIZE_LIMIT
        for position in (beyond if full or size > RESULT_SIZE_LIMIT - _LARGEST_ROW else ())
    )
    return rows, bool(more)


def _start(order: indexes.Order, start: Params, partition: indexes.Partition, *, forward: bool) -> int:
    key = tuple(compiled.plain(DynamoType(start[name])) for name in order.sort_names)
    return partition.position_after(key) if forward else partition.position_of(key)


def _listed_attributes(table: Table, index: str | None) -> frozenset[str] | None:
    """The attributes that an index holds; None when it holds all."""
    if index is None:
        return None
    found = next(each for each in table.all_indexes() if each.name == index)
    if found.projection["ProjectionType"] == "ALL":
        return None
    keys = table.table_key_attrs + [key["AttributeName"] for key in found.schema]
    return frozenset([*keys, *found.projection.get("NonKeyAttributes", [])])


# Requests and replies


@dataclass(frozen=True)
class _Projection:
    attributes: frozenset[str]
    names: frozenset[str]


def _projection(params: Params, used: frozenset[str] | None = None) -> _Projection | None:
    """The attributes that a read asks for, by their plain names; None when it asks for all."""
    text, names = params.get("ProjectionExpression"), dict(_names(params))
    if text is None:
        _expect(used is not None or "ExpressionAttributeNames" not in params)
        return None
    parts = [each.strip() for each in text.split(",")]
    _expect(all(part and not set(part) & set(".[] ") for part in parts))
    placeholders = frozenset(part for part in parts if part.startswith("#"))
    _expect(placeholders <= names.keys() and (used is not None or placeholders == names.keys()))
    return _Projection(frozenset(names.get(part, part) for part in parts), placeholders)


def _names(params: Params) -> compiled.Names:
    return tuple(sorted(params.get("ExpressionAttributeNames", {}).items()))


def _values(params: Params) -> dict[str, DynamoType]:
    given = params.get("ExpressionAttributeValues", {})
    _expect(given or "ExpressionAttributeValues" not in params)
    return {name: DynamoType(value) for name, value in given.items()}


def _attributes(row: Item | None) -> Params:
    return {"Attributes": _to_json(row.attrs)} if row else {}


def _to_json(
    attributes: Mapping[str, DynamoType], chosen: _Projection | None = None, listed: Iterable[str] | None = None
) -> Params:
    return {
        name: _value_json(value)
        for name, value in attributes.items()
        if (chosen is None or name in chosen.attributes) and (listed is None or name in listed)
    }


def _value_json(value: DynamoType) -> Params:
    if value.type == "L":
        return {"L": [_value_json(each) for each in value.value]}
    if value.type == "M":
        return {"M": {name: _value_json(each) for name, each in value.value.items()}}
    return {value.type: value.value}


def _expect(holds: object) -> None:
    if not holds:
        raise NotCompiledError
