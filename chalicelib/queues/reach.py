"""Worker of the queue `reach`: one delivery per message, of which a person is told beyond their sockets."""

from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.live.domain.push import ReachJob
from chalicelib.live.gateways.web_push import PUSH_JOBS
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.parallel import gather
from chalicelib.reach.services.router import Router
from chalicelib.resources import DELIVERIES, REACH, SOCKETS, WEB_PUSH

bp = Blueprint(__name__)


@consumer(
    bp,
    REACH,
    failures=DynamoFailures(),
    grants=NOTE_FAILURE + DELIVERIES.can("Query") + SOCKETS.can("Query") + WEB_PUSH.can_send(),
)
def reach_person(message: ReachJob) -> None:
    """Decide by a person's preferences which channels tell them of a delivery."""
    Router(DynamoDeliveries(), DynamoFrames(), PUSH_JOBS, gather, lambda: datetime.now(UTC)).run(message)
