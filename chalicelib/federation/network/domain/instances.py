"""Instances that register here to belong to this one's network: what they say, and what they are told."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, RootModel, ValidationInfo
from pydantic_core import PydanticCustomError, Url, to_json
from pydantic_core import ValidationError as UrlError

from chalicelib.core.domain.fields import Omittable, OpenIn, Out, TimeOut, UuidOut, not_blank
from chalicelib.core.domain.links import link_error

LARGEST_CAPABILITIES = 20_000
LONGEST_URL = 1000
# Three heartbeats that did not come.
STALE_AFTER = timedelta(minutes=15)
_MOST_COUNTED = 10**9
_DEFAULT_PORTS = {"https": 443, "http": 80}


class InstanceStatus(StrEnum):
    """Whether an instance is trusted: its operator has asked, ours has agreed, or ours has thought better of it."""

    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"


class Health(StrEnum):
    """How an instance says it is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    MAINTENANCE = "maintenance"


class LinkAction(StrEnum):
    """What an instance wants of the marketplace: offer its agents, hide them, or know how it stands."""

    ENABLE = "enable"
    DISABLE = "disable"
    STATUS = "status"


@dataclass(frozen=True)
class Instance:
    """A registered instance. `base_url` is normalised, and there is one instance for each.

    `user_count` and `agent_count` are what it said of itself. `key_hash` and `token_hash` are the SHA-256 of its own
    key and of its present platform token. `stale_since` is when its heartbeats were found missing, as long as they are.
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

    @property
    def is_active(self) -> bool:
        return self.status is InstanceStatus.ACTIVE


@dataclass(frozen=True)
class NetworkStats:
    """How the network stands: how many instances are approved, and of which how many agents are offered.

    `shown` are the approved instances that take part in the marketplace and have not fallen silent; `agents` counts the
    approved agents of each instance, whether it takes part or not.
    """

    instances: int
    shown: frozenset[str]
    agents: dict[str, int]

    @property
    def agents_shown(self) -> int:
        return sum(number for instance_id, number in self.agents.items() if instance_id in self.shown)


def normalised(text: str) -> str:
    """An instance's base URL in the one spelling that stands for all: what it is known and found by.

    Raises:
        ValueError: it is no URL, has a query or a fragment, or is too long to be a key.
    """
    try:
        url = Url(text)
    except UrlError as error:
        raise ValueError("is not a valid URL") from error
    if url.query is not None or url.fragment is not None:
        raise ValueError("must not have a query or a fragment")
    host = (url.host or "").rstrip(".")
    port = "" if url.port in (None, _DEFAULT_PORTS.get(url.scheme)) else f":{url.port}"
    made = f"{url.scheme}://{host}{port}{(url.path or '').rstrip('/')}"
    if len(made) > LONGEST_URL:
        raise ValueError("is too long")
    return made


def proof(nonce: str, instance_key: str) -> str:
    """What shows that whoever answers for an instance knows its key: the HMAC-SHA256 of the nonce, in hex."""
    return hmac.new(instance_key.encode(), nonce.encode(), hashlib.sha256).hexdigest()


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def permitted_url(text: str, info: ValidationInfo) -> str:
    """`text`, if calls may go there; whoever parses it passes `allow_loopback` in the context."""
    if reason := link_error(text, allow_loopback=bool(info.context and info.context.get("allow_loopback"))):
        raise PydanticCustomError("link", "{reason}", {"reason": reason})
    return text


def _base(text: str) -> str:
    try:
        return normalised(text)
    except ValueError as error:
        raise PydanticCustomError("link", "{reason}", {"reason": str(error)}) from error


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(to_json(value)) > LARGEST_CAPABILITIES:
        raise PydanticCustomError("size", "Must have at most {most} bytes", {"most": LARGEST_CAPABILITIES})
    return value


BaseUrl = Annotated[str, Field(max_length=500), AfterValidator(permitted_url), AfterValidator(_base)]
# It is sent as a header's value, and compared as it is.
InstanceKeyText = Annotated[str, Field(min_length=8, max_length=500, pattern=r"^[\x21-\x7e]+$")]
InstanceName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(not_blank)]
Count = Annotated[int, Field(ge=0, le=_MOST_COUNTED)]
VersionText = Annotated[str, Field(min_length=1, max_length=60)]


class RegisterIn(OpenIn):
    """An instance that wants to belong to the network; or does, and wants a new token."""

    name: InstanceName = Field(description="What people call it.")
    base_url: BaseUrl = Field(alias="baseUrl", description="Where it is reached; https.")
    api_key: InstanceKeyText = Field(
        alias="apiKey",
        description="A secret of its own choice, printable ASCII without spaces. It proves who registers again, "
        "and comes with our webhooks.",
    )
    version: Omittable[VersionText] = None
    user_count: Omittable[Count] = Field(None, alias="userCount")
    agent_count: Omittable[Count] = Field(None, alias="agentCount")
    capabilities: Omittable[Annotated[dict[str, Any], AfterValidator(_small)]] = Field(
        None, description="Whatever it wants to say of itself."
    )


class HeartbeatIn(OpenIn):
    """How an instance is."""

    version: Omittable[VersionText] = None
    user_count: Omittable[Count] = Field(None, alias="userCount")
    agent_count: Omittable[Count] = Field(None, alias="agentCount")
    status: Omittable[Health] = None


class LinkIn(OpenIn):
    """What is to become of the instance's part in the marketplace."""

    action: LinkAction


class EndpointsOut(Out):
    """Where the network's operations are."""

    discover: str
    updates: str
    heartbeat: str
    marketplace_link: str
    agent_sync: str


class FeaturesOut(Out):
    """What the network offers."""

    discovery: bool
    updates: bool
    marketplace: bool
    relay: bool


class RegisteredOut(Out):
    """The registration; `platformToken` is shown this once, and the one before it ends now."""

    success: Literal[True]
    instance_id: UuidOut
    platform_token: str
    status: Literal["active", "pending_approval"]
    registered_at: TimeOut
    endpoints: EndpointsOut
    features: FeaturesOut
    message: str


class NetworkStatsOut(Out):
    """How big the network is."""

    total_users: int
    total_agents: int
    federated_instances: int


class OwnFeaturesOut(Out):
    """What the instance takes part in."""

    marketplace: bool
    discovery: bool
    updates: bool


class HeartbeatOut(Out):
    """What the network says back."""

    success: Literal[True]
    instance_id: UuidOut
    network_stats: NetworkStatsOut
    features: OwnFeaturesOut


class LinkedOut(Out):
    """The instance takes part in the marketplace now, or no longer."""

    success: Literal[True]
    instance_id: UuidOut
    marketplace_enabled: bool
    message: str
    next_steps: list[str]


class LinkStatusOut(Out):
    """How the instance stands; `agentCount` are its agents that have been approved."""

    success: Literal[True]
    instance_id: UuidOut
    instance_name: str
    marketplace_enabled: bool
    discovery_enabled: bool
    updates_enabled: bool
    agent_count: int
    last_sync_at: TimeOut | None


class LinkAnswer(RootModel[LinkedOut | LinkStatusOut]):
    """What has become of it, or how the instance stands."""


def endpoints(base_url: str) -> EndpointsOut:
    root = f"{base_url}/api/v2"
    return EndpointsOut(
        discover=f"{root}/network/discover",
        updates=f"{root}/updates",
        heartbeat=f"{root}/federation/heartbeat",
        marketplace_link=f"{root}/federation/marketplace-link",
        agent_sync=f"{root}/federation/agents",
    )
