"""The table `outbox`: what waits to be sent to each desk. pk = PEER#<base URL>

sk = STATE: lastPosition; failures in a row, error; leaseId, leaseUntil: whose the desk is, and until when
            dueQueue, dueAt while there is something to send: when it is looked at again, should no message say so
sk = SENDING#<position>: connectionId, kind, itemId, queuedAt
index due: dueQueue, dueAt

Whoever queues something takes the next position in the transaction that stores it, and thereby makes the desk due.
A worker who finds nothing more ends that on the condition that no position was taken meanwhile. So what is queued is
due, whatever crashes when; and it is sent in the order of positions, by one worker at a time.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws import dynamodb
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.retries import GRACE
from chalicelib.core.ports import Action
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import get_all, query
from chalicelib.federation.relays.domain.outbox import Outbox, Sending
from chalicelib.resources import DUE_INDEX, OUTBOX, OUTBOX_WORK

_PREFIX = "SENDING#"


class DynamoOutbox:
    def find(self, peer_url: str) -> Outbox:
        """How the desk's outbox stands, read consistently; a new one is empty. One store call."""
        got = dynamodb().get_item(TableName=OUTBOX.physical_name, Key=to_item(_state(peer_url)), ConsistentRead=True)
        return outbox_of(from_item(dict(got["Item"]))) if "Item" in got else Outbox(peer_url)

    def queued(self, sending: Sending, *, over: Outbox, now: datetime) -> Sequence[Action]:
        """The members of a transaction that queue `sending` behind all there is, if `over` is still how it stands."""
        due = {"dueQueue": OUTBOX_WORK.name, "dueAt": timestamp(now + GRACE)}
        state: Row = {
            "TableName": OUTBOX.physical_name,
            "Key": to_item(_state(sending.peer_url)),
            "UpdateExpression": "SET lastPosition = :next, failures = if_not_exists(failures, :none),"
            " dueQueue = :dueQueue, dueAt = if_not_exists(dueAt, :dueAt)",
            "ConditionExpression": "lastPosition = :seen" if over.last_position else "attribute_not_exists(pk)",
        }
        named = values(next=sending.position, none=0, **due)
        if over.last_position:
            named |= values(seen=over.last_position)
        row = _key(sending.peer_url, sending.position) | {
            "connectionId": sending.connection_id,
            "kind": sending.kind,
            "itemId": sending.item_id,
            "queuedAt": sending.queued_at,
        }
        put = {
            "TableName": OUTBOX.physical_name,
            "Item": to_item(row),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return [{"Update": state | {"ExpressionAttributeValues": named}}, {"Put": put}]

    def list_first(self, peer_url: str, *, limit: int) -> Sequence[Sending]:
        """What is to be sent to the desk next, in order, read consistently. One store call."""
        page = dynamodb().query(
            TableName=OUTBOX.physical_name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=values(pk=_pk(peer_url), prefix=_PREFIX),
            ConsistentRead=True,
            Limit=limit,
        )
        return [_sending(from_item(dict(item))) for item in page["Items"]]

    def sent(self, sending: Sending) -> Action:
        """The member of a transaction that takes `sending` out."""
        return {
            "Delete": {
                "TableName": OUTBOX.physical_name,
                "Key": to_item(_key(sending.peer_url, sending.position)),
                "ConditionExpression": "attribute_exists(pk)",
            }
        }

    def lease(self, peer_url: str, lease_id: str, *, now: datetime, until: datetime, due_by: datetime) -> Outbox | None:
        """Take the desk, or renew one's lease; None when it is another's, or not due by `due_by`. One store call.

        Should its holder not say what came of it, the desk is due again when the lease ends.
        """
        row = _update(
            peer_url,
            "SET leaseId = :lease, leaseUntil = :until, dueAt = :until",
            "leaseId = :lease OR (dueAt <= :due AND (attribute_not_exists(leaseId) OR leaseUntil <= :now))",
            lease=lease_id,
            until=timestamp(until),
            now=timestamp(now),
            due=timestamp(due_by),
        )
        return outbox_of(row) if row else None

    def rest(self, outbox: Outbox, lease_id: str) -> bool:
        """End the lease, with nothing left to send; False when something was queued meanwhile. One store call."""
        row = _update(
            outbox.peer_url,
            "SET failures = :none REMOVE leaseId, leaseUntil, dueQueue, dueAt, #error",
            "leaseId = :lease AND lastPosition = :seen",
            names={"#error": "error"},
            lease=lease_id,
            seen=outbox.last_position,
            none=0,
        )
        return row is not None

    def back_off(self, outbox: Outbox, lease_id: str, *, error: str, due_at: datetime) -> bool:
        """End the lease, and leave the desk alone until `due_at`; False when the lease was lost. One store call."""
        row = _update(
            outbox.peer_url,
            "SET failures = :failures, #error = :error, dueAt = :due REMOVE leaseId, leaseUntil",
            "leaseId = :lease",
            names={"#error": "error"},
            lease=lease_id,
            failures=outbox.failures + 1,
            error=error,
            due=timestamp(due_at),
        )
        return row is not None

    def recover(self, outbox: Outbox, lease_id: str) -> None:
        """Forget the desk's failures. One store call."""
        _update(
            outbox.peer_url,
            "SET failures = :none REMOVE #error",
            "leaseId = :lease",
            names={"#error": "error"},
            lease=lease_id,
            none=0,
        )

    def find_waiting(self, peer_url: str, item_id: str) -> Sending | None:
        """The sending of this item that waits for the desk. One store call per megabyte that waits."""
        rows = query(
            OUTBOX,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            FilterExpression="itemId = :item",
            ExpressionAttributeValues=values(pk=_pk(peer_url), prefix=_PREFIX, item=item_id),
            ConsistentRead=True,
        )
        return next(map(_sending, rows), None)

    def count_waiting(self, peer_url: str) -> int:
        """How much waits for the desk. One store call per megabyte."""
        rows = query(
            OUTBOX,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ProjectionExpression="sk",
            ExpressionAttributeValues=values(pk=_pk(peer_url), prefix=_PREFIX),
            ConsistentRead=True,
        )
        return sum(1 for _ in rows)

    def list_busy(self) -> list[Outbox]:
        """Every desk that something waits for, by URL. Store calls in sequence: 2."""
        rows = query(
            OUTBOX,
            IndexName=DUE_INDEX,
            KeyConditionExpression="dueQueue = :queue",
            ExpressionAttributeValues=values(queue=OUTBOX_WORK.name),
        )
        keys = [{"pk": row["pk"], "sk": row["sk"]} for row in rows]
        found = get_all(OUTBOX, keys) if keys else []
        return sorted(map(outbox_of, found), key=lambda each: each.peer_url)

    def retry_now(self, peer_url: str, *, now: datetime) -> bool:
        """Forget the desk's failures, and have it tried at once; False when nothing waits for it. One store call."""
        row = _update(
            peer_url,
            "SET failures = :none, dueAt = :now REMOVE #error",
            "attribute_exists(dueAt)",
            names={"#error": "error"},
            none=0,
            now=timestamp(now),
        )
        return row is not None

    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """Some of the desks that are due, longest due first, each with its due time. One store call."""
        page = dynamodb().query(
            TableName=OUTBOX.physical_name,
            IndexName=DUE_INDEX,
            KeyConditionExpression="dueQueue = :queue AND dueAt <= :now",
            ExpressionAttributeValues=values(queue=OUTBOX_WORK.name, now=timestamp(now)),
            Limit=limit,
        )
        rows = [from_item(dict(item)) for item in page["Items"]]
        return [(row["pk"].removeprefix(_pk("")), row["dueAt"]) for row in rows]


def _update(
    peer_url: str, expression: str, condition: str, *, names: dict[str, str] | None = None, **named: Any
) -> Row | None:
    request: dict[str, Any] = {
        "TableName": OUTBOX.physical_name,
        "Key": to_item(_state(peer_url)),
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values(**named),
        "ReturnValues": "ALL_NEW",
    }
    if names:
        request["ExpressionAttributeNames"] = names
    try:
        done = dynamodb().update_item(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return None
    return from_item(dict(done["Attributes"]))


def _pk(peer_url: str) -> str:
    return f"PEER#{peer_url}"


def _state(peer_url: str) -> Row:
    return {"pk": _pk(peer_url), "sk": "STATE"}


def _key(peer_url: str, position: int) -> Row:
    return {"pk": _pk(peer_url), "sk": f"{_PREFIX}{position:012d}"}


def outbox_of(row: Row) -> Outbox:
    """How an outbox stands, from its row."""
    return Outbox(
        peer_url=row["pk"].removeprefix(_pk("")),
        last_position=int(row.get("lastPosition", 0)),
        failures=int(row.get("failures", 0)),
        due_at=row.get("dueAt"),
        error=row.get("error"),
    )


def _sending(row: Row) -> Sending:
    return Sending(
        peer_url=row["pk"].removeprefix(_pk("")),
        position=int(row["sk"].removeprefix(_PREFIX)),
        connection_id=row["connectionId"],
        kind=row["kind"],
        item_id=row["itemId"],
        queued_at=row["queuedAt"],
    )
