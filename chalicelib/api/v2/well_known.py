"""What this desk says of itself, and proves."""

from chalice.app import Blueprint

from chalicelib.api.v2.contract import operation
from chalicelib.core.domain.errors import NotFound
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.network.domain.description import AgentCardOut, DeskOut, ProofQuery
from chalicelib.federation.network.services import description
from chalicelib.federation.network.stores.hubs import DynamoHubs
from chalicelib.parallel import together
from chalicelib.resources import NETWORK, PEERS
from chalicelib.settings import VERSION, settings

bp = Blueprint(__name__)

_CARD_SECONDS = 300


@operation(
    bp,
    "GET",
    "/.well-known/fluxden",
    tag="network",
    answers={200: "What this desk is, or its proof."},
    refusals=(NotFound,),
    grants=NETWORK.can("GetItem") + PEERS.can("GetItem", "PutItem"),
)
def describe_desk(query: ProofQuery) -> DeskOut:
    """Tell what runs here, by which keys it signs and what it takes; asked by a hub, prove that it registered there.

    `keys` are those of its HTTP message signatures (RFC 9421), the present one first. A hub sends a `challenge` and
    the `instanceId` it has given to this desk; the proof is the HMAC-SHA256 of the challenge under the key this desk
    registered with, in hexadecimal.
    """
    return description.describe(
        query,
        base_url=settings().base_url,
        version=VERSION,
        hubs=DynamoHubs(),
        federation=DynamoFederation(),
        together=together,
    )


@operation(
    bp,
    "GET",
    "/.well-known/agent-card.json",
    tag="network",
    answers={200: "The card."},
    refusals=(NotFound,),
    max_age=_CARD_SECONDS,
)
def get_agent_card() -> AgentCardOut:
    """Tell agents of other makes what this desk is: its card in the form of A2A 1.0.

    Its one interface is named by a binding of its own: desks are sent relays. None of A2A's own methods is served.
    """
    return description.card(base_url=settings().base_url, version=VERSION)
