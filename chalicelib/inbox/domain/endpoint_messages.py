"""Requests about endpoints of callbacks and replays, and their responses."""

import re
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import In, Omittable, Out, Query, TimeOut, Timestamp, UuidOut
from chalicelib.inbox.domain.endpoints import Endpoint, PausedBy, origin_of
from chalicelib.inbox.domain.replays import MOST_DAYS, Replay, ReplayKind, ReplayStatus, is_range

_URL = re.compile(r"https?://[^/?#@\s]+([/?#][\x21-\x7e]*)?", re.ASCII | re.IGNORECASE)
_LONGEST_ORIGIN = 300


class EndpointStatus(StrEnum):
    """How an endpoint is: it fails, or it is paused. Others work."""

    ACTIVE = "active"
    FAILING = "failing"
    PAUSED = "paused"


def _to_origin(text: str) -> str:
    if not _URL.fullmatch(text) or not text.isascii() or len(origin := origin_of(text)) > _LONGEST_ORIGIN:
        raise PydanticCustomError("origin", "must be a URL such as https://ci.example.com")
    return origin


Origin = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2_048,
        description="The endpoint's origin, such as `https://ci.example.com`. The rest of a longer URL is ignored.",
    ),
    AfterValidator(_to_origin),
]
_Slug = Annotated[str, Field(min_length=1, max_length=60, description="The slug of the integrator.")]


class EndpointIn(In):
    """Names an endpoint of your integrator."""

    origin: Origin


class IntegratorsEndpointIn(EndpointIn):
    """Names an endpoint of an integrator."""

    integrator: _Slug


class ReplayIn(EndpointIn):
    """Selects the failed callbacks of an endpoint by when their buttons were pressed."""

    since: Timestamp = Field(description=f"The beginning of the range, at most {MOST_DAYS} days before its end.")
    until: Omittable[Timestamp] = Field(
        None, description="The end of the range, which is not part of it; the present if you leave it out."
    )

    @model_validator(mode="after")
    def _is_range(self) -> Self:
        if self.until is not None and not is_range(self.since, self.until):
            raise PydanticCustomError(
                "range", "until must be after since, and at most {days} days", {"days": MOST_DAYS}
            )
        return self


class IntegratorsReplayIn(ReplayIn):
    """Selects the failed callbacks of an integrator's endpoint by when their buttons were pressed."""

    integrator: _Slug


class EndpointsQuery(Query):
    """Selects endpoints."""

    integrator: Omittable[_Slug] = None


class EndpointOut(Out):
    """An endpoint, to which an integrator's buttons call back."""

    integrator: str
    origin: str
    status: EndpointStatus
    failing_since: TimeOut | None = Field(description="The first failure since the last success.")
    last_failed_at: TimeOut | None = Field(description="The last failure, to the hour.")
    paused_at: TimeOut | None
    paused_by: PausedBy | None = Field(description="`failures` if it only failed for five days.")
    next_probe_at: TimeOut | None = Field(description="When one callback is attempted, whose success ends the pause.")
    waiting: int | None = Field(description="Callbacks that wait for the end of the pause, counted up to 1,000.")
    request_id: Omittable[str] = None


class EndpointList(Out):
    """The endpoints of your integrator that fail or are paused. Those that are missing work."""

    items: list[EndpointOut]
    request_id: str


class ReplayOut(Out):
    """A replay, and how far it is."""

    replay_id: UuidOut
    integrator: str
    origin: str
    kind: ReplayKind
    since: TimeOut
    until: TimeOut
    status: ReplayStatus
    examined: int = Field(description="Callbacks examined so far, of all endpoints.")
    replayed: int = Field(description="Callbacks that are sent again.")
    created_at: TimeOut
    request_id: Omittable[str] = None


def to_endpoint_out(endpoint: Endpoint, waiting: int | None, *, request_id: str | None = None) -> EndpointOut:
    if endpoint.is_paused:
        status = EndpointStatus.PAUSED
    else:
        status = EndpointStatus.FAILING if endpoint.failing_since else EndpointStatus.ACTIVE
    more = {"request_id": request_id} if request_id else {}
    return EndpointOut(**vars(endpoint), status=status, waiting=waiting, **more)


def to_replay_out(replay: Replay, *, request_id: str | None = None) -> ReplayOut:
    more = {"request_id": request_id} if request_id else {}
    return ReplayOut(
        replay_id=replay.replay_id,
        integrator=replay.integrator,
        origin=replay.origin,
        kind=replay.kind,
        since=replay.since,
        until=replay.until,
        status=replay.status,
        examined=replay.examined,
        replayed=replay.replayed,
        created_at=replay.created_at,
        **more,
    )
