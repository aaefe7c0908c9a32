"""Every minute: attempts that are due later than a queue message can wait, and those whose message got lost."""

from datetime import datetime

from chalice.app import Blueprint

from chalicelib.edge.schedule import schedule
from chalicelib.gateways.callbacks import SqsCallbacks
from chalicelib.parallel import together
from chalicelib.resources import CALLBACKS, DELIVERIES, DUE_INDEX
from chalicelib.services import callbacks
from chalicelib.stores.clicks import DynamoClicks

bp = Blueprint(__name__)


@schedule(
    bp,
    minutes=1,
    grants=DELIVERIES.can("Query", index=DUE_INDEX) + DELIVERIES.can("UpdateItem") + CALLBACKS.can_send(),
)
def announce_due_callbacks(now: datetime) -> int:
    """Announce the callbacks that are due."""
    return callbacks.announce_due(now, clicks=DynamoClicks(), queue=SqsCallbacks(), together=together)
