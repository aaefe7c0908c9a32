"""Connect publishing, and reading what was published, to their stores."""

from collections.abc import Sequence
from datetime import datetime

from chalicelib.api.v1.contract import REMEMBER, SPEND
from chalicelib.core.domain.callers import PersonalToken, ToolsToken
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.services import deliveries, events
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.inbox.stores.sends import DynamoSends
from chalicelib.live.domain.frames import LogState
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.gateways.web_push import PUSH_JOBS
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.people.stores.directory_rows import DynamoProjectAccess, has_relaxed_event_types
from chalicelib.reach.stored_jobs import StoredReachJobs
from chalicelib.resources import DELIVERIES, DIRECTORY, IDEMPOTENCY, NOTIFY, NUDGE, QUEUE_ITEMS

# Reading a delivery of a bulk call may create it, if its worker has not run yet.
# It then counts a send, and asks the preferences of a recipient who has read the delivery.
READ = (
    SPEND
    + DELIVERIES.can("BatchWriteItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
    + DIRECTORY.can("BatchGetItem", "GetItem")
    + NOTIFY
    + NUDGE
)
PUBLISH = (
    READ
    + REMEMBER
    + DELIVERIES.can("GetItem", "PutItem", "UpdateItem")
    + IDEMPOTENCY.can("UpdateItem")
    + QUEUE_ITEMS.can("PutItem", "UpdateItem")
)
RESOLVE = READ + REMEMBER + DELIVERIES.can("UpdateItem")
SUPPLEMENT = READ + REMEMBER + DELIVERIES.can("PutItem", "UpdateItem")


class _Labels:
    # The store is imported on first use: most events have no labels, and this import would slow every cold start.
    def add_labels(self, deliveries: Sequence[Delivery]) -> None:
        from chalicelib.inbox.stores.sent import DynamoSent

        DynamoSent().add_labels(deliveries)

    def try_add_labels(self, delivery: Delivery) -> None:
        from chalicelib.inbox.stores.sent import DynamoSent

        DynamoSent().try_add_labels(delivery)


def new_notifier() -> Notifier:
    """Return what tells people who listen."""
    return Notifier(
        DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS, PUSH_JOBS, StoredReachJobs()
    )


def _queue_held(delivery: Delivery, *, owner_id: str, log_state: LogState | None, now: datetime) -> None:
    # Imported on first use: most publishes hold nothing, and this import would slow every cold start.
    from chalicelib.tasks.services.moderation import queue_held
    from chalicelib.tasks.stores.queue import DynamoQueue

    queue_held(delivery, owner_id=owner_id, log_state=log_state, now=now, queue=DynamoQueue(), notifier=new_notifier())


def _returns_read(delivery: Delivery) -> bool:
    # Imported on first use: few repeats meet a delivery that was read, and this import would slow every cold start.
    from chalicelib.reach.stores.preferences import DynamoPreferences

    return DynamoPreferences().returns_read(delivery)


PUBLISH_PORTS = events.Ports(
    sends=DynamoSends(_returns_read),
    deliveries=DynamoDeliveries(),
    labels=_Labels(),
    projects=DynamoProjectAccess(),
    has_relaxed_event_types=has_relaxed_event_types,
    queue_held=_queue_held,
    replies=DynamoIdempotency(),
    notifier=new_notifier(),
    gather=gather,
)


def delivery_finder(caller: PersonalToken | ToolsToken, context: RequestContext) -> deliveries.FindDelivery:
    """Return what finds a sender's delivery, also one of a bulk call whose worker has not run yet."""
    if isinstance(caller, PersonalToken):
        return DynamoDeliveries().find  # a personal token's deliveries are stored before publish replies
    # Imported on first use: publishing never needs it, and this import would slow every cold start.
    from chalicelib.inbox.services.fan_out import FanOut
    from chalicelib.inbox.stores.accepted_calls import DynamoAcceptedCalls

    return FanOut(
        accepted=DynamoAcceptedCalls(),
        deliveries=DynamoDeliveries(),
        sends=DynamoSends(_returns_read),
        labels=_Labels(),
        notifier=new_notifier(),
        gather=gather,
        now=context.now,
    ).find
