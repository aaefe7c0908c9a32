"""v1 "events": publish one event to many recipients."""

from dataclasses import replace
from functools import partial

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.v1.contract import ANNOUNCE, SPEND, operation
from chalicelib.catalog.stores.catalog import DynamoCatalog
from chalicelib.catalog.stores.claims import DynamoClaims
from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.callers import ToolsToken
from chalicelib.core.domain.errors import IdempotencyConflict, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.edge.operation import OperationReply, from_stored_reply
from chalicelib.inbox.domain.bulk import AddressedEvent, BulkEventRequest, BulkOut, bulk_charge
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

bp = Blueprint(__name__)


@operation(
    bp,
    "POST",
    "/api/v1/events/bulk",
    checks_request_id=True,
    tag="events",
    status=202,
    answer=BulkOut,
    answers={202: "Accepted. The reply has one row per recipient."},
    refusals=(IdempotencyConflict, TooLarge),
    hint="Publish to the owner of a personal token: POST /api/v1/events.",
    charge=bulk_charge,
    replay=from_stored_reply,
    grants=SPEND
    + TOKENS.can("BatchGetItem", "PutItem")
    + ANNOUNCE
    + DIRECTORY.can("BatchGetItem", "Query", "ConditionCheckItem")
    + CATALOG.can("GetItem", "BatchGetItem", "ConditionCheckItem")
    + DELIVERIES.can("BatchGetItem", "PutItem", "UpdateItem")
    + SOCKETS.can("Query")
    + FAN_OUT.can_send(),
)
def publish_bulk(body: BulkEventRequest, caller: ToolsToken, context: RequestContext) -> OperationReply:
    """Publish one event to many recipients.

    Address recipients by email, by user id, or as a group. A group is the active members of a project that the tools
    token's owner administers. A person named more than once gets one delivery:
    the further rows have its `deliveryId` and `deduped: true`. A row that fails states the reason and
    does not affect the other rows. Each `deliveryId` in the reply can be read immediately. Employees who are approved
    for the integrator but have no token get one, unless `auto_claim` is false. Recipients are told after the reply:
    the rows of those who listen have `pushPending: true`, as has every row if more than 100 people are reached. A call
    can have up to 1,000 recipients, and each person counts toward the tools token's daily limit.
    """
    out, surplus = bulk.publish(body, caller=caller, context=context, fire=ids.new_nonce(), ports=_ports())
    return OperationReply(out, 202, unspent=Charge(0, deliveries=surplus))


def _publish_addressed(body: AddressedEvent, caller: ToolsToken, context: RequestContext) -> OperationReply:
    """Send one event to one recipient."""
    out, surplus = bulk.publish(body.as_bulk(), caller=caller, context=context, fire=ids.new_nonce(), ports=_ports())
    return OperationReply(out, 202, unspent=Charge(0, deliveries=surplus))


# The same operation with a simpler body, for MCP.
publish_addressed = replace(publish_bulk, function=_publish_addressed, charge=lambda _: Charge(1, deliveries=1))


def _ports() -> bulk.Ports:
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
