"""v2 "Federation": connections with people of other instances."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import GUESSES, REMEMBER, SPEND, SPEND_OF_INSTANCES, operation
from chalicelib.api.v2.peer_admission import admit_confirmation, admit_end, admit_stranger
from chalicelib.core.domain.audit import Actor, ActorKind, Credential, Subject
from chalicelib.core.domain.audit_kinds import AuditKind
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
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import from_stored_reply
from chalicelib.federation.connections.domain.connections import Connection, PeerKey, Proof
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
    ConnectionOut,
    ConnectionPatch,
    ConnectionsAnswer,
    ConnectionsQuery,
)
from chalicelib.federation.connections.gateways.connection_notices import CONNECTION_NOTICE_JOBS
from chalicelib.federation.connections.services import connections
from chalicelib.federation.connections.services.admission import AdmittedStranger
from chalicelib.federation.connections.services.incoming_requests import ConnectionRequestReceiver, NewConnection
from chalicelib.federation.connections.services.transitions import Ports
from chalicelib.federation.connections.stores.connection_rows import token_hash
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.connections.stores.held_requests import DynamoHeldRequests
from chalicelib.federation.connections.stores.known_desks import DynamoKnownDesks
from chalicelib.federation.network.services.instances import owns_origin
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import CHAT, DIRECTORY, NETWORK, NOTIFY, PEER_NOTICES, PEERS, UNSEAL
from chalicelib.settings import settings

bp = Blueprint(__name__)

_CONNECTIONS = "/api/v2/connections"


def _is_approved_instance(url: str) -> bool:
    return DynamoInstances().is_approved(url)


def _notifier() -> Notifier:
    return Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS)


def _ports() -> Ports:
    return Ports(DynamoConnections(), CONNECTION_NOTICE_JOBS, _notifier())


def _peer(connection: Connection) -> Actor:
    return Actor(ActorKind.PEER, connection.peer_url, Credential.CONNECTION, connection.connection_id)


def _own_key() -> PeerKey:
    return DynamoFederation().find_key().public


@operation(
    bp,
    "POST",
    _CONNECTIONS,
    tag="Federation",
    aliases=(CONNECT_PATH,),
    gate=admit_stranger,
    answers={200: "The status of the connection."},
    refusals=(Forbidden, NotFound, TooLarge, RateLimited, Unavailable),
    grants=SPEND_OF_INSTANCES
    + UNSEAL
    + PEERS.can("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem")
    + NETWORK.can("GetItem", "UpdateItem")
    + DIRECTORY.can("BatchGetItem")
    + CHAT.can("PutItem")
    + PEER_NOTICES.can_send()
    + NOTIFY,
    audits=(AuditKind.CONNECTION_ACCEPT,),
)
def request_connection(body: ConnectIn, admitted: AdmittedStranger, context: RequestContext) -> ConnectedAnswer:
    """Request a connection with a person of this instance.

    Other instances call this operation without credentials. An address is a claim until the instance at that address
    confirms it: this instance asks it, or verifies the request's HTTP message signature with the keys that it publishes
    there. Until then the request is `pending`, and the reply is the same whether or not the person exists. An approved
    instance can prove its address at once with its platform token or instance key as a bearer token.

    A confirmed request waits until the person accepts it, unless this instance accepts all requests. Repeating a
    request changes nothing and returns the status of the connection; the first token stays valid. You can repeat a
    request that was declined or blocked. If both people requested a connection, the two instances agree on one request
    and accept it.
    """
    receiver = ConnectionRequestReceiver(
        admitted=admitted,
        base_url=settings().base_url,
        people=DynamoDirectory(),
        connections=DynamoConnections(),
        held=DynamoHeldRequests(),
        queue=CONNECTION_NOTICE_JOBS,
        notifier=_notifier(),
        own_key=_own_key,
        is_approved_instance=_is_approved_instance,
        known_desks=DynamoKnownDesks(),
    )
    new = NewConnection(str(uuid4()), ids.new_ulid(context.now), token_hash(body.federation_token), context.now)
    is_proven = owns_origin(admitted.caller, body.from_instance_url, instances=DynamoInstances())
    proof = Proof.CREDENTIAL if is_proven else None
    peer = Actor(ActorKind.PEER, body.from_instance_url, Credential.CONNECTION, new.connection_id)
    shown = proof.value if proof else "none"
    with audited(AuditKind.CONNECTION_ACCEPT, peer, context, automatic=True, proof=shown) as draft:
        # Most requests wait for an answer. Only the transaction that accepts one has the entry.
        draft.drop()
        return receiver.receive(body, new, proof=proof)


@operation(
    bp,
    "GET",
    _CONNECTIONS,
    tag="Federation",
    answers={200: "The connections."},
    grants=SPEND_OF_INSTANCES + PEERS.can("Query", "BatchGetItem"),
)
def list_connections(query: ConnectionsQuery, caller: ApiKey | PlatformToken) -> ConnectionsAnswer:
    """List your connections with people of other instances.

    The list contains active connections, unless you ask for another status. An instance has no connections of its own.
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
    tag="Federation",
    envelope="ConnectionAnswer",
    answers={200: "The updated connection."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=from_stored_reply,
    grants=SPEND
    + REMEMBER
    + PEERS.can("BatchGetItem", "PutItem", "UpdateItem", "ConditionCheckItem")
    + PEER_NOTICES.can_send(),
    audits=(
        AuditKind.CONNECTION_ACCEPT,
        AuditKind.CONNECTION_DECLINE,
        AuditKind.CONNECTION_BLOCK,
        AuditKind.CONNECTION_CHANGE,
    ),
)
def change_connection(id: str, body: ConnectionPatch, caller: ApiKey, context: RequestContext) -> ConnectionOut:  # noqa: A002
    """Accept, decline or block a connection, or require signatures on it.

    The other instance is notified when you accept, and a Fluxden instance also when you end the connection. You can
    accept a blocked connection again, but not a declined one. You can repeat a request that you sent yourself.
    """
    kind = AuditKind(f"connection.{body.action or 'change'}")
    with audited(kind, caller, context, Subject("connection", id), signatures=body.hmac_enabled):
        ports = Ports(DynamoConnections(), CONNECTION_NOTICE_JOBS)
        return connections.change_connection(id, body, owner=caller, context=context, ports=ports)


