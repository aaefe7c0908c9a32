"""dividen-v2, tag "Federation": the agents that an instance offers."""

from urllib.parse import unquote
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib import ids
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import PlatformToken
from chalicelib.core.domain.errors import Conflict, Invalid, NotFound, SlugTaken, TooLarge
from chalicelib.core.stores.idempotency import DynamoIdempotency
from chalicelib.edge.operation import Reply, as_stored
from chalicelib.federation.network.domain.listings import (
    AgentDeletedOut,
    AgentOut,
    AgentPutOut,
    AgentsIn,
    AgentsOut,
    SyncOut,
)
from chalicelib.federation.network.domain.marketplace import AgentPut
from chalicelib.federation.network.services import marketplace
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.network.stores.marketplace import DynamoMarketplace
from chalicelib.parallel import together
from chalicelib.resources import IDEMPOTENCY, NETWORK
from chalicelib.settings import settings

bp = Blueprint(__name__)

_LONGEST_ID = 200
_SAVE = NETWORK.can("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem")


def _ports() -> marketplace.Ports:
    return marketplace.Ports(
        instances=DynamoInstances(),
        market=DynamoMarketplace(),
        replays=DynamoIdempotency(),
        together=together,
        new_id=lambda: str(uuid4()),
        new_revision=ids.nonce,
    )


def _known(remote_id: str) -> str:
    # Ids are the instances' own, and any text; what no row can have is nobody's.
    text = unquote(remote_id, errors="replace")
    if not 1 <= len(text) <= _LONGEST_ID:
        raise NotFound("There is no such agent.")
    return text


@operation(
    bp,
    "POST",
    "/api/v2/federation/agents",
    tag="federation",
    open=True,
    answers={200: "What became of each."},
    refusals=(Conflict, TooLarge),
    replay=as_stored,
    grants=SPEND + IDEMPOTENCY.can("GetItem", "PutItem", "UpdateItem") + _SAVE,
)
def sync_agents(body: AgentsIn, caller: PlatformToken, call: Call) -> SyncOut:
    """Take in up to 50 of the instance's agents; those that are not in the batch stay as they are.

    Each is told whole: what is left out has its usual value again. A new agent, and one whose terms have changed,
    is offered once it has been approved. A row that is wrong is told with its reason, and the others are taken in.
    """
    return marketplace.sync(
        body.agents,
        instance_id=caller.instance_id,
        allow_loopback=settings().allow_loopback,
        call=call,
        ports=_ports(),
    )


@operation(
    bp,
    "GET",
    "/api/v2/federation/agents",
    tag="federation",
    open=True,
    answers={200: "The agents."},
    grants=SPEND + NETWORK.can("Query"),
)
def list_synced_agents(caller: PlatformToken) -> AgentsOut:
    """List the agents that the instance offers, whatever their standing, by their ids there."""
    return marketplace.list_own(instance_id=caller.instance_id, market=DynamoMarketplace())


@operation(
    bp,
    "PUT",
    "/api/v2/federation/agents/{remoteId}",
    tag="federation",
    open=True,
    answer={200: AgentPutOut, 201: AgentPutOut},
    answers={200: "The agent was there, and is changed.", 201: "The agent is new."},
    refusals=(SlugTaken, TooLarge),
    replay=as_stored,
    grants=SPEND + REMEMBER + _SAVE,
)
def put_synced_agent(remoteId: str, body: AgentPut, caller: PlatformToken, call: Call) -> Reply:  # noqa: N803
    """Take in one of the instance's agents, by its id there.

    Told whole, as in a batch, and reviewed alike. It keeps its slug when it is renamed.
    """
    text = unquote(remoteId, errors="replace")
    if not 1 <= len(text) <= _LONGEST_ID or "\x00" in text:
        raise Invalid(f"remoteId: must have 1 to {_LONGEST_ID} characters", {"remoteId": ["is too long"]})
    created, made = marketplace.put(body, remote_id=text, instance_id=caller.instance_id, call=call, ports=_ports())
    return Reply(made, 201 if created else 200)


@operation(
    bp,
    "GET",
    "/api/v2/federation/agents/{remoteId}",
    tag="federation",
    open=True,
    answers={200: "The agent."},
    refusals=(NotFound,),
    grants=SPEND + NETWORK.can("BatchGetItem"),
)
def get_synced_agent(remoteId: str, caller: PlatformToken) -> AgentOut:  # noqa: N803
    """Read one of the instance's agents, with all that is told of it and what has changed."""
    return marketplace.read(_known(remoteId), instance_id=caller.instance_id, market=DynamoMarketplace())


@operation(
    bp,
    "DELETE",
    "/api/v2/federation/agents/{remoteId}",
    tag="federation",
    open=True,
    answers={200: "The agent is no more."},
    refusals=(NotFound, Conflict),
    replay=as_stored,
    grants=SPEND + REMEMBER + NETWORK.can("BatchGetItem", "DeleteItem", "UpdateItem"),
)
def delete_synced_agent(remoteId: str, caller: PlatformToken, call: Call) -> AgentDeletedOut:  # noqa: N803
    """Remove one of the instance's agents for good. Its slug is free again."""
    return marketplace.delete(_known(remoteId), instance_id=caller.instance_id, call=call, market=DynamoMarketplace())
