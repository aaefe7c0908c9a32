"""Removing connections: an operator ends and deletes one, with everything that hangs on it.

The removal is one write, after which the connection counts for nobody. The worker of connection notices then tells the
peer's desk once, and deletes the rows. So an interruption is made up for by the worker, or by removing it again.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import is_uuid
from chalicelib.federation.connections.domain.connection_notices import ConnectionNoticeJob, removal_job, removal_notice
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.connections.domain.transitions import follow_up, removal_step
from chalicelib.federation.connections.services.ports import Connections
from chalicelib.federation.connections.services.transitions import Ports, announce

log = logging.getLogger("fluxden")


class Traces(Protocol):
    """What other areas keep for a connection."""

    def delete_of(self, connection: Connection, *, now: datetime) -> None: ...


def remove_connection(connection_id: str, *, message_id: str, now: datetime, ports: Ports) -> Connection:
    """End a connection and have it deleted; a repeat carries on with what was interrupted. Returns the connection.

    Its owner is told, unless it had ended before. Store and queue calls: 5, and what telling the owner takes; 3 for a
    repeat.

    Raises:
        NotFound: there is no such connection.
    """
    attempts = Attempts("The connection is changed by too many requests at once. Try again.")
    while attempts.again():
        found = ports.connections.find_with_removed(connection_id) if is_uuid(connection_id) else None
        if found is None:
            raise NotFound("There is no such connection.")
        if found.removed:
            ports.queue.announce(removal_job(found))
            return found
        step = removal_step(found, now=now)
        notice = removal_notice(step.after, before=found, now=now)
        stored = follow_up(step.after, step.effects, message_id=message_id, now=now)
        if ports.connections.remove(step.after, over=found, notice=notice, message=stored.message):
            ports.queue.announce(notice.job)
            announce(step.after, stored, queue=ports.queue, notifier=ports.notifier, now=now)
            return step.after


def delete_removed(
    connection: Connection,
    job: ConnectionNoticeJob,
    *,
    now: datetime,
    connections: Connections,
    traces: Sequence[Traces],
) -> None:
    """Delete a removed connection, with what others keep for it. Its own rows go last, so a repeat finds the rest."""
    for each in traces:
        each.delete_of(connection, now=now)
    connections.delete_removed(connection, job)
    log.info("audit", extra={"audit": "connection.removed", "row": connection.connection_id})
