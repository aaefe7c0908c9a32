"""Complete reads from the store, which returns at most a megabyte or a hundred rows per call.

Rows of tables that end them are left out from their end on (see ends).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.core.domain.attempts import pause
from chalicelib.core.domain.errors import Unavailable
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.ends import COLUMNS, without_ended
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.parallel import chunks, gather
from chalicelib.resources import DUE_INDEX, Table

_ATTEMPTS = 6
_MOST_KEYS = 100


def get(table: Table, key: Row, *, consistent: bool = True) -> Row | None:
    """Read the row with this key; None if there is none. One store call."""
    got = dynamodb().get_item(TableName=table.physical_name, Key=to_item(key), ConsistentRead=consistent)
    rows = _rows(table, [got["Item"]] if "Item" in got else [])
    return rows[0] if rows else None


def query_page(table: Table, **request: Any) -> list[Row]:
    """Read the first rows that the query finds, a megabyte or `Limit` at most. One store call."""
    page = dynamodb().query(TableName=table.physical_name, **request)
    return _rows(table, page["Items"])


def list_due(table: Table, queue: str, *, now: datetime, limit: int) -> list[Row]:
    """List some rows that are due in the queue, longest due first: keys and due time. One store call.

    The index is eventually consistent.
    """
    page = dynamodb().query(
        TableName=table.physical_name,
        IndexName=DUE_INDEX,
        KeyConditionExpression="dueQueue = :queue AND dueAt <= :now",
        ExpressionAttributeValues=values(queue=queue, now=timestamp(now)),
        Limit=limit,
    )
    return [from_item(dict(item)) for item in page["Items"]]


def query_partition(
    table: Table, pk: str, prefix: str = "", *, with_ended: bool = False, **request: Any
) -> Iterator[Row]:
    """Read every row of a partition whose sort key has the prefix, in order, consistently.

    One store call per megabyte.
    """
    condition = "pk = :pk AND begins_with(sk, :prefix)" if prefix else "pk = :pk"
    named = {"pk": pk, "prefix": prefix} if prefix else {"pk": pk}
    request |= {
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values(**named),
        "ConsistentRead": True,
    }
    return _query(table, request, with_ended=with_ended)


def query(table: Table, **request: Any) -> Iterator[Row]:
    """Iterate over every row that the query finds, in order. One store call per megabyte."""
    return _query(table, request, with_ended=False)


def _query(table: Table, request: dict[str, Any], *, with_ended: bool) -> Iterator[Row]:
    more: dict[str, Any] = {}
    while True:
        page = dynamodb().query(TableName=table.physical_name, **request, **more)
        yield from _rows(table, page["Items"], with_ended=with_ended)
        if "LastEvaluatedKey" not in page:
            return
        more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def get_all(
    table: Table, keys: Iterable[Row], attributes: Sequence[str] = (), *, with_ended: bool = False
) -> list[Row]:
    """Read the rows of these keys that exist, in any order, consistently; with `attributes` only those.

    One store call per hundred, made at the same time.

    Raises:
        Unavailable: the store did not return all of them.
    """
    distinct = {tuple(key.items()): key for key in keys}
    groups = list(chunks(list(distinct.values()), _MOST_KEYS))
    if len(groups) == 1:
        return _get(table, groups[0], attributes, with_ended=with_ended)
    reads = (partial(_get, table, group, attributes, with_ended=with_ended) for group in groups)
    found: list[list[Row]] = gather(*reads)
    return [row for group in found for row in group]


def _get(table: Table, keys: list[Row], attributes: Sequence[str], *, with_ended: bool) -> list[Row]:
    name = table.physical_name
    rows: list[Row] = []
    pending: Any = {"Keys": [to_item(key) for key in keys], "ConsistentRead": True}
    if attributes:
        # By other names, since some of ours are words of the expressions' language.
        wanted = dict.fromkeys([*attributes, *(COLUMNS if table.ends else ())])
        names = {f"#a{number}": attribute for number, attribute in enumerate(wanted)}
        pending |= {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
    for attempt in range(_ATTEMPTS):
        got = dynamodb().batch_get_item(RequestItems={name: pending})
        rows += _rows(table, got["Responses"].get(name, []), with_ended=with_ended)
        pending = got.get("UnprocessedKeys", {}).get(name)
        if not pending:
            return rows
        pause(attempt)
    raise Unavailable("A store did not answer in full.")


def _rows(table: Table, items: Iterable[Any], *, with_ended: bool = False) -> list[Row]:
    rows = [from_item(dict(item)) for item in items]
    return list(without_ended(rows)) if table.ends and not with_ended else rows
