"""Instances whose heartbeats are missing, in their rows of the table `network` (see instances)."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.core.stores.actions import update
from chalicelib.core.stores.reads import list_due
from chalicelib.core.stores.writes import try_commit
from chalicelib.federation.network.domain.instances import InstanceStatus
from chalicelib.federation.network.stores.instance_rows import instance_key
from chalicelib.federation.network.stores.instances import STALE_QUEUE
from chalicelib.federation.network.stores.network_stats import mark_stale_action
from chalicelib.resources import NETWORK


class DynamoStaleInstances:
    def list_overdue(self, *, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """List some of the instances whose heartbeat is overdue, each with its due time. One store call."""
        rows = list_due(NETWORK, STALE_QUEUE, now=now, limit=limit)
        return [(row["sk"], row["dueAt"]) for row in rows]

    def mark_stale(self, instance_id: str, due_at: str) -> bool:
        """Mark the instance as stale since `due_at`, and hide its agents; False if a heartbeat came meanwhile.

        Returns False for an instance that is not active as well, and watches it no more. One store call, or two.
        """
        key = instance_key(instance_id)
        mark = update(
            NETWORK,
            key,
            "SET staleSince = :due REMOVE dueQueue, dueAt",
            "dueAt = :due AND #status = :active",
            due=due_at,
            active=InstanceStatus.ACTIVE.value,
        )
        if try_commit([mark, mark_stale_action(instance_id, stale=True)]):
            return True
        try_commit([update(NETWORK, key, "REMOVE dueQueue, dueAt", "dueAt = :due", due=due_at)])
        return False
