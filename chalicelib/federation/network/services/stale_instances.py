"""Finding instances of the network that no longer send heartbeats."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

log = logging.getLogger("fluxden")

_PAGE = 100


class StaleInstances(Protocol):
    def list_overdue(self, *, now: datetime, limit: int) -> Sequence[tuple[str, str]]: ...
    def mark_stale(self, instance_id: str, due_at: str) -> bool: ...


def mark_stale_instances(now: datetime, *, instances: StaleInstances) -> int:
    """Mark the instances without heartbeats as stale, each once, log a warning, and return how many.

    Store calls: 1, and 1 for each stale instance. A run marks at most a hundred; the next run marks the rest. Runs may
    overlap, since each instance is marked by one run.
    """
    count = 0
    for instance_id, due_at in instances.list_overdue(now=now, limit=_PAGE):
        if instances.mark_stale(instance_id, due_at):
            log.warning("instance_stale", extra={"instanceId": instance_id, "since": due_at})
            count += 1
    return count
