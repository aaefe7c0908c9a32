"""The keys that peers publish, in the rows of their connections (see connections).

publishedKeys: list of keyId, publicKey. keysTriedAt: when they were last fetched. keysTries: failures in a row.
dueQueue, dueAt: when they are fetched next
"""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.actions import EXISTS, update
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import list_due
from chalicelib.core.stores.writes import change_row, try_commit
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.connections.domain.peer_keys import PAUSE, KeysOutcome
from chalicelib.federation.connections.stores.connection_rows import (
    KEYS_QUEUE,
    PEER_KEY,
    from_row,
    key_of,
)
from chalicelib.resources import PEERS


class DynamoPeerKeys:
    def request_keys(self, connection: Connection, *, now: datetime) -> bool:
        """Have the peer's keys fetched soon; False if they were fetched a moment ago. One store call."""
        request = update(
            PEERS,
            key_of(connection),
            "SET dueQueue = :queue, dueAt = :now, keysTries = :none",
            f"{EXISTS} AND (attribute_not_exists(keysTriedAt) OR keysTriedAt <= :before)",
            queue=KEYS_QUEUE,
            now=timestamp(now),
            before=timestamp(now - PAUSE),
            none=0,
        )
        return try_commit([request])

    def list_due(self, *, now: datetime, limit: int) -> Sequence[tuple[Row, str]]:
        """List the keys of some connections whose peers' keys are due, each with its due time. One store call."""
        rows = list_due(PEERS, KEYS_QUEUE, now=now, limit=limit)
        return [({"pk": row["pk"], "sk": row["sk"]}, row["dueAt"]) for row in rows]

    def take(self, key: Row, due_at: str, *, now: datetime, until: datetime) -> tuple[Connection, int] | None:
        """Take a due connection; return it and its failures in a row, or None if another run has it. One store call.

        If this run never records an outcome, the connection is due again at `until`.
        """
        times = {"until": timestamp(until), "now": timestamp(now), "due": due_at}
        row = change_row(update(PEERS, key, "SET dueAt = :until, keysTriedAt = :now", "dueAt = :due", **times))
        return (from_row(row), int(row.get("keysTries", 0))) if row else None

    def record(self, connection: Connection, outcome: KeysOutcome, *, now: datetime) -> None:
        """Record an outcome, unless the keys were requested again since. One store call.

        Keys that are known are never replaced by none.
        """
        named: Row = {"seen": connection.keys_due_at}
        sets, removed = [], []
        if outcome.keys is not None:
            # Otherwise an attacker who hides a desk's keys for a moment could have its own key accepted.
            sets.append(
                "publishedKeys = :keys" if outcome.keys else "publishedKeys = if_not_exists(publishedKeys, :keys)"
            )
            named["keys"] = list(map(PEER_KEY.to_row, outcome.keys))
        if outcome.due_in is None:
            removed = ["dueQueue", "dueAt", "keysTries"]
        else:
            sets += ["dueAt = :due", "keysTries = if_not_exists(keysTries, :none) + :one"]
            named |= {"due": timestamp(now + outcome.due_in), "none": 0, "one": int(outcome.is_failure)}
        expression = (f"SET {', '.join(sets)} " if sets else "") + (f"REMOVE {', '.join(removed)}" if removed else "")
        try_commit([update(PEERS, key_of(connection), expression, "dueAt = :seen", **named)])
