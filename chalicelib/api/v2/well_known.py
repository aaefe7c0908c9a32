"""What this desk proves of itself."""

from chalice.app import Blueprint

from chalicelib.api.v2.contract import operation
from chalicelib.domain.errors import NotFound
from chalicelib.domain.federation import ProofOut, ProofQuery
from chalicelib.resources import NETWORK
from chalicelib.services import federation
from chalicelib.settings import VERSION
from chalicelib.stores.hubs import DynamoHubs

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/.well-known/fluxden",
    tag="network",
    answers={200: "What this desk is, and its proof."},
    refusals=(NotFound,),
    grants=NETWORK.can("GetItem"),
)
def get_own_proof(query: ProofQuery) -> ProofOut:
    """Tell what runs here; asked by a hub, prove that this desk is the one that has registered there.

    The hub sends a `challenge` and the `instanceId` it has given to this desk; the proof is the HMAC-SHA256 of the
    challenge under the key this desk registered with, in hexadecimal.
    """
    return federation.prove(query, version=VERSION, hubs=DynamoHubs())
