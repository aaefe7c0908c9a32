"""Requests about rows, answered from moto's tables without moto's emulation of HTTP.

moto reads every request by ten validators over copies of the row. Here the same rows are read and written by compiled
expressions. A request that is refused for its form, or that has a part not handled here, changes nothing and is left
to moto, which answers it in its own way. `tests/system/test_direct_engine.py` compares both ways.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from moto.dynamodb.exceptions import ConditionalCheckFailed, TransactionCanceledException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import Item

from infra.local import compiled
from infra.local.packed_rows import attributes_of, size_of
from infra.local.row_queries import indexed_attributes, read_page, scan_page
from infra.local.row_writes import (
    MEMBERS,
    ConditionFailedError,
    Write,
    delete,
    make_write,
    put,
    update,
    work_out_single,
)
from infra.local.rows import (
    Key,
    Params,
    attributes_reply,
    decode_binary,
    expect,
    find_row,
    key_of,
    read_key,
    read_names,
    read_projection,
    read_values,
    to_json,
    value_to_json,
)

_LARGEST_BATCH_READ = 16 * 1024 * 1024
_MOST_MEMBERS = 100
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
    | {"Limit", "ScanIndexForward", "ExclusiveStartKey", "Select"},
    "Scan": _SHARED
    | {"FilterExpression", "ProjectionExpression", "ConsistentRead", "Limit", "ExclusiveStartKey", "Select"},
    "BatchGetItem": {"RequestItems"},
    "BatchWriteItem": {"RequestItems"},
    "TransactWriteItems": {"TransactItems", "ClientRequestToken"},
}
_MEMBER_ACTIONS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "DeleteItem"}


def answer(backend: DynamoDBBackend, action: str, body: Any) -> tuple[int, bytes] | None:
    """The status and the JSON of the reply; None when the request is moto's to answer, and nothing was changed."""
    if action not in HANDLED:
        return None
    params = json.loads(body, object_hook=decode_binary)
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


def _put_item(backend: DynamoDBBackend, params: Params) -> Params:
    write = work_out_single(lambda: put(backend.get_table(params["TableName"]), params), params)
    return_values = params.get("ReturnValues", "NONE")
    expect(return_values in ("NONE", "ALL_OLD"))
    make_write(write)
    return attributes_reply(write.old if return_values == "ALL_OLD" else None)


def _update_item(backend: DynamoDBBackend, params: Params) -> Params:
    return_values = params.get("ReturnValues", "NONE")
    expect(return_values in ("NONE", "ALL_OLD", "ALL_NEW"))
    write = work_out_single(lambda: update(backend.get_table(params["TableName"]), params), params)
    make_write(write)
    return attributes_reply({"NONE": None, "ALL_OLD": write.old, "ALL_NEW": write.new}[return_values])


def _delete_item(backend: DynamoDBBackend, params: Params) -> Params:
    return_values = params.get("ReturnValues", "NONE")
    expect(return_values in ("NONE", "ALL_OLD"))
    write = work_out_single(lambda: delete(backend.get_table(params["TableName"]), params), params)
    make_write(write)
    return attributes_reply(write.old if return_values == "ALL_OLD" else None)


def _get_item(backend: DynamoDBBackend, params: Params) -> Params:
    table = backend.get_table(params["TableName"])
    row = find_row(table, read_key(table, params["Key"]))
    chosen = read_projection(params)
    return {"Item": to_json(attributes_of(row), chosen)} if row else {}


