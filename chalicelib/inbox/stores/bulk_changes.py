"""Bulk changes of an inbox, in the table `deliveries`: pk = CHANGE#<job id>; expiresAt is the table's TTL.

sk = JOB            the change and how far it is; dueQueue, dueAt while a worker has to continue it
sk = IDS            the ids of a change that does not fit a request
sk = PART#<number>  the states before and after each delivery that one step has changed

A step is one transaction: the deliveries, the part and the job. So a step that is made again finds that it was made.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib import retention
from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.retries import GRACE
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import assignments, put_new, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, get_all, list_due
from chalicelib.core.stores.writes import Refused, change_row, commit, try_commit
from chalicelib.ids import new_nonce
from chalicelib.inbox.domain.bulk_changes import (
    BulkAction,
    BulkChange,
    BulkChangeJob,
    BulkStatus,
    Changed,
    Counts,
    State,
)
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.inbox import Position
from chalicelib.inbox.stores.delivery_rows import delivery_key, from_row, state_update
from chalicelib.inbox.stores.snoozes import snooze_actions
from chalicelib.resources import DELIVERIES

DUE_QUEUE = "inbox-changes"
_JOB, _IDS = "JOB", "IDS"
# Everything of a delivery that is needed here, without its content.
_COLUMNS = (
    "pk",
    "sk",
    "recipientUserId",
    "senderUserId",
    "eventType",
    "severity",
    "title",
    "occurredAt",
    "createdAt",
    "fireCount",
    "firedAt",
    "readAt",
    "archivedAt",
    "snoozedUntil",
    "resolvedAt",
    "inboxKey",
)

Pairs = Sequence[tuple[Delivery, Delivery]]


class DynamoBulkChanges:
    def find(self, job_id: str, *, with_ids: bool = False) -> BulkChange | None:
        """Find a job, with its list of ids if asked. One store call, 2 with the ids of a long list."""
        row = get(DELIVERIES, _key(job_id, _JOB))
        if row is None:
            return None
        job = _from_row(row)
        if not (with_ids and row.get("hasIds")):
            return job
        stored = get(DELIVERIES, _key(job_id, _IDS)) or {}
        return replace(job, ids=json.loads(stored.get("ids", "[]")))

    def find_part(self, job_id: str, part: int) -> list[Changed]:
        """Return what a step has changed. One store call."""
        row = get(DELIVERIES, _key(job_id, _part_name(part))) or {}
        changed = json.loads(row.get("changed", "[]"))
        return [Changed(delivery_id, State(*before), State(*after)) for delivery_id, before, after in changed]

    def read_deliveries(self, delivery_ids: Sequence[str]) -> list[Delivery]:
        """Read deliveries without their content, consistently. One store call per hundred, at the same time."""
        rows = get_all(DELIVERIES, [delivery_key(each) for each in delivery_ids], _COLUMNS) if delivery_ids else []
        return [from_row(row) for row in rows if "inboxKey" in row]

    def add(self, job: BulkChange, *, claim: Claim | None, reply: dict[str, Any], now: datetime) -> None:
        """Store a job that a worker will do. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        actions = [put_new(DELIVERIES, _to_row(job) | {"hasIds": bool(job.ids)} | _due(job, now))]
        if job.ids:
            ids = {"ids": json.dumps(job.ids, separators=(",", ":"))}
            actions.append(put_new(DELIVERIES, _key(job.job_id, _IDS) | ids | _end(job)))
        try:
            commit(actions, claim=claim, reply=reply)
        except Refused:
            # Job ids are new, so the row is our own: the client library has retried the write.
            return

    def save_whole(self, job: BulkChange, pairs: Pairs, *, claim: Claim | None, reply: dict[str, Any]) -> bool:
        """Store a job together with its only step; False if a delivery is no longer as it was. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        actions = [put_new(DELIVERIES, _to_row(job) | {"hasIds": False}), *_step_actions(job, pairs)]
        try:
            commit(actions, claim=claim, reply=reply)
        except Refused as refused:
            return 0 in refused.failed
        return True

    def save_step(self, before: BulkChange, after: BulkChange, pairs: Pairs, *, now: datetime) -> bool | None:
        """Store a step of a job; False if a delivery is no longer as it was, None if another call goes on with the job.

        One store call.
        """
        step = new_nonce()
        sets: Row = {
            "status": after.status.value,
            "parts": after.parts,
            "counts": list(after.counts),
            "position": list(after.position) if after.position else None,
            "step": step,
            **_due(after, now),
        }
        noted = update(
            DELIVERIES,
            _key(before.job_id, _JOB),
            f"SET {assignments(sets)}" + ("" if "dueQueue" in sets else " REMOVE dueQueue, dueAt"),
            "#parts = :before AND dueQueue = :due",
            **sets,
            before=before.parts,
            due=DUE_QUEUE,
        )
        try:
            commit([noted, *_step_actions(after, pairs)])
        except Refused as refused:
            if 0 not in refused.failed:
                return False
            # By a retry of the client library below us.
            return True if refused.rows[0].get("step") == step else None
        return True

    def stop(self, job_id: str) -> BulkChange | None:
        """Stop a job that is not over, and return it; None if it is over. One store call."""
        row = change_row(
            update(
                DELIVERIES,
                _key(job_id, _JOB),
                "SET #status = :stopped REMOVE dueQueue, dueAt",
                "dueQueue = :due OR #status = :stopped",
                stopped=BulkStatus.STOPPED.value,
                due=DUE_QUEUE,
            )
        )
        return _from_row(row) if row else None

    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[BulkChangeJob, str]]:
        """Return some jobs that no worker has continued in time, with their due times. One store call."""
        rows = list_due(DELIVERIES, DUE_QUEUE, now=now, limit=limit)
        return [(BulkChangeJob(job_id=row["pk"].partition("#")[2]), row["dueAt"]) for row in rows]

    def postpone(self, job: BulkChangeJob, due_at: str, *, until: datetime) -> bool:
        """Move the due time from `due_at` to `until`; False if another call has. One store call."""
        key = _key(job.job_id, _JOB)
        later = {"dueAt": timestamp(until), "before": due_at}
        return try_commit([update(DELIVERIES, key, "SET dueAt = :dueAt", "dueAt = :before", **later)])


def _step_actions(job: BulkChange, pairs: Pairs) -> list[Action]:
    changed = [[before.delivery_id, State.of(before), State.of(after)] for before, after in pairs]
    part = {"changed": json.dumps(changed, separators=(",", ":"))}
    row = _key(job.job_id, _part_name(job.parts - 1)) | part | _end(job)
    states = (action for pair in pairs for action in (_change(*pair), *snooze_actions(*pair)))
    return [put_new(DELIVERIES, row), *states]


def _change(before: Delivery, after: Delivery) -> Action:
    if after.resolved_at == before.resolved_at:
        return state_update(before, after)
    # As its sender does; the first to resolve it sets the time for good.
    sets = ["resolvedAt = :resolved", "resolutionNote = :note"]
    only_if = ["attribute_not_exists(resolvedAt)"]
    return state_update(before, after, sets=sets, only_if=only_if, resolved=after.resolved_at, note=None)


def _key(job_id: str, name: str) -> Row:
    return {"pk": f"CHANGE#{job_id}", "sk": name}


def _part_name(part: int) -> str:
    return f"PART#{part:06d}"


def _end(job: BulkChange) -> Row:
    return {"expiresAt": int((parse_timestamp(job.created_at) + retention.BULK_CHANGES.kept).timestamp())}


def _due(job: BulkChange, now: datetime) -> Row:
    return {} if job.is_over else {"dueQueue": DUE_QUEUE, "dueAt": timestamp(now + GRACE)}


def _to_row(job: BulkChange) -> Row:
    return {
        **_key(job.job_id, _JOB),
        "userId": job.user_id,
        "action": job.action.value,
        "createdAt": job.created_at,
        "state": job.state,
        "filter": job.filter,
        "undoes": job.undoes,
        "undoneParts": job.undone_parts,
        "status": job.status.value,
        "parts": job.parts,
        "counts": list(job.counts),
        "position": list(job.position) if job.position else None,
        **_end(job),
    }


def _from_row(row: Row) -> BulkChange:
    return BulkChange(
        job_id=row["pk"].partition("#")[2],
        user_id=row["userId"],
        action=BulkAction(row["action"]),
        created_at=row["createdAt"],
        state=row["state"],
        filter=row["filter"],
        undoes=row["undoes"],
        undone_parts=int(row["undoneParts"]),
        status=BulkStatus(row["status"]),
        parts=int(row["parts"]),
        position=Position(*row["position"]) if row["position"] else None,
        counts=Counts(*map(int, row["counts"])),
    )
