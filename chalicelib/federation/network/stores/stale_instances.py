"""Instances of which no heartbeat came, in their rows of the table `network` (see instances)."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.core.stores.actions import update
from chalicelib.core.stores.reads import list_due
from chalicelib.core.stores.writes import try_commit
from chalicelib.federation.network.domain.instances import InstanceStatus
from chalicelib.federation.network.stores.instances import STALE_QUEUE, instance_key
from chalicelib.federation.network.stores.network_stats import mark_stale_action
from chalicelib.resources import NETWORK


class DynamoStaleInstances:
    def list_overdue(self, *, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """Some of the instances whose heartbeat should have come by now, each with when. One store call."""
        rows = list_due(NETWORK, STALE_QUEUE, now=now, limit=limit)
        return [(row["sk"], row["dueAt"]) for row in rows]

    def mark_stale(self, instance_id: str, due_at: str) -> bool:
        """Have the instance be stale since `due_at`, and hide its agents; False when it was heard meanwhile.

        One that is not trusted is no longer watched, which is False too. One store call, then two.
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
