"""What a hub tells this desk, as its member: what it has decided on agents, capabilities, and the desk itself."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from chalicelib.agents.domain.agents import AgentStatus
from chalicelib.core.domain.fields import Headers, Omittable, OpenIn, Out, TimeOut, Timestamp


class HubEvent(StrEnum):
    """The events that are known; others are taken note of."""

    AGENT_APPROVAL = "agent_approval"
    CAPABILITY_APPROVAL = "capability_approval"
    INSTANCE_STATUS = "instance_status"


# What a hub may say of an agent, and what that makes of ours: what is not approved may not be called upon.
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
    """Who says it, and of what kind it is."""

    token: Omittable[str] = Field(
        None, alias="X-Federation-Token", description="The key with which one of the two registered with the other."
    )
    event: Omittable[str] = Field(None, alias="X-DiviDen-Event", description="The event; the body's is what counts.")


class HubEventIn(OpenIn):
    """Something a hub has to say.

    Besides `agent_approval`, which is described, `capability_approval` (with `capabilityId`) and `instance_status`
    are known; `suspended` is another word for `disabled`. Other events are taken and left alone.
    """

    event: _Event
    agent_id: Omittable[_Reference] = Field(None, alias="agentId", description="The agent's id or slug here.")
    capability_id: Omittable[_Reference] = Field(None, alias="capabilityId")
    marketplace_id: Omittable[_Reference] = Field(None, alias="marketplaceId", description="Its id at the hub.")
    name: Omittable[Annotated[str, Field(max_length=200)]] = None
    slug: Omittable[Annotated[str, Field(max_length=200)]] = None
    status: Omittable[_Status] = None
    reason: Annotated[str, Field(max_length=5000)] | None = None
    timestamp: Omittable[Timestamp] = None


class HubEventOut(Out):
    """What was made of it; `warning` when it is about something that is not here."""

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
    processed_at: Omittable[TimeOut] = None
