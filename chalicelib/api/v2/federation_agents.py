"""v2 "Federation": the agents that an instance offers."""

from urllib.parse import unquote
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.v2.contract import REMEMBER, SPEND_OF_INSTANCES, operation
from chalicelib.api.v2.inbound import require_inbound
from chalicelib.core.domain.callers import PlatformToken
from chalicelib.core.domain.errors import Conflict, Forbidden, Invalid, NotFound, SlugTaken, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.edge.operation import OperationReply, from_stored_reply
from chalicelib.federation.network.domain.agent_descriptions import AgentPut
from chalicelib.federation.network.domain.listings import (
    AgentDeletedOut,
    AgentOut,
    AgentPutOut,
    AgentsIn,
    AgentsOut,
    SyncOut,
)
from chalicelib.federation.network.services import marketplace
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.network.stores.marketplace import DynamoMarketplace
from chalicelib.parallel import gather
from chalicelib.resources import IDEMPOTENCY, NETWORK, PEERS
from chalicelib.settings import settings

bp = Blueprint(__name__)

_LONGEST_ID = 200
_SAVE = PEERS.can("GetItem") + NETWORK.can("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem")


def _ports() -> marketplace.Ports:
    return marketplace.Ports(
        instances=DynamoInstances(),
        market=DynamoMarketplace(),
        replays=DynamoIdempotency(),
        gather=gather,
        new_id=lambda: str(uuid4()),
        new_revision=ids.new_nonce,
    )


def _remote_id(remote_id: str) -> str:
    # Instances choose their own ids. An id that no row can have belongs to no agent.
    text = unquote(remote_id, errors="replace")
    if not 1 <= len(text) <= _LONGEST_ID:
        raise NotFound("Agent not found.")
    return text


@operation(
    bp,
    "POST",
    "/api/v2/federation/agents",
    tag="Federation",
    cors=True,
    precondition=require_inbound,
    answers={200: "The result for each agent."},
    refusals=(Forbidden, Conflict, TooLarge),
    replay=from_stored_reply,
    grants=SPEND_OF_INSTANCES + IDEMPOTENCY.can("GetItem", "PutItem", "UpdateItem") + _SAVE,
)
def sync_agents(
    body: AgentsIn,
    caller: PlatformToken,
    context: RequestContext,
) -> SyncOut:
    """Create or update up to 50 of the instance's agents.

    Agents that are not in the batch stay as they are. Send each agent completely: members that you leave out are reset
    to their defaults. A new agent, or one with changed terms, is listed once it is approved. A row that fails states
    the reason and does not affect the other rows.
    """
    return marketplace.sync(
        body.agents,
        instance_id=caller.instance_id,
        allow_loopback=settings().allow_loopback,
        context=context,
        ports=_ports(),
    )


@operation(
    bp,
    "GET",
    "/api/v2/federation/agents",
    tag="Federation",
    cors=True,
    answers={200: "The agents."},
    grants=SPEND_OF_INSTANCES + NETWORK.can("Query"),
)
def list_synced_agents(caller: PlatformToken) -> AgentsOut:
    """List the instance's agents in any status, by their remote ids."""
    return marketplace.list_own(instance_id=caller.instance_id, market=DynamoMarketplace())


@operation(
    bp,
    "PUT",
    "/api/v2/federation/agents/{remoteId}",
    tag="Federation",
    cors=True,
    precondition=require_inbound,
    answer={200: AgentPutOut, 201: AgentPutOut},
    answers={200: "The agent was updated.", 201: "The agent was created."},
    refusals=(Forbidden, SlugTaken, TooLarge),
    replay=from_stored_reply,
    grants=SPEND_OF_INSTANCES + REMEMBER + _SAVE,
)
def put_synced_agent(
    remoteId: str,  # noqa: N803
    body: AgentPut,
    caller: PlatformToken,
    context: RequestContext,
) -> OperationReply:
    """Create or update one of the instance's agents by its remote id.

    Send the agent completely. The same review applies as in a batch. An agent keeps its slug when its name changes.
    """
    text = unquote(remoteId, errors="replace")
    if not 1 <= len(text) <= _LONGEST_ID or "\x00" in text:
        raise Invalid(f"remoteId: must have 1 to {_LONGEST_ID} characters", {"remoteId": ["is too long"]})
    created, made = marketplace.put(
        body, remote_id=text, instance_id=caller.instance_id, context=context, ports=_ports()
    )
    return OperationReply(made, 201 if created else 200)


@operation(
    bp,
    "GET",
    "/api/v2/federation/agents/{remoteId}",
    tag="Federation",
    cors=True,
    answers={200: "The agent."},
    refusals=(NotFound,),
    grants=SPEND_OF_INSTANCES + NETWORK.can("BatchGetItem"),
)
def get_synced_agent(remoteId: str, caller: PlatformToken) -> AgentOut:  # noqa: N803
    """Retrieve one of the instance's agents, with its details and version history."""
    return marketplace.read(_remote_id(remoteId), instance_id=caller.instance_id, market=DynamoMarketplace())


@operation(
    bp,
    "DELETE",
    "/api/v2/federation/agents/{remoteId}",
    tag="Federation",
    cors=True,
    precondition=require_inbound,
    answers={200: "The agent was deleted."},
    refusals=(Forbidden, NotFound, Conflict),
    replay=from_stored_reply,
    grants=SPEND_OF_INSTANCES
    + REMEMBER
    + PEERS.can("GetItem")
    + NETWORK.can("BatchGetItem", "DeleteItem", "UpdateItem"),
)
def delete_synced_agent(
    remoteId: str,  # noqa: N803
    caller: PlatformToken,
    context: RequestContext,
) -> AgentDeletedOut:
    """Delete one of the instance's agents.

    Its slug can be used again.
    """
    return marketplace.delete(
        _remote_id(remoteId), instance_id=caller.instance_id, context=context, market=DynamoMarketplace()
    )
