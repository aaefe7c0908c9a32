"""The table `outbox`: what waits to be sent to each peer. pk = PEER#<base URL>

sk = STATE: lastPosition; failures in a row, error; leaseId, leaseUntil: the worker that has the outbox, and until when
            dueQueue, dueAt while anything waits: when the schedule announces it, if no message has
sk = SENDING#<position>: connectionId, kind, itemId, userId, queuedAt
index due: dueQueue, dueAt

The transaction that queues a sending takes the next position, and makes the peer due. A worker that finds nothing more
ends that, on the condition that no position was taken meanwhile. So everything queued is due, whatever crashes. It is
sent in the order of positions, by one worker at a time.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.retries import GRACE
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, NEW, delete, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row, values
from chalicelib.core.stores.reads import get, get_all, list_due, query, query_page, query_partition
from chalicelib.core.stores.writes import change_row
from chalicelib.federation.relays.domain.outbox import Outbox, Sending
from chalicelib.resources import DUE_INDEX, OUTBOX, OUTBOX_WORK

_PREFIX = "SENDING#"
_OUTBOX = Codec(Outbox, without=("peer_url",))
_SENDING = Codec(Sending, without=("peer_url", "position"))


class DynamoOutbox:
    def find(self, peer_url: str) -> Outbox:
        """Return the state of the peer's outbox, read consistently; a new one is empty. One store call."""
        row = get(OUTBOX, _state_key(peer_url))
        return outbox_from_row(row) if row else Outbox(peer_url)

    def queue_actions(self, sending: Sending, *, over: Outbox, now: datetime) -> Sequence[Action]:
        """Return the actions that queue `sending` behind all others, if the outbox is still in the state `over`."""
        last = over.last_position
        state = update(
            OUTBOX,
            _state_key(sending.peer_url),
            "SET lastPosition = :next, failures = if_not_exists(failures, :none),"
            " dueQueue = :queue, dueAt = if_not_exists(dueAt, :due)",
            "lastPosition = :seen" if last else NEW,
            next=sending.position,
            none=0,
            queue=OUTBOX_WORK.name,
            due=timestamp(now + GRACE),
            **({"seen": last} if last else {}),
        )
        return [state, put_new(OUTBOX, _key(sending.peer_url, sending.position) | _SENDING.to_row(sending))]

    def list_first(self, peer_url: str, *, limit: int) -> Sequence[Sending]:
        """List the next sendings to the peer, in order, read consistently. One store call."""
        rows = query_page(
            OUTBOX,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=values(pk=_pk(peer_url), prefix=_PREFIX),
            ConsistentRead=True,
            Limit=limit,
        )
        return list(map(_sending_from_row, rows))

    def remove_action(self, sending: Sending) -> Action:
        """Return the action that takes `sending` out of the outbox."""
        return delete(OUTBOX, _key(sending.peer_url, sending.position), EXISTS)

    def lease(self, peer_url: str, lease_id: str, *, now: datetime, until: datetime, due_by: datetime) -> Outbox | None:
        """Lease the outbox, or renew the lease; None if another worker has it or it is not due by `due_by`.

        One store call. If the worker never ends the lease, the peer is due again when it runs out.
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
        return outbox_from_row(row) if row else None

    def rest(self, outbox: Outbox, lease_id: str) -> bool:
        """End the lease with nothing left to send; False if anything was queued meanwhile. One store call."""
        row = _update(
            outbox.peer_url,
            "SET failures = :none REMOVE leaseId, leaseUntil, dueQueue, dueAt, #error",
            "leaseId = :lease AND lastPosition = :seen",
            lease=lease_id,
            seen=outbox.last_position,
            none=0,
        )
        return row is not None

    def back_off(self, outbox: Outbox, lease_id: str, *, error: str, due_at: datetime) -> bool:
        """End the lease, and delay the peer until `due_at`; False if the lease was lost. One store call."""
        row = _update(
            outbox.peer_url,
            "SET failures = :failures, #error = :error, dueAt = :due REMOVE leaseId, leaseUntil",
            "leaseId = :lease",
            lease=lease_id,
            failures=outbox.failures + 1,
            error=error,
            due=timestamp(due_at),
        )
        return row is not None

    def recover(self, outbox: Outbox, lease_id: str) -> None:
        """Reset the peer's failures. One store call."""
        _update(
            outbox.peer_url,
            "SET failures = :none REMOVE #error",
            "leaseId = :lease",
            lease=lease_id,
            none=0,
        )

    def find_waiting(self, peer_url: str, item_id: str) -> Sending | None:
        """Find the sending of this relay that waits for the peer. One store call per megabyte that waits."""
        rows = query(
            OUTBOX,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            FilterExpression="itemId = :item",
            ExpressionAttributeValues=values(pk=_pk(peer_url), prefix=_PREFIX, item=item_id),
            ConsistentRead=True,
        )
        return next(map(_sending_from_row, rows), None)

    def list_waiting_over(self, peer_url: str, connection_id: str) -> list[Sending]:
        """List what waits for the peer over one connection. One store call per megabyte that waits."""
        rows = query(
            OUTBOX,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            FilterExpression="connectionId = :connection",
            ExpressionAttributeValues=values(pk=_pk(peer_url), prefix=_PREFIX, connection=connection_id),
            ConsistentRead=True,
        )
        return list(map(_sending_from_row, rows))

    def count_waiting(self, peer_url: str) -> int:
        """Count the sendings that wait for the peer. One store call per megabyte."""
        rows = query_partition(OUTBOX, _pk(peer_url), _PREFIX, ProjectionExpression="sk")
        return sum(1 for _ in rows)

    def list_busy(self) -> list[Outbox]:
        """List the outboxes in which anything waits, by URL. Store calls in sequence: 2."""
        rows = query(
            OUTBOX,
            IndexName=DUE_INDEX,
            KeyConditionExpression="dueQueue = :queue",
            ExpressionAttributeValues=values(queue=OUTBOX_WORK.name),
        )
        keys = [{"pk": row["pk"], "sk": row["sk"]} for row in rows]
        found = get_all(OUTBOX, keys) if keys else []
        return sorted(map(outbox_from_row, found), key=lambda each: each.peer_url)

    def retry_now(self, peer_url: str, *, now: datetime) -> bool:
        """Reset the peer's failures, and make it due now; False if nothing waits for it. One store call."""
        row = _update(
            peer_url,
            "SET failures = :none, dueAt = :now REMOVE #error",
            "attribute_exists(dueAt)",
            none=0,
            now=timestamp(now),
        )
        return row is not None

    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """List some of the peers that are due, longest due first, each with its due time. One store call."""
        rows = list_due(OUTBOX, OUTBOX_WORK.name, now=now, limit=limit)
        return [(row["pk"].removeprefix(_pk("")), row["dueAt"]) for row in rows]


def _update(peer_url: str, expression: str, condition: str, **named: Any) -> Row | None:
    return change_row(update(OUTBOX, _state_key(peer_url), expression, condition, **named))


def _pk(peer_url: str) -> str:
    return f"PEER#{peer_url}"


def _state_key(peer_url: str) -> Row:
    return {"pk": _pk(peer_url), "sk": "STATE"}


def _key(peer_url: str, position: int) -> Row:
    return {"pk": _pk(peer_url), "sk": f"{_PREFIX}{position:012d}"}


def outbox_from_row(row: Row) -> Outbox:
    """Convert a row to the state of its outbox."""
    return _OUTBOX.from_row(row, peer_url=row["pk"].removeprefix(_pk("")))


def _sending_from_row(row: Row) -> Sending:
    position = int(row["sk"].removeprefix(_PREFIX))
    return _SENDING.from_row(row, peer_url=row["pk"].removeprefix(_pk("")), position=position)
