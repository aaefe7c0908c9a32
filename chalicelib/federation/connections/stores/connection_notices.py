"""Connection notices, in the table `peers`: pk = CONNECTION#<id>, sk = NOTICE#<notice id>.

kind; body: as JSON text; and the attributes of leased rows (see leased)
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.domain.retries import GRACE, Attempt
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import put, put_new
from chalicelib.core.stores.codec import Codec, Column
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.leased import LeasedRows
from chalicelib.core.stores.reads import get
from chalicelib.federation.connections.domain.connection_notices import (
    ConnectionNotice,
    ConnectionNoticeJob,
)
from chalicelib.resources import PEER_NOTICES, PEERS

_PREFIX, _CONNECTION = "NOTICE#", "CONNECTION#"
_ROWS = LeasedRows(PEERS, PEER_NOTICES)


class DynamoConnectionNotices:
    def find(self, job: ConnectionNoticeJob) -> ConnectionNotice | None:
        """Find a notice, read consistently. One store call."""
        row = get(PEERS, _key(job.connection_id, job.notice_id))
        return _from_row(row) if row else None

    def lease(self, notice: ConnectionNotice, lease_id: str, *, now: datetime, until: datetime) -> bool:
        """Lease the notice's next attempt; False if it was made, or is being made. One store call."""
        key = _key(notice.connection_id, notice.notice_id)
        return _ROWS.lease(key, lease_id, made=len(notice.attempts), now=now, until=until)

    def record(
        self, notice: ConnectionNotice, lease_id: str, *, outcome: str, attempt: Attempt | None, due_at: datetime | None
    ) -> bool:
        """Record the attempt made under the lease, and end the lease; False if it was lost. One store call."""
        key, made = _key(notice.connection_id, notice.notice_id), len(notice.attempts)
        return _ROWS.record(key, lease_id, made=made, outcome=outcome, attempt=attempt, due_at=due_at)

    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[ConnectionNoticeJob, str]]:
        """List some of the due notices, longest due first, each with its due time. One store call."""
        return [(_job(row), row["dueAt"]) for row in _ROWS.list_due(now=now, limit=limit)]

    def postpone(self, job: ConnectionNoticeJob, due_at: str, *, until: datetime) -> bool:
        """Move the due time on from `due_at`; False if another call has. One store call."""
        return _ROWS.postpone(_key(job.connection_id, job.notice_id), due_at, until=until)


def add_notice_action(notice: ConnectionNotice) -> Action:
    """Return the action that stores a notice.

    If no message announces it, the due index does a little later.
    """
    return put_new(PEERS, _row(notice))


def put_notice_action(notice: ConnectionNotice, **more: int) -> Action:
    """Return the action that stores a notice as `add_notice_action` does, with `more` attributes and in place of an
    earlier one with its id.
    """
    return put(PEERS, _row(notice) | more)


def _row(notice: ConnectionNotice) -> Row:
    due = parse_timestamp(notice.created_at) + GRACE
    return _key(notice.connection_id, notice.notice_id) | _NOTICE.to_row(notice) | _ROWS.due_columns(due)


def _key(connection_id: str, notice_id: str) -> Row:
    return {"pk": f"{_CONNECTION}{connection_id}", "sk": f"{_PREFIX}{notice_id}"}


def _job(row: Row) -> ConnectionNoticeJob:
    return ConnectionNoticeJob(
        connection_id=row["pk"].removeprefix(_CONNECTION), notice_id=row["sk"].removeprefix(_PREFIX)
    )


def _from_row(row: Row) -> ConnectionNotice:
    job = _job(row)
    return _NOTICE.from_row(row, connection_id=job.connection_id, notice_id=job.notice_id)


def _to_json(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False)


_NOTICE = Codec(
    ConnectionNotice,
    {"body": Column(to_row=_to_json, from_row=json.loads)},
    without=("connection_id", "notice_id"),
)
