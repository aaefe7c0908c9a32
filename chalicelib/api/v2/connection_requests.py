"""Request connections with people of other instances."""

import secrets
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import OperationReply, from_stored_reply
from chalicelib.federation.connections.domain.connection_requests import ConnectionRequestIn
from chalicelib.federation.connections.domain.owned_connections import ConnectionOut
from chalicelib.federation.connections.gateways.connection_notices import CONNECTION_NOTICE_JOBS
from chalicelib.federation.connections.services.connection_requests import ConnectionRequester
from chalicelib.federation.connections.stores.connection_notices import DynamoConnectionNotices
from chalicelib.federation.connections.stores.connection_rows import token_hash
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY, PEER_NOTICES, PEERS, UNSEAL
from chalicelib.settings import settings

bp = Blueprint(__name__)

_TOKEN_BYTES = 32


@operation(
    bp,
    "POST",
    "/api/v2/connection-requests",
    tag="Federation",
    status=201,
    envelope="ConnectionAnswer",
    answer=ConnectionOut,
    answers={
        201: "The created connection. The request is being sent to the other instance.",
        200: "The existing connection, accepted if the other person had requested it.",
    },
    refusals=(Conflict, TooLarge),
    replay=from_stored_reply,
    grants=SPEND
    + UNSEAL
    + REMEMBER
    + DIRECTORY.can("BatchGetItem")
    + PEERS.can("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "ConditionCheckItem")
    + PEER_NOTICES.can_send(),
)
def ask_for_connection(body: ConnectionRequestIn, caller: ApiKey, context: RequestContext) -> OperationReply:
    """Request a connection with a person of another instance.

    The request is stored and sent until the other instance answers or several days have passed. The result appears in
    the chat and in your connections. If that person has already requested a connection with you, it is accepted. You
    can repeat a request that was declined, blocked, ended or never answered.
    """
    requester = ConnectionRequester(
        base_url=settings().base_url,
        token_hash=token_hash,
        settings=DynamoFederation(),
        people=DynamoDirectory(),
        connections=DynamoConnections(),
        notices=DynamoConnectionNotices(),
        queue=CONNECTION_NOTICE_JOBS,
        gather=gather,
    )
    token = secrets.token_hex(_TOKEN_BYTES)
    status, answer = requester.request(body, connection_id=str(uuid4()), token=token, owner=caller, context=context)
    return OperationReply(answer, status)
