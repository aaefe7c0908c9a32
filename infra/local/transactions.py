"""moto's transactions, without a copy of all that their tables hold.

To undo a transaction that fails, moto first copies each table that it touches, whole and once for each of its
members. Here only the rows that it touches are copied; what is undone is the same.
"""

import copy
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

Key = dict[str, Any]


def install() -> None:
    """Let moto's transactions copy no more than they touch."""
    from moto.dynamodb.models import DynamoDBBackend

    original = DynamoDBBackend.transact_write_items
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
        touched: dict[str, list[Key]] = defaultdict(list)
        for member in transact_items:
            for request in member.values():
                touched[request.get("TableName")].append(request.get("Key") or request.get("Item") or {})
        with ExitStack() as stack:
            for name, keys in touched.items():
                if name in self.tables:
                    stack.enter_context(_copied_lightly(self.tables[name], keys))
            original(self, transact_items)

    DynamoDBBackend.transact_write_items = transact_write_items  # type: ignore[method-assign]


@contextmanager
def _copied_lightly(table: Any, keys: list[Key]) -> Iterator[None]:
    table.__deepcopy__ = lambda _: _snapshot(table, keys)
    try:
        yield
    finally:
        del table.__deepcopy__


def _snapshot(table: Any, keys: list[Key]) -> Any:
    from moto.dynamodb.models.dynamo_type import DynamoType

    taken = copy.copy(table)
    del taken.__deepcopy__
    nested = table.has_range_key
    taken.items = defaultdict(dict, {part: dict(rows) if nested else rows for part, rows in table.items.items()})
    for key in keys:
        if not {table.hash_key_attr, *([table.range_key_attr] if nested else [])} <= set(key):
            continue
        part = DynamoType(key[table.hash_key_attr])
        rows, at = (taken.items.get(part, {}), DynamoType(key[table.range_key_attr])) if nested else (taken.items, part)
        if at in rows:
            rows[at] = copy.deepcopy(rows[at])
    return taken
