"""What operators see and ask for of the network: its instances, and how far relays came."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from chalicelib.core.domain.fields import In, Out, Query, TimeOut, Uuid, UuidOut
from chalicelib.core.domain.pages import Pagination
from chalicelib.federation.network.domain.instances import Instance, InstanceStatus
from chalicelib.federation.relays.domain.outgoing import Dispatch, RelayOut
from chalicelib.federation.relays.domain.relays import Direction, RelayIntent, RelayStatus


class ApproveInstanceIn(In):
    """How an instance is to be approved."""

    without_challenge: bool = Field(
        default=False, alias="withoutChallenge", description="Don't ask the instance for a proof that it is itself."
    )


class InstanceOut(Out):
    """An instance that has registered here."""

    id: UuidOut
    name: str
    base_url: str
    status: InstanceStatus
    marketplace_enabled: bool
    version: str | None
    health: str | None
    registered_at: TimeOut
    last_seen_at: TimeOut | None


class PersonsRelaysQuery(Query):
    """A page of one person's relays."""

    user_id: Uuid = Field(alias="userId")
    limit: Annotated[int, Field(ge=1), AfterValidator(lambda limit: min(limit, 100))] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class RelayProgressOut(Out):
    """How far a relay came, without what it says."""

    id: str
    connection_id: str
    direction: Direction
    intent: RelayIntent
    status: RelayStatus
    peer_instance_url: str
    dispatch: Dispatch | None
    tries: int | None
    error: str | None
    created_at: TimeOut
    updated_at: TimeOut


class RelayProgressPage(Out):
    """A page of relays, newest first."""

    relays: list[RelayProgressOut]
    pagination: Pagination


def instance_out(instance: Instance) -> InstanceOut:
    told: dict[str, Any] = {name: getattr(instance, name) for name in InstanceOut.model_fields if name != "id"}
    return InstanceOut(id=instance.instance_id, **told)


def relay_out(relay: RelayOut) -> RelayProgressOut:
    return RelayProgressOut(**{name: getattr(relay, name) for name in RelayProgressOut.model_fields})
