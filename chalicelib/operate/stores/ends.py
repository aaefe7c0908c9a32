"""Ends of stored rows by the present settings, for rows of before the desk ended them and after a change of days."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib import retention
from chalicelib.aws import dynamodb
from chalicelib.core.stores.actions import EXISTS, assignments, update
from chalicelib.core.stores.ends import COUNTED_COLUMNS, end_of
from chalicelib.core.stores.items import Row, from_item
from chalicelib.core.stores.lists import COUNTS
from chalicelib.core.stores.writes import try_commit
from chalicelib.federation.relays.stores.relay_rows import end_of_relay, relay_from_row
from chalicelib.inbox.stores.delivery_ends import DynamoDeliveryEnds
from chalicelib.inbox.stores.delivery_rows import SORT_KEY, end_by_settings, from_row
from chalicelib.resources import CHAT, DELIVERIES, FEEDBACK, QUEUE_ITEMS, RELAYS, Table
from chalicelib.tasks.stores.queue import end_of_item, item_from_row


@dataclass(frozen=True)
class KeptRows:
    """The rows of a kind. `end` returns the columns that end a row by the settings, None for rows of another kind."""

    kind: retention.Kind
    table: Table
    end: Callable[[Row], Row | None]
    # What may not change between reading a row and writing its end.
    unchanged: str | None = None
    counted: bool = False


def apply_ends(rows: KeptRows) -> Iterator[bool]:
    """Give every row of the kind its end, and say of each whether it had another one.

    It may be stopped and repeated at any time. One store call per megabyte, and one for each row that gets another
    end; for a delivery 2 more, and one for each row that hangs on it.
    """
    for row in _scan(rows.table):
        end = rows.end(row)
        if end is None:
            continue
        columns = COUNTED_COLUMNS if rows.counted else ("expiresAt",)
        is_other = {name: row[name] for name in columns if name in row} != end
        changed = is_other and _set_end(rows, row, end, columns)
        if rows.table == DELIVERIES:
            changed = bool(DynamoDeliveryEnds().stamp(row["pk"])) or changed
        yield changed


def _set_end(rows: KeptRows, row: Row, end: Row, columns: tuple[str, ...]) -> bool:
    removed = [name for name in columns if name not in end and name in row]
    expression = " ".join(
        [*([f"SET {assignments(end)}"] if end else []), *([f"REMOVE {', '.join(removed)}"] if removed else [])]
    )
    condition, named = EXISTS, Row()
    if rows.unchanged:
        condition, named = f"{EXISTS} AND #{rows.unchanged} = :seen", {"seen": row[rows.unchanged]}
    key = {"pk": row["pk"], "sk": row["sk"]}
    return try_commit([update(rows.table, key, expression, condition, **end, **named)])


def _delivery_end(row: Row) -> Row | None:
    return end_by_settings(from_row(row)) if row["sk"] == SORT_KEY else None


def _message_end(row: Row) -> Row:
    return end_of(retention.CHAT, row["createdAt"])


def _feedback_end(row: Row) -> Row:
    return end_of(retention.FEEDBACK, row["createdAt"])


def _task_end(row: Row) -> Row | None:
    if row["sk"] == COUNTS:
        return None
    item = item_from_row(row)
    return end_of_item(item) if item else end_of(retention.TASKS, row["updatedAt"])


def _relay_end(row: Row) -> Row | None:
    return end_of_relay(relay_from_row(row)) if row["sk"].startswith("RELAY#") else None


def _scan(table: Table) -> Iterator[Row]:
    pages: Any = dynamodb().get_paginator("scan").paginate(TableName=table.physical_name, ConsistentRead=True)
    for page in pages:
        yield from (from_item(dict(item)) for item in page["Items"])


KEPT_ROWS = (
    KeptRows(retention.DELIVERIES, DELIVERIES, _delivery_end),
    KeptRows(retention.CHAT, CHAT, _message_end),
    KeptRows(retention.TASKS, QUEUE_ITEMS, _task_end, unchanged="changes", counted=True),
    KeptRows(retention.RELAYS, RELAYS, _relay_end, unchanged="changes", counted=True),
    KeptRows(retention.FEEDBACK, FEEDBACK, _feedback_end),
)
