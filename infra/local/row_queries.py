"""Pages: of a partition, in the order of a table's keys or of an index; and of a whole table."""

from bisect import bisect_right

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import RESULT_SIZE_LIMIT, Table

from infra.local import compiled, indexes
from infra.local.packed_rows import size_of
from infra.local.rows import LARGEST_ROW, Params, expect, key_types


def read_page(
    table: Table, index: str | None, where: compiled.KeyCondition, values: compiled.Values, params: Params
) -> tuple[list[Item], bool]:
    """The rows of a page, and whether moto would say that there may be more."""
    order = indexes.of(table).order(table, index)
    partition = order.partition(values[where.hash_value])
    bounds = [compiled.plain(values[name]) for name in where.range_values]
    first, last = partition.within(where.comparison, bounds)
    held, total = partition.rows, len(partition.rows)
    forward = params.get("ScanIndexForward", True)
    if (start := params.get("ExclusiveStartKey")) is not None:
        after = _start(order, start, partition, forward=forward)
        first, last = (max(first, after), last) if forward else (first, min(last, after))
    positions = range(first, last) if forward else range(last - 1, first - 1, -1)
    limit, size = params.get("Limit"), 0
    rows: list[Item] = []
    for position in positions:
        row = held[position]
        size_of_row = size_of(row)
        if len(rows) == limit or size + size_of_row > RESULT_SIZE_LIMIT:
            return rows, True
        rows.append(row)
        size += size_of_row
    # moto looks on to rows beyond the range before it says that there are no more.
    beyond = range(last, total) if forward else range(first - 1, -1, -1)
    full = len(rows) == limit
    more = rows and any(
        full or size + size_of(held[position]) > RESULT_SIZE_LIMIT
        for position in (beyond if full or size > RESULT_SIZE_LIMIT - LARGEST_ROW else ())
    )
    return rows, bool(more)


def _start(order: indexes.Order, start: Params, partition: indexes.Partition, *, forward: bool) -> int:
    key = tuple(compiled.plain(DynamoType(start[name])) for name in order.sort_names)
    return partition.position_after(key) if forward else partition.position_of(key)


def indexed_attributes(table: Table, index: str | None) -> frozenset[str] | None:
    """The attributes that an index holds; None when it holds all."""
    if index is None:
        return None
    found = next(each for each in table.all_indexes() if each.name == index)
    if found.projection["ProjectionType"] == "ALL":
        return None
    keys = table.table_key_attrs + [key["AttributeName"] for key in found.schema]
    return frozenset([*keys, *found.projection.get("NonKeyAttributes", [])])


def scan_page(table: Table, params: Params) -> tuple[list[Item], bool]:
    """The rows of a page of the table, in the order of moto, and whether there are more."""
    names = table.table_key_attrs
    expect(all(key_types(table)[name] == "S" for name in names))
    held = sorted(indexes.rows_of(table), key=_table_key)
    first = 0
    if (start := params.get("ExclusiveStartKey")) is not None:
        expect(start.keys() == {*names})
        first = bisect_right(held, tuple(start[name]["S"] for name in names), key=_table_key)
    limit, size = params.get("Limit"), 0
    rows: list[Item] = []
    for row in held[first:]:
        size += size_of(row)
        if len(rows) == limit or size > RESULT_SIZE_LIMIT:
            return rows, True
        rows.append(row)
    return rows, False


def _table_key(row: Item) -> tuple[str, ...]:
    return (row.hash_key.value, row.range_key.value) if row.range_key else (row.hash_key.value,)
