"""Make moto's queries read one partition.

moto sorts all rows of the table, compares the key of each, and sorts the result again.
"""

import copy
from functools import wraps
from typing import Any


def install() -> None:
    """Read one partition if the query is on the table, and sort only the result."""
    from moto.dynamodb.models.table import Table

    held: Any = Table
    original = held.query
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    def query(table: Any, hash_key: Any, *given: Any, **named: Any) -> Any:
        seen = copy.copy(table)
        # The backend passes it by position.
        index_name = named.get("index_name", given[_INDEX_NAME] if len(given) > _INDEX_NAME else None)
        if not index_name:
            found = table.items.get(hash_key)
            seen.items = {} if found is None else {hash_key: found}
        seen.all_items = lambda: _rows(seen)
        return original(seen, hash_key, *given, **named)

    held.query = query


_INDEX_NAME = 6


def _rows(table: Any) -> list[Any]:
    if not table.range_key_attr:
        return list(table.items.values())
    return [row for part in table.items.values() for row in part.values()]
