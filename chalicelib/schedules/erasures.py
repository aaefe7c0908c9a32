"""Every five minutes, carry on the erasures that were interrupted, or that have to look at the desk once more."""

import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.core.domain.errors import NotFound
from chalicelib.edge.schedule import schedule
from chalicelib.federation.connections.gateways.connection_notices import CONNECTION_NOTICE_JOBS
from chalicelib.federation.connections.services.removals import remove_connection
from chalicelib.federation.connections.services.transitions import Ports
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.ids import new_ulid
from chalicelib.operate.gateways.dead_letters import SqsDeadLetters
from chalicelib.personal_data.domain.erasures import Receipt
from chalicelib.personal_data.domain.subjects import Subject
from chalicelib.personal_data.services.erasure import continue_erasure
from chalicelib.personal_data.stores.erasures import DynamoErasures
from chalicelib.personal_data.stores.registry import TABLES
from chalicelib.personal_data.stores.rows import DynamoPersonalRows
from chalicelib.personal_data.stores.rules import Eraser
from chalicelib.resources import PEER_NOTICES, QUEUES

bp = Blueprint(__name__)

# Of the minute that a schedule has.
_SECONDS = 30
_LETTERS_SECONDS = 10

_ROWS = tuple(
    grant
    for table in TABLES
    for grant in table.can(
        "Scan", "Query", "GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"
    )
)
_LETTERS = tuple(
    grant
    for queue in QUEUES
    for grant in queue.dead_letters.can(
        "GetQueueAttributes", "ReceiveMessage", "ChangeMessageVisibility", "SendMessage", "DeleteMessage"
    )
)


@schedule(bp, minutes=5, grants=_ROWS + _LETTERS + PEER_NOTICES.can_send())
def continue_erasures(now: datetime) -> int:  # noqa: ARG001 - it takes longer than a moment
    """Carry on the erasures of people that have not ended.

    One that fails, as on a list without room for what is left of a row, holds up no other, and is tried again.

    Raises:
        Exception: the first failure.
    """
    stop_at = time.monotonic() + _SECONDS
    running = DynamoErasures().list_running()
    failures: list[Exception] = []
    for each in running:
        try:
            carry_on(each.erasure_id, seconds=max(0.0, stop_at - time.monotonic()))
        except Exception as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
    return len(running)


def carry_on(erasure_id: str, *, seconds: float) -> Receipt | None:
    """Carry an erasure on for some seconds; the receipt if it has ended."""
    stop_at = time.monotonic() + seconds
    return continue_erasure(
        erasure_id,
        clock=lambda: datetime.now(UTC),
        has_time=lambda: time.monotonic() < stop_at,
        erasures=DynamoErasures(),
        rows_of=_rows_of,
        messages=SqsDeadLetters(_LETTERS_SECONDS),
    )


def _rows_of(subject: Subject) -> DynamoPersonalRows:
    now = datetime.now(UTC)
    return DynamoPersonalRows(Eraser(subject, now, lambda: str(uuid4()), partial(_end_connection, now=now)))


def _end_connection(connection_id: str, *, now: datetime) -> None:
    # Nobody is left whom a live event or a chat message could tell.
    ports = Ports(DynamoConnections(), CONNECTION_NOTICE_JOBS)
    # Its worker may have deleted it meanwhile.
    with suppress(NotFound):
        remove_connection(connection_id, message_id=new_ulid(now), now=now, ports=ports)
