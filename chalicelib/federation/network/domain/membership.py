"""Membership of this desk in the networks of hubs, and the messages between them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

from pydantic import Field
from pydantic_core import ValidationError, to_json

from chalicelib.core.domain.fields import Omittable, OpenIn
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.retries import retry_after_wait

REGISTER_PATH, HEARTBEAT_PATH = "/api/v2/federation/register", "/api/v2/federation/heartbeat"
EVERY = timedelta(minutes=5)

_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
# Secrets are sent back as the values of headers.
_Secret = Annotated[str, Field(min_length=8, max_length=500, pattern=r"^[\x21-\x7e]+$")]


class MembershipStatus(StrEnum):
    """The status of this desk at a hub."""

    JOINING = "joining"
    PENDING = "pending"
    ACTIVE = "active"
    LEFT = "left"


@dataclass(frozen=True)
class Membership:
    """This desk's membership at a hub. `failures` counts failed heartbeats in a row; `joins` grows with each join.

    `instance_id` is the id of this desk at the hub; None until the hub has answered.
    """

    hub_url: str
    name: str
    status: MembershipStatus
    key_hash: str
    instance_id: str | None = None
    joined_at: str | None = None
    next_heartbeat_at: str | None = None
    last_success_at: str | None = None
    last_failure_at: str | None = None
    last_error: str | None = None
    failures: int = 0
    joins: int = 0


class RegistrationAnswer(OpenIn):
    """A hub's answer to a registration, as far as this desk needs it."""

    instance_id: Annotated[str, Field(alias="instanceId", min_length=1, max_length=100)]
    platform_token: Annotated[_Secret, Field(alias="platformToken")]
    status: str = ""

    @property
    def membership_status(self) -> MembershipStatus:
        return MembershipStatus.ACTIVE if self.status == "active" else MembershipStatus.PENDING


class HeartbeatAnswer(OpenIn):
    """A hub's answer to a heartbeat. It may have a new token."""

    platform_token: Omittable[_Secret] = Field(None, alias="platformToken")


@dataclass(frozen=True)
class HeartbeatOutcome:
    """The outcome of a heartbeat. `error` is None after success, and while the hub's operator has not decided."""

    status: MembershipStatus
    error: str | None
    token: str | None
    next_at: datetime


def parse_registration(answer: HttpResult) -> RegistrationAnswer | None:
    """Read a hub's answer to a registration; None if it is none."""
    try:
        return RegistrationAnswer.model_validate_json(answer.body)
    except ValidationError:
        return None


def outcome_of(answer: HttpResult, membership: Membership, *, own_url: str, now: datetime) -> HeartbeatOutcome:
    """Return the outcome of a heartbeat.

    A refusal is no failure while the hub has not approved this desk. `Retry-After` delays the next heartbeat.
    """
    soonest = now + retry_after_wait(answer.retry_after, now=now)
    next_at = next_slot(membership.hub_url, own_url, after=soonest)
    if answer.error is None:
        return HeartbeatOutcome(MembershipStatus.ACTIVE, None, _rotated(answer.body), next_at)
    if membership.status is MembershipStatus.PENDING and answer.status in _REFUSED:
        return HeartbeatOutcome(MembershipStatus.PENDING, None, None, next_at)
    return HeartbeatOutcome(membership.status, answer.error, None, next_at)


def next_slot(hub_url: str, own_url: str, *, after: datetime) -> datetime:
    """Return when the next heartbeat to the hub is due: every five minutes, at this desk's own second.

    The second derives from the two URLs, so the heartbeats of desks that were set up together are spread.
    """
    period = int(EVERY.total_seconds())
    offset = int.from_bytes(hashlib.sha256(f"{own_url} {hub_url}".encode()).digest()[:4]) % period
    begun = int(after.timestamp())
    return after.replace(microsecond=0) + timedelta(seconds=(offset - begun - 1) % period + 1)


def registration(membership: Membership, *, own_url: str, key: str, version: str, people: int, agents: int) -> bytes:
    """Return the body of a registration."""
    return to_json(
        {
            "name": membership.name,
            "baseUrl": own_url,
            "apiKey": key,
            "version": version,
            "userCount": people,
            "agentCount": agents,
            "capabilities": {"relay": True, "marketplace": True, "heartbeat": True},
        }
    )


def heartbeat(*, version: str, people: int, agents: int) -> bytes:
    """Return the body of a heartbeat."""
    return to_json({"version": version, "userCount": people, "agentCount": agents, "status": "healthy"})


def _rotated(body: bytes) -> str | None:
    try:
        return HeartbeatAnswer.model_validate_json(body).platform_token
    except ValidationError:
        return None
