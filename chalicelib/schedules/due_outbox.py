"""Every minute, queue the outboxes that are due, or whose queue message was lost."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib.edge.schedule import schedule
from chalicelib.federation.relays.gateways.outbox import OUTBOX_JOBS
from chalicelib.federation.relays.services import outbox
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from chalicelib.resources import DUE_INDEX, OUTBOX, OUTBOX_WORK

bp = Blueprint(__name__)


@schedule(bp, minutes=1, grants=OUTBOX.can("Query", index=DUE_INDEX) + OUTBOX_WORK.can_send())
def announce_due_outboxes(now: datetime) -> int:
    """Queue the outboxes that are due."""
    return outbox.announce_due(now, boxes=DynamoOutbox(), queue=OUTBOX_JOBS)
