"""What operators of the desk see and ask for in the console."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from chalicelib.core.domain.budgets import WINDOW_SECONDS, day_of, minute_of
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.fields import Address, In, Omittable, Out, Query, TimeOut, Uuid, UuidOut, timestamp
from chalicelib.core.domain.retries import Outcome
from chalicelib.ids import TokenKind
from chalicelib.inbox.domain.clicks import AttemptOut, Click
from chalicelib.inbox.domain.event_types import CountedType
from chalicelib.people.domain.directory import IntegratorIn, Person
from chalicelib.tokens.domain.tokens import IssuedToken, Usage

MOST_CLICKS = 100
CLICK_DAYS = 7


class PersonOut(Out):
    """An employee."""

    id: UuidOut
    email: str
    name: str
    active: bool
    org_admin: bool
    operator: bool


class NewIntegratorIn(IntegratorIn):
    """A system that is to publish here, under event types of its own."""

    model_config = ConfigDict(alias_generator=to_camel)


class IntegratorTypesOut(Out):
    """An integrator's event types of the last 90 days, by name."""

    integrator: str
    event_types: list[CountedType]


class ToolsTokenIn(In):
    """A tools token that is to be issued."""

    integrator: str = Field(min_length=1, max_length=60, description="Whose it is, by its slug.")
    owner: Address = Field(description="The employee who answers for it.")
    admin: bool = Field(default=False, description="Whether it may administer: list integrators, manage the catalog.")


class RotationIn(In):
    """How a token's secret is to be replaced."""

    at_once: bool = Field(
        default=False,
        alias="atOnce",
        description="End the secret there was now, as after a leak, instead of in 24 hours.",
    )


class ToolsTokenOut(Out):
    """A tools token without its secret. Until `priorUntil` the secret before the last is accepted too."""

    id: UuidOut
    integrator: str
    owner_email: str | None
    admin: bool
    status: TokenStatus
    daily_limit: int
    created_at: TimeOut
    last_used_at: TimeOut | None
    use_count: int
    prior_until: TimeOut | None


class NewSecretOut(Out):
    """A token's secret, which is shown this once; and until when the one before works too, null where none does."""

    id: UuidOut
    token: str
    prior_until: TimeOut | None


class RevokedOut(Out):
    """A token that has ended for good."""

    id: UuidOut
    status: TokenStatus


@dataclass(frozen=True)
class Budgets:
    """Rate units a minute, by kind of token."""

    personal: int
    tools: int
    key: int
    platform: int

    def of(self, kind: TokenKind) -> int:
        return {TokenKind.PERSONAL: self.personal, TokenKind.TOOLS: self.tools, TokenKind.KEY: self.key}[kind]


class UsageQuery(Query):
    """Whose tokens."""

    user_id: Omittable[Uuid] = Field(
        None, alias="userId", description="A person's personal tokens and keys, instead of all tools tokens."
    )


class LimitsOut(Out):
    """Rate units a minute, by kind of token."""

    personal: int
    tools: int
    key: int
    platform: int


class WindowOut(Out):
    """How a token stands: units of the running minute, deliveries of the running UTC day; null where none count."""

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
    """What tokens may spend, and what they have spent."""

    limits: LimitsOut
    tokens: list[WindowOut]


class CallbacksQuery(Query):
    """Which callbacks: one delivery's, or the last of seven days."""

    delivery_id: Omittable[Uuid] = Field(None, alias="deliveryId")
    limit: Annotated[int, Field(ge=1), AfterValidator(lambda limit: min(limit, MOST_CLICKS))] = Field(
        50, description=f"At most {MOST_CLICKS}; more is read as {MOST_CLICKS}."
    )


class CallbackOut(Out):
    """A click on a button, and every attempt to tell the source system of it."""

    action_id: UuidOut
    delivery_id: UuidOut
    index: int
    user_id: UuidOut
    clicked_at: TimeOut
    outcome: Outcome
    next_attempt_at: TimeOut | None
    attempts: list[AttemptOut]


def person_out(person: Person) -> PersonOut:
    return PersonOut(
        id=person.user_id,
        email=person.email,
        name=person.name,
        active=person.active,
        org_admin=person.org_admin,
        operator=person.operator,
    )


def tools_token_out(token: IssuedToken, owner: Person | None, *, now: datetime) -> ToolsTokenOut:
    prior = token.prior_until if token.prior_until and token.prior_until > now else None
    return ToolsTokenOut(
        id=token.token_id,
        integrator=token.integrator,
        owner_email=owner.email if owner else None,
        admin=token.admin,
        status=token.status,
        daily_limit=token.daily_limit,
        created_at=token.created_at,
        last_used_at=timestamp(token.last_used_at) if token.last_used_at else None,
        use_count=token.use_count,
        prior_until=timestamp(prior) if prior else None,
    )


_KINDS: dict[TokenKind, Literal["tools", "personal", "key"]] = {
    TokenKind.TOOLS: "tools",
    TokenKind.PERSONAL: "personal",
    TokenKind.KEY: "key",
}


def window_out(usage: Usage, budgets: Budgets, *, now: datetime) -> WindowOut:
    """The token's running windows; of those that have not begun nothing is used."""
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


def callback_out(click: Click) -> CallbackOut:
    return CallbackOut(
        action_id=click.action_id,
        delivery_id=click.delivery_id,
        index=click.index,
        user_id=click.user_id,
        clicked_at=click.clicked_at,
        outcome=click.outcome,
        next_attempt_at=click.next_attempt_at,
        attempts=[AttemptOut(**vars(each)) for each in click.attempts],
    )