def _batch_get_item(backend: DynamoDBBackend, params: Params) -> Params:
    asked = params["RequestItems"]
    expect(sum(len(each["Keys"]) for each in asked.values()) <= _MOST_MEMBERS)
    replies: dict[str, list[Params]] = {}
    size = 0
    for name, request in asked.items():
        expect(not request.keys() - {"Keys", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"})
        table, chosen = backend.get_table(name), read_projection(request)
        keys = [read_key(table, key) for key in request["Keys"]]
        expect(len(set(keys)) == len(keys))
        rows = [row for key in keys if (row := find_row(table, key))]
        size += sum(size_of(row) for row in rows)
        replies[name] = [to_json(attributes_of(row), chosen) for row in rows]
    expect(size <= _LARGEST_BATCH_READ)
    return {"Responses": replies, "UnprocessedKeys": {}}


def _batch_write_item(backend: DynamoDBBackend, params: Params) -> Params:
    writes: list[Write] = []
    for name, requests in params["RequestItems"].items():
        table = backend.get_table(name)
        for request in requests:
            ((kind, inner),) = request.items()
            writes.append(put(table, inner) if kind == "PutRequest" else delete(table, inner))
    expect(len({(write.table.name, write.key) for write in writes}) == len(writes))
    for write in writes:
        make_write(write)
    return {"ItemCollectionMetrics": {}, "UnprocessedItems": {}}


def _transact_write_items(backend: DynamoDBBackend, params: Params) -> Params:
    members = params["TransactItems"]
    expect(len(members) <= _MOST_MEMBERS)
    writes: list[Write] = []
    errors: list[tuple[str | None, str | None, Params | None]] = []
    places: set[tuple[str, Key]] = set()
    for member in members:
        ((kind, request),) = member.items()
        handled = HANDLED[_MEMBER_ACTIONS[kind]] - {"ReturnValues"}
        expect(not request.keys() - handled and request.get("ExpressionAttributeValues") != {})
        table = backend.get_table(request["TableName"])
        key = read_key(table, key_of(table, request))
        expect((table.name, key) not in places)
        places.add((table.name, key))
        try:
            writes.append(MEMBERS[kind](table, request))
            errors.append((None, None, None))
        except ConditionFailedError as failed:
            asks = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            row = to_json(attributes_of(failed.row)) if asks and failed.row else None
            errors.append(("ConditionalCheckFailed", "The conditional request failed", row))
    if any(code for code, _, _ in errors):
        raise TransactionCanceledException(errors)
    for write in writes:
        make_write(write)
    return {"ItemCollectionMetrics": {}}


def _query(backend: DynamoDBBackend, params: Params) -> Params:
    table, index = backend.get_table(params["TableName"]), params.get("IndexName")
    names, values = read_names(params), read_values(params)
    schema = backend.get_schema(params["TableName"], index)
    expect(index is None or any(key["KeyType"] == "RANGE" for key in schema))
    expect(not (params.get("ConsistentRead") and index in {each.name for each in table.global_indexes}))
    described = tuple((key["AttributeName"], key["KeyType"]) for key in schema)
    where = compiled.key_condition(params["KeyConditionExpression"], names, frozenset(values), described)
    rows, more = read_page(table, index, where, values, params)
    keys = [name for name, _ in described] + table.table_key_attrs
    return _page_reply(params, rows, keys if more else (), where.names, indexed_attributes(table, index))


def _scan(backend: DynamoDBBackend, params: Params) -> Params:
    table = backend.get_table(params["TableName"])
    rows, more = scan_page(table, params)
    return _page_reply(params, rows, table.table_key_attrs if more else ())


def _page_reply(
    params: Params,
    rows: list[Item],
    last_keys: Iterable[str],
    used: frozenset[str] = frozenset(),
    listed: frozenset[str] | None = None,
) -> Params:
    """The reply with those rows of a page that the filter lets pass, and `last_keys` of the last one."""
    names, values = read_names(params), read_values(params)
    text, chosen = params.get("FilterExpression"), read_projection(params, used)
    expect(text != "")
    only_count = params.get("Select") == "COUNT"
    expect("Select" not in params or (only_count and chosen is None))
    matches = compiled.condition(text, names, frozenset(values))
    expect(set(dict(names)) <= used | matches.names | (chosen.names if chosen else frozenset()))
    found = [row for row in rows if matches.holds(attributes_of(row), values)]
    reply: Params = {"Count": len(found), "ScannedCount": len(rows)}
    if not only_count:
        reply["Items"] = [to_json(attributes_of(row), chosen, listed) for row in found]
    if last_keys:
        last = attributes_of(rows[-1])
        reply["LastEvaluatedKey"] = {name: value_to_json(last[name]) for name in dict.fromkeys(last_keys)}
    return reply


_ACTIONS: dict[str, Callable[[DynamoDBBackend, Params], Params]] = {
    "PutItem": _put_item,
    "UpdateItem": _update_item,
    "DeleteItem": _delete_item,
    "GetItem": _get_item,
    "Query": _query,
    "Scan": _scan,
    "BatchGetItem": _batch_get_item,
    "BatchWriteItem": _batch_write_item,
    "TransactWriteItems": _transact_write_items,
}
