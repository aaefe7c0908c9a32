"""Tools tokens as administrators create, rotate and revoke them."""

from datetime import datetime

from pydantic import Field

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.fields import Address, In, Out, TimeOut, UuidOut, timestamp
from chalicelib.people.domain.directory import Person
from chalicelib.tokens.domain.tokens import IssuedToken


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
