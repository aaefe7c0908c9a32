"""The end of rows. From its end on a row is gone for every reader, whether or not the table still has it.

expiresAt              the end, in epoch seconds; the table's TTL deletes the row some time after it
dueQueue = ENDS, dueAt the end of a row that something counts: a schedule deletes it and corrects the count, and
                       `expiresAt` is a good while later, in case that no schedule runs
"""

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.stores.items import Row
from chalicelib.retention import Kind
from chalicelib.settings import settings

ENDS = "ends"
# The attributes of which readers of single attributes need to tell whether a row has ended.
COLUMNS = ("expiresAt",)
# Conditions in which `:endedBy` is `now_in_seconds()`.
HAS_ENDED = "expiresAt <= :endedBy"
IS_KEPT = "(attribute_not_exists(expiresAt) OR expiresAt > :endedBy)"

# A schedule that counts what ends has so long before TTL takes the rows without counting.
_SPARE = timedelta(days=30)


def now_in_seconds() -> int:
    return int(time.time())


def end_of(kind: Kind, since: datetime | str) -> Row:
    """Return the column with which a row of this kind ends; none if the desk keeps the kind for ever."""
    end = _end(kind, since)
    return {} if end is None else {"expiresAt": int(end.timestamp())}


def counted_end_of(kind: Kind, since: datetime | str) -> Row:
    """Return the columns with which a row ends that something counts; none if the desk keeps the kind for ever."""
    end = _end(kind, since)
    if end is None:
        return {}
    return {"dueQueue": ENDS, "dueAt": timestamp(end), "expiresAt": int((end + _SPARE).timestamp())}


# What an update removes from a row that no longer ends.
COUNTED_COLUMNS = ("dueQueue", "dueAt", "expiresAt")


def has_ended(row: Mapping[str, Any], seconds: float) -> bool:
    """Say whether the row had ended by this time, in epoch seconds."""
    if row.get("expiresAt", math.inf) <= seconds:
        return True
    return row.get("dueQueue") == ENDS and parse_timestamp(row["dueAt"]).timestamp() <= seconds


def without_ended(rows: Iterable[Row]) -> Iterator[Row]:
    """Leave out the rows that have ended."""
    seconds = time.time()
    return (row for row in rows if not has_ended(row, seconds))


def _end(kind: Kind, since: datetime | str) -> datetime | None:
    days = settings().kept_days[kind.setting]
    moment = parse_timestamp(since) if isinstance(since, str) else since
    return moment + timedelta(days=days) if days else None
