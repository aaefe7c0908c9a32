"""dividen-v2, tag "Federation": connections with people of other desks."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.budgets import Spent
from chalicelib.core.domain.call import Call, Sent
from chalicelib.core.domain.callers import ApiKey, PlatformToken
from chalicelib.core.domain.errors import (
    Conflict,
    Forbidden,
    NotFound,
    RateLimited,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from chalicelib.edge.operation import as_stored
from chalicelib.federation.connections.domain.connections import Connection, PeerKey
from chalicelib.federation.connections.domain.federation_settings import FederationSettings
from chalicelib.federation.connections.domain.handshake import (
    ACCEPT_PATH,
    CONNECT_PATH,
    END_PATH,
    AcceptedIn,
    ConnectedAnswer,
    ConnectIn,
    EndedIn,
    FederationHeaders,
)
from chalicelib.federation.connections.domain.owned_connections import (
    ConnectionAnswer,
    ConnectionPatch,
    ConnectionsAnswer,
    ConnectionsQuery,
)
from chalicelib.federation.connections.gateways.connection_notices import CONNECTION_NOTICE_JOBS
from chalicelib.federation.connections.services import admission, connections
from chalicelib.federation.connections.services.incoming_requests import ConnectionRequestReceiver, NewConnection
from chalicelib.federation.connections.services.transitions import Ports
from chalicelib.federation.connections.signatures import refuse_signature
from chalicelib.federation.connections.stores.connection_budgets import DynamoConnectionBudgets
from chalicelib.federation.connections.stores.connections import DynamoConnections, token_hash
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.connections.stores.peer_keys import DynamoPeerKeys
from chalicelib.federation.network.domain.instances import normalised
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.connections import DynamoConnections as DynamoSockets
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.parallel import together
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import CHAT, DIRECTORY, NETWORK, NOTIFY, PEER_NOTICES, PEERS
from chalicelib.settings import settings

bp = Blueprint(__name__)

_CONNECTIONS = "/api/v2/connections"


def _admit_stranger(sent: Sent) -> FederationSettings:
    return admission.admit_stranger(sent, settings=DynamoFederation())


def _spend(token: str, *, now: datetime) -> Spent | None:
    return DynamoConnectionBudgets().spend(token_hash(token), now=now)


def _admission() -> dict[str, Any]:
    return {
        "settings": DynamoFederation(),
        "connections": DynamoConnections(),
        "refuse_signature": refuse_signature,
        "together": together,
        "spend": _spend,
        "base_url": settings().base_url,
        "peer_keys": DynamoPeerKeys(),
    }


def _admit_accepting_peer(sent: Sent) -> Connection:
    return admission.admit_accepting_peer(sent, **_admission())


def _is_approved_instance(url: str) -> bool:
    try:
        return DynamoInstances().is_approved(normalised(url))
    except ValueError:
        return False


def _admit_ending_peer(sent: Sent) -> Connection:
    return admission.admit_ending_peer(sent, **_admission())


def _notifier() -> Notifier:
    return Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), together)


def _ports() -> Ports:
    return Ports(DynamoConnections(), CONNECTION_NOTICE_JOBS, _notifier())


def _own_key() -> PeerKey:
    return DynamoFederation().find_key().public


@operation(
    bp,
    "POST",
    _CONNECTIONS,
    tag="connections",
    aliases=(CONNECT_PATH,),
    gate=_admit_stranger,
    answers={200: "Where the connection stands."},
    refusals=(Forbidden, NotFound, TooLarge, RateLimited, Unavailable),
    grants=PEERS.can("GetItem", "PutItem", "UpdateItem")
    + NETWORK.can("GetItem", "UpdateItem")
    + DIRECTORY.can("BatchGetItem")
    + CHAT.can("PutItem")
    + PEER_NOTICES.can_send()
    + NOTIFY,
)
def request_connection(body: ConnectIn, admitted: FederationSettings, call: Call) -> ConnectedAnswer:
    """Ask that somebody of another desk be connected with somebody here.

    Called by the other desk, which needs no credentials: what it asks for waits until the person accepts, unless this
    desk accepts everything. Asking again changes nothing and says where the connection stands; its token stays the
    first. A declined or blocked request may be made anew. Where somebody here has asked for the same, both desks settle
    on one of the two requests, which is then accepted.
    """
    receiver = ConnectionRequestReceiver(
        settings=admitted,
        base_url=settings().base_url,
        people=DynamoDirectory(),
        connections=DynamoConnections(),
        queue=CONNECTION_NOTICE_JOBS,
        notifier=_notifier(),
        own_key=_own_key,
        is_approved_instance=_is_approved_instance,
    )
    new = NewConnection(str(uuid4()), ids.sortable(call.now), token_hash(body.federation_token), call.now)
    return receiver.receive(body, new)


@operation(
    bp,
    "GET",
    _CONNECTIONS,
    tag="connections",
    answers={200: "The connections."},
    grants=SPEND + PEERS.can("Query", "BatchGetItem"),
)
def list_connections(query: ConnectionsQuery, caller: ApiKey | PlatformToken) -> ConnectionsAnswer:
    """List the caller's connections with people of other desks: the active ones, unless another state is asked for.

    An instance has none of its own.
    """
    if isinstance(caller, PlatformToken):
        return ConnectionsAnswer(connections=[])
    return ConnectionsAnswer(
        connections=connections.list_connections(query, owner=caller, connections=DynamoConnections())
    )


@operation(
    bp,
    "PATCH",
    f"{_CONNECTIONS}/{{id}}",
    tag="connections",
    answers={200: "The connection, as it stands now."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=as_stored,
    grants=SPEND
    + REMEMBER
    + PEERS.can("BatchGetItem", "PutItem", "UpdateItem", "ConditionCheckItem")
    + PEER_NOTICES.can_send(),
)
def change_connection(id: str, body: ConnectionPatch, caller: ApiKey, call: Call) -> ConnectionAnswer:  # noqa: A002
    """Accept, decline or block a connection of the caller's, or say whether what comes over it must be signed.

    The other desk is told of an acceptance, and one of our kind also of an end. A blocked connection may be accepted
    again, a declined one not; what was asked for from here can be asked for again.
    """
    ports = Ports(DynamoConnections(), CONNECTION_NOTICE_JOBS)
    return connections.change_connection(id, body, owner=caller, call=call, ports=ports)


@operation(
    bp,
    "POST",
    ACCEPT_PATH,
    tag="connections",
    gate=_admit_accepting_peer,
    answers={200: "The connection is active."},
    refusals=(Unauthorized, Forbidden, NotFound, TooLarge, RateLimited, Unavailable),
    grants=PEERS.can("GetItem", "Query", "BatchGetItem", "PutItem", "UpdateItem")
    + CHAT.can("PutItem")
    + PEER_NOTICES.can_send()
    + NOTIFY,
)
def confirm_connection(
    body: AcceptedIn,
    headers: FederationHeaders,  # noqa: ARG001 - read by the gate
    admitted: Connection,
    call: Call,
) -> ConnectedAnswer:
    """Take word that a request of this desk's was accepted.

    Called by the other desk. Only what was asked for from here can be accepted this way; a repeat changes nothing.
    """
    message_id = ids.sortable(call.now)
    return connections.confirm_connection(body, admitted, message_id=message_id, now=call.now, ports=_ports())


@operation(
    bp,
    "POST",
    END_PATH,
    tag="connections",
    gate=_admit_ending_peer,
    answers={200: "The connection is over."},
    refusals=(Unauthorized, Forbidden, NotFound, TooLarge, RateLimited, Unavailable),
    grants=PEERS.can("GetItem", "Query", "BatchGetItem", "UpdateItem") + CHAT.can("PutItem") + NOTIFY,
)
def end_connection(
    body: EndedIn,  # noqa: ARG001 - what the gate has found says all
    headers: FederationHeaders,  # noqa: ARG001 - read by the gate
    admitted: Connection,
    call: Call,
) -> ConnectedAnswer:
    """Take word that a request was declined or taken back, or a connection ended.

    Called by the other desk. A repeat changes nothing.
    """
    message_id = ids.sortable(call.now)
    return connections.end_connection(admitted, message_id=message_id, now=call.now, ports=_ports())
