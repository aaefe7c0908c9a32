"""Instances that register at this desk, the hub of their network, and the messages between them."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, RootModel, ValidationInfo
from pydantic_core import PydanticCustomError, to_json

from chalicelib import retention
from chalicelib.core.domain.fields import WHOLE, Omittable, OpenIn, Out, TimeOut, UuidOut, one_line, parse_timestamp
from chalicelib.core.domain.links import link_error
from chalicelib.federation.connections.domain.connections import Proof
from chalicelib.federation.connections.domain.origins import canonical_origin

LARGEST_CAPABILITIES = 20_000
# Three missed heartbeats.
STALE_AFTER = timedelta(minutes=15)
# A registration that nobody approves ends after this time.
UNCONFIRMED_FOR = retention.REQUESTS.kept
_MOST_COUNTED = 10**9


class InstanceStatus(StrEnum):
    """Whether the operator trusts an instance: not decided yet, yes, or no longer."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"


class Health(StrEnum):
    """The health that an instance reports."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    MAINTENANCE = "maintenance"


class LinkAction(StrEnum):
    """An instance's request to the marketplace: offer its agents, hide them, or return its status."""

    ENABLE = "enable"
    DISABLE = "disable"
    STATUS = "status"


@dataclass(frozen=True)
class Instance:
    """A registered instance. `base_url` is normalised and unique.

    The instance reports `user_count` and `agent_count`. `key_hash` and `token_hash` are the SHA-256 of its own key and
    of its present platform token. `stale_since` is the time since when heartbeats are missing; None if they arrive.
    `confirmed_by` is how the desk at `base_url` showed that the registration is its own; None if it did not.
    """

    instance_id: str
    name: str
    base_url: str
    status: InstanceStatus
    key_hash: str
    token_hash: str
    registered_at: str
    version: str | None = None
    user_count: int | None = None
    agent_count: int | None = None
    capabilities: str | None = None
    health: str | None = None
    marketplace_enabled: bool = False
    discovery_enabled: bool = False
    updates_enabled: bool = False
    last_seen_at: str | None = None
    last_sync_at: str | None = None
    stale_since: str | None = None
    confirmed_by: Proof | None = None

    @property
    def is_pending(self) -> bool:
        return self.status is InstanceStatus.PENDING

    @property
    def is_confirmed(self) -> bool:
        return self.confirmed_by is not None

    @property
    def is_active(self) -> bool:
        return self.status is InstanceStatus.ACTIVE

    def has_lapsed(self, now: datetime) -> bool:
        """Whether nobody approved the registration in time. It is nobody's then, and the next one takes its place."""
        is_late = parse_timestamp(self.registered_at) + UNCONFIRMED_FOR <= now
        return self.is_pending and is_late


@dataclass(frozen=True)
class AddressClaims:
    """The instance that has an address, and the registration that claims it with a certain key; None if there is none.

    While the holder is pending, others may claim its address, and who confirms it or is approved gets it.
    """

    holder: Instance | None
    claim: Instance | None

    @property
    def is_decided(self) -> bool:
        """Whether an operator decided who has the address."""
        return self.holder is not None and not self.holder.is_pending

    def registered_with(self, key_hash: str) -> Instance | None:
        """Return the registration with this key, also a lapsed one."""
        if self.holder is not None and hmac.compare_digest(self.holder.key_hash, key_hash):
            return self.holder
        return self.claim


@dataclass(frozen=True)
class NetworkStats:
    """The size of the network: the number of approved instances, and of approved agents by instance.

    `shown` has the approved instances that take part in the marketplace and are not stale. `agents` counts the agents
    of all instances.
    """

    instances: int
    shown: frozenset[str]
    agents: dict[str, int]

    @property
    def agents_shown(self) -> int:
        return sum(number for instance_id, number in self.agents.items() if instance_id in self.shown)


def proof(nonce: str, instance_key: str) -> str:
    """Return the proof that an instance knows its key: the HMAC-SHA256 of the nonce, in hex."""
    return hmac.new(instance_key.encode(), nonce.encode(), hashlib.sha256).hexdigest()


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def permitted_url(text: str, info: ValidationInfo) -> str:
    """Return a URL that may be called. The validation context has `allow_loopback`."""
    if reason := link_error(text, allow_loopback=bool(info.context and info.context.get("allow_loopback"))):
        raise PydanticCustomError("link", "{reason}", {"reason": reason})
    return text


