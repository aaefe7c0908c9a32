"""Make moto undo a transaction row by row.

For each member of a transaction moto copies the member's whole table, so that it can undo the transaction. With
thousands of rows that takes seconds. This module copies only the rows that the transaction names. It relies on the
engine's lock.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

RowKey = tuple[Table, DynamoType, DynamoType | None]

_moto: Callable[[Any, list[dict[str, Any]]], None] = DynamoDBBackend.transact_write_items
_COPYING = "__deepcopy__"


def install() -> None:
    """Replace moto's transactions."""
    setattr(DynamoDBBackend, _moto.__name__, _transact)


def _transact(backend: DynamoDBBackend, members: list[dict[str, Any]]) -> None:
    before = [(place, copy.deepcopy(place[0].get_item(*place[1:]))) for place in _row_keys(backend, members)]
    setattr(Table, _COPYING, lambda table, _: table)
    try:
        _moto(backend, members)
    except Exception:
        for place, item in before:
            _restore(place, item)
        raise
    finally:
        delattr(Table, _COPYING)


def _row_keys(backend: DynamoDBBackend, members: list[dict[str, Any]]) -> Iterator[RowKey]:
    for member in members:
        for request in member.values():
            table = backend.tables.get(request.get("TableName"))
            key = request.get("Key") or request.get("Item") or {}
            names = [table.hash_key_attr, *([table.range_key_attr] if table.range_key_attr else [])] if table else []
            # moto refuses members without a full key.
            if table and all(name in key for name in names):
                hash_key, *range_key = (DynamoType(key[name]) for name in names)
                yield table, hash_key, range_key[0] if range_key else None


def _restore(place: RowKey, item: Item | None) -> None:
    table, hash_key, range_key = place
    if item is None:
        table.delete_item(hash_key, range_key)
        return
    rows: Any = table.items if range_key is None else table.items[hash_key]
    rows[hash_key if range_key is None else range_key] = item
