"""The public descriptions of this desk: for other desks, for hubs, and as an A2A agent card."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from chalicelib.core.domain.fields import Omittable, Out, Query
from chalicelib.federation.connections.domain.connections import PeerKey
from chalicelib.federation.connections.domain.federation_settings import FederationMode, FederationSettings
from chalicelib.federation.connections.domain.handshake import ACCEPT_PATH, ACK_PATH, TOKEN_HEADER
from chalicelib.federation.connections.domain.origins import LONGEST_ORIGIN

# Names of the protocol, not addresses. They are the same for every desk.
RELAY_BINDING = "urn:fluxden:binding:dividen-relay:2"
RELAY_EXTENSION = "urn:fluxden:extension:dividen-relay:2"

_CARD_PROTOCOL = "1.0"
_CONNECT_PATH, _RELAY_PATH = "/api/v2/connections", "/api/v2/relay"
_JSON = "application/json"


class DescriptionQuery(Query):
    """Asks for a proof that this desk knows its key at a hub, or for what it knows of a connection."""

    # Nothing else that the key signs has these characters only, so a proof can never be used as a signature.
    challenge: Omittable[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,128}$")]] = None
    instance_id: Omittable[Annotated[str, Field(min_length=1, max_length=100)]] = Field(None, alias="instanceId")
    connection: Omittable[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(
        None, description="The SHA-256 of a connection's token, in hexadecimal. Send `to` with it."
    )
    to: Omittable[Annotated[str, Field(min_length=1, max_length=LONGEST_ORIGIN)]] = Field(
        None, description="The base URL of the instance or hub that asks."
    )


class PublicKeyOut(Out):
    """A signing key of this desk, present or past: 32 bytes in base64."""

    key_id: str
    algorithm: Literal["ed25519"]
    public_key: str


class DeskEndpointsOut(Out):
    """The URLs that other desks use."""

    connect: str
    accept: str
    relay: str
    acknowledge: str
    register_instance: Annotated[str, Field(alias="register")]
    discover: str
    agent_card: str
    documentation: str


class CapabilitiesOut(Out):
    """The capabilities of this desk now, and the signatures it verifies."""

    connection_requests: FederationMode
    relays: bool
    signatures: list[Literal["rfc9421-ed25519", "hmac-sha256"]]


class KnownConnectionOut(Out):
    """A connection with the instance that asks."""

    status: Literal["pending", "active"]


class DeskOut(Out):
    """The software of this desk. With a challenge, the proof for it; otherwise keys, endpoints and capabilities."""

    software: Literal["fluxden"]
    version: str
    url: Omittable[str] = Field(None, description="The canonical base URL of this desk, by which others know it.")
    connection: Omittable[KnownConnectionOut] = None
    keys: Omittable[list[PublicKeyOut]] = None
    endpoints: Omittable[DeskEndpointsOut] = None
    capabilities: Omittable[CapabilitiesOut] = None
    challenge: Omittable[str] = None
    instance_key_proof: Omittable[str] = None


class InterfaceOut(Out):
    """A URL and the protocol to use there."""

    url: str
    protocol_binding: str
    protocol_version: str


class ExtensionOut(Out):
    """An extension of the protocol."""

    uri: str
    description: str
    required: bool


class AgentCapabilitiesOut(Out):
    """The parts of the protocol that are supported."""

    streaming: bool
    push_notifications: bool
    extended_agent_card: bool
    extensions: list[ExtensionOut]


class ApiKeySchemeOut(Out):
    """A secret in a header."""

    description: str
    location: Literal["header"]
    name: str


class SecuritySchemeOut(Out):
    """The way a caller authenticates."""

    api_key_security_scheme: ApiKeySchemeOut


class StringsOut(Out):
    """A list of scopes; always empty here."""

    list: list[str]


class SecurityRequirementOut(Out):
    """The credentials that a caller needs."""

    schemes: dict[str, StringsOut]


class SkillOut(Out):
    """Something the agent can do."""

    id: str
    name: str
    description: str
    tags: list[str]
    examples: list[str]


class AgentCardOut(Out):
    """An agent card of A2A 1.0."""

    name: str
    description: str
    supported_interfaces: list[InterfaceOut]
    version: str
    documentation_url: str
    capabilities: AgentCapabilitiesOut
    security_schemes: dict[str, SecuritySchemeOut]
    security_requirements: list[SecurityRequirementOut]
    default_input_modes: list[str]
    default_output_modes: list[str]
    skills: list[SkillOut]


def describe_desk(keys: Sequence[PeerKey], settings: FederationSettings, *, base_url: str, version: str) -> DeskOut:
    """Return the public description of this desk; it has endpoints only if `base_url` is set."""
    # Without its own URL a desk lets nothing in.
    is_open = settings.inbound and bool(base_url)
    mode = settings.mode if is_open else FederationMode.CLOSED
    out = DeskOut(
        software="fluxden",
        version=version,
        keys=[PublicKeyOut(key_id=each.key_id, algorithm="ed25519", public_key=each.public_key) for each in keys],
        capabilities=CapabilitiesOut(
            connection_requests=mode, relays=is_open, signatures=["rfc9421-ed25519", "hmac-sha256"]
        ),
    )
    if base_url:
        out.url = base_url
        out.endpoints = DeskEndpointsOut(
            connect=f"{base_url}{_CONNECT_PATH}",
            accept=f"{base_url}{ACCEPT_PATH}",
            relay=f"{base_url}{_RELAY_PATH}",
            acknowledge=f"{base_url}{ACK_PATH}",
            register_instance=f"{base_url}/api/v2/federation/register",
            discover=f"{base_url}/api/v2/network/discover",
            agent_card=f"{base_url}/.well-known/agent-card.json",
            documentation=f"{base_url}/api/v2/docs",
        )
    return out


def agent_card(*, base_url: str, version: str) -> AgentCardOut:
    """Return the desk as an A2A agent card. Its protocol is the relay binding, none of A2A's own."""
    token = "federationToken"
    return AgentCardOut(
        name="Fluxden desk",
        description="Takes requests, updates and introductions for the people of this desk from connected desks, and"
        " acknowledges the results.",
        supported_interfaces=[
            InterfaceOut(
                url=f"{base_url}{_RELAY_PATH}", protocol_binding=RELAY_BINDING, protocol_version=_CARD_PROTOCOL
            )
        ],
        version=version,
        documentation_url=f"{base_url}/api/v2/docs",
        capabilities=AgentCapabilitiesOut(
            streaming=False,
            push_notifications=False,
            extended_agent_card=False,
            extensions=[
                ExtensionOut(
                    uri=RELAY_EXTENSION,
                    description="Messages are relays of the second dividen contract, posted as JSON over a connection"
                    " that was requested and accepted. A2A's JSON-RPC, gRPC and HTTP+JSON methods are not supported.",
                    required=True,
                )
            ],
        ),
        security_schemes={
            token: SecuritySchemeOut(
                api_key_security_scheme=ApiKeySchemeOut(
                    description=f"The token of a connection, which you request at {base_url}{_CONNECT_PATH}.",
                    location="header",
                    name=TOKEN_HEADER,
                )
            )
        },
        security_requirements=[SecurityRequirementOut(schemes={token: StringsOut(list=[])})],
        default_input_modes=[_JSON],
        default_output_modes=[_JSON],
        skills=[
            SkillOut(
                id="relay",
                name="Reach a person of this desk",
                description="Give a person a task, ask for an approval, share an update or introduce somebody. A task"
                " becomes a card on their board and an item in their agents' queue. Its end is acknowledged.",
                tags=["relay", "task", "approval", "introduction"],
                examples=['{"intent": "assign_task", "subject": "Review the draft", "payload": {"due": "Friday"}}'],
            )
        ],
    )
