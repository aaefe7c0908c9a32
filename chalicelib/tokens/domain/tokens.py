"""Tokens as they are stored: grants with their counters, without their secrets."""

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
# The time for which the previous secret works after a rotation.
PRIOR_SECRET_LIFETIME = timedelta(hours=24)

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
    """The id of the integrator's grant to this employee; it stays the same when the grant is issued again."""
    return str(uuid5(_NAMESPACE, "\n".join(("grant", integrator, user_id))))


def prior_expiry(now: datetime) -> datetime:
    """The time, to the second, until which the secret that is replaced `now` works."""
    return datetime.fromtimestamp(int((now + PRIOR_SECRET_LIFETIME).timestamp()), UTC)


@dataclass(frozen=True)
class GrantView:
    """A personal grant as it was read; a changed `secret_hash` shows that it has changed since.

    `usable` is False for an expired grant too.
    """

    status: TokenStatus
    usable: bool
    secret_hash: str
    prior_until: datetime | None
    daily_limit: int
    severity_ceiling: Severity | None


@dataclass(frozen=True)
class Admission:
    """An authenticated caller, the charge that was taken, and the budget of the minute.

    `refused` is set when the budget is used up; then nothing was taken.
    """

    caller: Caller
    window: Window
    taken: Charge
    refused: RateLimited | None = None


@dataclass(frozen=True)
class GrantState:
    """The status of a personal grant; `usable` is False for an expired one too."""

    status: TokenStatus
    usable: bool


@dataclass(frozen=True)
class PersonalGrant:
    """A new personal grant. `daily_limit` counts deliveries per UTC day."""

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


class MintOutcome(StrEnum):
    """The result of a first token: created now, created by another call just before, or not possible."""

    NOW = "now"
    BEFORE = "before"
    NEVER = "never"


@dataclass(frozen=True)
class GrantTerms:
    """The limits of a claim. None keeps the current value; a new grant gets the default."""

    daily_limit: int | None = None
    severity_ceiling: Severity | None = None
    label: str | None = None


@dataclass(frozen=True)
class ToolsGrant:
    """A new tools token. `daily_limit` counts bulk recipients per UTC day."""

    token_id: str
    integrator: str
    event_prefix: str
    owner_id: str
    admin: bool
    daily_limit: int = TOOLS_DAILY_LIMIT


@dataclass(frozen=True)
class KeyGrant:
    """A new `dvd_` key; `prefix` is its visible beginning.

    `created_by` is the id of the key that made it, None if an operator did.
    """

    key_id: str
    user_id: str
    name: str
    prefix: str
    permissions: frozenset[str]
    expires_at: datetime | None = None
    created_by: str | None = None


@dataclass(frozen=True)
class IssuedToken:
    """A tools or personal token as an operator sees it.

    `user_id` is the owner of a tools token, or the employee of a personal token. The previous secret works until
    `prior_until`.
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
