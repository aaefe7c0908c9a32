"""Clicks on buttons, in the table `deliveries`: pk = delivery id, sk = ACTION#<index>.

They have the attributes of leased rows too (see leased).
index recent: clickedOn = CLICKS#<day>, clickedAt
"""

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from itertools import islice

from chalicelib.core.domain.retries import Attempt
from chalicelib.core.stores.actions import put_new
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.leased import LeasedRows
from chalicelib.core.stores.reads import get_all, query, query_partition
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.inbox.domain.callbacks import CallbackJob
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.stores.delivery_rows import end_with
from chalicelib.parallel import gather
from chalicelib.resources import CALLBACKS, DELIVERIES, RECENT_INDEX

CLICK_PREFIX = "ACTION#"
_ROWS = LeasedRows(DELIVERIES, CALLBACKS)
_CLICK = Codec(Click, without=("delivery_id", "index"))


class DynamoClicks:
    def add(self, click: Click, delivery: Delivery, *, due_at: datetime) -> Click:
        """Store the click, with its callback due at `due_at`, and return the stored one. The first click stays.

        It ends with its delivery.

        One store call.
        """
        day = clicks_on(click.clicked_at[:10])
        row = click_key(click) | {"actionId": click.action_id, "clickedOn": day}
        try:
            due = _ROWS.due_columns(due_at)
            commit([put_new(DELIVERIES, row | _CLICK.to_row(click) | due | end_with(delivery))])
        except Refused as refused:
            return click_from_row(refused.rows[0])
        return click

    def lease(self, click: Click, lease_id: str, *, now: datetime, until: datetime) -> bool:
        """Take the lease of the click's next attempt; False if it was made or another worker has it. One store call."""
        key = click_key(click)
        return _ROWS.lease(key, lease_id, made=len(click.attempts), now=now, until=until)

    def record(
        self, click: Click, lease_id: str, *, outcome: str, attempt: Attempt | None, due_at: datetime | None
    ) -> bool:
        """Record the attempt made under the lease, and end the lease; False if the lease was lost. One store call."""
        key, made = click_key(click), len(click.attempts)
        return _ROWS.record(key, lease_id, made=made, outcome=outcome, attempt=attempt, due_at=due_at)

    def restart(self, click: Click, *, now: datetime, due_at: datetime) -> bool:
        """Make an attempt due at `now`, announced at `due_at`; False if one is under way. One store call."""
        key = click_key(click)
        return _ROWS.restart(key, made=len(click.attempts), now=now, due_at=due_at)

    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[CallbackJob, str]]:
        """Return some of the clicks with an attempt due, longest due first, with their due times. One store call."""
        rows = _ROWS.list_due(now=now, limit=limit)
        return [(job_of(row), row["dueAt"]) for row in rows]

    def list_of(self, delivery_id: str) -> Sequence[Click]:
        """Return the clicks on a delivery's buttons. One store call."""
        rows = query_partition(DELIVERIES, delivery_id, CLICK_PREFIX)
        return [click_from_row(row) for row in rows]

    def list_recent(self, days: Sequence[date], *, limit: int) -> Sequence[Click]:
        """Return the latest clicks of these days, newest first, at most `limit`. Store calls in sequence: 2."""
        found = gather(*(partial(_clicked_on, day, limit) for day in days))
        keys = sorted((row for rows in found for row in rows), key=lambda row: row["clickedAt"], reverse=True)[:limit]
        rows = get_all(DELIVERIES, [{"pk": row["pk"], "sk": row["sk"]} for row in keys]) if keys else []
        return sorted(map(click_from_row, rows), key=lambda click: (click.clicked_at, click.action_id), reverse=True)

    def postpone(self, job: CallbackJob, due_at: str, *, until: datetime) -> bool:
        """Move the due time from `due_at` to `until`; False if another call has. One store call."""
        return _ROWS.postpone(key_of(job.delivery_id, job.index), due_at, until=until)


def click_from_row(row: Row) -> Click:
    """Return the click of a row."""
    return _CLICK.from_row(row, delivery_id=row["pk"], index=_index(row))


def click_key(click: Click) -> Row:
    return key_of(click.delivery_id, click.index)


def clicks_on(day: str) -> str:
    """Return the partition of the index `recent` with the clicks of a day."""
    return f"CLICKS#{day}"


def job_of(row: Row) -> CallbackJob:
    """Return the job of a row's callback; its key is enough."""
    return CallbackJob(delivery_id=row["pk"], index=_index(row))


def _clicked_on(day: date, limit: int) -> list[Row]:
    rows = query(
        DELIVERIES,
        IndexName=RECENT_INDEX,
        KeyConditionExpression="clickedOn = :day",
        ExpressionAttributeValues=values(day=clicks_on(day.isoformat())),
        ScanIndexForward=False,
        Limit=limit,
    )
    return list(islice(rows, limit))


def key_of(delivery_id: str, index: int) -> Row:
    return {"pk": delivery_id, "sk": f"{CLICK_PREFIX}{index}"}


def _index(row: Row) -> int:
    return int(row["sk"].removeprefix(CLICK_PREFIX))
