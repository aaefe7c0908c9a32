"""Sizes of items as DynamoDB counts them."""

from typing import Any


def kilobytes(item: Any) -> int:
    """Return the started kilobytes of an item: its write units."""
    return max(1, -(-size(item) // 1024))


def size(item: Any) -> int:
    """Return the bytes of an item as DynamoDB counts them. Numbers take a byte per two digits, plus one."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    ((kind, held),) = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "N":
            return len(held) // 2 + 2
        case "SS":
            return sum(len(each.encode()) for each in held)
        case "M":
            return 3 + size(held)
        case "L":
            return 3 + sum(1 + _value_size(each) for each in held)
    return 1
