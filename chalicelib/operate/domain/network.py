"""The instances of the network, and the progress of relays, as administrators see them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.core.domain.fields import Clamped, In, Out, Query, TimeOut, Uuid, UuidOut
from chalicelib.core.domain.pages import Cursor, CursorPagination, Offset
from chalicelib.federation.connections.domain.origins import SOURCE
from chalicelib.federation.network.domain.instances import Instance, InstanceStatus
from chalicelib.federation.relays.domain.outgoing import Dispatch, RelayOut
from chalicelib.federation.relays.domain.relays import Direction, RelayIntent, RelayStatus


class ApproveInstanceIn(In):
    """Options of an approval."""

    without_challenge: bool = Field(
        default=False, alias="withoutChallenge", description="Approve the instance without asking it for a proof."
    )


class InstanceOut(Out):
    """A registered instance."""

    id: UuidOut
    name: str
    base_url: str
    status: InstanceStatus
    confirmed: bool = Field(description="Whether the instance proved at its address that the registration is its own.")
    marketplace_enabled: bool
    version: str | None
    health: str | None
    registered_at: TimeOut
    last_seen_at: TimeOut | None
    source: Literal["federation"] = Field(description="The name and the version are text of the instance.")
    origin: str = Field(description="The canonical address of the instance.")
    verified: bool = Field(description="As `confirmed`.")


class PersonsRelaysQuery(Query):
    """Selects a page of a person's relays."""

    user_id: Uuid = Field(alias="userId")
    limit: Annotated[int, Field(ge=1), Clamped(100)] = 50
    offset: Offset = 0
    cursor: Cursor = None


class RelayProgressOut(Out):
    """The progress of a relay, without its content."""

    id: str
    connection_id: str
    direction: Direction
    intent: RelayIntent
    status: RelayStatus
    peer_instance_url: str
    dispatch: Dispatch | None
    tries: int | None
    error: str | None
    source: Literal["federation"] | None = Field(description="Of a relay with text of the other desk.")
    origin: str | None = Field(description="The canonical address of that desk.")
    verified: bool | None = Field(description="Whether that desk confirmed its address.")
    created_at: TimeOut
    updated_at: TimeOut


class RelayProgressPage(Out):
    """A page of relays, newest first."""

    relays: list[RelayProgressOut]
    pagination: CursorPagination


def to_instance_response(instance: Instance) -> InstanceOut:
    named = {
        "id": instance.instance_id,
        "confirmed": instance.is_confirmed,
        "source": SOURCE,
        "origin": instance.base_url,
        "verified": instance.is_confirmed,
    }
    columns: dict[str, Any] = {name: getattr(instance, name) for name in InstanceOut.model_fields if name not in named}
    return InstanceOut(**named, **columns)


def to_relay_progress(relay: RelayOut) -> RelayProgressOut:
    return RelayProgressOut(**{name: getattr(relay, name) for name in RelayProgressOut.model_fields})
