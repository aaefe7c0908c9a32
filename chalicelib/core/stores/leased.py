"""Rows with work that is retried: each attempt is leased, made and recorded; the due index announces the next.

outcome; attempts: a list, oldest first; nextAttemptAt: if there is a next attempt
dueQueue, dueAt: when the due index announces the next attempt, if no message has
leaseId, leaseUntil: the holder of the running attempt, and the end of the lease
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.retries import Attempt, Outcome
from chalicelib.core.stores.actions import update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import list_due
from chalicelib.core.stores.writes import try_commit
from chalicelib.resources import Queue, Table

_ATTEMPT = Codec(Attempt)


@dataclass(frozen=True)
class LeasedRows:
    """The rows of `table` whose attempts are announced in `queue`."""

    table: Table
    queue: Queue

    def due_columns(self, due_at: datetime) -> Row:
        """Return the columns by which the due index announces a row's first attempt at `due_at`."""
        return {"dueQueue": self.queue.name, "dueAt": timestamp(due_at)}

    def lease(self, key: Row, lease_id: str, *, made: int, now: datetime, until: datetime) -> bool:
        """Lease the attempt after the first `made`; False if it was made, or is being made. One store call.

        If the holder never records it, the attempt is announced again when the lease ends.
        """
        return self._update(
            key,
            "SET leaseId = :lease, leaseUntil = :until, dueQueue = :queue, dueAt = :until",
            "outcome = :pending AND size(attempts) = :made"
            # A retry below us meets its own lease.
            " AND (attribute_not_exists(leaseId) OR leaseId = :lease OR leaseUntil <= :now)",
            lease=lease_id,
            until=timestamp(until),
            queue=self.queue.name,
            now=timestamp(now),
            pending=Outcome.PENDING.value,
            made=made,
        )

    def record(
        self, key: Row, lease_id: str, *, made: int, outcome: str, attempt: Attempt | None, due_at: datetime | None
    ) -> bool:
        """Record the outcome under the lease, and end the lease; False if the lease was lost.

        `attempt` is None if none was made. The next attempt is announced at `due_at`; None means there is none, or with
        a pending outcome that no schedule announces it. One store call.
        """
        sets, removed = "outcome = :outcome", "leaseId, leaseUntil"
        named: Row = {"outcome": str(outcome)}
        if attempt is not None:
            sets += ", attempts = list_append(attempts, :attempt)"
            named["attempt"] = [_ATTEMPT.to_row(attempt)]
        if due_at is None or attempt is None:
            removed += ", dueQueue, dueAt" if outcome == Outcome.PENDING else ", nextAttemptAt, dueQueue, dueAt"
        else:
            sets += ", nextAttemptAt = :next, dueAt = :due"
            named |= {"next": attempt.next_attempt_at, "due": timestamp(due_at)}
        return self._update(
            key,
            f"SET {sets} REMOVE {removed}",
            "leaseId = :lease AND size(attempts) = :made",
            lease=lease_id,
            made=made,
            **named,
        )

    def restart(self, key: Row, *, made: int, now: datetime, due_at: datetime) -> bool:
        """Make the attempt after the first `made` due at `now`, whatever the outcome; False if it is made meanwhile.

        The due index announces it at `due_at`, if no message has. The change is audited. One store call.
        """
        change = update(
            self.table,
            key,
            "SET outcome = :pending, nextAttemptAt = :now, dueQueue = :queue, dueAt = :due REMOVE leaseId, leaseUntil",
            # A row that is gone has no attempts, and engines differ in what size an absent list has.
            "attribute_exists(attempts) AND size(attempts) = :made"
            " AND (attribute_not_exists(leaseId) OR leaseUntil <= :now)",
            pending=Outcome.PENDING.value,
            now=timestamp(now),
            queue=self.queue.name,
            due=timestamp(due_at),
            made=made,
        )
        return try_commit([change], audited=True)

    def list_due(self, *, now: datetime, limit: int) -> Sequence[Row]:
        """List some of the due rows, longest due first, with keys and due time only. One store call."""
        return list_due(self.table, self.queue.name, now=now, limit=limit)

    def postpone(self, key: Row, due_at: str, *, until: datetime) -> bool:
        """Move the due time on from `due_at`; False if another call has. One store call."""
        return self._update(key, "SET dueAt = :until", "dueAt = :due", until=timestamp(until), due=due_at)

    def _update(self, key: Row, expression: str, condition: str, **named: Any) -> bool:
        return try_commit([update(self.table, key, expression, condition, **named)])
