"""Admin: the instances of the network, and the progress of relays."""

import secrets
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import OPERATE, operate
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.pages import PageRequest
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.gateways import http
from chalicelib.federation.connections.services.desk_calls import DeskCalls
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.network.gateways.instance_notices import INSTANCE_NOTICE_JOBS
from chalicelib.federation.network.services import instances
from chalicelib.federation.network.services.challenges import Challenger
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.network.stores.marketplace import DynamoMarketplace
from chalicelib.federation.network.stores.registrations import DynamoRegistrations
from chalicelib.federation.relays.domain.outgoing import RelayFilter
from chalicelib.federation.relays.stores.outgoing import DynamoOutgoing
from chalicelib.operate.domain.network import (
    ApproveInstanceIn,
    InstanceOut,
    PersonsRelaysQuery,
    RelayProgressPage,
    to_instance_response,
    to_relay_progress,
)
from chalicelib.resources import FACETS_INDEX, NETWORK, NOTICES, ORDER_INDEX, PEERS, RELAYS, TOKENS, UNSEAL
from chalicelib.settings import settings

bp = Blueprint(__name__)

_INSTANCES = "/api/v2/operate/instances"
_DECIDE = (
    OPERATE
    + NETWORK.can("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
    + TOKENS.can("UpdateItem", "DeleteItem")
    + PEERS.can("UpdateItem")
    + NOTICES.can_send()
)


def _decision(context: RequestContext) -> instances.Decision:
    return instances.Decision(secrets.token_urlsafe(24), str(uuid4()), context.now)


@operate(
    bp,
    "GET",
    _INSTANCES,
    envelope="InstancesAnswer",
    answers={200: "The instances."},
    grants=OPERATE + NETWORK.can("Query", "BatchGetItem"),
)
def list_instances(caller: ApiKey, context: RequestContext) -> list[InstanceOut]:  # noqa: ARG001 - admits
    """List the instances that have registered in this network, oldest first."""
    found = DynamoInstances().list_instances()
    return [to_instance_response(each) for each in found if not each.has_lapsed(context.now)]


@operate(
    bp,
    "POST",
    f"{_INSTANCES}/{{instanceId}}/approve",
    envelope="InstanceAnswer",
    answers={200: "The updated instance."},
    refusals=(NotFound, Conflict, TooLarge),
    grants=_DECIDE + UNSEAL + PEERS.can("GetItem"),
    audits=(AuditKind.INSTANCE_APPROVE,),
)
def approve_instance(
    instanceId: str,  # noqa: N803 - contract's spelling
    caller: ApiKey,
    context: RequestContext,
    body: ApproveInstanceIn = ApproveInstanceIn(),  # noqa: B008 - frozen
) -> InstanceOut:
    """Approve an instance.

    Its token and key work from now on, and it is notified. Before the approval, the instance must prove at its own
    address that it knows the key it registered with. Only Fluxden instances can do this: approve others with
    `withoutChallenge`. Approving again changes nothing.
    """
    with audited(AuditKind.INSTANCE_APPROVE, caller, context, Subject("instance", instanceId)):
        get = DeskCalls(DynamoFederation(), http.post_and_read, http.get, includes_suspended=True).get
        made = instances.approve(
            instanceId,
            _decision(context),
            instances=DynamoInstances(),
            registrations=DynamoRegistrations(),
            queue=INSTANCE_NOTICE_JOBS,
            challenger=None if body.without_challenge else Challenger(get, settings().base_url),
        )
        return to_instance_response(made)


@operate(
    bp,
    "POST",
    f"{_INSTANCES}/{{instanceId}}/suspend",
    envelope="InstanceAnswer",
    answers={200: "The updated instance."},
    refusals=(NotFound, Conflict),
    grants=_DECIDE,
    audits=(AuditKind.INSTANCE_SUSPEND,),
)
def suspend_instance(instanceId: str, caller: ApiKey, context: RequestContext) -> InstanceOut:  # noqa: N803 - contract's spelling
    """Suspend an instance.

    Its token and key stop working immediately, its agents are hidden, and it is notified. Nothing comes in over
    connections with its people until it is approved again.
    """
    with audited(AuditKind.INSTANCE_SUSPEND, caller, context, Subject("instance", instanceId)):
        made = instances.suspend(
            instanceId,
            _decision(context),
            instances=DynamoInstances(),
            registrations=DynamoRegistrations(),
            queue=INSTANCE_NOTICE_JOBS,
        )
        return to_instance_response(made)


@operate(
    bp,
    "DELETE",
    f"{_INSTANCES}/{{instanceId}}",
    envelope="InstanceAnswer",
    answers={200: "The instance as it was."},
    refusals=(NotFound, Conflict),
    grants=OPERATE
    + NETWORK.can("GetItem", "Query", "BatchGetItem", "UpdateItem", "DeleteItem")
    + TOKENS.can("UpdateItem", "DeleteItem")
    + PEERS.can("UpdateItem"),
    audits=(AuditKind.INSTANCE_REMOVE,),
)
def remove_instance(instanceId: str, caller: ApiKey, context: RequestContext) -> InstanceOut:  # noqa: N803 - contract's spelling
    """Delete an instance that is not active, with its registration, token and agents.

    Connections between people stay. The address of a suspended instance is blocked from then on, so that they stay cut
    off.
    """
    with audited(AuditKind.INSTANCE_REMOVE, caller, context, Subject("instance", instanceId)):
        made = instances.remove(instanceId, instances=DynamoInstances(), listings=DynamoMarketplace())
        return to_instance_response(made)


@operate(
    bp,
    "GET",
    "/api/v2/operate/relays",
    envelope="RelayProgressAnswer",
    answers={200: "A page of relays."},
    grants=OPERATE
    + RELAYS.can("GetItem", "BatchGetItem")
    + RELAYS.can("Query", index=ORDER_INDEX)
    + RELAYS.can("Query", index=FACETS_INDEX),
)
def list_persons_relays(query: PersonsRelaysQuery, caller: ApiKey) -> RelayProgressPage:  # noqa: ARG001 - admits
    """List a person's relays with their progress, newest first.

    Each relay has its status, the number of attempts and the last error. Its content is private and not included.
    """
    page = PageRequest.of(query, "relays of", query.user_id)
    listed = DynamoOutgoing().list_page(query.user_id, RelayFilter(), page)
    relays, pagination = page.fit([to_relay_progress(each) for each in listed.rows], listed)
    return RelayProgressPage(relays=relays, pagination=pagination)
