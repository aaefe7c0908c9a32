"""dividen-v2, tag "Federation": instances register, tell how they are, take part, have payments validated."""

from typing import Any
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.v2.contract import PAYMENTS, REMEMBER, SPEND, operation
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import PlatformToken
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound, RateLimited, TooLarge, Unavailable
from chalicelib.edge.operation import Reply, as_stored
from chalicelib.edge.route import route
from chalicelib.federation.network.domain.instances import (
    HeartbeatIn,
    HeartbeatOut,
    LinkAnswer,
    LinkIn,
    RegisteredOut,
    RegisterIn,
)
from chalicelib.federation.network.domain.payments import PaymentIn, PaymentOut, validated
from chalicelib.federation.network.services import instances
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.network.stores.reported_counts import DynamoReportedCounts
from chalicelib.parallel import together
from chalicelib.resources import DIRECTORY, NETWORK, TOKENS
from chalicelib.settings import settings

bp = Blueprint(__name__)


@operation(
    bp,
    "POST",
    "/api/v2/federation/register",
    tag="federation",
    status=201,
    answer=RegisteredOut,
    answers={201: "The registration, with its token."},
    refusals=(Forbidden, TooLarge, RateLimited, Unavailable),
    grants=NETWORK.can("GetItem", "PutItem", "UpdateItem") + TOKENS.can("PutItem", "DeleteItem"),
)
def register_instance(body: RegisterIn, call: Call) -> Reply:
    """Register an instance with this one's network, or register it anew.

    An instance is known by its `baseUrl`. Its platform token works as soon as the network's operator has approved
    it. Registering anew takes the same `apiKey`; it changes what is told of the instance, and replaces its token: the
    one before ends at once. New instances of any hour are limited in number.
    """
    made = instances.register(
        body,
        ids.platform_token(),
        instance_id=str(uuid4()),
        base_url=settings().base_url,
        most_an_hour=settings().registrations_per_hour,
        now=call.now,
        instances=DynamoInstances(),
    )
    return Reply(made, 201)


@operation(
    bp,
    "POST",
    "/api/v2/federation/heartbeat",
    tag="federation",
    answers={200: "How the network is."},
    refusals=(NotFound, TooLarge, Unavailable),
    grants=SPEND + NETWORK.can("GetItem", "UpdateItem") + DIRECTORY.can("GetItem", "Query"),
)
def send_heartbeat(caller: PlatformToken, call: Call, body: HeartbeatIn | None = None) -> HeartbeatOut:
    """Say that the instance is there, and how it is.

    What is left out stays as it was said last. The network's own numbers come back.
    """
    return instances.heartbeat(
        body,
        instance_id=caller.instance_id,
        now=call.now,
        instances=DynamoInstances(),
        counts=DynamoReportedCounts(),
        together=together,
    )


def _replay_linked(stored: dict[str, Any]) -> Reply:
    return as_stored(stored)


@operation(
    bp,
    "POST",
    "/api/v2/federation/marketplace-link",
    tag="federation",
    answer=LinkAnswer,
    answers={200: "What has become of it, or how the instance stands."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=_replay_linked,
    grants=SPEND + REMEMBER + NETWORK.can("GetItem", "UpdateItem"),
)
def link_marketplace(body: LinkIn, caller: PlatformToken, call: Call) -> Reply:
    """Take part in the marketplace, or no longer, or ask how it stands.

    While an instance does not take part its agents are hidden and can't be changed; none is lost.
    """
    return Reply(instances.link(body, instance_id=caller.instance_id, call=call, instances=DynamoInstances()), 200)


@route(
    bp,
    "POST",
    "/api/v2/federation/validate-payment",
    family=PAYMENTS,
    tag="federation",
    answers={200: "The fee that is to be taken."},
    refusals=(TooLarge,),
    grants=SPEND,
)
def validate_payment(body: PaymentIn, caller: PlatformToken) -> PaymentOut:  # noqa: ARG001 - the same for everybody
    """Ask whether a payment's fee is at least the network's.

    `valid` tells; a fee that is too low is replaced by the least one. `job` is another word for `recruiting`.
    """
    return validated(body)
