"""v1 "events": publish one event to many recipients."""

from dataclasses import replace

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.bulk_publishing import BULK, bulk_ports
from chalicelib.api.v1.contract import operation
from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.callers import ToolsToken
from chalicelib.core.domain.errors import IdempotencyConflict, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import OperationReply, from_stored_reply
from chalicelib.inbox.domain.bulk import AddressedEvent, BulkEventRequest, BulkOut, bulk_charge
from chalicelib.inbox.services import bulk

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
    grants=BULK,
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
    out, surplus = bulk.publish(body, caller=caller, context=context, fire=ids.new_nonce(), ports=bulk_ports())
    return OperationReply(out, 202, unspent=Charge(0, deliveries=surplus))


def _publish_addressed(body: AddressedEvent, caller: ToolsToken, context: RequestContext) -> OperationReply:
    """Send one event to one recipient."""
    out, surplus = bulk.publish(
        body.as_bulk(), caller=caller, context=context, fire=ids.new_nonce(), ports=bulk_ports()
    )
    return OperationReply(out, 202, unspent=Charge(0, deliveries=surplus))


# The same operation with a simpler body, for MCP.
publish_addressed = replace(publish_bulk, function=_publish_addressed, charge=lambda _: Charge(1, deliveries=1))
