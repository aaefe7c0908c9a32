"""v2 "Marketplace": receive decisions of the hub."""

from chalice.app import Blueprint

from chalicelib.agents.stores.agents import DynamoAgents
from chalicelib.api.audit import refusals_audited
from chalicelib.api.v2.contract import REMEMBER, SPEND_OF_INSTANCES, operation
from chalicelib.api.v2.inbound import require_inbound_settings
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import InstanceKey
from chalicelib.core.domain.errors import Conflict, Forbidden, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import from_stored_reply
from chalicelib.federation.connections.domain.federation_settings import FederationSettings
from chalicelib.federation.connections.services.admission import admit_hub
from chalicelib.federation.network.domain.hub_events import HubEventIn, HubEventOut, HubHeaders
from chalicelib.federation.network.services import hub_events
from chalicelib.resources import DIRECTORY, PEERS

bp = Blueprint(__name__)


@operation(
    bp,
    "POST",
    "/api/marketplace/webhook",
    aliases=("/api/v2/api/marketplace/webhook",),
    tag="Marketplace",
    token_header="X-Federation-Token",
    precondition=require_inbound_settings,
    answers={200: "The event was received. `warning` says if it changed nothing."},
    refusals=(Forbidden, Conflict, TooLarge),
    replay=from_stored_reply,
    grants=SPEND_OF_INSTANCES + REMEMBER + PEERS.can("GetItem") + DIRECTORY.can("Query", "UpdateItem"),
    audits=(AuditKind.HUB_EVENT_REFUSE,),
)
def receive_marketplace_event(
    body: HubEventIn,
    headers: HubHeaders,  # noqa: ARG001 - the token has been looked at, and the body says what it is
    caller: InstanceKey,
    federation: FederationSettings,
    context: RequestContext,
) -> HubEventOut:
    """Receive a decision of the hub.

    Only a hub that this instance has joined can send events. They apply to this instance's own agents only, never to
    agents that other instances offer here.
    """
    with refusals_audited(AuditKind.HUB_EVENT_REFUSE, context, by=caller):
        admit_hub(caller, federation)
    return hub_events.receive(body, context=context, agents=DynamoAgents())
