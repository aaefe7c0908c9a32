"""Notices to connected desks, in the table `peers`: pk = CONNECTION#<id>, sk = NOTICE#<notice id>.

kind; body: as JSON; outcome; attempts: a list, oldest first; nextAttemptAt while there is one to come
dueQueue, dueAt: when the due index has the next attempt announced, should no message have done so
leaseId, leaseUntil: whose the running attempt is, and until when
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb
from chalicelib.domain.callbacks import GRACE
from chalicelib.domain.clicks import Attempt, Outcome
from chalicelib.domain.fields import parse_timestamp, timestamp
from chalicelib.domain.peer_notices import Notice, NoticeJob, NoticeKind
from chalicelib.resources import DUE_INDEX, PEER_NOTICES, PEERS
from chalicelib.stores.items import Row, from_item, to_item, values
from chalicelib.stores.writes import Action, Refused, commit

_PREFIX, _CONNECTION = "NOTICE#", "CONNECTION#"


class DynamoNotices:
    def add(self, notice: Notice) -> bool:
        """Store the notice, due at once; False when there is one of its id. One store call."""
        try:
            commit([added_notice(notice)], claim=None, reply={})
        except Refused:
            return False
        return True

    def find(self, job: NoticeJob) -> Notice | None:
        """The notice, read consistently. One store call."""
        key = to_item(_key(job.connection_id, job.notice_id))
        got = dynamodb().get_item(TableName=PEERS.physical_name, Key=key, ConsistentRead=True)
        return _notice(from_item(dict(got["Item"]))) if "Item" in got else None

    def lease(self, notice: Notice, lease_id: str, *, now: datetime, until: datetime) -> bool:
        """Take the notice's next attempt; False when it has been made, or is being made. One store call."""
        return _update(
            _key(notice.connection_id, notice.notice_id),
            "SET leaseId = :lease, leaseUntil = :until, dueAt = :until",
            "outcome = :pending AND size(attempts) = :made"
            " AND (attribute_not_exists(leaseId) OR leaseId = :lease OR leaseUntil <= :now)",
            lease=lease_id,
            until=timestamp(until),
            now=timestamp(now),
            pending=Outcome.PENDING.value,
            made=len(notice.attempts),
        )

    def record(
        self, notice: Notice, lease_id: str, *, outcome: Outcome, attempt: Attempt, due_at: datetime | None
    ) -> bool:
        """Add the attempt that was made under the lease, and end the lease; False when the lease was lost.

        The next attempt is announced at `due_at`; without one there is none. One store call.
        """
        sets, removed = "attempts = list_append(attempts, :attempt), outcome = :outcome", "leaseId, leaseUntil"
        named: Row = {"attempt": [_attempt_row(attempt)], "outcome": outcome.value}
        if due_at is None:
            removed += ", nextAttemptAt, dueQueue, dueAt"
        else:
            sets += ", nextAttemptAt = :next, dueAt = :due"
            named |= {"next": attempt.next_attempt_at, "due": timestamp(due_at)}
        return _update(
            _key(notice.connection_id, notice.notice_id),
            f"SET {sets} REMOVE {removed}",
            "leaseId = :lease AND size(attempts) = :made",
            lease=lease_id,
            made=len(notice.attempts),
            **named,
        )

    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[NoticeJob, str]]:
        """Some of the notices whose attempts are due, longest due first, each with its due time. One store call."""
        page = dynamodb().query(
            TableName=PEERS.physical_name,
            IndexName=DUE_INDEX,
            KeyConditionExpression="dueQueue = :queue AND dueAt <= :now",
            ExpressionAttributeValues=values(queue=PEER_NOTICES.name, now=timestamp(now)),
            Limit=limit,
        )
        return [(_job(row), row["dueAt"]) for row in (from_item(dict(item)) for item in page["Items"])]

    def postpone(self, job: NoticeJob, due_at: str, *, until: datetime) -> bool:
        """Move the due time on from `due_at`; False when somebody else has. One store call."""
        key = _key(job.connection_id, job.notice_id)
        return _update(key, "SET dueAt = :until", "dueAt = :due", until=timestamp(until), due=due_at)


def added_notice(notice: Notice) -> Action:
    """The part of a transaction that stores a notice; a message announces it, else the due index a little later."""
    due = parse_timestamp(notice.created_at) + GRACE
    row = _key(notice.connection_id, notice.notice_id) | {
        "kind": notice.kind.value,
        "body": json.dumps(notice.body, ensure_ascii=False),
        "createdAt": notice.created_at,
        "outcome": notice.outcome.value,
        "nextAttemptAt": notice.next_attempt_at,
        "attempts": [],
        "dueQueue": PEER_NOTICES.name,
        "dueAt": timestamp(due),
    }
    request = {"TableName": PEERS.physical_name, "Item": to_item(row)}
    return {"Put": request | {"ConditionExpression": "attribute_not_exists(pk)"}}


def _update(key: Row, expression: str, condition: str, **named: Any) -> bool:
    try:
        dynamodb().update_item(
            TableName=PEERS.physical_name,
            Key=to_item(key),
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeValues=values(**named),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _key(connection_id: str, notice_id: str) -> Row:
    return {"pk": f"{_CONNECTION}{connection_id}", "sk": f"{_PREFIX}{notice_id}"}


def _job(row: Row) -> NoticeJob:
    return NoticeJob(connection_id=row["pk"].removeprefix(_CONNECTION), notice_id=row["sk"].removeprefix(_PREFIX))


def _notice(row: Row) -> Notice:
    job = _job(row)
    return Notice(
        connection_id=job.connection_id,
        notice_id=job.notice_id,
        kind=NoticeKind(row["kind"]),
        body=json.loads(row["body"]),
        created_at=row["createdAt"],
        outcome=Outcome(row["outcome"]),
        next_attempt_at=row.get("nextAttemptAt"),
        attempts=[_attempt(each) for each in row["attempts"]],
    )


def _attempt_row(attempt: Attempt) -> Row:
    return {
        "at": attempt.at,
        "status": attempt.status,
        "error": attempt.error,
        "nextAttemptAt": attempt.next_attempt_at,
    }


def _attempt(row: Row) -> Attempt:
    status = row["status"]
    return Attempt(row["at"], None if status is None else int(status), row["error"], row["nextAttemptAt"])