@operation(
    bp,
    "POST",
    ACCEPT_PATH,
    tag="Federation",
    gate=admit_confirmation,
    answers={200: "The connection is active."},
    refusals=(Unauthorized, Forbidden, NotFound, TooLarge, RateLimited, Unavailable),
    grants=GUESSES
    + PEERS.can("GetItem", "Query", "BatchGetItem", "PutItem", "UpdateItem")
    + CHAT.can("PutItem")
    + PEER_NOTICES.can_send()
    + NOTIFY,
    audits=(AuditKind.CONNECTION_CONFIRM,),
)
def confirm_connection(
    body: AcceptedIn,
    headers: FederationHeaders,  # noqa: ARG001 - read by the gate
    admitted: Connection,
    context: RequestContext,
) -> ConnectedAnswer:
    """Confirm that a connection request was accepted.

    The other instance calls this operation. It can accept only a request that was sent from here. Repeating the call
    changes nothing.
    """
    message_id = ids.new_ulid(context.now)
    with audited(AuditKind.CONNECTION_CONFIRM, _peer(admitted), context, each=True):
        return connections.confirm_connection(body, admitted, message_id=message_id, now=context.now, ports=_ports())


@operation(
    bp,
    "POST",
    END_PATH,
    tag="Federation",
    gate=admit_end,
    answers={200: "The connection has ended."},
    refusals=(Unauthorized, Forbidden, NotFound, TooLarge, RateLimited, Unavailable),
    grants=GUESSES + PEERS.can("GetItem", "Query", "BatchGetItem", "UpdateItem") + CHAT.can("PutItem") + NOTIFY,
    audits=(AuditKind.CONNECTION_END,),
)
def end_connection(
    body: EndedIn,
    headers: FederationHeaders,  # noqa: ARG001 - read by the gate
    admitted: Connection,
    context: RequestContext,
) -> ConnectedAnswer:
    """Report that a request was declined or withdrawn, or that a connection ended.

    The other instance calls this operation. Repeating the call changes nothing.
    """
    message_id = ids.new_ulid(context.now)
    with audited(AuditKind.CONNECTION_END, _peer(admitted), context, each=True):
        return connections.end_connection(body, admitted, message_id=message_id, now=context.now, ports=_ports())
