"""Send relays over your connections, and list those sent and received."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.board.stores.board import DynamoBoard
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.relays.domain.outgoing import NewRelayIn, RelayOut, RelayQuery, RelaysOut
from chalicelib.federation.relays.gateways.outbox import OUTBOX_JOBS
from chalicelib.federation.relays.services import outgoing
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from chalicelib.federation.relays.stores.outgoing import DynamoOutgoing
from chalicelib.parallel import gather
from chalicelib.resources import BOARD, FACETS_INDEX, ORDER_INDEX, OUTBOX, OUTBOX_WORK, PEERS, QUEUE_ITEMS, RELAYS
from chalicelib.tasks.stores.queue import DynamoQueue

bp = Blueprint(__name__)


@operation(
    bp,
    "POST",
    "/api/v2/relays",
    tag="Federation",
    status=201,
    permission="all",
    envelope="SentRelayAnswer",
    answers={201: "The created relay."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=RelayOut.model_validate,
    grants=SPEND
    + REMEMBER
    + PEERS.can("BatchGetItem")
    + BOARD.can("GetItem")
    + QUEUE_ITEMS.can("GetItem")
    + OUTBOX.can("GetItem", "PutItem", "UpdateItem")
    + RELAYS.can("PutItem", "UpdateItem")
    + OUTBOX_WORK.can_send(),
)
def send_relay(body: NewRelayIn, caller: ApiKey, context: RequestContext) -> RelayOut:
    """Send a relay over one of your connections.

    The relay is stored and sent in order, after earlier relays to the same instance. If that instance fails, it is
    retried at growing intervals for up to 72 hours. A relay that is refused keeps the reason. The result that the other
    instance reports appears on the card or queue item that the relay is about.
    """
    sender = outgoing.RelaySender(
        connections=DynamoConnections(),
        board=DynamoBoard(),
        items=DynamoQueue(),
        boxes=DynamoOutbox(),
        outgoing=DynamoOutgoing(),
        queue=OUTBOX_JOBS,
        gather=gather,
    )
    return sender.send(body, relay_id=str(uuid4()), owner=caller, context=context)


@operation(
    bp,
    "GET",
    "/api/v2/relays",
    tag="Federation",
    permission="all",
    envelope="RelaysAnswer",
    answers={200: "A page of relays."},
    grants=SPEND
    + RELAYS.can("GetItem", "BatchGetItem")
    + RELAYS.can("Query", index=ORDER_INDEX)
    + RELAYS.can("Query", index=FACETS_INDEX),
)
def list_relays(query: RelayQuery, caller: ApiKey) -> RelaysOut:
    """List the relays that you sent and received, newest first."""
    return outgoing.list_relays(query, owner=caller, outgoing=DynamoOutgoing())