def _base(text: str) -> str:
    try:
        return canonical_origin(text)
    except ValueError as error:
        raise PydanticCustomError("link", "{reason}", {"reason": str(error)}) from error


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(to_json(value)) > LARGEST_CAPABILITIES:
        raise PydanticCustomError("size", "Must have at most {most} bytes", {"most": LARGEST_CAPABILITIES})
    return value


BaseUrl = Annotated[str, Field(max_length=500), AfterValidator(permitted_url), AfterValidator(_base)]
# The key is sent as the value of a header, and compared as it is.
InstanceKeyText = Annotated[str, Field(min_length=8, max_length=500, pattern=r"^[\x21-\x7e]+$")]
InstanceName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(one_line)]
Count = Annotated[int, Field(ge=0, le=_MOST_COUNTED), WHOLE]
VersionText = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(one_line)]


class RegisterIn(OpenIn):
    """A registration of an instance, or a new one that replaces its token."""

    name: InstanceName = Field(description="The name of the instance.")
    base_url: BaseUrl = Field(alias="baseUrl", description="The https URL of the instance.")
    api_key: InstanceKeyText = Field(
        alias="apiKey",
        description="A secret that the instance chooses, in printable ASCII without spaces. It authenticates a "
        "later registration, and the webhooks of this desk send it.",
    )
    version: Omittable[VersionText] = None
    user_count: Omittable[Count] = Field(None, alias="userCount")
    agent_count: Omittable[Count] = Field(None, alias="agentCount")
    capabilities: Omittable[Annotated[dict[str, Any], AfterValidator(_small)]] = Field(
        None, description="Further capabilities, in any form."
    )


class HeartbeatIn(OpenIn):
    """The state that an instance reports."""

    version: Omittable[VersionText] = None
    user_count: Omittable[Count] = Field(None, alias="userCount")
    agent_count: Omittable[Count] = Field(None, alias="agentCount")
    status: Omittable[Health] = None


class LinkIn(OpenIn):
    """Joins or leaves the marketplace, or asks for the status."""

    action: LinkAction


class EndpointsOut(Out):
    """The URLs of the network's operations."""

    discover: str
    updates: str
    heartbeat: str
    marketplace_link: str
    agent_sync: str


class FeaturesOut(Out):
    """The features of the network."""

    discovery: bool
    updates: bool
    marketplace: bool
    relay: bool


class RegisteredOut(Out):
    """The registration. `platformToken` is shown only now. It replaces the token before it."""

    success: Literal[True]
    instance_id: UuidOut
    platform_token: str
    status: Literal["active", "pending_approval"]
    registered_at: TimeOut
    endpoints: EndpointsOut
    features: FeaturesOut
    message: str


class NetworkStatsOut(Out):
    """The size of the network."""

    total_users: int
    total_agents: int
    federated_instances: int


class OwnFeaturesOut(Out):
    """The features that the instance uses."""

    marketplace: bool
    discovery: bool
    updates: bool


class HeartbeatOut(Out):
    """The answer to a heartbeat."""

    success: Literal[True]
    instance_id: UuidOut
    network_stats: NetworkStatsOut
    features: OwnFeaturesOut


class LinkedOut(Out):
    """Whether the instance takes part in the marketplace now."""

    success: Literal[True]
    instance_id: UuidOut
    marketplace_enabled: bool
    message: str
    next_steps: list[str]


class LinkStatusOut(Out):
    """The status of the instance. `agentCount` counts its approved agents."""

    success: Literal[True]
    instance_id: UuidOut
    instance_name: str
    marketplace_enabled: bool
    discovery_enabled: bool
    updates_enabled: bool
    agent_count: int
    last_sync_at: TimeOut | None


class LinkAnswer(RootModel[LinkedOut | LinkStatusOut]):
    """The changed participation, or the status of the instance."""

    model_config = ConfigDict(defer_build=True, hide_input_in_errors=True)


def endpoints(base_url: str) -> EndpointsOut:
    root = f"{base_url}/api/v2"
    return EndpointsOut(
        discover=f"{root}/network/discover",
        updates=f"{root}/updates",
        heartbeat=f"{root}/federation/heartbeat",
        marketplace_link=f"{root}/federation/marketplace-link",
        agent_sync=f"{root}/federation/agents",
    )
