"""The rows of a moto table in the order of its keys and of its indexes, kept while rows are written."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from infra.local.compiled import plain
from infra.local.packed_rows import attributes_of

_ATTRIBUTE = "_fluxden_indexes"
SortKey = tuple[Any, ...]


@dataclass
class Partition:
    """The rows of one partition, in the order of their sort keys."""

    keys: list[SortKey] = field(default_factory=list)
    rows: list[Item] = field(default_factory=list)

    def put(self, key: SortKey, row: Item) -> None:
        at = bisect_left(self.keys, key)
        if at < len(self.keys) and self.keys[at] == key:
            self.rows[at] = row
        else:
            self.keys.insert(at, key)
            self.rows.insert(at, row)

    def remove(self, key: SortKey) -> None:
        at = bisect_left(self.keys, key)
        if at < len(self.keys) and self.keys[at] == key:
            del self.keys[at], self.rows[at]

    def position_of(self, key: SortKey) -> int:
        """The position of the first sort key that is not before this one."""
        return bisect_left(self.keys, key)

    def position_after(self, key: SortKey) -> int:
        """The position of the first sort key that is after this one."""
        return bisect_right(self.keys, key)

    def within(self, comparison: str | None, bounds: list[Any]) -> tuple[int, int]:
        """The first position, and the one after the last, of the sort keys whose first part compares so."""
        match comparison, bounds:
            case None, _:
                return 0, len(self.keys)
            case "=", [value]:
                return self._before(value), self._after(value)
            case "<", [value]:
                return 0, self._before(value)
            case "<=", [value]:
                return 0, self._after(value)
            case ">", [value]:
                return self._after(value), len(self.keys)
            case ">=", [value]:
                return self._before(value), len(self.keys)
            case "BETWEEN", [low, high]:
                return self._before(low), self._after(high)
            case "BEGINS_WITH", [prefix]:
                first = self._before(prefix)
                last = bisect_left(self.keys, 1, first, key=lambda key: 0 if str(key[0]).startswith(prefix) else 1)
                return first, last
        raise KeyError(comparison)

    def _before(self, value: Any) -> int:
        return bisect_left(self.keys, value, key=lambda key: key[0])

    def _after(self, value: Any) -> int:
        return bisect_right(self.keys, value, key=lambda key: key[0])


@dataclass
class Order:
    """The order of a table, or of one of its indexes: a row is in it when it has all the key attributes."""

    hash_name: str
    sort_names: tuple[str, ...]
    partitions: dict[tuple[str, Any], Partition] = field(default_factory=dict)

    def place(self, row: Item) -> tuple[tuple[str, Any], SortKey] | None:
        """The partition and the sort key of the row; None when it is not in this order."""
        attributes = attributes_of(row)
        try:
            partition = attributes[self.hash_name]
            sort_key = tuple(plain(attributes[name]) for name in self.sort_names)
        except KeyError:
            return None
        return (partition.type, plain(partition)), sort_key

    def put(self, row: Item) -> None:
        if place := self.place(row):
            self.partitions.setdefault(place[0], Partition()).put(place[1], row)

    def remove(self, row: Item) -> None:
        if place := self.place(row):
            self.partitions[place[0]].remove(place[1])
            if not self.partitions[place[0]].keys:
                del self.partitions[place[0]]

    def partition(self, value: DynamoType) -> Partition:
        return self.partitions.get((value.type, plain(value))) or Partition()


@dataclass
class Indexes:
    """The orders of one table that were asked for, over the rows that it held then and has been given since."""

    held: Any
    orders: dict[str | None, Order] = field(default_factory=dict)

    def order(self, table: Table, index: str | None) -> Order:
        if (known := self.orders.get(index)) is not None:
            return known
        made = self.orders[index] = _new_order(table, index)
        for row in rows_of(table):
            made.put(row)
        return made

    def replace(self, old: Item | None, new: Item | None) -> None:
        """Take the row that was out of every order, and put in the new one."""
        for order in self.orders.values():
            if old is not None:
                order.remove(old)
            if new is not None:
                order.put(new)


def of(table: Table) -> Indexes:
    """The orders of the table. They are made anew when its rows were exchanged, or `forget` was called."""
    known: Indexes | None = getattr(table, _ATTRIBUTE, None)
    if known is None or known.held is not table.items:
        known = Indexes(table.items)
        setattr(table, _ATTRIBUTE, known)
    return known


def forget(table: Table) -> None:
    """Drop the orders of a table whose rows were written by another than `replace`."""
    setattr(table, _ATTRIBUTE, None)


def _new_order(table: Table, index: str | None) -> Order:
    if index is None:
        return Order(table.hash_key_attr, (table.range_key_attr,) if table.range_key_attr else (table.hash_key_attr,))
    schema = next(each.schema for each in table.all_indexes() if each.name == index)
    ranges = [key["AttributeName"] for key in schema if key["KeyType"] == "RANGE"]
    own = [table.hash_key_attr, *([table.range_key_attr] if table.range_key_attr else [])]
    (partition,) = (key["AttributeName"] for key in schema if key["KeyType"] == "HASH")
    return Order(partition, (*ranges, *own))


def rows_of(table: Table) -> Iterator[Item]:
    """Every row of the table, in no order."""
    held: Any = table.items
    for part in held.values():
        yield from part.values() if table.range_key_attr else (part,)
