"""Events that a hub sends to this desk: its decisions on agents, capabilities and the desk itself."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from chalicelib.agents.domain.agents import AgentStatus
from chalicelib.core.domain.fields import Headers, Omittable, OpenIn, Out, TimeOut, Timestamp


class HubEvent(StrEnum):
    """The events that are known. Others are accepted and ignored."""

    AGENT_APPROVAL = "agent_approval"
    CAPABILITY_APPROVAL = "capability_approval"
    INSTANCE_STATUS = "instance_status"


# The status that an event gives an agent of this desk. An agent that is not approved can't be called.
AGENT_STATUSES = {
    "active": AgentStatus.ACTIVE,
    "rejected": AgentStatus.REJECTED,
    "disabled": AgentStatus.DISABLED,
    "suspended": AgentStatus.DISABLED,
}

_Event = Annotated[
    str,
    Field(min_length=1, max_length=100),
    WithJsonSchema({"type": "string", "enum": [str(HubEvent.AGENT_APPROVAL)]}, mode="validation"),
]
_Status = Annotated[
    str,
    Field(min_length=1, max_length=40),
    WithJsonSchema({"type": "string", "enum": ["active", "rejected", "disabled"]}, mode="validation"),
]
_Reference = Annotated[str, Field(min_length=1, max_length=200)]


class HubHeaders(Headers):
    """The credentials and the kind of the event."""

    token: Omittable[str] = Field(
        None, alias="X-Federation-Token", description="The key with which one of the two desks registered at the other."
    )
    event: Omittable[str] = Field(
        None, alias="X-DiviDen-Event", description="The event. The body's `event` takes precedence."
    )


class HubEventIn(OpenIn):
    """An event of a hub.

    The events are `agent_approval`, `capability_approval` (with `capabilityId`) and `instance_status`. Others are
    accepted and ignored. The status `suspended` is read as `disabled`.
    """

    event: _Event
    agent_id: Omittable[_Reference] = Field(
        None, alias="agentId", description="The id or slug of the agent at this desk."
    )
    capability_id: Omittable[_Reference] = Field(None, alias="capabilityId")
    marketplace_id: Omittable[_Reference] = Field(
        None, alias="marketplaceId", description="The id of the agent at the hub."
    )
    name: Omittable[Annotated[str, Field(max_length=200)]] = None
    slug: Omittable[Annotated[str, Field(max_length=200)]] = None
    status: Omittable[_Status] = None
    reason: Annotated[str, Field(max_length=5000)] | None = None
    timestamp: Omittable[Timestamp] = None


class HubEventOut(Out):
    """The result of the event. `warning` says that its subject does not exist here."""

    received: Literal[True]
    event: str
    agent_id: Omittable[str] = None
    capability_id: Omittable[str] = None
    name: Omittable[str] = None
    status: Omittable[str] = None
    previous_status: Omittable[str] = None
    new_status: Omittable[str] = None
    reason: str | None = None
    message: Omittable[str] = None
    warning: Omittable[str] = None
    warnings: Omittable[list[str]] = Field(None, description="The members whose value is not in the contract.")
    processed_at: Omittable[TimeOut] = None
