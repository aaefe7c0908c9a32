"""Make moto compare, measure and copy attribute values faster.

moto tries ten types for each value and copies immutable values. Nearly all values are strings and numbers.
"""

from decimal import Decimal
from typing import Any

# moto's own limit, slightly above DynamoDB's 400 KB.
_MOST_BYTES = 405_000
_WITH_PARTS = frozenset(("L", "M", "SS", "NS", "BS"))


def install() -> None:
    """Handle values without parts directly."""
    from moto.dynamodb.exceptions import ItemSizeTooLarge
    from moto.dynamodb.models.dynamo_type import DynamoType, Item

    held: Any = DynamoType
    if held.__eq__ is _equal:
        return
    cast, size, copied = held.cast_value.fget, held.size, held.__deepcopy__
    row: Any = Item
    made = row.__init__

    def cast_value(value: Any) -> Any:
        if value.type == "S":
            return value.value
        return Decimal(value.value) if value.type == "N" else cast(value)

    def size_of(value: Any) -> int:
        sized: int = len(value.value.encode()) if value.type == "S" else size(value)
        return sized

    def copy_of(value: Any, memo: dict[int, Any]) -> Any:
        if value.type in _WITH_PARTS:
            return copied(value, memo)
        other = object.__new__(type(value))
        other.type, other.value = value.type, value.value
        return other

    def filled(row: Any, hash_key: Any, range_key: Any, attrs: dict[str, Any]) -> None:
        made(row, hash_key, range_key, {})
        for name, value in attrs.items():
            dict.__setitem__(row.attrs, name, DynamoType(value))
        # Measure once, instead of after each attribute.
        if row.size() > _MOST_BYTES:
            raise ItemSizeTooLarge

    held.cast_value = property(cast_value)
    held.size = size_of
    held.__deepcopy__ = copy_of
    held.__eq__ = _equal
    held.__hash__ = _hash
    row.__init__ = filled


def _equal(value: Any, other: Any) -> bool:
    if value.type != other.type:
        return False
    return bool(value.value == other.value if value.type == "S" else value.cast_value == other.cast_value)


def _hash(value: Any) -> int:
    return hash((value.type, value.cast_value))
