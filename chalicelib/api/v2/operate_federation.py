"""Admin: origins that are cut off, and the connections of people."""

import secrets
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import OPERATE, operate
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.federation.connections.gateways.connection_notices import CONNECTION_NOTICE_JOBS
from chalicelib.federation.connections.services.admission import relation_of
from chalicelib.federation.connections.services.removals import remove_connection
from chalicelib.federation.connections.services.transitions import Ports
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.network.gateways.instance_notices import INSTANCE_NOTICE_JOBS
from chalicelib.federation.network.services import instances
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.network.stores.registrations import DynamoRegistrations
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.operate.domain.federation import (
    OperatedConnectionOut,
    OriginIn,
    OriginOut,
    OriginsOut,
    PersonsConnectionsQuery,
    RemovedConnectionOut,
    to_operated_response,
    to_origins_response,
)
from chalicelib.parallel import gather
from chalicelib.resources import CHAT, NETWORK, NOTICES, NOTIFY, PEER_NOTICES, PEERS, TOKENS

bp = Blueprint(__name__)

_ORIGINS, _CONNECTIONS = "/api/v2/operate/origins", "/api/v2/operate/connections"


@operate(
    bp,
    "GET",
    _ORIGINS,
    envelope="OriginsAnswer",
    answers={200: "The origins."},
    grants=OPERATE + PEERS.can("GetItem"),
)
def list_origins(caller: ApiKey) -> OriginsOut:  # noqa: ARG001 - admits
    """List the desks that are cut off: blocked ones, and those whose instance is suspended.

    Nothing comes in from these addresses or from below them, and nothing is sent there.
    """
    return to_origins_response(DynamoFederation().find_settings())


@operate(
    bp,
    "POST",
    f"{_ORIGINS}/block",
    envelope="OriginAnswer",
    answers={200: "The desk is blocked."},
    refusals=(Conflict, TooLarge),
    grants=OPERATE
    + PEERS.can("UpdateItem")
    + NETWORK.can("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
    + TOKENS.can("UpdateItem", "DeleteItem")
    + NOTICES.can_send(),
    audits=(AuditKind.ORIGIN_BLOCK,),
)
def block_origin(body: OriginIn, caller: ApiKey, context: RequestContext) -> OriginOut:
    """Block the desk at an address.

    Its connection requests, registrations and events are refused, and so is everything over connections with its
    people. Nothing is sent to it. If it is an instance of this network, that is suspended. Blocking again changes
    nothing.
    """
    with audited(AuditKind.ORIGIN_BLOCK, caller, context, Subject("origin", body.origin)):
        found = instances.block_origin(
            body.origin,
            instances.Decision(secrets.token_urlsafe(24), str(uuid4()), context.now),
            federation=DynamoFederation(),
            instances=DynamoInstances(),
            registrations=DynamoRegistrations(),
            queue=INSTANCE_NOTICE_JOBS,
        )
        return OriginOut(origin=body.origin, blocked=True, suspended_instance_id=found.instance_id if found else None)


@operate(
    bp,
    "POST",
    f"{_ORIGINS}/unblock",
    envelope="OriginAnswer",
    answers={200: "The desk is not blocked."},
    refusals=(TooLarge,),
    grants=OPERATE + PEERS.can("UpdateItem"),
    audits=(AuditKind.ORIGIN_UNBLOCK,),
)
def unblock_origin(body: OriginIn, caller: ApiKey, context: RequestContext) -> OriginOut:
    """Let the desk at an address in again.

    An instance that was suspended stays so until it is approved.
    """
    with audited(AuditKind.ORIGIN_UNBLOCK, caller, context, Subject("origin", body.origin)):
        DynamoFederation().block(body.origin, blocked=False)
        return OriginOut(origin=body.origin, blocked=False, suspended_instance_id=None)


@operate(
    bp,
    "GET",
    _CONNECTIONS,
    envelope="PersonsConnectionsAnswer",
    answers={200: "The connections."},
    grants=OPERATE + PEERS.can("GetItem", "Query", "BatchGetItem"),
)
def list_persons_connections(query: PersonsConnectionsQuery, caller: ApiKey) -> list[OperatedConnectionOut]:  # noqa: ARG001 - admits
    """List a person's connections in any status, oldest first."""
    rules, found = gather(DynamoFederation().find_settings, lambda: DynamoConnections().list_own(query.user_id))
    return [to_operated_response(each, relation_of(each, rules)) for each in found]


@operate(
    bp,
    "DELETE",
    f"{_CONNECTIONS}/{{connectionId}}",
    envelope="RemovedConnectionAnswer",
    answers={200: "The connection is removed."},
    refusals=(NotFound, Conflict),
    grants=OPERATE
    + PEERS.can("BatchGetItem", "PutItem", "UpdateItem", "DeleteItem")
    + CHAT.can("PutItem")
    + PEER_NOTICES.can_send()
    + NOTIFY,
    audits=(AuditKind.CONNECTION_REMOVE,),
)
def remove_persons_connection(connectionId: str, caller: ApiKey, context: RequestContext) -> RemovedConnectionOut:  # noqa: N803
    """End a connection and delete it.

    Its token works no more, its person is told, and a Fluxden instance at the other end once. Notices, waiting relays
    and the memory of repeats are deleted with it. Relays that were sent or received stay readable. Repeat the call if
    it was interrupted.
    """
    with audited(AuditKind.CONNECTION_REMOVE, caller, context, Subject("connection", connectionId)):
        notifier = Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS)
        ports = Ports(DynamoConnections(), CONNECTION_NOTICE_JOBS, notifier)
        made = remove_connection(connectionId, message_id=ids.new_ulid(context.now), now=context.now, ports=ports)
        return RemovedConnectionOut(id=made.connection_id, removed=True)
