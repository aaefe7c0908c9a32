"""Notices to instances, in the table `network`: NOTICE#<id> / NOTICE.

instanceId, kind, status, remoteId, body, createdAt; expiresAt is the table's TTL
It has the attributes of leased rows as well (see leased).
"""

from collections.abc import Sequence
from datetime import datetime

from chalicelib import retention
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.domain.retries import GRACE, Attempt
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import put
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.leased import LeasedRows
from chalicelib.core.stores.reads import get
from chalicelib.federation.network.domain.instance_notices import (
    InstanceNotice,
    InstanceNoticeJob,
)
from chalicelib.resources import NETWORK, NOTICES

_ROWS = LeasedRows(NETWORK, NOTICES)
_NOTICE = Codec(InstanceNotice, without=("notice_id",))


class DynamoInstanceNotices:
    def find(self, notice_id: str) -> InstanceNotice | None:
        """Find a notice, read consistently. One store call."""
        row = get(NETWORK, _key(notice_id))
        return _NOTICE.from_row(row, notice_id=notice_id) if row else None

    def lease(self, notice: InstanceNotice, lease_id: str, *, now: datetime, until: datetime) -> bool:
        """Lease the notice's next attempt; False if it was made, or is being made. One store call."""
        return _ROWS.lease(_key(notice.notice_id), lease_id, made=len(notice.attempts), now=now, until=until)

    def record(
        self,
        notice: InstanceNotice,
        lease_id: str,
        *,
        outcome: str,
        attempt: Attempt | None,
        due_at: datetime | None,
    ) -> bool:
        """Record the attempt made under the lease, and end the lease; False if it was lost. One store call.

        `attempt` is None if nothing was sent.
        """
        key, made = _key(notice.notice_id), len(notice.attempts)
        return _ROWS.record(key, lease_id, made=made, outcome=outcome, attempt=attempt, due_at=due_at)

    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[InstanceNoticeJob, str]]:
        """List some of the due notices, longest due first, each with its due time. One store call."""
        rows = _ROWS.list_due(now=now, limit=limit)
        return [(InstanceNoticeJob(notice_id=row["pk"].partition("#")[2]), row["dueAt"]) for row in rows]

    def postpone(self, job: InstanceNoticeJob, due_at: str, *, until: datetime) -> bool:
        """Move the due time on from `due_at`; False if another call has. One store call."""
        return _ROWS.postpone(_key(job.notice_id), due_at, until=until)


def add_notice_action(notice: InstanceNotice) -> Action:
    """Return the action that stores a notice. If no message announces it, the due index does a little later."""
    created = parse_timestamp(notice.created_at)
    row = _key(notice.notice_id) | _NOTICE.to_row(notice)
    row |= _ROWS.due_columns(created + GRACE)
    return put(NETWORK, row | {"expiresAt": int((created + retention.NOTICES.kept).timestamp())})


def _key(notice_id: str) -> Row:
    return {"pk": f"NOTICE#{notice_id}", "sk": "NOTICE"}
