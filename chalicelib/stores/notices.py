"""Notices to instances, in the table `network`: NOTICE#<id> / NOTICE.

instanceId, kind, status, remoteId, body, createdAt; expiresAt is the table's TTL
outcome; attempts: a list, oldest first; nextAttemptAt while there is one to come
dueQueue, dueAt: when the due index has the next attempt announced, should no message have done so
leaseId, leaseUntil: whose the running attempt is, and until when
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb
from chalicelib.domain.callbacks import GRACE
from chalicelib.domain.clicks import Attempt
from chalicelib.domain.fields import parse_timestamp, timestamp
from chalicelib.domain.notices import Notice, NoticeJob, NoticeKind, NoticeOutcome
from chalicelib.resources import DUE_INDEX, NETWORK, NOTICES
from chalicelib.stores.items import Row, from_item, to_item, values
from chalicelib.stores.writes import Action

# Longer than the last attempt can be away.
_KEPT_FOR = timedelta(days=60)


class DynamoNotices:
    def find(self, notice_id: str) -> Notice | None:
        """The notice, read consistently. One store call."""
        got = dynamodb().get_item(TableName=NETWORK.physical_name, Key=to_item(_key(notice_id)), ConsistentRead=True)
        return _notice(from_item(dict(got["Item"]))) if "Item" in got else None

    def lease(self, notice: Notice, lease_id: str, *, now: datetime, until: datetime) -> bool:
        """Take the notice's next attempt; False when it has been made, or is being made. One store call.

        Should the holder not record it, the attempt is announced again when the lease ends.
        """
        return _update(
            notice.notice_id,
            "SET leaseId = :lease, leaseUntil = :until, dueAt = :until",
            "outcome = :pending AND size(attempts) = :made"
            # A retry below us meets its own lease.
            " AND (attribute_not_exists(leaseId) OR leaseId = :lease OR leaseUntil <= :now)",
            lease=lease_id,
            until=timestamp(until),
            now=timestamp(now),
            pending=NoticeOutcome.PENDING.value,
            made=len(notice.attempts),
        )

    def record(
        self, notice: Notice, lease_id: str, *, outcome: NoticeOutcome, attempt: Attempt | None, due_at: datetime | None
    ) -> bool:
        """Note what became of the attempt under the lease, and end the lease; False when the lease was lost.

        The next attempt is announced at `due_at`; without one there is none. One store call.
        """
        sets, removed = "outcome = :outcome", "leaseId, leaseUntil"
        named: Row = {"outcome": outcome.value}
        if attempt is not None:
            sets += ", attempts = list_append(attempts, :attempt)"
            named["attempt"] = [_attempt_row(attempt)]
        if due_at is None or attempt is None:
            removed += ", nextAttemptAt, dueQueue, dueAt"
        else:
            sets += ", nextAttemptAt = :next, dueAt = :due"
            named |= {"next": attempt.next_attempt_at, "due": timestamp(due_at)}
        return _update(
            notice.notice_id,
            f"SET {sets} REMOVE {removed}",
            "leaseId = :lease AND size(attempts) = :made",
            lease=lease_id,
            made=len(notice.attempts),
            **named,
        )

    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[NoticeJob, str]]:
        """Some of the notices whose attempts are due, longest due first, each with its due time. One store call."""
        page = dynamodb().query(
            TableName=NETWORK.physical_name,
            IndexName=DUE_INDEX,
            KeyConditionExpression="dueQueue = :queue AND dueAt <= :now",
            ExpressionAttributeValues=values(queue=NOTICES.name, now=timestamp(now)),
            Limit=limit,
        )
        rows = [from_item(dict(item)) for item in page["Items"]]
        return [(NoticeJob(notice_id=row["pk"].partition("#")[2]), row["dueAt"]) for row in rows]

    def postpone(self, job: NoticeJob, due_at: str, *, until: datetime) -> bool:
        """Move the due time on from `due_at`; False when somebody else has. One store call."""
        return _update(job.notice_id, "SET dueAt = :until", "dueAt = :due", until=timestamp(until), due=due_at)


def put_notice(notice: Notice) -> Action:
    """The part of a transaction that stores a notice, to be announced soon should no message do so."""
    created = parse_timestamp(notice.created_at)
    row: Row = {
        **_key(notice.notice_id),
        "instanceId": notice.instance_id,
        "kind": notice.kind.value,
        "status": notice.status,
        "remoteId": notice.remote_id,
        "body": notice.body,
        "createdAt": notice.created_at,
        "outcome": notice.outcome.value,
        "nextAttemptAt": notice.next_attempt_at,
        "attempts": [],
        "dueQueue": NOTICES.name,
        "dueAt": timestamp(created + GRACE),
        "expiresAt": int((created + _KEPT_FOR).timestamp()),
    }
    return {"Put": {"TableName": NETWORK.physical_name, "Item": to_item(row)}}


def _update(notice_id: str, expression: str, condition: str, **named: Any) -> bool:
    try:
        dynamodb().update_item(
            TableName=NETWORK.physical_name,
            Key=to_item(_key(notice_id)),
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeValues=values(**named),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _key(notice_id: str) -> Row:
    return {"pk": f"NOTICE#{notice_id}", "sk": "NOTICE"}


def _notice(row: Row) -> Notice:
    return Notice(
        notice_id=row["pk"].partition("#")[2],
        instance_id=row["instanceId"],
        kind=NoticeKind(row["kind"]),
        status=row["status"],
        remote_id=row["remoteId"],
        body=row["body"],
        created_at=row["createdAt"],
        outcome=NoticeOutcome(row["outcome"]),
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
