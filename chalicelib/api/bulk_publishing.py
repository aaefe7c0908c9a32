"""Connect publishing to many people to its stores and its queue."""

from functools import partial

from chalicelib import ids
from chalicelib.api.v1.contract import ANNOUNCE, SPEND
from chalicelib.catalog.stores.catalog import DynamoCatalog
from chalicelib.catalog.stores.claims import DynamoClaims
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.inbox.gateways.fan_out import FAN_OUT_JOBS
from chalicelib.inbox.services import bulk
from chalicelib.inbox.stores.accepted_calls import DynamoAcceptedCalls
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.directory_rows import has_relaxed_event_types
from chalicelib.resources import CATALOG, DELIVERIES, DIRECTORY, FAN_OUT, SOCKETS, TOKENS

BULK = (
    SPEND
    + TOKENS.can("BatchGetItem", "PutItem")
    + ANNOUNCE
    + DIRECTORY.can("BatchGetItem", "Query", "ConditionCheckItem")
    + CATALOG.can("GetItem", "BatchGetItem", "ConditionCheckItem")
    + DELIVERIES.can("BatchGetItem", "PutItem", "UpdateItem")
    + SOCKETS.can("Query")
    + FAN_OUT.can_send()
)


def bulk_ports() -> bulk.Ports:
    """Return the stores and the queue of a bulk call."""
    return bulk.Ports(
        directory=DynamoDirectory(),
        has_relaxed_event_types=has_relaxed_event_types,
        catalog=DynamoCatalog(),
        grants=DynamoClaims(),
        deliveries=DynamoDeliveries(),
        accepted=DynamoAcceptedCalls(),
        queue=FAN_OUT_JOBS,
        replays=DynamoIdempotency(),
        find_log_state=Notifier(
            DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS
        ).find_log_state,
        mint=partial(ids.mint_token, ids.TokenKind.PERSONAL),
        gather=gather,
    )
