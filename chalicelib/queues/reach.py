"""Worker of the queue `reach`: one delivery per message, of which a person is told beyond their sockets."""

from datetime import UTC, datetime

from chalice.app import Blueprint

from chalicelib.catalog.stores.declared_types import is_for_inbox
from chalicelib.core.stores.failures import NOTE_FAILURE, DynamoFailures
from chalicelib.edge.consumer import consumer
from chalicelib.live.domain.push import ReachJob
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.gateways.web_push import PUSH_JOBS, REACH_JOBS
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.people.stores.directory_rows import has_always_critical
from chalicelib.reach.gateways.email_jobs import EMAIL_JOBS
from chalicelib.reach.gateways.jobs import jobs_of
from chalicelib.reach.services.router import Router
from chalicelib.reach.stores.channels import DynamoChannels
from chalicelib.reach.stores.digests import DynamoDigests
from chalicelib.reach.stores.preferences import DynamoPreferences
from chalicelib.reach.stores.reached import DynamoReached
from chalicelib.resources import (
    CATALOG,
    CHAT_MESSAGES,
    DELIVERIES,
    DIRECTORY,
    EMAIL,
    NOTIFY,
    PERSONAL_WEBHOOK,
    REACH,
    WEB_PUSH,
)

bp = Blueprint(__name__)


@consumer(
    bp,
    REACH,
    failures=DynamoFailures(),
    grants=NOTE_FAILURE
    + DELIVERIES.can("Query", "PutItem", "UpdateItem", "DeleteItem")
    + DIRECTORY.can("GetItem", "BatchGetItem", "Query", "UpdateItem")
    + CATALOG.can("GetItem")
    + NOTIFY
    + REACH.can_send()
    + WEB_PUSH.can_send()
    + CHAT_MESSAGES.can_send()
    + EMAIL.can_send()
    + PERSONAL_WEBHOOK.can_send(),
)
def reach_person(message: ReachJob) -> None:
    """Decide by a person's preferences which channels tell them of a delivery."""
    Router(
        reached=DynamoReached(),
        preferences=DynamoPreferences(),
        has_always_critical=has_always_critical,
        is_for_inbox=is_for_inbox,
        log_states=DynamoFrames(),
        push_jobs=PUSH_JOBS,
        channels=DynamoChannels(),
        channel_jobs=jobs_of,
        email_jobs=EMAIL_JOBS,
        digests=DynamoDigests(),
        reach_jobs=REACH_JOBS,
        notifier=Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS),
        gather=gather,
        clock=lambda: datetime.now(UTC),
    ).run(message)
