"""Origins that are cut off, and the connections of people, as administrators see them."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import In, Out, Query, TimeOut, Uuid, UuidOut
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator, Relation
from chalicelib.federation.connections.domain.federation_settings import FederationSettings
from chalicelib.federation.connections.domain.origins import SOURCE, canonical_origin


def _origin(text: str) -> str:
    try:
        return canonical_origin(text)
    except ValueError as error:
        raise PydanticCustomError("origin", "{reason}", {"reason": str(error)}) from error


Origin = Annotated[str, Field(max_length=500), AfterValidator(_origin)]


class OriginIn(In):
    """The address of another desk."""

    origin: Annotated[Origin, Field(description="The base URL of the desk, in any spelling.")]


class OriginsOut(Out):
    """The addresses of the desks that are cut off, in alphabetical order."""

    blocked: list[str] = Field(description="The desks that an administrator blocked.")
    suspended: list[str] = Field(description="The desks whose instance is suspended.")


class OriginOut(Out):
    """The canonical address of a desk, and whether it is blocked."""

    origin: str
    blocked: bool
    suspended_instance_id: UuidOut | None = Field(
        None, description="The instance of this network that the block suspended, if there was an active one."
    )


class PersonsConnectionsQuery(Query):
    """Selects the person."""

    user_id: Uuid = Field(alias="userId")


class OperatedConnectionOut(Out):
    """A connection of a person of this desk with a person of another desk."""

    id: str
    user_id: str
    user_email: str
    peer_instance_url: str
    peer_user_email: str
    peer_user_name: str | None
    status: ConnectionStatus
    relation: Relation = Field(description="What this desk believes of the other one: claimed, confirmed or suspended.")
    asked_by: Initiator
    source: str
    origin: str = Field(description="The canonical address of the other desk.")
    verified: bool = Field(description="Whether the desk at this address confirmed that the connection is its own.")
    created_at: TimeOut


class RemovedConnectionOut(Out):
    """The connection that is removed."""

    id: str
    removed: bool


def to_origins_response(settings: FederationSettings) -> OriginsOut:
    return OriginsOut(blocked=sorted(settings.blocked), suspended=sorted(settings.suspended))


def to_operated_response(connection: Connection, relation: Relation) -> OperatedConnectionOut:
    return OperatedConnectionOut(
        id=connection.connection_id,
        user_id=connection.user_id,
        user_email=connection.user_email,
        peer_instance_url=connection.peer_url,
        peer_user_email=connection.peer_email,
        peer_user_name=connection.peer_name,
        status=connection.status,
        relation=relation,
        asked_by=connection.initiator,
        source=SOURCE,
        origin=connection.peer_url,
        verified=connection.is_confirmed,
        created_at=connection.created_at,
    )
