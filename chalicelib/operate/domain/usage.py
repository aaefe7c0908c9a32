"""Rate budgets, and how much of them tokens have used."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from chalicelib.core.domain.budgets import WINDOW_SECONDS, day_of, minute_of
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.fields import Omittable, Out, Query, TimeOut, Uuid, UuidOut, timestamp
from chalicelib.ids import TokenKind
from chalicelib.tokens.domain.tokens import Usage

_KINDS: dict[TokenKind, Literal["tools", "personal", "key"]] = {
    TokenKind.TOOLS: "tools",
    TokenKind.PERSONAL: "personal",
    TokenKind.KEY: "key",
}


@dataclass(frozen=True)
class Budgets:
    """Rate units per minute, by kind of token."""

    personal: int
    tools: int
    key: int
    platform: int

    def of(self, kind: TokenKind) -> int:
        return {TokenKind.PERSONAL: self.personal, TokenKind.TOOLS: self.tools, TokenKind.KEY: self.key}[kind]


class UsageQuery(Query):
    """Selects whose tokens to show."""

    user_id: Omittable[Uuid] = Field(
        None,
        alias="userId",
        description="Shows the personal tokens and keys of this person instead of all tools tokens.",
    )


class LimitsOut(Out):
    """Rate units per minute, by kind of token."""

    personal: int
    tools: int
    key: int
    platform: int


class WindowOut(Out):
    """The usage of a token: rate units of the current minute, and deliveries of the current UTC day if limited."""

    kind: Literal["tools", "personal", "key"]
    id: str
    integrator: str | None
    user_id: UuidOut
    status: TokenStatus
    minute_limit: int
    minute_used: int
    minute_ends_at: TimeOut
    daily_limit: int | None
    daily_left: int | None


class UsageOut(Out):
    """The rate budgets, and the usage of tokens."""

    limits: LimitsOut
    tokens: list[WindowOut]


def to_window_response(usage: Usage, budgets: Budgets, *, now: datetime) -> WindowOut:
    """Build the response with the current windows of a token. A window that has not started is unused."""
    minute, counts = minute_of(now), usage.kind is not TokenKind.KEY
    left = usage.day_left if usage.day == day_of(now) else usage.daily_limit
    return WindowOut(
        kind=_KINDS[usage.kind],
        id=usage.token_id,
        integrator=usage.integrator,
        user_id=usage.user_id,
        status=usage.status,
        minute_limit=budgets.of(usage.kind),
        minute_used=usage.minute_used if usage.minute == minute else 0,
        minute_ends_at=timestamp(datetime.fromtimestamp((minute + 1) * WINDOW_SECONDS, UTC)),
        daily_limit=usage.daily_limit if counts else None,
        daily_left=left if counts else None,
    )
