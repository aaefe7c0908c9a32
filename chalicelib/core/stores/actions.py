"""Builders of transaction members, as `commit` takes them.

In conditions and update expressions `#name` stands for the attribute `name`, and `:name` for the keyword argument
`name`. The other parameters are positional, so a keyword argument may have any name. If a condition does not hold,
the row it failed on is in `Refused.rows`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.core.ports import Action
from chalicelib.core.stores.ends import HAS_ENDED, now_in_seconds
from chalicelib.core.stores.items import Row, to_item, values
from chalicelib.resources import Table

NEW = "attribute_not_exists(pk)"
EXISTS = "attribute_exists(pk)"

_NAME = re.compile(r"#(\w+)")


def put(table: Table, row: Row, condition: str = "", /, **named: Any) -> Action:
    """Return the member that stores a row."""
    return {"Put": _request(table, {"Item": to_item(row)}, condition, named)}


def put_new(table: Table, row: Row, /) -> Action:
    """Return the member that stores a row if it does not exist, or has ended."""
    return put(table, row, f"{NEW} OR {HAS_ENDED}", endedBy=now_in_seconds()) if table.ends else put(table, row, NEW)


def update(
    table: Table,
    key: Row,
    expression: str,
    condition: str = "",
    names: Mapping[str, str] | None = None,
    /,
    **named: Any,
) -> Action:
    """Return the member that updates a row; `names` maps each `#name` that differs from its attribute."""
    request = {"Key": to_item(key), "UpdateExpression": expression}
    return {"Update": _request(table, request, condition, named, names)}


def delete(table: Table, key: Row, condition: str = "", /, **named: Any) -> Action:
    """Return the member that deletes a row."""
    return {"Delete": _request(table, {"Key": to_item(key)}, condition, named)}


def check(table: Table, key: Row, condition: str, /, **named: Any) -> Action:
    """Return the member that changes nothing and makes the transaction depend on a condition on this row."""
    return {"ConditionCheck": _request(table, {"Key": to_item(key)}, condition, named)}


def assignments(columns: Iterable[str]) -> str:
    """Return the part of an update expression that sets each of these attributes to the argument of the same name."""
    return ", ".join(f"#{name} = :{name}" for name in columns)


def _request(
    table: Table, request: dict[str, Any], condition: str, named: Row, names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    request = {"TableName": table.physical_name, **request}
    if condition:
        request |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    aliases = _NAME.findall(f"{request.get('UpdateExpression', '')} {condition}")
    if aliases:
        request["ExpressionAttributeNames"] = {f"#{each}": (names or {}).get(each, each) for each in aliases}
    if named:
        request["ExpressionAttributeValues"] = values(**named)
    return request
