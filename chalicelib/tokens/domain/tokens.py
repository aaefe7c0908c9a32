"""Tokens as they are stored: the grant with its counters, without its secrets."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from chalicelib.core.domain.budgets import Charge, Window
from chalicelib.core.domain.callers import Caller, TokenStatus
from chalicelib.core.domain.errors import RateLimited
from chalicelib.core.domain.severity import Severity
from chalicelib.ids import TokenKind

PERSONAL_DAILY_LIMIT = 50
TOOLS_DAILY_LIMIT = 10_000
# How long the secret before the last rotation still opens what the new one does.
PRIOR_LIVES = timedelta(hours=24)

_NAMESPACE = UUID("1d0c6f0a-42a7-5c55-9a0e-6f6f1d6b8e33")


@dataclass(frozen=True)
class Usage:
    """The stored budget windows of a token. The minute and the day may be over."""

    kind: TokenKind
    token_id: str
    integrator: str | None
    user_id: str
    status: TokenStatus
    minute: int
    minute_used: int
    day: str
    day_left: int
    daily_limit: int


def grant_id(integrator: str, user_id: str, /) -> str:
    """The id of the integrator's grant to this employee: the same however often it is ended and issued anew."""
    return str(uuid5(_NAMESPACE, "\n".join(("grant", integrator, user_id))))


def prior_ends(now: datetime) -> datetime:
    """Until when, to the second, the secret that is replaced `now` stays good."""
    return datetime.fromtimestamp(int((now + PRIOR_LIVES).timestamp()), UTC)


@dataclass(frozen=True)
class GrantView:
    """How a personal grant was met; `secret_hash` tells whether it has changed since.

    `usable` is False too for an active one that has expired.
    """

    status: TokenStatus
    usable: bool
    secret_hash: str
    prior_until: datetime | None
    daily_limit: int
    severity_ceiling: Severity | None


@dataclass(frozen=True)
class Admission:
    """A caller who was recognised, what was taken, and how its minute stands.

    `refused` when the minute is used up, and then nothing was taken.
    """

    caller: Caller
    window: Window
    taken: Charge
    refused: RateLimited | None = None


@dataclass(frozen=True)
class GrantState:
    """Whether a personal grant works: `usable` is False too for an active one that has expired."""

    status: TokenStatus
    usable: bool


@dataclass(frozen=True)
class PersonalGrant:
    """What a personal token is issued with. `daily_limit` counts deliveries per UTC day."""

    grant_id: str
    integrator: str
    event_prefix: str
    user_id: str
    tools_token_id: str
    tools_owner_id: str
    daily_limit: int = PERSONAL_DAILY_LIMIT
    severity_ceiling: Severity | None = None
    moderated: bool = False
    label: str | None = None


class Minted(StrEnum):
    """Whether an employee without a token has one: made now, made by somebody else just before, or not to be had."""

    NOW = "now"
    BEFORE = "before"
    NEVER = "never"


@dataclass(frozen=True)
class Terms:
    """What a claim says of its grant; what is None stays as it is, or is the usual for a new one."""

    daily_limit: int | None = None
    severity_ceiling: Severity | None = None
    label: str | None = None


@dataclass(frozen=True)
class ToolsGrant:
    """What a tools token is issued with. `daily_limit` counts bulk recipients per UTC day."""

    token_id: str
    integrator: str
    event_prefix: str
    owner_id: str
    admin: bool
    daily_limit: int = TOOLS_DAILY_LIMIT


@dataclass(frozen=True)
class KeyGrant:
    """What a `dvd_` key is issued with; `prefix` is the part of it that may be shown later."""

    key_id: str
    user_id: str
    name: str
    prefix: str
    permissions: frozenset[str]
    expires_at: datetime | None = None


@dataclass(frozen=True)
class IssuedToken:
    """A tools or personal token as its operator sees it.

    `user_id` is whose it is: the owner of a tools token, the employee of a personal one. Until `prior_until`
    the secret before the last rotation is accepted too.
    """

    token_id: str
    integrator: str
    user_id: str
    status: TokenStatus
    admin: bool
    daily_limit: int
    created_at: str
    last_used_at: datetime | None
    use_count: int
    prior_until: datetime | None
