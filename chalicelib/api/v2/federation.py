"""v2 "Federation": register instances, receive heartbeats, link the marketplace and validate payments."""

from typing import Any
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.v2.contract import GUESSES, PAYMENTS, REMEMBER, SPEND_OF_INSTANCES, operation
from chalicelib.api.v2.inbound import require_inbound, require_inbound_settings
from chalicelib.core.domain.callers import PlatformToken
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound, RateLimited, TooLarge, Unavailable
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.stores.guesses import DynamoGuesses
from chalicelib.edge.operation import OperationReply, from_stored_reply
from chalicelib.edge.route import route
from chalicelib.federation.connections.domain.federation_settings import FederationSettings
from chalicelib.federation.network.domain.instances import (
    HeartbeatIn,
    HeartbeatOut,
    LinkAnswer,
    LinkIn,
    RegisteredOut,
    RegisterIn,
)
from chalicelib.federation.network.domain.payments import PaymentIn, PaymentOut, validate_fee
from chalicelib.federation.network.gateways.instance_notices import INSTANCE_NOTICE_JOBS
from chalicelib.federation.network.services import instances, registrations
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.network.stores.registrations import DynamoRegistrations
from chalicelib.federation.network.stores.reported_counts import DynamoReportedCounts
from chalicelib.parallel import gather
from chalicelib.resources import DIRECTORY, NETWORK, NOTICES, PEERS, TOKENS, UNSEAL
from chalicelib.settings import settings

bp = Blueprint(__name__)


@operation(
    bp,
    "POST",
    "/api/v2/federation/register",
    tag="Federation",
    precondition=require_inbound_settings,
    status=201,
    answer=RegisteredOut,
    answers={201: "The registration, with the platform token."},
    refusals=(Forbidden, TooLarge, RateLimited, Unavailable),
    grants=UNSEAL
    + GUESSES
    + PEERS.can("GetItem")
    + NETWORK.can("GetItem", "PutItem", "UpdateItem", "DeleteItem")
    + TOKENS.can("PutItem", "DeleteItem")
    + NOTICES.can_send(),
)
def register_instance(body: RegisterIn, federation: FederationSettings, context: RequestContext) -> OperationReply:
    """Register an instance in this network, or register it again.

    An instance is identified by its `baseUrl`. Its platform token works once an administrator of the network has
    approved the instance. Until then others may register the same address: the instance there is asked at
    `/.well-known/fluxden` for a proof of its `apiKey`, and the registration that it proves takes the place of all
    others. To register again, send the same `apiKey`: this updates the instance's details and replaces its token
    immediately. The number of new instances per hour is limited.
    """
    base_url = settings().base_url
    made = registrations.register(
        body,
        registrations.NewRegistration(str(uuid4()), str(uuid4()), ids.mint_platform_token()),
        base_url=base_url,
        most_an_hour=settings().registrations_per_hour,
        context=context,
        settings=federation,
        ports=registrations.Ports(
            registrations=DynamoRegistrations(),
            guesses=DynamoGuesses(),
            gather=gather,
            # Desks answer to a hub that states its URL.
            queue=INSTANCE_NOTICE_JOBS if base_url else None,
        ),
    )
    return OperationReply(made, 201)


@operation(
    bp,
    "POST",
    "/api/v2/federation/heartbeat",
    tag="Federation",
    precondition=require_inbound,
    answers={200: "The network's statistics."},
    refusals=(Forbidden, NotFound, TooLarge, Unavailable),
    grants=SPEND_OF_INSTANCES
    + PEERS.can("GetItem")
    + NETWORK.can("GetItem", "UpdateItem")
    + DIRECTORY.can("GetItem", "Query"),
)
def send_heartbeat(
    caller: PlatformToken,
    context: RequestContext,
    body: HeartbeatIn | None = None,
) -> HeartbeatOut:
    """Report that the instance is online, and its current state.

    Members that you leave out keep the values sent last. The reply contains the network's statistics.
    """
    return instances.heartbeat(
        body,
        instance_id=caller.instance_id,
        now=context.now,
        instances=DynamoInstances(),
        counts=DynamoReportedCounts(),
        gather=gather,
    )


def _replay_linked(stored: dict[str, Any]) -> OperationReply:
    return from_stored_reply(stored)


@operation(
    bp,
    "POST",
    "/api/v2/federation/marketplace-link",
    tag="Federation",
    precondition=require_inbound,
    answer=LinkAnswer,
    answers={200: "The result, or the status of the instance."},
    refusals=(Forbidden, NotFound, Conflict, TooLarge),
    replay=_replay_linked,
    grants=SPEND_OF_INSTANCES + REMEMBER + PEERS.can("GetItem") + NETWORK.can("GetItem", "UpdateItem"),
)
def link_marketplace(
    body: LinkIn,
    caller: PlatformToken,
    context: RequestContext,
) -> OperationReply:
    """Join or leave the marketplace, or get the instance's status.

    While an instance is not part of the marketplace, its agents are hidden and can't be changed. No agent is lost.
    """
    return OperationReply(
        instances.link(body, instance_id=caller.instance_id, context=context, instances=DynamoInstances()), 200
    )


@route(
    bp,
    "POST",
    "/api/v2/federation/validate-payment",
    family=PAYMENTS,
    tag="Federation",
    precondition=require_inbound,
    answers={200: "The fee to charge."},
    refusals=(Forbidden, TooLarge),
    grants=SPEND_OF_INSTANCES + PEERS.can("GetItem"),
)
def validate_payment(
    body: PaymentIn,
    caller: PlatformToken,  # noqa: ARG001 - the same for everybody
) -> PaymentOut:
    """Check that a payment's fee covers the network's minimum.

    `valid` is the result. A fee that is too low is replaced by the minimum. `job` is an alias of `recruiting`.
    """
    return validate_fee(body)
