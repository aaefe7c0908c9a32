"""Conversion between rows and the items of DynamoDB's client.

Written by hand, since boto3's own serializer would load all of boto3 in every function.
"""

from decimal import Context, Decimal, Inexact, Rounded
from typing import Any

Row = dict[str, Any]

# DynamoDB's numbers have 38 digits; what does not fit is refused here, not rounded there.
_NUMBERS = Context(prec=38, Emin=-128, Emax=126, traps=[Inexact, Rounded])

_LARGEST = 10**_NUMBERS.prec


# Most values are texts, and every call writes and reads dozens of them: for those neither costs a call.
def to_item(row: Row) -> dict[str, Any]:
    return {name: {"S": value} if type(value) is str else _to(value) for name, value in row.items()}


def from_item(item: dict[str, Any]) -> Row:
    return {name: value["S"] if "S" in value else _from(value) for name, value in item.items()}


def values(**named: Any) -> dict[str, Any]:
    """Return expression values: `values(now=1)` gives `{":now": {"N": "1"}}`."""
    return {f":{name}": {"S": value} if type(value) is str else _to(value) for name, value in named.items()}


def _to(value: Any) -> dict[str, Any]:
    if type(value) is int and -_LARGEST < value < _LARGEST:
        return {"N": str(value)}
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": str(_NUMBERS.create_decimal(value))}
        case None:
            return {"NULL": True}
        case dict():
            return {"M": to_item(value)}
        case list() | tuple():
            return {"L": [_to(each) for each in value]}
        case bytes():
            return {"B": value}
        case set() | frozenset() if value and all(isinstance(each, str) for each in value):
            return {"SS": list(value)}
    raise TypeError(f"a row holds no {type(value).__name__}")


def _from(value: dict[str, Any]) -> Any:
    ((kind, held),) = value.items()
    match kind:
        case "N":
            return Decimal(held)
        case "NULL":
            return None
        case "M":
            return from_item(held)
        case "L":
            return [_from(each) for each in held]
        case "SS":
            return set(held)
    return held
