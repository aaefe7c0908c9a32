"""What this desk says of itself to whoever asks: other desks, hubs, and agents of other makes."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from chalicelib.core.domain.fields import Omittable, Out, Query
from chalicelib.federation.connections.domain.connections import PeerKey
from chalicelib.federation.connections.domain.federation_settings import FederationMode, FederationSettings
from chalicelib.federation.connections.domain.handshake import ACCEPT_PATH, ACK_PATH, TOKEN_HEADER

# Names, not addresses: they say by which rules a desk is spoken to, the same for every desk.
RELAY_BINDING = "urn:fluxden:binding:dividen-relay:2"
RELAY_EXTENSION = "urn:fluxden:extension:dividen-relay:2"

_CARD_PROTOCOL = "1.0"
_CONNECT_PATH, _RELAY_PATH = "/api/v2/connections", "/api/v2/relay"
_JSON = "application/json"


class ProofQuery(Query):
    """What is to be proved, and by whose key."""

    # Nothing else that is signed with the key can be of these characters alone, so a proof is never a signature.
    challenge: Omittable[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,128}$")]] = None
    instance_id: Omittable[Annotated[str, Field(min_length=1, max_length=100)]] = Field(None, alias="instanceId")


class PublicKeyOut(Out):
    """A key by which this desk signs, or has signed: 32 bytes in base64."""

    key_id: str
    algorithm: Literal["ed25519"]
    public_key: str


class DeskEndpointsOut(Out):
    """Where other desks find what they need."""

    connect: str
    accept: str
    relay: str
    acknowledge: str
    register_instance: Annotated[str, Field(alias="register")]
    discover: str
    agent_card: str
    documentation: str


class CapabilitiesOut(Out):
    """What this desk takes from others at present, and by which signatures it is sure of them."""

    connection_requests: FederationMode
    relays: bool
    signatures: list[Literal["rfc9421-ed25519", "hmac-sha256"]]


class DeskOut(Out):
    """What runs here; with a challenge the proof that was asked for, else keys, addresses and what is taken."""

    software: Literal["fluxden"]
    version: str
    keys: Omittable[list[PublicKeyOut]] = None
    endpoints: Omittable[DeskEndpointsOut] = None
    capabilities: Omittable[CapabilitiesOut] = None
    challenge: Omittable[str] = None
    instance_key_proof: Omittable[str] = None


class InterfaceOut(Out):
    """An address, and by which rules it is spoken to."""

    url: str
    protocol_binding: str
    protocol_version: str


class ExtensionOut(Out):
    """Rules beyond the protocol's own."""

    uri: str
    description: str
    required: bool


class AgentCapabilitiesOut(Out):
    """What of the protocol is offered."""

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
    """How a caller is known."""

    api_key_security_scheme: ApiKeySchemeOut


class StringsOut(Out):
    """Scopes; there are none here."""

    list: list[str]


class SecurityRequirementOut(Out):
    """What a caller must show."""

    schemes: dict[str, StringsOut]


class SkillOut(Out):
    """Something that can be asked for."""

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


def described(keys: Sequence[PeerKey], settings: FederationSettings, *, base_url: str, version: str) -> DeskOut:
    """What anybody is told of this desk; its addresses only where somebody has said where it is reached."""
    mode = settings.mode if settings.inbound else FederationMode.CLOSED
    out = DeskOut(
        software="fluxden",
        version=version,
        keys=[PublicKeyOut(key_id=each.key_id, algorithm="ed25519", public_key=each.public_key) for each in keys],
        capabilities=CapabilitiesOut(
            connection_requests=mode, relays=settings.inbound, signatures=["rfc9421-ed25519", "hmac-sha256"]
        ),
    )
    if base_url:
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
    """The desk as an agent: by which rules it is spoken to, which are not those of A2A's own bindings."""
    token = "federationToken"
    return AgentCardOut(
        name="Fluxden desk",
        description="Takes requests, news and introductions for the people of this desk from desks they are connected"
        " with, and tells the sender what became of them.",
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
                    " that was asked for and accepted; A2A's JSON-RPC, gRPC and HTTP+JSON methods are not served.",
                    required=True,
                )
            ],
        ),
        security_schemes={
            token: SecuritySchemeOut(
                api_key_security_scheme=ApiKeySchemeOut(
                    description=f"The token of a connection, which is asked for at {base_url}{_CONNECT_PATH}.",
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
                name="Reach somebody of this desk",
                description="Give a person a task, ask for an approval, share news or introduce somebody. A task"
                " becomes a card of their board and an item of their agents' queue; its end is acknowledged.",
                tags=["relay", "task", "approval", "introduction"],
                examples=['{"intent": "assign_task", "subject": "Review the draft", "payload": {"due": "Friday"}}'],
            )
        ],
    )
