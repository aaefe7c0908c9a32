"""Clicks on buttons, in the table `deliveries`: pk = delivery id, sk = ACTION#<index>.

outcome; attempts: a list, oldest first; nextAttemptAt while there is one to come
dueQueue, dueAt: when the due index has the next attempt announced, should no message have done so
leaseId, leaseUntil: whose the running attempt is, and until when
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb
from chalicelib.domain.callbacks import CallbackJob
from chalicelib.domain.clicks import Attempt, Click, Outcome
from chalicelib.domain.fields import timestamp
from chalicelib.resources import CALLBACKS, DELIVERIES, DUE_INDEX
from chalicelib.stores.items import Row, from_item, to_item, values

_PREFIX = "ACTION#"


class DynamoClicks:
    def add(self, click: Click, *, due_at: datetime) -> Click:
        """Store the click and have its callback announced at `due_at`; of concurrent clicks the first stays.

        Returns the one that is stored. One store call.
        """
        due = {"dueQueue": CALLBACKS.name, "dueAt": timestamp(due_at)}
        try:
            dynamodb().put_item(
                TableName=DELIVERIES.physical_name,
                Item=to_item(_key(click.delivery_id, click.index) | _columns(click) | due),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return click_of(_met(error))
        return click

    def lease(self, click: Click, lease_id: str, *, now: datetime, until: datetime) -> bool:
        """Take the click's next attempt; False when it has been made, or is being made. One store call.

        Should the holder not record it, the attempt is announced again when the lease ends.
        """
        return _update(
            _key(click.delivery_id, click.index),
            "SET leaseId = :lease, leaseUntil = :until, dueAt = :until",
            "outcome = :pending AND size(attempts) = :made"
            # A retry below us meets its own lease.
            " AND (attribute_not_exists(leaseId) OR leaseId = :lease OR leaseUntil <= :now)",
            lease=lease_id,
            until=timestamp(until),
            now=timestamp(now),
            pending=Outcome.PENDING.value,
            made=len(click.attempts),
        )

    def record(
        self, click: Click, lease_id: str, *, outcome: Outcome, attempt: Attempt, due_at: datetime | None
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
            _key(click.delivery_id, click.index),
            f"SET {sets} REMOVE {removed}",
            "leaseId = :lease AND size(attempts) = :made",
            lease=lease_id,
            made=len(click.attempts),
            **named,
        )

    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[CallbackJob, str]]:
        """Some of the clicks whose attempts are due, longest due first, each with its due time. One store call."""
        page = dynamodb().query(
            TableName=DELIVERIES.physical_name,
            IndexName=DUE_INDEX,
            KeyConditionExpression="dueQueue = :queue AND dueAt <= :now",
            ExpressionAttributeValues=values(queue=CALLBACKS.name, now=timestamp(now)),
            Limit=limit,
        )
        rows = [from_item(dict(item)) for item in page["Items"]]
        return [(CallbackJob(delivery_id=row["pk"], index=_index(row)), row["dueAt"]) for row in rows]

    def postpone(self, job: CallbackJob, due_at: str, *, until: datetime) -> bool:
        """Move the due time on from `due_at`; False when somebody else has. One store call."""
        key = _key(job.delivery_id, job.index)
        return _update(key, "SET dueAt = :until", "dueAt = :due", until=timestamp(until), due=due_at)


def click_of(row: Row) -> Click:
    """The click that a row holds."""
    return Click(
        delivery_id=row["pk"],
        index=_index(row),
        user_id=row["userId"],
        request_id=row["requestId"],
        clicked_at=row["clickedAt"],
        outcome=Outcome(row["outcome"]),
        next_attempt_at=row.get("nextAttemptAt"),
        attempts=[_attempt(each) for each in row["attempts"]],
    )


def _update(key: Row, expression: str, condition: str, **named: Any) -> bool:
    try:
        dynamodb().update_item(
            TableName=DELIVERIES.physical_name,
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


def _key(delivery_id: str, index: int) -> Row:
    return {"pk": delivery_id, "sk": f"{_PREFIX}{index}"}


def _index(row: Row) -> int:
    return int(row["sk"].removeprefix(_PREFIX))


def _columns(click: Click) -> Row:
    return {
        "actionId": click.action_id,
        "userId": click.user_id,
        "requestId": click.request_id,
        "clickedAt": click.clicked_at,
        "outcome": click.outcome.value,
        "nextAttemptAt": click.next_attempt_at,
        "attempts": [],
    }


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


def _met(error: ClientError) -> Row:
    item: Any = error.response.get("Item")
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException" or not item:
        raise error
    return from_item(item)
