"""Rows as DynamoDB's client wants them, and back."""

from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

Row = dict[str, Any]

_to = TypeSerializer().serialize
_from = TypeDeserializer().deserialize


def to_item(row: Row) -> dict[str, Any]:
    return {name: _to(value) for name, value in row.items()}


def from_item(item: dict[str, Any]) -> Row:
    return {name: _from(value) for name, value in item.items()}


def values(**named: Any) -> dict[str, Any]:
    """Expression values: `values(now=1)` gives `{":now": {"N": "1"}}`."""
    return {f":{name}": _to(value) for name, value in named.items()}
