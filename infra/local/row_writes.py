"""Writes of rows: worked out first, and made when everything that goes with them is known to succeed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.dynamodb.exceptions import ConditionalCheckFailed
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import (
    validate_put_has_empty_attrs,
    validate_put_has_empty_keys,
    validate_put_has_gsi_keys_set_to_none,
)

from infra.local import compiled, compiled_updates, indexes
from infra.local.packed_rows import attributes_of
from infra.local.rows import (
    Key,
    Params,
    expect,
    find_row,
    key_attributes,
    key_types,
    new_row,
    read_key,
    read_names,
    read_values,
    to_json,
)

_NO_ATTRIBUTES: dict[str, DynamoType] = {}


@dataclass(frozen=True)
class ConditionFailedError(Exception):
    """The condition of a write did not hold on this row."""

    row: Item | None


@dataclass(frozen=True)
class Write:
    """A write that is worked out and not yet made: `new` takes the place of `old`; equal ones change nothing."""

    table: Table
    key: Key
    old: Item | None
    new: Item | None


def put(table: Table, request: Params) -> Write:
    given = request["Item"]
    key = read_key(table, {name: given[name] for name in table.table_key_attrs})
    validate_put_has_empty_keys(given, table)
    validate_put_has_empty_attrs(given, table)
    validate_put_has_gsi_keys_set_to_none(given, table)
    types: Any = table
    types._validate_item_types(given)
    types._validate_key_sizes(given)
    old = find_row(table, key)
    _check_condition(request, old)
    return Write(table, key, old, new_row(key, {name: DynamoType(value) for name, value in given.items()}))


def update(table: Table, request: Params) -> Write:
    key = read_key(table, request["Key"])
    names, values = read_names(request), read_values(request)
    change = compiled_updates.compile_update(request["UpdateExpression"], names)
    expect(not change.bases & {*table.table_key_attrs})
    old = find_row(table, key)
    _check_condition(request, old, change.names, change.values)
    before = attributes_of(old) if old else key_attributes(table, key)
    after = change.apply(before, values)
    for name in change.bases & key_types(table).keys() & after.keys():
        # A wrong type, or an empty text, in an index's key is for moto to refuse.
        expect(after[name].type == key_types(table)[name] and after[name].value != "")
    return Write(table, key, old, new_row(key, after))


def delete(table: Table, request: Params) -> Write:
    key = read_key(table, request["Key"])
    old = find_row(table, key)
    _check_condition(request, old)
    return Write(table, key, old, None)


def _condition_check(table: Table, request: Params) -> Write:
    key = read_key(table, request["Key"])
    old = find_row(table, key)
    _check_condition(request, old)
    return Write(table, key, old, old)


MEMBERS: dict[str, Callable[[Table, Params], Write]] = {
    "Put": put,
    "Update": update,
    "Delete": delete,
    "ConditionCheck": _condition_check,
}


def work_out_single(work_out: Callable[[], Write], params: Params) -> Write:
    try:
        return work_out()
    except ConditionFailedError as failed:
        asks = params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        raise ConditionalCheckFailed(
            item=to_json(attributes_of(failed.row)) if asks and failed.row else None
        ) from failed


def _check_condition(
    request: Params, row: Item | None, names: frozenset[str] = frozenset(), values: frozenset[str] = frozenset()
) -> None:
    given_names, given = read_names(request), read_values(request)
    only_if = compiled.condition(request.get("ConditionExpression"), given_names, frozenset(given))
    expect(set(dict(given_names)) <= names | only_if.names and given.keys() <= values | only_if.values)
    if not only_if.holds(attributes_of(row) if row else _NO_ATTRIBUTES, given):
        raise ConditionFailedError(row)


def make_write(write: Write) -> None:
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
