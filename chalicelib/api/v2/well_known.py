"""The instance's description, proof and agent card under `/.well-known`."""

from chalice.app import Blueprint

from chalicelib.api.v2.contract import GUESSES, operation
from chalicelib.core.domain.errors import NotFound, RateLimited
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.stores.guesses import DynamoGuesses
from chalicelib.federation.connections.stores.connection_tokens import DynamoConnectionTokens
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.network.domain.description import AgentCardOut, DescriptionQuery, DeskOut
from chalicelib.federation.network.services import description
from chalicelib.federation.network.stores.hubs import DynamoHubs
from chalicelib.parallel import gather
from chalicelib.resources import NETWORK, PEERS, UNSEAL
from chalicelib.settings import VERSION, settings

bp = Blueprint(__name__)

_CARD_SECONDS = 300


@operation(
    bp,
    "GET",
    "/.well-known/fluxden",
    tag="Network",
    answers={200: "The description, with a proof if a challenge was sent."},
    refusals=(NotFound, RateLimited),
    grants=UNSEAL + GUESSES + NETWORK.can("GetItem") + PEERS.can("GetItem", "Query", "PutItem"),
)
def describe_desk(query: DescriptionQuery, context: RequestContext) -> DeskOut:
    """Describe this instance: its software, signing keys and limits.

    `keys` are the keys of its HTTP message signatures (RFC 9421), current key first. A hub can send a `challenge` with
    the `instanceId` that it assigned, and its own base URL as `to`. The proof in the reply is the HMAC-SHA256 of the
    challenge, in hexadecimal, with the key that this instance registered with. It is given to that hub only.

    An instance that received a connection request can ask whether it is this one's own, with `connection` and `to`. The
    answer is its state, or 404.
    """
    return description.describe(
        query,
        base_url=settings().base_url,
        version=VERSION,
        hubs=DynamoHubs(),
        connections=DynamoConnectionTokens(),
        federation=DynamoFederation(),
        context=context,
        guesses=DynamoGuesses(),
        gather=gather,
    )


@operation(
    bp,
    "GET",
    "/.well-known/agent-card.json",
    tag="Network",
    answers={200: "The card."},
    refusals=(NotFound,),
    max_age=_CARD_SECONDS,
)
def get_agent_card() -> AgentCardOut:
    """Get this instance's agent card in the A2A 1.0 format.

    Its only interface has a custom protocol binding, which is sending relays. The card offers no A2A methods.
    """
    return description.card(base_url=settings().base_url, version=VERSION)
