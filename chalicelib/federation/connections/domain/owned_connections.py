"""Connections as their owner sees and changes them."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import Filter, In, Omittable, Out, Query, TimeOut
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator


class ConnectionsQuery(Query):
    """Filters the connections."""

    status: Annotated[str, Filter([*ConnectionStatus, "all"])] = Field(
        ConnectionStatus.ACTIVE.value,
        description="Lists connections in this state: " + ", ".join(ConnectionStatus) + ", or `all`.",
    )


class Action(StrEnum):
    """An action of the owner on a connection."""

    ACCEPT = "accept"
    DECLINE = "decline"
    BLOCK = "block"


class ConnectionPatch(In):
    """A change of a connection."""

    action: Omittable[Annotated[Action, Field(strict=False)]] = None
    hmac_enabled: Omittable[bool] = Field(
        None, alias="hmacEnabled", description="Whether everything the peer sends must be signed with the token."
    )

    @model_validator(mode="after")
    def _says_something(self) -> "ConnectionPatch":
        if not self.model_fields_set:
            raise PydanticCustomError("nothing", "There is nothing to change")
        return self


class ConnectionOut(Out):
    """A connection, as its owner sees it."""

    id: str
    status: ConnectionStatus
    peer_instance_url: str
    peer_instance_name: str | None
    peer_user_email: str
    peer_user_name: str | None
    nickname: str | None
    peer_nickname: str | None
    hmac_enabled: bool
    signed_by_peer: bool
    source: Literal["federation"]
    origin: str = Field(description="The canonical address of the other desk.")
    verified: bool = Field(description="Whether the desk at this address confirmed that the connection is its own.")
    asked_by: Initiator
    reason: str | None = Field(description="Why the request failed, if the peer gave a reason.")
    contact_id: str | None = Field(description="The contact for the peer. Created once the connection is active.")
    created_at: TimeOut


class ConnectionsAnswer(Out):
    """The caller's connections, oldest first."""

    connections: list[ConnectionOut]


def to_response(connection: Connection) -> ConnectionOut:
    """Return the connection as its owner sees it."""
    return ConnectionOut(
        id=connection.connection_id,
        status=connection.status,
        peer_instance_url=connection.peer_url,
        peer_instance_name=connection.peer_instance_name,
        peer_user_email=connection.peer_email,
        peer_user_name=connection.peer_name,
        nickname=connection.nickname,
        peer_nickname=connection.peer_nickname,
        hmac_enabled=connection.hmac_enabled,
        signed_by_peer=bool(connection.keys),
        source="federation",
        origin=connection.peer_url,
        verified=connection.is_confirmed,
        asked_by=connection.initiator,
        reason=connection.reason,
        contact_id=connection.contact_id,
        created_at=connection.created_at,
    )
