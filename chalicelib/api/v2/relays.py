"""v2 "Federation": receive relays and acknowledgements from connected instances."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.v2.contract import GUESSES, operation
from chalicelib.api.v2.peer_admission import admit_new_relay, admit_relay
from chalicelib.board.stores.board import DynamoBoard
from chalicelib.core.domain.errors import Forbidden, NotFound, RateLimited, TooLarge, Unauthorized, Unavailable
from chalicelib.core.domain.requests import RequestContext
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.connections.domain.handshake import ACK_PATH, RELAY_PATH, FederationHeaders
from chalicelib.federation.connections.services.admission import AdmittedRelay
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.relays.domain.relay_messages import AckAnswer, AckIn, RelayAnswer, RelayIn
from chalicelib.federation.relays.services import relays
from chalicelib.federation.relays.services.acknowledgements import AcknowledgementReceiver
from chalicelib.federation.relays.stores.relays import DynamoRelays
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.profiles import DynamoProfiles
from chalicelib.people.stores.teams import DynamoTeams
from chalicelib.resources import BOARD, CHAT, DIRECTORY, NOTIFY, ORDER_INDEX, PEERS, QUEUE_ITEMS, RELAYS
from chalicelib.tasks.stores.queue import DynamoQueue

bp = Blueprint(__name__)

_ADMIT = GUESSES + PEERS.can("GetItem", "Query", "UpdateItem")


def _notifier() -> Notifier:
    return Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS)


@operation(
    bp,
    "POST",
    "/api/v2/relay",
    tag="Federation",
    aliases=(RELAY_PATH,),
    gate=admit_new_relay,
    answers={200: "The result of the relay."},
    refusals=(Unauthorized, Forbidden, NotFound, TooLarge, RateLimited, Unavailable),
    grants=_ADMIT
    + RELAYS.can("BatchGetItem", "PutItem", "UpdateItem")
    + DIRECTORY.can("BatchGetItem", "GetItem", "Query", "ConditionCheckItem")
    + BOARD.can("GetItem", "BatchGetItem", "PutItem", "UpdateItem")
    + BOARD.can("Query", index=ORDER_INDEX)
    + QUEUE_ITEMS.can("GetItem", "BatchGetItem", "PutItem", "UpdateItem")
    + QUEUE_ITEMS.can("Query", index=ORDER_INDEX)
    + CHAT.can("PutItem")
    + NOTIFY,
)
def receive_relay(
    body: RelayIn,
    headers: FederationHeaders,  # noqa: ARG001 - read by the gate
    admitted: AdmittedRelay,
    context: RequestContext,
) -> RelayAnswer:
    """Receive a relay from a connected instance.

    The other instance calls this operation. A relay is accepted once per `relayId`; repeats change nothing. A signed
    relay without an id is accepted once in 24 hours. It reaches the addressed person if they are connected with that
    instance, otherwise the person who owns the connection. A task becomes a card and a queue item. The recipient's
    profile may filter ambient relays, without notice to anyone. The sender is the person of the connection, whatever
    the relay says.
    """
    return relays.RelayReceiver(
        connection=admitted.connection,
        proof=admitted.proof,
        ids=relays.Ids(str(uuid4()), ids.new_ulid(context.now), str(uuid4()), str(uuid4())),
        now=context.now,
        relays=DynamoRelays(),
        connections=DynamoConnections(),
        people=DynamoDirectory(),
        teams=DynamoTeams(),
        profiles=DynamoProfiles(),
        board=DynamoBoard(),
        queue=DynamoQueue(),
        notifier=_notifier(),
        gather=gather,
    ).receive(body)


@operation(
    bp,
    "POST",
    ACK_PATH,
    tag="Federation",
    gate=admit_relay,
    answers={200: "The status of the relay."},
    refusals=(Unauthorized, Forbidden, NotFound, TooLarge, RateLimited, Unavailable),
    grants=_ADMIT
    + RELAYS.can("BatchGetItem", "UpdateItem")
    + BOARD.can("GetItem", "UpdateItem")
    + QUEUE_ITEMS.can("BatchGetItem", "UpdateItem")
    + QUEUE_ITEMS.can("Query", index=ORDER_INDEX)
    + CHAT.can("PutItem")
    + NOTIFY,
)
def acknowledge_relay(
    body: AckIn,
    headers: FederationHeaders,  # noqa: ARG001 - read by the gate
    admitted: Connection,
    context: RequestContext,
) -> AckAnswer:
    """Report the result of a relay that this instance sent.

    The other instance calls this operation over the relay's connection. A final status can't change, so a repeat
    changes nothing. A completed relay completes the queue item that it passed on. A card that the relay is about gets a
    note.
    """
    return AcknowledgementReceiver(
        connection=admitted,
        message_id=ids.new_ulid(context.now),
        note_id=str(uuid4()),
        now=context.now,
        relays=DynamoRelays(),
        queue=DynamoQueue(),
        board=DynamoBoard(),
        notifier=_notifier(),
        gather=gather,
    ).receive(body)
